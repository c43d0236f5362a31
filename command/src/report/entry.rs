//! Everything that is said of one file, with the places where it stands.

use std::borrow::Cow;

use cfn_egress_guard_core::rule::policy::AppliedExemption;
use cfn_egress_guard_core::rule::{Outcome, Severity};
use cfn_egress_guard_core::source::{SourceError, Span};

/// What is said of one file.
#[derive(Debug, Clone, Default)]
pub struct FileReport {
    /// Its name, relative to where the program runs if it lies below.
    pub name: String,
    /// Its text, if it could be read.
    pub text: String,
    /// The resources that were checked, in the order written.
    pub resources: Vec<ResourceName>,
    /// How many egress rules they have.
    pub rules: usize,
    /// What is to tell, in the order of the text.
    pub entries: Vec<Entry>,
    /// Why it could not be checked, if so.
    pub problem: Option<Problem>,
}

/// A resource that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceName {
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    pub type_name: &'static str,
    /// Where its logical id stands.
    pub span: Option<Span>,
}

/// How much an entry weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Not known to be right.
    Warning,
    /// Wrong: the check fails.
    Error,
}

impl Level {
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

/// Something to tell.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it means for the deployment.
    pub outcome: Outcome,
    /// How much it weighs here.
    pub level: Level,
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
    /// The exemption that lets it through.
    pub exemption: Option<Box<AppliedExemption>>,
    /// Under which undecided conditions it is so, if not always.
    pub when: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// The offending value.
    pub place: Option<Place>,
    /// What belongs to it.
    pub related: Vec<Place>,
    /// What stays when lines move.
    pub fingerprint: String,
}

impl Entry {
    /// What is wrong, and under which conditions: one sentence without its full stop.
    #[must_use]
    pub fn sentence(&self) -> Cow<'_, str> {
        match &self.when {
            Some(when) => Cow::Owned(format!("{} ({when})", self.message)),
            None => Cow::Borrowed(&self.message),
        }
    }

    /// What there is to say besides: what to write instead, and what the hook's owners could change.
    pub(super) fn advice(&self) -> impl Iterator<Item = &String> {
        self.help.iter().chain(&self.expired).chain(&self.setting)
    }
}

/// A value in the text, and the few words beside it.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where it stands.
    pub span: Span,
    /// What there is to say of it.
    pub label: String,
}

/// Why a file could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where.
    pub span: Option<Span>,
}

impl Problem {
    /// A problem of a file as a whole.
    #[must_use]
    pub fn new(message: impl Into<String>, help: Option<&str>) -> Self {
        Self { message: message.into(), help: help.map(str::to_owned), span: None }
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        Self { message: error.to_string(), help: Some(error.help().to_owned()), span: error.span }
    }
}

/// The sums of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Templates that were checked, and files that could not be.
    pub files: usize,
    /// Files that could not be checked.
    pub broken: usize,
    /// Resources that were checked.
    pub resources: usize,
    /// Egress rules that were judged.
    pub rules: usize,
    /// Entries of level error.
    pub errors: usize,
    /// Entries of level warning.
    pub warnings: usize,
    /// Entries of level note.
    pub notes: usize,
}

impl Totals {
    /// Adds another file's.
    pub fn add(&mut self, file: &FileReport) {
        let count = |level| file.entries.iter().filter(|entry| entry.level == level).count();
        self.files += 1;
        self.broken += usize::from(file.problem.is_some());
        self.resources += file.resources.len();
        self.rules += file.rules;
        self.errors += count(Level::Error);
        self.warnings += count(Level::Warning);
        self.notes += count(Level::Note);
    }
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        let Self { files, broken, resources, rules, errors, warnings, notes } = more;
        self.files += files;
        self.broken += broken;
        self.resources += resources;
        self.rules += rules;
        self.errors += errors;
        self.warnings += warnings;
        self.notes += notes;
    }
}

impl FileReport {
    /// The report of a file that could not be checked.
    #[must_use]
    pub fn broken(name: String, text: String, problem: Problem) -> Self {
        Self { name, text, problem: Some(problem), ..Self::default() }
    }

    /// The resource that an entry is about.
    #[must_use]
    pub fn resource(&self, entry: &Entry) -> Option<&ResourceName> {
        self.resources.get(entry.resource?)
    }
}
