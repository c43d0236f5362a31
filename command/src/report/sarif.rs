//! SARIF 2.1.0, for code scanning.
//! (source: OASIS "Static Analysis Results Interchange Format"; GitHub, "SARIF support for code scanning")

mod rules;

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use self::rules::SarifRules;
use super::words;
use super::{Diagnostic, FileError, FileName, FileReport, LabeledSpan, Reporter, RunSummary, TOOL, VERSION};
use cfn_egress_guard_core::rule::{self, Outcome};
use cfn_egress_guard_core::source::Span;

/// The report as a SARIF log with one run.
#[derive(Debug, Default)]
pub struct SarifReporter {
    with_notes: bool,
    rules: SarifRules,
    results: Vec<SarifResult>,
    notifications: Vec<SarifNotification>,
}

impl SarifReporter {
    /// Creates a report with or without notes about what was not judged.
    #[must_use]
    pub fn new(with_notes: bool) -> Self {
        Self { with_notes, ..Self::default() }
    }
}

impl Reporter for SarifReporter {
    fn file(&mut self, file: &FileReport, _: &mut dyn Write) -> io::Result<()> {
        for entry in file.listed(self.with_notes) {
            let index = self.rules.index(entry.code);
            self.results.push(SarifResult::of(file, entry, index));
        }
        self.notifications.extend(file.problem.as_ref().map(|problem| SarifNotification::of(file, problem)));
        Ok(())
    }

    fn end(&mut self, summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
        let run = SarifRun {
            tool: json!({ "driver": driver(&self.rules) }),
            // Columns are counted in characters.
            column_kind: "unicodeCodePoints",
            invocations: [SarifInvocation {
                execution_successful: summary.totals.broken == 0,
                tool_execution_notifications: std::mem::take(&mut self.notifications),
            }],
            results: std::mem::take(&mut self.results),
            properties: json!({
                "policy": summary.policy.file.as_ref().map(|file| &file.in_repository),
                "preset": summary.policy.preset.name(),
                "remarks": summary.remarks(self.with_notes),
            }),
        };
        let log = SarifLog { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
        super::write_json(&log, out)
    }
}

#[derive(Debug, Serialize)]
struct SarifLog {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [SarifRun; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRun {
    tool: Value,
    column_kind: &'static str,
    invocations: [SarifInvocation; 1],
    results: Vec<SarifResult>,
    properties: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifInvocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<SarifNotification>,
}

/// A file that could not be checked.
#[derive(Debug, Serialize)]
struct SarifNotification {
    descriptor: Value,
    level: &'static str,
    message: SarifMessage,
    locations: [SarifLocation; 1],
}

/// A finding: SARIF's `result`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: SarifMessage,
    locations: [SarifLocation; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<SarifLocation>,
    partial_fingerprints: SarifFingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<SarifSuppression>,
    properties: SarifProperties,
}

/// An exemption: SARIF's `suppression` of kind external.
#[derive(Debug, Serialize)]
struct SarifSuppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Debug, Serialize)]
struct SarifMessage {
    text: String,
}

#[derive(Debug, Serialize)]
struct SarifFingerprints {
    #[serde(rename = "cfnEgressGuard/v1")]
    own: String,
    /// The fingerprint that GitHub uses.
    #[serde(rename = "primaryLocationLineHash")]
    line: String,
}

#[derive(Debug, Serialize)]
struct SarifProperties {
    rule: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deployments: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifLocation {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_locations: Option<[LogicalLocation; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<SarifMessage>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: SarifArtifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<SarifRegion>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifArtifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRegion {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

fn driver(rules: &SarifRules) -> Value {
    json!({
        "name": TOOL,
        "version": VERSION,
        "semanticVersion": VERSION,
        "informationUri": rule::URL,
        "rules": rules.descriptors(),
        "notifications": [{
            "id": NOT_CHECKED,
            "shortDescription": { "text": words::FILE_NOT_CHECKED },
        }],
    })
}

const NOT_CHECKED: &str = "not-checked";

impl SarifResult {
    fn of(file: &FileReport, entry: &Diagnostic, rule_index: usize) -> Self {
        let construct = file.resource(entry).and_then(|resource| resource.construct.as_ref());
        let construct = construct.map_or_else(String::new, |path| format!("{path}: "));
        let mut text = format!("{construct}{}.", entry.sentence());
        for more in entry.advice() {
            text.push(' ');
            text.push_str(more);
        }
        let mut location = SarifLocation::of(file, entry.place.as_ref().map(|place| place.span));
        location.logical_locations = file.resource(entry).map(|resource| {
            let within = if entry.property.is_empty() { String::new() } else { format!(".{}", entry.property) };
            let fully_qualified_name = format!("{}{within}", resource.logical_id);
            [LogicalLocation { name: resource.logical_id.clone(), fully_qualified_name, kind: "resource" }]
        });
        Self {
            rule_id: entry.code,
            rule_index,
            level: entry.level.name(),
            message: SarifMessage { text },
            locations: [location],
            related_locations: entry.related.iter().map(|place| SarifLocation::related(file, place)).collect(),
            partial_fingerprints: SarifFingerprints {
                own: entry.fingerprint.clone(),
                line: format!("{}:1", entry.fingerprint),
            },
            suppressions: entry
                .exemption
                .iter()
                .map(|exemption| rule::wording::policy::justification(exemption))
                .chain((entry.outcome == Outcome::KnownDebt).then(|| entry.message.clone()))
                .map(|justification| SarifSuppression { kind: "external", status: "accepted", justification })
                .collect(),
            properties: SarifProperties { rule: rule::ID, deployments: entry.deployments.clone() },
        }
    }
}

impl SarifNotification {
    fn of(file: &FileReport, problem: &FileError) -> Self {
        let text = match &problem.help {
            Some(help) => format!("{}; {help}", problem.message),
            None => problem.message.clone(),
        };
        Self {
            descriptor: json!({ "id": NOT_CHECKED, "index": 0 }),
            level: "error",
            message: SarifMessage { text },
            locations: [SarifLocation::of(file, problem.span)],
        }
    }
}

impl SarifLocation {
    fn of(file: &FileReport, span: Option<Span>) -> Self {
        let region = span.map(|span| {
            let end = span.end_in(&file.text);
            SarifRegion { start_line: span.line, start_column: span.column, end_line: end.line, end_column: end.column }
        });
        let physical_location = PhysicalLocation { artifact_location: SarifArtifact::of(&file.name), region };
        Self { physical_location, logical_locations: None, message: None }
    }

    fn related(file: &FileReport, place: &LabeledSpan) -> Self {
        Self { message: Some(SarifMessage { text: place.label.clone() }), ..Self::of(file, Some(place.span)) }
    }
}

impl SarifArtifact {
    /// Returns a file's URI: relative to the source root, so that the log means the same everywhere; absolute for files
    /// elsewhere.
    fn of(name: &FileName) -> Self {
        let uri = encoded(&name.in_repository);
        if uri.starts_with('/') {
            Self { uri: format!("file://{uri}"), uri_base_id: None }
        } else {
            Self { uri, uri_base_id: Some("%SRCROOT%") }
        }
    }
}

/// Encodes a path for a URI (RFC 3986): escapes everything except unreserved characters and `/`.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri
}
