//! Notes on what cannot be checked from a template alone. The rest of the template is still checked.

use std::collections::HashMap;
use std::fmt;

use super::function::is_function;
use super::unknown::shortened;
use crate::path::Origin;
use crate::value::{Kind, Value};

/// A part that a template leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateNote {
    /// The part that is left open, with its name.
    pub subject: NoteSubject,
    /// The place of the part.
    pub origin: Origin,
}

/// The subject of a [`TemplateNote`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteSubject {
    /// A macro of the whole template, which may change anything in it.
    Macro { name: String },
    /// An AWS transform that adds resources and does not change the others.
    Generator { name: String },
    /// `Fn::Transform` (`AWS::Include` or a macro) among the resources or in one of them.
    Include {
        /// The resource that contains it, if any.
        logical_id: Option<String>,
        /// The macro, which may change its surroundings; `AWS::Include` only adds to them.
        macro_name: Option<String>,
    },
    /// A SAM application, which becomes a nested stack. Its template is not part of this one.
    Application {
        logical_id: String,
        /// What to do to have it checked, if the caller knows a way.
        advice: Option<String>,
    },
    /// A module. Its resources are not part of the template.
    Module { logical_id: String, type_name: String },
    /// An entry of `Resources` without a `Type`.
    NoType { logical_id: String },
    /// A resource with an unknown `Type`.
    UnknownType { logical_id: String },
    /// A Service Catalog product. Its template is not part of this one.
    Product { logical_id: String },
    /// A loop that is malformed or depends on something undecided.
    Loop { name: String },
    /// A nested stack, whose template is a separate file. Added by the caller that knows which files are checked.
    NestedStack {
        logical_id: String,
        /// What to do to have it checked, if the caller knows a way.
        advice: Option<String>,
    },
    /// A StackSet, whose template is a separate file or unknown. Added by the caller that knows which files are
    /// checked.
    StackSet {
        logical_id: String,
        /// What to do to have it checked, if the caller knows a way.
        advice: Option<String>,
    },
    /// A template deployed by this one that does not accept the parameter values. Added by the caller that knows that
    /// template.
    RefusedParameters {
        logical_id: String,
        /// The problem with the values.
        why: String,
    },
    /// A value for a parameter that the template does not declare.
    UndeclaredParameter { name: String },
}

impl TemplateNote {
    pub(super) const fn new(subject: NoteSubject, origin: Origin) -> Self {
        Self { subject, origin }
    }
}

/// The resources of a template that a macro may change.
#[derive(Debug, Default)]
pub struct Macros<'n> {
    of_all: Option<&'n str>,
    of_one: HashMap<&'n str, &'n str>,
}

impl<'n> Macros<'n> {
    /// Returns the macros in a template's notes.
    #[must_use]
    pub fn of(notes: &'n [TemplateNote]) -> Self {
        let mut macros = Self::default();
        for note in notes {
            match &note.subject {
                NoteSubject::Macro { name } | NoteSubject::Include { logical_id: None, macro_name: Some(name) } => {
                    macros.of_all.get_or_insert(name);
                }
                NoteSubject::Include { logical_id: Some(logical_id), macro_name: Some(name) } => {
                    macros.of_one.insert(logical_id, name);
                }
                _ => {}
            }
        }
        macros
    }

    /// Returns the proviso for a statement about a resource, if a macro may change the resource.
    #[must_use]
    pub(crate) fn proviso(&self, logical_id: &str) -> Option<String> {
        let name = self.of_all.or_else(|| self.of_one.get(logical_id).copied())?;
        Some(format!("unless macro `{}` changes it", shortened(name)))
    }
}

