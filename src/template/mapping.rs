//! `Fn::FindInMap`: looks up mappings, which transforms may change.

use super::evaluator::{Evaluator, Resolved, Stop};
use super::function::{bytes, malformed};
use super::{Template, look_up, note, text, unknown};
use crate::path::Origin;
use crate::value::{Kind, Value};

/// The result of looking up three keys in the mappings.
enum MappingLookup<'t> {
    Value(&'t Value),
    Nothing,
    /// A transform may add or change the value.
    Open,
}

impl Template<'_> {
    /// Looks up three keys. A macro may change its surroundings; an include only adds to them.
    fn find(&self, keys: [&str; 3]) -> Result<MappingLookup<'_>, Stop> {
        let Some(mut entries) = self.mappings else {
            return Ok(if self.grows { MappingLookup::Open } else { MappingLookup::Nothing });
        };
        let mut grows = self.grows;
        for key in keys {
            if let Some(transform) = look_up(&self.budget, entries, "Fn::Transform")? {
                if note::macro_of(transform).is_some() {
                    return Ok(MappingLookup::Open);
                }
                grows = true;
            }
            match look_up(&self.budget, entries, key)? {
                Some(found) => entries = found,
                None => return Ok(if grows { MappingLookup::Open } else { MappingLookup::Nothing }),
            }
        }
        Ok(MappingLookup::Value(entries))
    }
}

impl Evaluator<'_> {
    /// `Fn::FindInMap`: a mapping, two keys, and, with `AWS::LanguageExtensions`, a default value.
    pub(super) fn find_in_map<'v>(&mut self, argument: &Value, origin: Origin) -> Result<Resolved<'v>, Stop> {
        let (keys, default) = match argument.as_list() {
            Some([mapping, top, second]) => ([mapping, top, second], None),
            Some([mapping, top, second, default]) => ([mapping, top, second], default.get("DefaultValue")),
            _ => return Ok(malformed("Fn::FindInMap", origin)),
        };
        let mut resolved = Vec::with_capacity(4);
        for key in keys {
            resolved.push(self.resolve(key)?.into_value(key).into_owned());
        }
        let texts: Vec<_> = resolved.iter().filter_map(text::of_scalar).collect();
        let mut why = None;
        if let [mapping, top, second] = texts.as_slice() {
            let shown = unknown::shortened(mapping);
            match (self.template.find([mapping, top, second])?, default) {
                (MappingLookup::Value(found), _) => {
                    let mut value = self.resolve(found)?.into_value(found).into_owned();
                    self.template.budget.copy(bytes(&value.kind))?;
                    value.origin = origin;
                    return Ok(Resolved::New(value));
                }
                (MappingLookup::Nothing, Some(default)) => {
                    return Ok(match self.resolve(default)? {
                        Resolved::Same(value) => Resolved::New(value.clone()),
                        Resolved::New(value) => Resolved::New(value),
                        Resolved::Gone => Resolved::Gone,
                    });
                }
                (MappingLookup::Nothing, None) => why = Some(format!("mapping `{shown}` has no such keys")),
                (MappingLookup::Open, _) => {
                    why = Some(format!("a transform may change mapping `{shown}` when the stack is deployed"));
                }
            }
        }
        if let Some(default) = default {
            resolved.push(self.resolve(default)?.into_value(default).into_owned());
        }
        let argument = Value::new(Kind::List(resolved), origin);
        match why {
            Some(why) => {
                self.template.budget.unknown()?;
                Ok(self.unknown(unknown::function("Fn::FindInMap", &argument, why), origin))
            }
            None => self.depends("Fn::FindInMap", &argument, origin),
        }
    }
}
