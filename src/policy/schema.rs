//! The JSON Schema of a policy file, for editors that complete and check TOML.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::kinds::{Account, Days, LogicalId, Region, SettingsTable, StackId, StackName, TagValue, Tags};
use super::read::{AtSpan, FromText, OneOrMore, Tables};
use crate::rule::policy::{Date, DestinationRange, ExemptionId, Line, PortRange};
use crate::rule::{Preset, Protocol, Setting, Treatment, wording};
use crate::security_group::ResourceType;

/// Text types, each with the description from its error message and the constraints that a schema can express.
macro_rules! texts {
    ($( $type:ty, $name:literal, $constraints:tt; )*) => { $(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = json_schema!($constraints);
                schema.insert("type".to_owned(), "string".into());
                schema.insert("examples".to_owned(), vec![<Self as FromText>::EXAMPLE].into());
                schema
            }
        }
    )* };
}

texts! {
    Preset, "Preset", { "enum": Preset::ALL.map(Preset::name) };
    Treatment, "Treatment", { "enum": [Treatment::Allow.name(), Treatment::Block.name()] };
    ResourceType, "ResourceType", { "enum": ResourceType::ALL.map(ResourceType::name) };
    ExemptionId, "ExemptionId", { "pattern": "^[a-z0-9-]+$", "maxLength": ExemptionId::MAX_CHARS };
    Account, "Account", { "pattern": "^([0-9]{12}|[0-9*?]*[*?][0-9*?]*)$" };
    Region, "Region", { "pattern": "^[a-z0-9*?-]+$" };
    StackName, "StackName", { "pattern": "^[A-Za-z0-9*?-]+$" };
    StackId, "StackId", { "pattern": "^(arn:|[*?])" };
    LogicalId, "LogicalId", { "pattern": "^\\S+$" };
    TagValue, "TagValue", { "minLength": 1 };
    Protocol, "Protocol", { "pattern": "^([Tt][Cc][Pp]|[Uu][Dd][Pp]|[Ii][Cc][Mm][Pp]([Vv]6)?|-1|[0-9]{1,3})$" };
    PortRange, "PortRange", { "pattern": "^[0-9]{1,5}( *- *[0-9]{1,5})?$" };
    DestinationRange, "DestinationRange", { "pattern": "^([0-9.]+/[0-9]+|[0-9A-Fa-f:.]+/[0-9]+|(pl|sg)-[a-z0-9*?]+)$" };
}

/// A TOML date. Editors pass it to the schema as text.
impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
    }
}

impl JsonSchema for Days {
    fn schema_name() -> Cow<'static, str> {
        "Days".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": Self::MAX })
    }
}

impl<const MAX: usize> JsonSchema for Line<MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Line{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX })
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

impl<T: JsonSchema> JsonSchema for AtSpan<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for Tables<T> {
    fn schema_name() -> Cow<'static, str> {
        <Vec<T>>::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <Vec<T>>::json_schema(generator)
    }
}

impl JsonSchema for Tags {
    fn schema_name() -> Cow<'static, str> {
        "Tags".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<OneOrMore<TagValue>>();
        json_schema!({ "type": "object", "minProperties": 1, "additionalProperties": value })
    }
}

impl JsonSchema for SettingsTable {
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let setting = |setting: &Setting| {
            let mut schema = generator.subschema_for::<Treatment>();
            schema.insert("description".to_owned(), wording::setting_covers(*setting).into());
            (setting.name().to_owned(), schema.to_value())
        };
        let properties: serde_json::Map<_, _> = Setting::ALL.iter().map(setting).collect();
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}
