//! JSON Schemas of what the programs read and write, generated from the Rust types.
//!
//! `schema/` holds them as files; a test fails when they drift.

use schemars::generate::SchemaSettings;
use schemars::{Schema, schema_for};

use crate::hook::{Request, Response};
use crate::policy::PolicyFile;

/// The schemas, each with the name of its file without `.schema.json`.
#[must_use]
pub fn all() -> Vec<(&'static str, Schema)> {
    let written = || SchemaSettings::draft2020_12().for_serialize().into_generator();
    vec![
        ("hook-request", schema_for!(Request)),
        ("hook-response", written().into_root_schema_for::<Response>()),
        ("policy", schema_for!(PolicyFile)),
        #[cfg(feature = "cli")]
        ("report", written().into_root_schema_for::<crate::report::JsonReport>()),
        #[cfg(feature = "account")]
        ("audit", written().into_root_schema_for::<crate::account::audit::AuditResult>()),
        #[cfg(feature = "account")]
        ("status", written().into_root_schema_for::<crate::account::status::StatusResult>()),
        #[cfg(feature = "account")]
        ("scan", written().into_root_schema_for::<crate::account::scan::ScanResult>()),
    ]
}

/// A schema as the text of its file.
#[must_use]
pub fn text(schema: &Schema) -> String {
    // A schema is made of text, numbers and lists: it always serializes.
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}
