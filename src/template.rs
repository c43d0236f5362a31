//! A parsed template and what is known from outside → resources with resolved, unknown or absent
//! values.
//!
//! Functions are computed as far as the template allows. What only AWS knows stays a value of its own kind
//! ([`Kind::Unknown`]) that says who it is and why it is not known. A resource whose properties depend on conditions
//! that cannot be decided is looked at in every [`World`] they allow. Knows no text, no rule and no hook.
//!
//! Whatever the template is, evaluation ends: its work is bounded ([`BASE_STEPS`],
//! [`STEPS_PER_VALUE`], [`MAX_EVALUATION_DEPTH`]), as are the worlds of one resource
//! ([`MAX_WORLDS`], [`MAX_WORLD_VALUES`]). What would go beyond is reported as undetermined, in words.
//!
//! ```
//! use cfn_egress_guard_core::{source, template::{Scope, Template}};
//! let document = source::parse(r#"
//! Parameters:
//!   Env: {Type: String, AllowedValues: [dev, prod]}
//! Conditions:
//!   IsProd: !Equals [!Ref Env, prod]
//! Resources:
//!   Rule:
//!     Type: AWS::EC2::SecurityGroupEgress
//!     Properties: {IpProtocol: tcp, FromPort: !If [IsProd, 443, 80], ToPort: !If [IsProd, 443, 80]}
//! "#).unwrap();
//! let scope = Scope::default();
//! let template = Template::new(&document.root, &scope).unwrap();
//! let rule = template.resource("Rule").unwrap();
//! let evaluated = template.evaluate_only(rule, &["FromPort", "ToPort"]);
//! assert_eq!(evaluated.worlds.len(), 2);
//! for world in &evaluated.worlds {
//!     assert_eq!(world.properties.get("FromPort"), world.properties.get("ToPort"));
//! }
//! assert_eq!(evaluated.worlds[0].assumptions[0].to_string(), "`IsProd` is true");
//! ```

mod assumption;
mod budget;
mod condition;
mod dispute;
mod error;
mod evaluate;
mod evaluator;
mod expand;
mod function;
mod mapping;
mod note;
mod order;
mod recognize;
mod reference;
mod scope;
mod text;
mod unknown;
mod world;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use budget::{BASE_STEPS, MAX_EVALUATION_DEPTH, STEPS_PER_VALUE};
pub use error::TemplateError;
pub use note::{Macros, NoteSubject, TemplateNote};
pub use recognize::is_template;
pub use scope::{Parameter, Scope};
pub use unknown::MAX_IDENTITY_BYTES;
pub use world::{Assumption, EvaluatedResource, MAX_WORLD_VALUES, MAX_WORLDS, Occurrence, Undetermined, World};

use crate::path::{Origin, PropertyPath};
use crate::value::{Key, Kind, Map, Value};
use budget::{Budget, Exhausted};
use evaluator::{Evaluator, Stop};

/// A template, ready to be evaluated.
#[derive(Debug)]
pub struct Template<'a> {
    scope: &'a Scope,
    parameters: BTreeMap<String, Parameter>,
    mappings: Option<&'a Value>,
    /// Whether a transform of the whole template may add to its sections.
    grows: bool,
    conditions: HashMap<Cow<'a, str>, Cow<'a, Value>>,
    /// The parameters whose defaults decide which entries the loops of the sections make.
    loop_defaults: BTreeSet<String>,
    resources: Vec<Resource<'a>>,
    by_name: HashMap<String, usize>,
    notes: Vec<TemplateNote>,
    budget: Budget,
    values: u64,
}

/// An entry of a section: as written, or made by a loop.
type SectionEntry<'a> = (Cow<'a, Key>, Cow<'a, Value>);

/// An entry of `Resources`, or one that a loop makes.
#[derive(Debug, Clone)]
pub struct Resource<'a> {
    /// Its logical id. Of a loop over a list that is not known it still holds the identifier
    /// (`Sg${Port}`).
    pub logical_id: Cow<'a, str>,
    /// Its type, for example `AWS::EC2::SecurityGroup`.
    pub type_name: String,
    /// Where its logical id was written.
    pub origin: Origin,
    body: Cow<'a, Value>,
}

