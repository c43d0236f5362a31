//! Everything that is said of one file, with the places where it is.

use std::borrow::Cow;

use super::not_judged::NotJudged;
use super::printable;
use cfn_egress_guard_core::rule::policy::AppliedExemption;
use cfn_egress_guard_core::rule::{Outcome, Severity};
use cfn_egress_guard_core::source::{SourceError, Span};

/// How a file is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileName {
    /// For people: relative to where the program runs if it lies below.
    pub shown: String,
    /// For services that show what is in a repository: relative to its root, without `.` and `..`.
    pub in_repository: String,
}

impl FileName {
    /// What is named alike everywhere.
    #[must_use]
    pub fn same(name: &str) -> Self {
        Self { shown: name.to_owned(), in_repository: name.to_owned() }
    }
}

/// What is said of one file.
#[derive(Debug, Clone, Default)]
pub struct FileReport {
    pub name: FileName,
    /// Its text, if it could be read.
    pub text: String,
    /// The resources that were checked, in the order written.
    pub resources: Vec<ResourceName>,
    /// How many egress rules they have.
    pub rules: usize,
    /// What is to report, in the order of the text.
    pub entries: Vec<Diagnostic>,
    /// Why it could not be checked, if so.
    pub problem: Option<FileError>,
}

/// A resource that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceName {
    pub logical_id: String,
    pub type_name: &'static str,
    /// The construct of the AWS CDK that it is made by, if it says so (`aws:cdk:path`).
    pub construct: Option<String>,
    /// Where its logical id is.
    pub span: Option<Span>,
}

/// How much an entry weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiagnosticLevel {
    /// Worth knowing.
    Note,
    /// Not known to be right.
    Warning,
    /// Wrong: the check fails.
    Error,
}

impl DiagnosticLevel {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something to report.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// What it means for the deployment.
    pub outcome: Outcome,
    /// How much it weighs here.
    pub level: DiagnosticLevel,
    /// The reason's stable code.
    pub code: &'static str,
    /// Which of the file's resources it is about, if it is about one.
    pub resource: Option<usize>,
    /// Where within the resource's properties: `SecurityGroupEgress[1]`.
    pub property: String,
    /// What is wrong, or worth knowing.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Which setting of the hook would change the verdict.
    pub setting: Option<String>,
    /// Which exemption would have let it through, had it not expired.
    pub expired: Option<String>,
    /// Which exemption would allow it if the place of the deployment were known.
    pub nearly_exempted: Option<String>,
    /// The exemption that allows it.
    pub exemption: Option<Box<AppliedExemption>>,
    /// Under which undecided conditions it is so, if not always.
    pub when: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// The offending value.
    pub place: Option<LabeledSpan>,
    /// What belongs to it.
    pub related: Vec<LabeledSpan>,
    /// In which deployments of the template it is so; none if it has no deployments that are known.
    pub deployments: Vec<String>,
    /// What was not judged, if it is about that and not about an egress rule.
    pub not_judged: Option<NotJudged>,
    /// What stays when lines move and files are renamed.
    pub fingerprint: String,
}

impl Diagnostic {
    /// What is wrong, under which conditions and in which deployments: one sentence without its full stop.
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

    /// What there is to say besides: what to write instead, and what the hook's owners could change.
    pub(super) fn advice(&self) -> impl Iterator<Item = &String> {
        self.help.iter().chain(&self.expired).chain(&self.nearly_exempted).chain(&self.setting)
    }

    /// Whether it is a note about what was not judged: many of them, which hide what matters.
    #[must_use]
    pub(super) fn is_only_not_judged(&self) -> bool {
        self.level == DiagnosticLevel::Note && self.not_judged.is_some()
    }
}

/// A value in the text, and the few words beside it.
#[derive(Debug, Clone)]
pub struct LabeledSpan {
    /// Where it is.
    pub span: Span,
    /// What there is to say of it.
    pub label: String,
}

/// Why a file could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    pub span: Option<Span>,
}

impl FileError {
    /// A problem of a file as a whole.
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
    /// The report of a file that could not be checked.
    #[must_use]
    pub fn broken(name: FileName, text: String, problem: FileError) -> Self {
        let FileError { message, help, span } = problem;
        let problem = FileError { message: printable(message), help: help.map(printable), span };
        Self { name, text, problem: Some(problem), ..Self::default() }
    }

    /// What is to report: with notes about what was not judged, or without.
    pub(super) fn listed(&self, with_notes: bool) -> impl Iterator<Item = &Diagnostic> {
        self.entries.iter().filter(move |entry| with_notes || !entry.is_only_not_judged())
    }

    /// What an entry is about, in front of its sentence: `Web SecurityGroupEgress[1]: `.
    pub(super) fn subject(&self, entry: &Diagnostic) -> String {
        self.resource(entry).map_or_else(String::new, |resource| {
            let within = if entry.property.is_empty() { String::new() } else { format!(" {}", entry.property) };
            let construct = resource.construct.as_ref().map_or_else(String::new, |path| format!(" ({path})"));
            format!("{}{construct}{within}: ", resource.logical_id)
        })
    }

    /// The resource that an entry is about.
    #[must_use]
    pub fn resource(&self, entry: &Diagnostic) -> Option<&ResourceName> {
        self.resources.get(entry.resource?)
    }
}
