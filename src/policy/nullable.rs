//! Optional keys in the JSON Schema of a policy file.

use schemars::Schema;
use serde_json::Value as Json;

/// Removes the `null` that JSON allows for an optional key; TOML has none.
pub(in crate::policy) fn without_null(schema: &mut Schema) {
    let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) else { return };
    for property in properties.values_mut().filter_map(Json::as_object_mut) {
        if let Some(values) = property.get_mut("enum").and_then(Json::as_array_mut) {
            values.retain(|value| !value.is_null());
        }
        if let Some(Json::Array(types)) = property.get_mut("type") {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                property.insert("type".to_owned(), only);
            }
        }
        if let Some(Json::Array(alternatives)) = property.get_mut("anyOf") {
            alternatives.retain(|alternative| alternative.get("type").is_none_or(|name| name != "null"));
            if let [Json::Object(only)] = alternatives.as_slice() {
                let only = only.clone();
                property.remove("anyOf");
                property.extend(only);
            }
        }
    }
}
