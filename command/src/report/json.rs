//! For programs: everything that is known, in a versioned shape with a schema (`schema/report.schema.json`).

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AppliedPolicy, Diagnostic, FileError, FileReport, LabeledSpan, NotJudged, Reporter, ResourceName,
    RunSummary as Run, RunTotals, TOOL, VERSION,
};
use cfn_egress_guard_core::rule::{self, Outcome, Severity};
use cfn_egress_guard_core::source::Span;

/// The version of the shape. It increases by one when something is removed or changes its meaning.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The report as one JSON object.
#[derive(Debug, Default)]
pub struct JsonReporter {
    files: Vec<JsonFile>,
}

impl Reporter for JsonReporter {
    fn file(&mut self, file: &FileReport, _: &mut dyn Write) -> io::Result<()> {
        self.files.push(JsonFile::of(file));
        Ok(())
    }

    fn end(&mut self, run: &Run, out: &mut dyn Write) -> io::Result<()> {
        let report = JsonReport {
            format_version: FORMAT_VERSION,
            tool: JsonTool { name: TOOL, version: VERSION },
            rule: JsonRule { id: rule::ID, title: rule::TITLE, url: rule::URL, severity: Severity::Medium.into() },
            policy: (&run.policy).into(),
            summary: JsonSummary { ignored_templates: run.ignored, ..(&run.totals).into() },
            files: std::mem::take(&mut self.files),
        };
        super::write_json(&report, out)
    }
}

/// The output of `cfn-egress-guard check --format json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "cfn-egress-guard report", deny_unknown_fields)]
pub struct JsonReport {
    /// The version of this shape. It increases by one when something is removed or changes its meaning.
    #[schemars(range(min = 1, max = 1))]
    format_version: u32,
    /// The program that wrote it.
    tool: JsonTool,
    /// The rule that was checked.
    rule: JsonRule,
    /// The policy that judged.
    policy: JsonPolicy,
    summary: JsonSummary,
    /// The templates, and the files that could not be checked.
    files: Vec<JsonFile>,
}

/// The program that wrote a report.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct JsonTool {
    name: &'static str,
    version: &'static str,
}

/// The rule that was checked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct JsonRule {
    id: &'static str,
    title: &'static str,
    url: &'static str,
    severity: JsonSeverity,
}

/// The policy that was applied.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct JsonPolicy {
    /// Its file, relative to the root of the git repository; `null` for the published rule.
    file: Option<String>,
    /// The preset that it starts from.
    preset: &'static str,
    /// The settings that the policy sets itself, by name: `allow` or `block`.
    settings: BTreeMap<&'static str, &'static str>,
    /// The number of exemptions.
    exemptions: usize,
}

impl From<&AppliedPolicy> for JsonPolicy {
    fn from(policy: &AppliedPolicy) -> Self {
        Self {
            file: policy.file.as_ref().map(|file| file.in_repository.clone()),
            preset: policy.preset.name(),
            settings: policy.settings.iter().map(|(setting, treatment)| (setting.name(), treatment.name())).collect(),
            exemptions: policy.exemptions,
        }
    }
}

/// The totals of a report.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct JsonSummary {
    /// Templates that were checked, and files that could not be.
    files: usize,
    /// Files that could not be checked.
    broken_files: usize,
    /// Resources that were checked.
    resources: usize,
    /// Egress rules that were judged, compliant ones included.
    egress_rules: usize,
    /// Findings of level error.
    errors: usize,
    /// Findings of level warning.
    warnings: usize,
    /// Findings of level note.
    notes: usize,
    /// Files that look like templates but are ignored by git.
    ignored_templates: usize,
}

impl From<&RunTotals> for JsonSummary {
    fn from(totals: &RunTotals) -> Self {
        let RunTotals { files, broken, resources, rules, errors, warnings, notes, not_judged: _ } = *totals;
        Self {
            files,
            broken_files: broken,
            resources,
            egress_rules: rules,
            errors,
            warnings,
            notes,
            ignored_templates: 0,
        }
    }
}

/// A template, or a file that could not be checked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct JsonFile {
    /// Its name, relative to the working directory if the file is below it.
    path: String,
    /// Its name, relative to the root of the git repository.
    repository_path: String,
    /// Resources that were checked.
    resources: usize,
    /// Egress rules that were judged, compliant ones included.
    egress_rules: usize,
    /// The findings, in the order of the text.
    findings: Vec<JsonFinding>,
    /// The reason why it could not be checked; `null` if it was.
    problem: Option<JsonFileError>,
}

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct JsonFinding {
    /// The effect on the deployment.
    outcome: JsonOutcome,
    /// The level in this run: errors make the check fail.
    level: &'static str,
    /// The severity.
    severity: JsonSeverity,
    /// The reason's stable code, for example `port-range`.
    code: &'static str,
    /// The resource; `null` if it is about the template.
    resource: Option<JsonResource>,
    /// The place within the resource's properties: `SecurityGroupEgress[1]`.
    property: Option<String>,
    /// The message.
    message: String,
    /// The undecided conditions of the template under which it applies; `null` if always.
    when: Option<String>,
    /// The fix.
    help: Option<String>,
    /// The exemption that allows it.
    exemption: Option<JsonExemption>,
    /// The setting of the hook that would change the verdict.
    setting: Option<String>,
    /// The expired exemption that would have covered it.
    expired: Option<String>,
    /// The exemption that would cover it if the account and Region of the deployment were known.
    nearly_exempted: Option<String>,
    /// The deployments of the template in which it applies; empty if no deployments are known.
    deployments: Vec<String>,
    /// The part that was not judged, if it is about that: for example `nested-stack`.
    not_judged: Option<&'static str>,
    /// The offending value.
    location: Option<JsonLocation>,
    /// Related places.
    related: Vec<JsonLocation>,
    /// An identity that survives moved lines and renamed files.
    fingerprint: String,
}

