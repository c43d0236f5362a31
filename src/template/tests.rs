mod bounds;
mod conditions;
mod functions;
mod loops;
mod notes;
mod order;
mod properties;

use serde_json::{Value as Json, json};

use super::*;
use crate::source;
use crate::value::plain;

fn read(text: &str) -> source::Document {
    source::parse(text).unwrap_or_else(|error| panic!("{error} at {:?}:\n{:.2000}", error.span, text))
}

/// Returns the worlds of resource `X`: assumptions as text, and the properties, or `null` if the resource does not
/// exist.
fn worlds(text: &str, scope: &Scope) -> Vec<(String, Json)> {
    let document = read(text);
    let template = Template::new(&document.root, scope).unwrap();
    let evaluated = template.evaluate(template.resource("X").expect("no resource X"));
    assert_eq!(evaluated.undetermined, None);
    let shown = |world: &World<'_>| {
        let assumptions: Vec<String> = world.assumptions.iter().map(Assumption::to_string).collect();
        (assumptions.join(", "), if world.exists { plain(&world.properties) } else { Json::Null })
    };
    evaluated.worlds.iter().map(shown).collect()
}

/// Returns the properties of resource `X` in its only world.
fn only(text: &str, scope: &Scope) -> Json {
    let worlds = worlds(text, scope);
    assert_eq!(worlds.len(), 1, "{worlds:?}");
    assert_eq!(worlds[0].0, "");
    worlds[0].1.clone()
}

fn given(parameters: &[(&str, &str)]) -> Scope {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Scope { parameters, ..Scope::default() }
}
