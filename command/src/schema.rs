//! JSON Schemas of everything that the programs read and write, generated from the Rust types.
//!
//! `schema/` contains them as files; a test fails when they differ.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, schema_for};

use cfn_egress_guard_core::hook::{Request, Response};
use cfn_egress_guard_core::policy;

/// Generates a schema.
pub type Generate = fn() -> Schema;

/// Returns the schemas, each with its file name without `.schema.json`. Schemas are generated on demand, because every
/// start of the command reads their names.
#[must_use]
pub fn all() -> Vec<(&'static str, Generate)> {
    vec![
        ("hook-request", || schema_for!(Request)),
        ("hook-response", written::<Response>),
        ("policy", policy::json_schema),
        ("policy-check", written::<crate::report::PolicyReport>),
        ("report", written::<crate::report::JsonReport>),
        #[cfg(feature = "account")]
        ("audit", written::<cfn_egress_guard_account::audit::AuditFile>),
        #[cfg(feature = "account")]
        ("status", written::<cfn_egress_guard_account::status::StatusResult>),
        #[cfg(feature = "account")]
        ("scan", written::<cfn_egress_guard_account::scan::ResultFile>),
    ]
}

/// Returns the schema of a type that the programs write.
fn written<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Returns a schema as the text of its file.
#[must_use]
pub fn text(schema: &Schema) -> String {
    // A schema contains only text, numbers and lists, so it always serializes.
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}
