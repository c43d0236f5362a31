//! From a template to the operations of its deployment.
//!
//! What only AWS could know is stood in for where it does not matter, and said where it does: nothing
//! here guesses a verdict.

use serde_json::{Map as JsonMap, Number, Value as Json};

use super::plan::{Action, Operation, Plan};
use crate::path::PropertyPath;
use crate::rule::{Knowledge, Outcome, Settings, Verdict, wording};
use crate::security_group::{EGRESS, ResourceType, assess};
use crate::template::{Resource, Template, TemplateError, World};
use crate::value::{Kind, Map, Value};

/// Stands in for a port that is not known: the partner's number if that is known, else the first
/// dynamic port. Which one does not matter, since a rule on which it could matter is not asked about.
const STAND_IN_PORT: i32 = 49_152;

/// The operations that deploy a template, in CloudFormation's order: those of an update if there is a
/// template before it.
///
/// # Errors
/// When a template's resources have no order.
pub fn plan(
    stack_name: &str,
    template: &Template<'_>,
    before: Option<&Template<'_>>,
    settings: &Settings,
) -> Result<Plan, TemplateError> {
    let mut operations = Vec::new();
    for resource in template.deployment_order()? {
        let Some(proposed) = Proposed::of(template, resource, settings) else { continue };
        let earlier = before
            .and_then(|before| Some((before, before.resource(&resource.logical_id)?)))
            .and_then(|(before, resource)| Proposed::of(before, resource, settings))
            .filter(|earlier| earlier.resource_type == proposed.resource_type);
        if earlier.as_ref().is_some_and(|earlier| earlier.properties == proposed.properties) {
            // CloudFormation skips what did not change, and with it the hook.
            continue;
        }
        let action = if earlier.is_some() { Action::Update } else { Action::Create };
        operations.push(proposed.operation(action, earlier.map(|earlier| earlier.properties)));
    }
    if let Some(before) = before {
        let mut gone = Vec::new();
        for resource in before.deployment_order()? {
            let stays = template.resource(&resource.logical_id).is_some_and(|now| {
                Proposed::of(template, now, settings).is_some_and(|now| now.resource_type == resource.type_name)
            });
            if !stays && let Some(proposed) = Proposed::of(before, resource, settings) {
                gone.push(proposed.operation(Action::Remove, None));
            }
        }
        operations.extend(gone.into_iter().rev());
    }
    Ok(Plan { stack_name: stack_name.to_owned(), is_update: before.is_some(), operations })
}

/// A resource as it would be deployed.
struct Proposed {
    logical_id: String,
    resource_type: String,
    properties: Json,
    unknown: Vec<String>,
    undetermined: Option<String>,
}

impl Proposed {
    /// The resource, unless its condition keeps it from being created.
    fn of(template: &Template<'_>, resource: &Resource<'_>, settings: &Settings) -> Option<Self> {
        let evaluated = template.evaluate(resource);
        let checked = ResourceType::from_name(&resource.type_name);
        let judge = |world: &World<'_>| {
            checked.map_or(Verdict::Compliant, |checked| {
                assess(checked, &world.properties, settings, Knowledge::Partial).verdict()
            })
        };
        // Of the worlds that undecided conditions allow, the worst is the one to rehearse.
        let world = evaluated.worlds.iter().filter(|world| world.exists).max_by_key(|world| judge(world))?;
        let mut unknown: Vec<String> =
            world.assumptions.iter().map(|assumption| format!("rehearsed as if {assumption}")).collect();
        let mut undetermined = evaluated.undetermined.map(|why| why.to_string());
        if let Some(checked) = checked {
            let assessment = assess(checked, &world.properties, settings, Knowledge::Partial);
            if assessment.verdict() == Verdict::Undetermined {
                let findings = assessment.of(Outcome::Undetermined);
                undetermined = findings.map(|f| format!("{}: {}", wording::place(f), wording::statement(f))).next();
            }
        }
        let mut properties = match &world.properties.kind {
            Kind::Map(map) => object(map, &PropertyPath::root(), &mut unknown),
            // Sent as it is: the hook has a sentence for properties that are no object.
            _ => json(&world.properties, &PropertyPath::root(), &mut unknown),
        };
        if checked.is_none() {
            unknown.clear();
        }
        if properties.is_null() {
            properties = Json::Object(JsonMap::new());
        }
        Some(Self {
            logical_id: resource.logical_id.clone().into_owned(),
            resource_type: resource.type_name.clone(),
            properties,
            unknown,
            undetermined,
        })
    }

    fn operation(self, action: Action, previous: Option<Json>) -> Operation {
        Operation {
            logical_id: self.logical_id,
            resource_type: self.resource_type,
            action,
            properties: self.properties,
            previous,
            unknown: self.unknown,
            undetermined: self.undetermined,
        }
    }
}

/// An object of the properties; its unknown ports take their partner's number.
fn object(map: &Map, path: &PropertyPath, unknown: &mut Vec<String>) -> Json {
    let mut entries = JsonMap::new();
    for (key, value) in map.iter() {
        let at = path.key(&key.name);
        let partner = match key.name.as_str() {
            "FromPort" => Some("ToPort"),
            "ToPort" => Some("FromPort"),
            _ => None,
        };
        let entry = match (&value.kind, partner) {
            (Kind::Unknown(what), Some(partner)) => {
                unknown.push(format!("{at} is {}", what.shown_as));
                match map.get(partner).map(|partner| &partner.kind) {
                    None | Some(Kind::Unknown(_)) => Json::from(STAND_IN_PORT),
                    Some(_) => map.get(partner).map_or(Json::Null, |known| json(known, &at, &mut Vec::new())),
                }
            }
            (Kind::Unknown(what), None) if key.name == "IpProtocol" => {
                unknown.push(format!("{at} is {}", what.shown_as));
                Json::from("tcp")
            }
            (Kind::Unknown(what), None) if key.name == EGRESS => {
                unknown.push(format!("{at} is {}", what.shown_as));
                Json::Array(Vec::new())
            }
            _ => json(value, &at, unknown),
        };
        entries.insert(key.name.clone(), entry);
    }
    Json::Object(entries)
}

fn json(value: &Value, path: &PropertyPath, unknown: &mut Vec<String>) -> Json {
    match &value.kind {
        Kind::Null => Json::Null,
        Kind::Bool(bool) => Json::from(*bool),
        Kind::Integer(number) => Json::from(*number),
        Kind::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Kind::String(text) => Json::from(text.as_str()),
        Kind::List(list) => {
            let known = list.iter().enumerate().filter_map(|(index, entry)| match &entry.kind {
                // An entry that is not known cannot be stood in for by another.
                Kind::Unknown(what) if path.segments().len() == 1 => {
                    unknown.push(format!("{} is {}", path.index(index), what.shown_as));
                    None
                }
                _ => Some(json(entry, &path.index(index), unknown)),
            });
            Json::Array(known.collect())
        }
        Kind::Map(map) => object(map, path, unknown),
        Kind::Unknown(what) => {
            unknown.push(format!("{path} is {}", what.shown_as));
            Json::from(what.shown_as.as_str())
        }
    }
}