impl Resource<'_> {
    /// The path of its properties from the template's root.
    #[must_use]
    pub fn path(&self) -> PropertyPath {
        PropertyPath::root().key("Resources").key(self.logical_id.clone().into_owned()).key("Properties")
    }

    /// The resource as written: `Type`, `Properties`, `DependsOn`, `Metadata` and so on.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }
}

impl<'a> Template<'a> {
    /// Reads the sections of a template, going through its loops.
    ///
    /// # Errors
    /// When the value has no `Resources` object and no transform that may bring one in, goes deeper than
    /// [`MAX_EVALUATION_DEPTH`], or its loops make more than the work bounds allow.
    pub fn new(root: &'a Value, scope: &'a Scope) -> Result<Self, TemplateError> {
        let Some(sections) = root.as_map() else {
            return Err(TemplateError::NotAnObject { found: root.kind_name(), origin: root.origin });
        };
        let mut values = 0;
        if !measure(root, MAX_EVALUATION_DEPTH, &mut values) {
            return Err(TemplateError::TooDeep);
        }
        let transforms = ["Transform", "Fn::Transform"].into_iter().filter_map(|key| sections.get(key));
        let notes: Vec<TemplateNote> = transforms.flat_map(note::transforms).collect();
        let grows =
            notes.iter().any(|note| matches!(note.subject, NoteSubject::Macro { .. } | NoteSubject::Include { .. }));
        let resources = match sections.get("Resources") {
            Some(Value { kind: Kind::Map(map), .. }) => Some(map),
            Some(Value { kind: Kind::Null, .. }) if grows => None,
            Some(other) => {
                return Err(TemplateError::ResourcesNotAnObject { found: other.kind_name(), origin: other.origin });
            }
            None if grows => None,
            None => return Err(TemplateError::NoResources { origin: root.origin }),
        };
        let section = |name: &str| sections.get(name).and_then(Value::as_map);
        let parameters = section("Parameters").map(|map| parameters(map, scope)).unwrap_or_default();
        let mut template = Self {
            scope,
            parameters,
            mappings: sections.get("Mappings"),
            grows,
            conditions: HashMap::new(),
            loop_defaults: BTreeSet::new(),
            resources: Vec::new(),
            by_name: HashMap::new(),
            notes: Vec::new(),
            budget: Budget::for_values(values),
            values,
        };
        template.note_given();
        template.notes.extend(notes);
        // A macro among the conditions may change each of them: none is known.
        let is_known = |conditions: &&Map| conditions.get("Fn::Transform").and_then(note::macro_of).is_none();
        if let Some(conditions) = section("Conditions").filter(is_known) {
            template.conditions =
                template.entries(conditions)?.into_iter().map(|(key, value)| (name(key), value)).collect();
        }
        if let Some(resources) = resources {
            for (key, body) in template.entries(resources)? {
                template.add(key, body);
            }
        }
        Ok(template)
    }

