//! Intrinsic functions, implemented as their pages in the "Intrinsic function reference" describe them.

use std::collections::HashMap;

use super::evaluator::{Evaluator, Resolved, Stop};
use super::expand;
use super::text::{self, Piece};
use super::unknown::{self, TextPart};
use crate::path::Origin;
use crate::rule::Unknown;
use crate::value::{Kind, Map, Value};

/// Returns whether an object with this single key is a function. `Condition` is one only in conditions.
pub(super) fn is_function(key: &str) -> bool {
    key == "Ref" || (key.starts_with("Fn::") && !key.starts_with(expand::LOOP))
}

impl Evaluator<'_> {
    /// Returns the result of a function. Its origin is the function's, unless the function returns one of the values
    /// written in it (`Fn::If`, `Fn::Select`).
    pub(super) fn function<'v>(
        &mut self,
        value: &'v Value,
        name: &str,
        argument: &'v Value,
    ) -> Result<Resolved<'v>, Stop> {
        let origin = value.origin;
        match name {
            "Ref" => self.reference_to(argument, origin),
            "Fn::If" => self.branch(value, argument),
            "Fn::GetAtt" => self.attribute(argument, origin),
            "Fn::Sub" => self.substitute(argument, origin),
            "Fn::Join" => self.join(argument, origin),
            "Fn::Split" => self.split(argument, origin),
            "Fn::Select" => self.select(argument, origin),
            "Fn::FindInMap" => self.find_in_map(argument, origin),
            "Fn::Base64" => self.base64(argument, origin),
            "Fn::Length" => self.length(argument, origin),
            "Fn::ToJsonString" => self.json(argument, origin),
            "Fn::GetAZs" => self.zones(argument, origin),
            "Fn::Cidr" => {
                self.opaque(name, argument, origin, "CloudFormation computes address blocks when it deploys the stack")
            }
            "Fn::ImportValue" => self.opaque(name, argument, origin, "it is an export of another stack"),
            "Fn::GetStackOutput" => self.opaque(name, argument, origin, "it is an output of another stack"),
            // A macro may return a different value each time.
            "Fn::Transform" => self.unrelated(name, argument, origin, "a macro creates it when the stack is deployed"),
            _ => self.unrelated(name, argument, origin, "it is not a function that returns a value here"),
        }
    }

    /// Returns the unknown for a function whose result only AWS knows. The same function with the same argument has the
    /// same result.
    fn opaque<'v>(&mut self, name: &str, argument: &Value, origin: Origin, why: &str) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        self.template.budget.unknown()?;
        Ok(self.unknown(unknown::function(name, &argument, why.to_owned()), origin))
    }

    /// Returns the unknown for a function without a known result, which may differ each time.
    fn unrelated<'v>(&mut self, name: &str, argument: &Value, origin: Origin, why: &str) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        self.template.budget.unknown()?;
        let unknown = unknown::function(name, &argument, why.to_owned()).with_identity(None);
        Ok(Resolved::New(Value::new(Kind::Unknown(unknown), origin)))
    }

    /// Returns the unknown for a function with an unknown argument, which is already computed.
    pub(super) fn depends<'v>(&mut self, name: &str, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        self.template.budget.unknown()?;
        let why = match unknown::within(argument) {
            Some(inner) => unknown::contains(Some(inner)),
            None => return Ok(malformed(name, origin)),
        };
        Ok(self.unknown(unknown::function(name, argument, why), origin))
    }

    fn reference_to<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        match text::of_scalar(&argument) {
            Some(name) => self.reference(&name, origin),
            None => self.depends("Ref", &argument, origin),
        }
    }

    /// `Ref`: a parameter's value or a resource's physical id.
    fn reference<'v>(&mut self, name: &str, origin: Origin) -> Result<Resolved<'v>, Stop> {
        if name == "AWS::NoValue" {
            return Ok(Resolved::Gone);
        }
        let template = self.template;
        let value = match template.parameter(name) {
            Some(parameter) => {
                if parameter.is_default {
                    self.defaults.insert(&parameter.name);
                }
                parameter.value.clone()
            }
            None => template.scope.pseudo(name).unwrap_or_else(|| {
                let shown = unknown::shortened(name);
                let why = if template.is_resource(name) {
                    format!("the id of resource `{shown}` is known once it is created")
                } else {
                    format!("`{shown}` is neither a parameter nor a resource of this template")
                };
                Err(unknown::reference(&format!("!Ref {name}"), why))
            }),
        };
        match value {
            Ok(mut kind) => {
                template.budget.text(bytes(&kind))?;
                if let Kind::List(list) = &mut kind {
                    list.iter_mut().for_each(|entry| entry.origin = origin);
                }
                Ok(Resolved::New(Value::new(kind, origin)))
            }
            Err(unknown) => {
                template.budget.unknown()?;
                Ok(self.unknown(unknown, origin))
            }
        }
    }

    /// `Fn::GetAtt`: `[resource, attribute]` or `resource.attribute`.
    fn attribute<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        let parts: Option<Vec<&str>> = match argument.as_list() {
            Some(list) => list.iter().map(Value::as_str).collect(),
            None => argument.as_str().map(|text| vec![text]),
        };
        match parts.map(|parts| parts.join(".")) {
            Some(path) => self.attribute_path(&path, origin),
            None => self.depends("Fn::GetAtt", &argument, origin),
        }
    }

    fn attribute_path<'v>(&mut self, path: &str, origin: Origin) -> Result<Resolved<'v>, Stop> {
        self.template.budget.unknown()?;
        let (resource, attribute) = path.split_once('.').unwrap_or((path, ""));
        let why = if self.template.is_resource(resource) {
            let (resource, attribute) = (unknown::shortened(resource), unknown::shortened(attribute));
            format!("attribute `{attribute}` of resource `{resource}` is known once it is created")
        } else {
            format!("`{}` is not a resource of this template", unknown::shortened(resource))
        };
        Ok(self.unknown(unknown::reference(&format!("!GetAtt {path}"), why), origin))
    }

    /// `Fn::If`: a branch of a named condition.
    fn branch<'v>(&mut self, value: &'v Value, argument: &'v Value) -> Result<Resolved<'v>, Stop> {
        let Some([condition, then, otherwise]) = argument.as_list() else {
            return Ok(malformed("Fn::If", value.origin));
        };
        let condition = self.resolve(condition)?.into_value(condition);
        let Some(name) = text::of_scalar(&condition) else {
            return self.depends("Fn::If", &condition, value.origin);
        };
        if self.holds(&name)? { self.resolve(then) } else { self.resolve(otherwise) }
    }

    /// `Fn::Sub`: a text, or a text and values for some of its names.
    fn substitute<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let (written, values) = match argument.as_list() {
            Some([written, values]) => (written, values.as_map()),
            Some([written]) => (written, None),
            Some(_) => return Ok(malformed("Fn::Sub", origin)),
            None => (argument, None),
        };
        let written = match &written.kind {
            Kind::String(text) => text,
            Kind::Unknown(unknown) => return Ok(self.unknown(unknown.clone(), origin)),
            _ => {
                return Ok(malformed("Fn::Sub", origin));
            }
        };
        let mut parts = Vec::new();
        let mut resolved: HashMap<&str, TextPart> = HashMap::new();
        for piece in text::pieces(written) {
            self.template.budget.steps(1)?;
            let name = match piece {
                Piece::Text(text) => {
                    parts.push(TextPart::Text(text.into_owned()));
                    continue;
                }
                Piece::Name(name) => name,
            };
            if let Some(part) = resolved.get(name) {
                self.template.budget.text(part.bytes())?;
                parts.push(part.clone());
                continue;
            }
            self.template.budget.steps(values.map_or(0, Map::len) as u64 / 8)?;
            let part = match values.and_then(|values| values.get(name)) {
                Some(value) => self.resolve(value)?,
                None if name.contains('.') => self.attribute_path(name, origin)?,
                None => self.reference(name, origin)?,
            };
            let part = match part {
                Resolved::Same(value) => self.part(value)?,
                Resolved::New(value) => self.part(&value)?,
                Resolved::Gone => TextPart::Text(String::new()),
            };
            parts.push(part.clone());
            resolved.insert(name, part);
        }
        self.joined(parts, origin)
    }

    /// Returns a value as a part of a text.
    fn part(&self, value: &Value) -> Result<TextPart, Stop> {
        let unknown = match &value.kind {
            Kind::Unknown(unknown) => Some(unknown.clone()),
            Kind::Ambiguous(text) => Some(unknown::ambiguous(text)),
            _ => None,
        };
        if let Some(unknown) = unknown {
            let part = TextPart::Unknown(unknown);
            self.template.budget.text(part.bytes())?;
            return Ok(part);
        }
        match text::of_scalar(value) {
            Some(text) => {
                self.template.budget.text(text.len())?;
                Ok(TextPart::Text(text.into_owned()))
            }
            None => Ok(TextPart::Unknown(not_text(value))),
        }
    }

    fn joined<'v>(&mut self, parts: Vec<TextPart>, origin: Origin) -> Result<Resolved<'v>, Stop> {
        match unknown::text(parts) {
            Ok(text) => {
                self.template.budget.text(text.len())?;
                Ok(Resolved::New(Value::new(Kind::String(text), origin)))
            }
            Err(unknown) => Ok(self.unknown(unknown, origin)),
        }
    }

    /// `Fn::Join`: a delimiter and a list of texts.
    fn join<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        let Some([delimiter, list]) = argument.as_list() else {
            return self.depends("Fn::Join", &argument, origin);
        };
        let (Some(delimiter), Some(list)) = (delimiter.as_str(), list.as_list()) else {
            return self.depends("Fn::Join", &argument, origin);
        };
        let mut parts = Vec::new();
        for (index, entry) in list.iter().enumerate() {
            if index > 0 && !delimiter.is_empty() {
                self.template.budget.text(delimiter.len())?;
                parts.push(TextPart::Text(delimiter.to_owned()));
            }
            parts.push(self.part(entry)?);
        }
        self.joined(parts, origin)
    }

    /// `Fn::Split`: a delimiter and a text.
    fn split<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        let Some([delimiter, text]) = argument.as_list() else {
            return self.depends("Fn::Split", &argument, origin);
        };
        match (delimiter.as_str(), text::of_scalar(text)) {
            (Some(delimiter), Some(text)) if !delimiter.is_empty() => {
                let mut list = Vec::new();
                for entry in text.split(delimiter) {
                    self.template.budget.copy(entry.len())?;
                    list.push(Value::new(Kind::String(entry.to_owned()), origin));
                }
                Ok(Resolved::New(Value::new(Kind::List(list), origin)))
            }
            _ => self.depends("Fn::Split", &argument, origin),
        }
    }

    /// `Fn::Select`: an index counting from zero and a list.
    fn select<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        let Some([index, list]) = argument.as_list() else {
            return self.depends("Fn::Select", &argument, origin);
        };
        let number = text::of_scalar(index).and_then(|text| text.trim().parse::<usize>().ok());
        match (number, list.as_list()) {
            (Some(number), Some(list)) => match list.get(number) {
                Some(entry) => Ok(Resolved::New(entry.clone())),
                None => {
                    let why = format!("the list has {} entries", list.len());
                    Ok(self.unknown(unknown::function("Fn::Select", &argument, why), origin))
                }
            },
            _ => self.depends("Fn::Select", &argument, origin),
        }
    }

    fn base64<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        match text::of_scalar(&argument) {
            Some(text) => {
                self.template.budget.text(text.len())?;
                Ok(Resolved::New(Value::new(Kind::String(text::base64(&text)), origin)))
            }
            None => self.depends("Fn::Base64", &argument, origin),
        }
    }

    /// `Fn::Length` (`AWS::LanguageExtensions`): the number of entries in a list.
    fn length<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        match argument.as_list().map(<[Value]>::len).and_then(|length| i64::try_from(length).ok()) {
            Some(length) => Ok(Resolved::New(Value::new(Kind::Integer(length), origin))),
            None => self.depends("Fn::Length", &argument, origin),
        }
    }

    /// `Fn::ToJsonString` (`AWS::LanguageExtensions`).
    fn json<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let argument = self.resolve(argument)?.into_value(argument);
        let mut json = String::new();
        if text::json(&argument, &mut json).is_none() {
            return self.depends("Fn::ToJsonString", &argument, origin);
        }
        self.template.budget.text(json.len())?;
        Ok(Resolved::New(Value::new(Kind::String(json), origin)))
    }

    /// `Fn::GetAZs`: an empty Region means the stack's Region.
    fn zones<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let mut region = self.resolve(argument)?.into_value(argument).into_owned();
        if region.as_str() == Some("")
            && let Resolved::New(own) = self.reference("AWS::Region", origin)?
        {
            region = own;
        }
        let why = "the zones of a Region are known when the stack is deployed".to_owned();
        Ok(self.unknown(unknown::function("Fn::GetAZs", &region, why), origin))
    }
}

pub(super) fn malformed<'v>(name: &str, origin: Origin) -> Resolved<'v> {
    let name = unknown::shortened(name);
    let why = format!("`{name}` does not have the form that CloudFormation expects");
    Resolved::New(Value::new(Kind::Unknown(Unknown::new(None, name, why)), origin))
}

fn not_text(value: &Value) -> Unknown {
    let why = format!("{} is used where text is expected", value.kind_name());
    Unknown::new(None, value.kind_name(), why)
}

/// Returns the number of bytes of text that a value directly contains.
pub(super) fn bytes(kind: &Kind) -> usize {
    match kind {
        Kind::String(text) => text.len(),
        Kind::List(list) => list.iter().map(|entry| 32 + bytes(&entry.kind)).sum(),
        Kind::Map(map) => map.iter().map(|(key, entry)| 64 + key.name.len() + bytes(&entry.kind)).sum(),
        _ => 16,
    }
}
