//! The report on one file, with the places in its text.

use std::borrow::Cow;
use std::sync::Arc;

use super::not_judged::NotJudged;
use super::printable;
use cfn_egress_guard_core::rule::policy::AppliedExemption;
use cfn_egress_guard_core::rule::{Outcome, Severity};
use cfn_egress_guard_core::source::{SourceError, Span};

/// The names of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileName {
    /// For people: relative to the working directory if the file is below it.
    pub shown: String,
    /// For services that show files of a repository: relative to its root, without `.` and `..`.
    pub in_repository: String,
}

impl FileName {
    /// Creates a name that is the same everywhere.
    #[must_use]
    pub fn same(name: &str) -> Self {
        Self { shown: name.to_owned(), in_repository: name.to_owned() }
    }
}

/// The report on one file.
#[derive(Debug, Clone, Default)]
pub struct FileReport {
    pub name: FileName,
    /// Its text, if it could be read.
    pub text: Arc<String>,
    /// The resources that were checked, in the order written.
    pub resources: Vec<ResourceName>,
    /// The number of their egress rules.
    pub rules: usize,
    /// The entries, in the order of the text.
    pub entries: Vec<Diagnostic>,
    /// The reason, if the file could not be checked.
    pub problem: Option<FileError>,
}

/// A resource that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceName {
    pub logical_id: String,
    pub type_name: &'static str,
    /// The AWS CDK construct that created it, if recorded (`aws:cdk:path`).
    pub construct: Option<String>,
    /// The place of its logical ID.
    pub span: Option<Span>,
}

/// The level of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiagnosticLevel {
    /// Worth knowing.
    Note,
    /// Not confirmed to be correct.
    Warning,
    /// Wrong: the check fails.
    Error,
}

impl DiagnosticLevel {
    /// Returns its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// An entry of a report.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The effect on the deployment.
    pub outcome: Outcome,
    /// The level in this report.
    pub level: DiagnosticLevel,
    /// The reason's stable code.
    pub code: &'static str,
    /// The index of the file's resource, if the entry is about one.
    pub resource: Option<usize>,
    /// The place within the resource's properties: `SecurityGroupEgress[1]`.
    pub property: String,
    /// The message.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The setting of the hook that would change the verdict.
    pub setting: Option<String>,
    /// The expired exemption that would have covered it.
    pub expired: Option<String>,
    /// The exemption that would cover it if the account and Region of the deployment were known.
    pub nearly_exempted: Option<String>,
    /// The exemption that allows it.
    pub exemption: Option<Box<AppliedExemption>>,
    /// The undecided conditions under which it applies, if it does not always apply.
    pub when: Option<String>,
    /// The severity.
    pub severity: Severity,
    /// The offending value.
    pub place: Option<LabeledSpan>,
    /// Related places.
    pub related: Vec<LabeledSpan>,
    /// The deployments of the template in which it applies; empty if no deployments are known.
    pub deployments: Vec<String>,
    /// What was not judged, if the entry is about that and not about an egress rule.
    pub not_judged: Option<NotJudged>,
    /// An identity that survives moved lines and renamed files.
    pub fingerprint: String,
}

impl Diagnostic {
    /// Returns an entry about the text as a whole, with nothing but a message.
    pub(super) const fn new(
        outcome: Outcome,
        level: DiagnosticLevel,
        code: &'static str,
        message: String,
        fingerprint: String,
    ) -> Self {
        Self {
            outcome,
            level,
            code,
            resource: None,
            property: String::new(),
            message,
            help: None,
            setting: None,
            expired: None,
            nearly_exempted: None,
            exemption: None,
            when: None,
            severity: Severity::Informational,
            place: None,
            related: Vec::new(),
            deployments: Vec::new(),
            not_judged: None,
            fingerprint,
        }
    }

    /// Returns the message with its conditions and deployments: one sentence without its full stop.
    #[must_use]
    pub fn sentence(&self) -> Cow<'_, str> {
        let deployments = match self.deployments.as_slice() {
            [] => None,
            names => Some(format!("deployed as {}", names.join(", "))),
        };
        let parts: Vec<&str> = self.when.as_deref().into_iter().chain(deployments.as_deref()).collect();
        if parts.is_empty() {
            Cow::Borrowed(&self.message)
        } else {
            Cow::Owned(format!("{} ({})", self.message, parts.join("; ")))
        }
    }

    /// Returns further advice: what to write instead, and what the hook's owners could change.
    pub(super) fn advice(&self) -> impl Iterator<Item = &String> {
        self.help.iter().chain(&self.expired).chain(&self.nearly_exempted).chain(&self.setting)
    }

    /// Returns whether it is a note about what was not judged: these are many, and hide what matters.
    #[must_use]
    pub(super) fn is_only_not_judged(&self) -> bool {
        self.level == DiagnosticLevel::Note && self.not_judged.is_some()
    }
}

/// A value in the text, and its label.
#[derive(Debug, Clone)]
pub struct LabeledSpan {
    /// The place.
    pub span: Span,
    /// The label.
    pub label: String,
}

/// The reason why a file could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    pub span: Option<Span>,
}

impl FileError {
    /// Creates an error about the whole file.
    #[must_use]
    pub fn new(message: impl Into<String>, help: Option<&str>) -> Self {
        Self { message: message.into(), help: help.map(str::to_owned), span: None }
    }
}

impl From<SourceError> for FileError {
    fn from(error: SourceError) -> Self {
        Self { message: error.to_string(), help: Some(error.help().to_owned()), span: error.span }
    }
}

impl FileReport {
    /// Returns the report of a file that could not be checked.
    #[must_use]
    pub fn broken(name: FileName, text: impl Into<Arc<String>>, problem: FileError) -> Self {
        let FileError { message, help, span } = problem;
        let problem = FileError { message: printable(message), help: help.map(printable), span };
        Self { name, text: text.into(), problem: Some(problem), ..Self::default() }
    }

    /// Returns the entries, with or without notes about what was not judged.
    pub(super) fn listed(&self, with_notes: bool) -> impl Iterator<Item = &Diagnostic> {
        self.entries.iter().filter(move |entry| with_notes || !entry.is_only_not_judged())
    }

    /// Returns the subject of an entry, printed before its sentence: `Web SecurityGroupEgress[1]: `.
    pub(super) fn subject(&self, entry: &Diagnostic) -> String {
        self.resource(entry).map_or_else(String::new, |resource| {
            let within = if entry.property.is_empty() { String::new() } else { format!(" {}", entry.property) };
            let construct = resource.construct.as_ref().map_or_else(String::new, |path| format!(" ({path})"));
            format!("{}{construct}{within}: ", resource.logical_id)
        })
    }

    /// Returns the resource that an entry is about.
    #[must_use]
    pub fn resource(&self, entry: &Diagnostic) -> Option<&ResourceName> {
        self.resources.get(entry.resource?)
    }
}