    /// Its resources in the order written.
    pub fn resources(&self) -> impl Iterator<Item = &Resource<'a>> {
        self.resources.iter()
    }

    /// A resource by its logical id.
    #[must_use]
    pub fn resource(&self, logical_id: &str) -> Option<&Resource<'a>> {
        self.resources.get(*self.by_name.get(logical_id)?)
    }

    /// The parameters it declares.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.values()
    }

    /// The parameters whose defaults decide which entries the loops among resources and conditions make.
    #[must_use]
    pub(crate) const fn loop_defaults(&self) -> &BTreeSet<String> {
        &self.loop_defaults
    }

    /// What cannot be judged from this template alone.
    #[must_use]
    pub fn notes(&self) -> &[TemplateNote] {
        &self.notes
    }

    /// The entries of a section, those that loops make included.
    fn entries(&mut self, section: &'a Map) -> Result<Vec<SectionEntry<'a>>, TemplateError> {
        let mut entries = Vec::with_capacity(section.len());
        let (mut notes, mut defaults) = (Vec::new(), BTreeSet::new());
        for (key, value) in section.iter() {
            if !key.name.starts_with(expand::LOOP) {
                entries.push((Cow::Borrowed(key), Cow::Borrowed(value)));
                continue;
            }
            let mut made = expand::LoopOutput::default();
            let mut evaluator = Evaluator::new(self, &[]);
            let done = expand::expand(&mut evaluator, key, value, &mut made);
            defaults.extend(evaluator.defaults.into_iter().map(str::to_owned));
            match done {
                Ok(()) => {
                    if made.malformed {
                        notes.push(TemplateNote::new(NoteSubject::Loop { name: key.name.clone() }, key.origin));
                    }
                    entries.extend(made.entries.into_iter().map(|(key, value)| (Cow::Owned(key), Cow::Owned(value))));
                }
                Err(Stop::Undecided(_)) => {
                    notes.push(TemplateNote::new(NoteSubject::Loop { name: key.name.clone() }, key.origin));
                }
                Err(Stop::OutOfSteps) => return Err(TemplateError::TooMuchWork { origin: key.origin }),
                Err(Stop::TooDeep) => return Err(TemplateError::TooDeep),
            }
        }
        self.notes.extend(notes);
        self.loop_defaults.extend(defaults);
        Ok(entries)
    }

    fn add(&mut self, key: Cow<'a, Key>, body: Cow<'a, Value>) {
        let origin = key.origin;
        let logical_id = name(key);
        if logical_id == "Fn::Transform" {
            let subject = NoteSubject::Include { logical_id: None, macro_name: note::macro_of(&body) };
            self.notes.push(TemplateNote::new(subject, origin));
            return;
        }
        let type_name = body.get("Type").and_then(Value::as_str).map(str::to_owned);
        self.notes.extend(note::resource(&logical_id, type_name.as_deref(), &body, origin));
        let Some(type_name) = type_name else { return };
        self.by_name.insert(logical_id.clone().into_owned(), self.resources.len());
        self.resources.push(Resource { logical_id, type_name, origin, body });
    }

    fn note_given(&mut self) {
        for name in self.scope.parameters.keys() {
            if !self.parameters.contains_key(name) {
                self.notes
                    .push(TemplateNote::new(NoteSubject::UndeclaredParameter { name: name.clone() }, Origin::NONE));
            }
        }
    }

    fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.get(name).or_else(|| self.parameters.get(text::word(name)?))
    }

    fn is_resource(&self, logical_id: &str) -> bool {
        self.by_name.contains_key(logical_id)
    }

    fn condition(&self, name: &str) -> Option<&Value> {
        self.conditions.get(name).or_else(|| self.conditions.get(text::word(name)?)).map(AsRef::as_ref)
    }

    /// The values that an unknown can have, as far as the template says; nothing if it does not.
    fn candidates(&self, identity: &str) -> &[String] {
        let name = identity.strip_prefix("!Ref ");
        name.and_then(|name| self.parameter(name)).map_or(&[], Parameter::candidates)
    }

    /// Whether the declaration of the parameter that an unknown is rules a value out.
    fn rules_out(&self, identity: &str, text: &str) -> bool {
        let name = identity.strip_prefix("!Ref ");
        name.and_then(|name| self.parameter(name)).is_some_and(|parameter| parameter.rules_out(text))
    }

    /// Whether an assumption about this would be one about a secret.
    fn is_secret(&self, atom: &assumption::Atom) -> bool {
        match atom {
            assumption::Atom::Is { identity, .. } => identity
                .strip_prefix("!Ref ")
                .and_then(|name| self.parameter(name))
                .is_some_and(|parameter| parameter.no_echo),
            assumption::Atom::Open(_) => false,
        }
    }
}

fn name(key: Cow<'_, Key>) -> Cow<'_, str> {
    match key {
        Cow::Borrowed(key) => Cow::Borrowed(&key.name),
        Cow::Owned(key) => Cow::Owned(key.name),
    }
}

fn parameters(section: &Map, scope: &Scope) -> BTreeMap<String, Parameter> {
    section.iter().map(|(key, declaration)| (key.name.clone(), Parameter::new(&key.name, declaration, scope))).collect()
}

/// The value of a key, paying for the search.
fn look_up<'v>(budget: &Budget, value: &'v Value, key: &str) -> Result<Option<&'v Value>, Exhausted> {
    let Some(map) = value.as_map() else { return Ok(None) };
    budget.steps(1 + map.len() as u64 / 8)?;
    Ok(map.get(key))
}

/// Counts values; false if they go deeper than this.
fn measure(value: &Value, depth: usize, values: &mut u64) -> bool {
    *values += 1;
    if depth == 0 {
        return false;
    }
    match &value.kind {
        Kind::List(list) => list.iter().all(|entry| measure(entry, depth - 1, values)),
        Kind::Map(map) => map.iter().all(|(_, entry)| measure(entry, depth - 1, values)),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