impl fmt::Display for TemplateNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            NoteSubject::Macro { name } => {
                write!(f, "macro `{}` may change anything in this template when it is deployed", shortened(name))
            }
            NoteSubject::Generator { name } => {
                write!(f, "transform `{}` adds resources that are not checked here", shortened(name))
            }
            NoteSubject::Include { logical_id: Some(logical_id), macro_name: Some(name) } => write!(
                f,
                "macro `{}` may change anything in resource `{}` when it is deployed",
                shortened(name),
                shortened(logical_id)
            ),
            NoteSubject::Include { logical_id: None, macro_name: Some(name) } => {
                write!(f, "macro `{}` may change any resource of this template when it is deployed", shortened(name))
            }
            NoteSubject::Include { logical_id: Some(logical_id), macro_name: None } => {
                write!(
                    f,
                    "the properties that `Fn::Transform` adds to resource `{}` are not checked here",
                    shortened(logical_id)
                )
            }
            NoteSubject::Include { logical_id: None, macro_name: None } => {
                f.write_str("the resources that `Fn::Transform` adds are not checked here")
            }
            NoteSubject::Application { logical_id, advice } => {
                write!(f, "the template of application `{}` is not checked here", shortened(logical_id))?;
                write_advice(f, advice.as_deref())
            }
            NoteSubject::Module { logical_id, type_name } => write!(
                f,
                "the resources of module `{}` (`{}`) are not checked here",
                shortened(logical_id),
                shortened(type_name)
            ),
            NoteSubject::NoType { logical_id } => {
                write!(f, "resource `{}` has no `Type` and is not checked", shortened(logical_id))
            }
            NoteSubject::Loop { name } => {
                write!(f, "the resources that loop `{}` creates are not checked here", shortened(name))
            }
            NoteSubject::UnknownType { logical_id } => {
                write!(f, "the type of resource `{}` is not known, and it is not checked", shortened(logical_id))
            }
            NoteSubject::Product { logical_id } => {
                write!(f, "the template of Service Catalog product `{}` is not checked here", shortened(logical_id))
            }
            NoteSubject::RefusedParameters { logical_id, why } => {
                write!(f, "`{}` cannot be deployed with the parameters that it passes: {why}", shortened(logical_id))
            }
            NoteSubject::NestedStack { logical_id, advice } => {
                write!(f, "the template of nested stack `{}` is not checked here", shortened(logical_id))?;
                write_advice(f, advice.as_deref())
            }
            NoteSubject::StackSet { logical_id, advice } => {
                write!(f, "the template of StackSet `{}` is not checked here", shortened(logical_id))?;
                write_advice(f, advice.as_deref())
            }
            NoteSubject::UndeclaredParameter { name } => {
                write!(f, "parameter `{}` has a value, but the template does not declare it", shortened(name))
            }
        }
    }
}

fn write_advice(f: &mut fmt::Formatter<'_>, advice: Option<&str>) -> fmt::Result {
    advice.map_or(Ok(()), |advice| write!(f, "; {advice}"))
}

/// Returns notes on the `Transform` section: one name, or a list of names or of objects with a `Name`.
pub(super) fn transforms(section: &Value) -> Vec<TemplateNote> {
    match &section.kind {
        Kind::List(list) => list.iter().flat_map(transforms).collect(),
        _ => transform(section).into_iter().collect(),
    }
}

/// Returns whether a value is one or several transforms in the form of the `Transform` section.
pub(super) fn is_transform(section: &Value) -> bool {
    match &section.kind {
        Kind::List(list) => !list.is_empty() && list.iter().all(is_transform),
        Kind::String(name) => !name.is_empty(),
        _ => section.get("Name").is_some(),
    }
}

/// Returns the macro among one or several transforms: a transform that AWS does not provide.
pub(super) fn macro_of(section: &Value) -> Option<String> {
    transforms(section).into_iter().find_map(|note| match note.subject {
        NoteSubject::Macro { name } => Some(name),
        _ => None,
    })
}

/// Returns a note on one transform. The "Transforms reference" lists AWS's transforms.
fn transform(value: &Value) -> Option<TemplateNote> {
    let name = value.as_str().or_else(|| value.get("Name").and_then(Value::as_str)).unwrap_or("Fn::Transform");
    let name = name.to_owned();
    let subject = match name.as_str() {
        "AWS::LanguageExtensions" => return None,
        "AWS::CodeDeployBlueGreen" => return None, // adds hooks, no resources
        // In its 836 published outputs, only applications add a security group that the input does not have.
        _ if name.starts_with("AWS::Serverless-") => return None,
        "AWS::Include" => NoteSubject::Include { logical_id: None, macro_name: None },
        _ if name.starts_with("AWS::SecretsManager-") => NoteSubject::Generator { name },
        _ => NoteSubject::Macro { name },
    };
    Some(TemplateNote::new(subject, value.origin))
}

/// Returns the note on one resource, if it needs one.
pub(super) fn resource(
    logical_id: &str,
    type_name: Option<&str>,
    body: &Value,
    origin: Origin,
) -> Option<TemplateNote> {
    let logical_id = logical_id.to_owned();
    let transforms: Vec<&Value> =
        [Some(body), body.get("Properties")].into_iter().flatten().filter_map(|it| it.get("Fn::Transform")).collect();
    let subject = match type_name {
        Some(name) if name.ends_with("::MODULE") => NoteSubject::Module { logical_id, type_name: name.to_owned() },
        Some("AWS::Serverless::Application") => NoteSubject::Application { logical_id, advice: None },
        Some("AWS::ServiceCatalog::CloudFormationProvisionedProduct") => NoteSubject::Product { logical_id },
        _ if !transforms.is_empty() => {
            let macro_name = transforms.into_iter().find_map(macro_of);
            NoteSubject::Include { logical_id: Some(logical_id), macro_name }
        }
        Some(_) => return None,
        None if is_unknown(body) || body.get("Type").is_some_and(is_unknown) => NoteSubject::UnknownType { logical_id },
        None => NoteSubject::NoType { logical_id },
    };
    Some(TemplateNote::new(subject, origin))
}

/// Returns whether a value is unknown or is a function that may return text.
fn is_unknown(value: &Value) -> bool {
    let function = || value.as_map().and_then(|map| map.single()).is_some_and(|(key, _)| is_function(&key.name));
    matches!(value.kind, Kind::Unknown(_)) || function()
}