/// An exemption that allows an egress rule to break the rule.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct JsonExemption {
    /// Its name in the policy.
    id: String,
    /// Its reason.
    reason: String,
    /// Its owner.
    owner: String,
    /// The last day on which it applies (UTC).
    expires: String,
}

/// A resource of a template.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct JsonResource {
    logical_id: String,
    #[serde(rename = "type")]
    type_name: &'static str,
    /// The AWS CDK construct that created it.
    construct: Option<String>,
}

/// A place in a file. Lines and columns are counted from one, columns in characters.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct JsonLocation {
    /// The line of its first character.
    line: u32,
    /// The column of its first character.
    column: u32,
    /// The line of the first character after it.
    end_line: u32,
    /// The column of the first character after it.
    end_column: u32,
    /// The first byte, counted from zero.
    offset: u32,
    /// The number of bytes.
    length: u32,
    /// The label.
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
}

/// The reason why a file could not be checked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct JsonFileError {
    /// The problem.
    message: String,
    /// The fix.
    help: Option<String>,
    /// The place.
    location: Option<JsonLocation>,
}

/// The effect of a finding on the deployment.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum JsonOutcome {
    /// It breaks the rule: the hook blocks it.
    NonCompliant,
    /// The template does not determine whether it breaks the rule.
    Undetermined,
    /// It breaks the rule, but an exemption allows it.
    Exempted,
    /// It breaks the rule as it did before.
    KnownDebt,
    /// It complies, but is worth knowing.
    Note,
}

/// The severity of a finding.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum JsonSeverity {
    /// No action is needed.
    Informational,
    /// The published rule's severity.
    Medium,
}

impl From<Severity> for JsonSeverity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Informational => Self::Informational,
            Severity::Medium => Self::Medium,
        }
    }
}

impl From<Outcome> for JsonOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::NonCompliant => Self::NonCompliant,
            Outcome::Undetermined => Self::Undetermined,
            Outcome::Exempted => Self::Exempted,
            Outcome::KnownDebt => Self::KnownDebt,
            Outcome::Note => Self::Note,
        }
    }
}

impl JsonFile {
    fn of(file: &FileReport) -> Self {
        let FileReport { name, text, resources, rules, entries, problem } = file;
        Self {
            path: name.shown.clone(),
            repository_path: name.in_repository.clone(),
            resources: resources.len(),
            egress_rules: *rules,
            findings: entries.iter().map(|entry| JsonFinding::of(text, file.resource(entry), entry)).collect(),
            problem: problem.as_ref().map(|problem| JsonFileError::of(text, problem)),
        }
    }
}

impl JsonFinding {
    fn of(text: &str, resource: Option<&ResourceName>, entry: &Diagnostic) -> Self {
        let place = |place: &LabeledSpan| JsonLocation::of(text, place.span, place.label.clone());
        Self {
            outcome: entry.outcome.into(),
            level: entry.level.name(),
            severity: entry.severity.into(),
            code: entry.code,
            resource: resource.map(|resource| JsonResource {
                logical_id: resource.logical_id.clone(),
                type_name: resource.type_name,
                construct: resource.construct.clone(),
            }),
            property: Some(entry.property.clone()).filter(|property| !property.is_empty()),
            message: entry.message.clone(),
            when: entry.when.clone(),
            help: entry.help.clone(),
            exemption: entry.exemption.as_ref().map(|exemption| JsonExemption {
                id: exemption.id.to_string(),
                reason: exemption.reason.to_string(),
                owner: exemption.owner.to_string(),
                expires: exemption.expires.to_string(),
            }),
            setting: entry.setting.clone(),
            expired: entry.expired.clone(),
            nearly_exempted: entry.nearly_exempted.clone(),
            deployments: entry.deployments.clone(),
            not_judged: entry.not_judged.map(NotJudged::name),
            location: entry.place.as_ref().map(place),
            related: entry.related.iter().map(place).collect(),
            fingerprint: entry.fingerprint.clone(),
        }
    }
}

impl JsonLocation {
    fn of(text: &str, span: Span, label: String) -> Self {
        let end = span.end_in(text);
        let Span { offset, length, line, column } = span;
        Self { line, column, end_line: end.line, end_column: end.column, offset, length, label }
    }
}

impl JsonFileError {
    fn of(text: &str, problem: &FileError) -> Self {
        Self {
            message: problem.message.clone(),
            help: problem.help.clone(),
            location: problem.span.map(|span| JsonLocation::of(text, span, String::new())),
        }
    }
}
