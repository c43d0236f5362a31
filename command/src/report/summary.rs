//! The summary of a whole run.

use std::collections::BTreeMap;

use cfn_egress_guard_core::rule::policy::Policy;
use cfn_egress_guard_core::rule::{Preset, Setting, Treatment};

use super::diagnostic::{DiagnosticLevel, FileName, FileReport};
use super::not_judged::NotJudged;
use super::number;

/// The summary of a whole run.
#[derive(Debug, Clone)]
pub struct RunSummary {
    pub totals: RunTotals,
    /// The policy that was applied.
    pub policy: AppliedPolicy,
    /// The number of files that look like templates but are ignored by git.
    pub ignored: usize,
}

/// The totals of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunTotals {
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
    /// The notes about what was not judged, counted by kind.
    pub not_judged: BTreeMap<NotJudged, usize>,
}

impl RunTotals {
    /// Adds the counts of a file.
    pub fn add(&mut self, file: &FileReport) {
        let count = |level| file.entries.iter().filter(|entry| entry.level == level).count();
        self.files += 1;
        self.broken += usize::from(file.problem.is_some());
        self.resources += file.resources.len();
        self.rules += file.rules;
        self.errors += count(DiagnosticLevel::Error);
        self.warnings += count(DiagnosticLevel::Warning);
        self.notes += count(DiagnosticLevel::Note);
        for kind in file.entries.iter().filter(|entry| entry.is_only_not_judged()).filter_map(|entry| entry.not_judged)
        {
            *self.not_judged.entry(kind).or_default() += 1;
        }
    }
}

/// The policy that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppliedPolicy {
    /// The policy's file; without one, the policy is the published rule under a preset.
    pub file: Option<FileName>,
    /// The preset that it starts from.
    pub preset: Preset,
    /// The settings that the policy sets itself.
    pub settings: Vec<(Setting, Treatment)>,
    /// The number of exemptions.
    pub exemptions: usize,
}

impl AppliedPolicy {
    /// Describes a policy.
    #[must_use]
    pub fn of(policy: &Policy, file: Option<FileName>) -> Self {
        Self { file, preset: policy.preset, settings: policy.overrides.clone(), exemptions: policy.exemptions.len() }
    }

    /// Returns a sentence: ``policy.toml (preset literal, 1 exemption)``.
    pub(super) fn sentence(&self) -> String {
        let preset = format!("preset {}", self.preset);
        let Some(file) = &self.file else {
            return match self.preset {
                Preset::Literal => "the published rule".to_owned(),
                Preset::Effective => format!("no policy file, {preset}"),
            };
        };
        let mut parts = vec![preset];
        if !self.settings.is_empty() {
            parts.push(number(self.settings.len(), "setting"));
        }
        if self.exemptions > 0 {
            parts.push(number(self.exemptions, "exemption"));
        }
        format!("{} ({})", file.shown, parts.join(", "))
    }
}

impl RunSummary {
    /// Returns how much was checked: `3 egress rules in 1 resource of 1 template`.
    pub(super) fn checked(&self) -> String {
        let RunTotals { files, broken, resources, rules, .. } = self.totals;
        let (rules, resources) = (number(rules, "egress rule"), number(resources, "resource"));
        format!("{rules} in {resources} of {}", number(files - broken, "template"))
    }

    /// Returns what was found: `2 errors, 0 warnings, 0 notes; 1 file could not be checked`. Notes about what was not
    /// judged count only where they are listed.
    pub(super) fn found(&self, with_notes: bool) -> String {
        let totals = &self.totals;
        let unlisted: usize = if with_notes { 0 } else { totals.not_judged.values().sum() };
        let notes = number(totals.notes - unlisted, "note");
        let broken = if totals.broken > 0 {
            format!("; {} could not be checked", number(totals.broken, "file"))
        } else {
            String::new()
        };
        format!("{}, {}, {notes}{broken}", number(totals.errors, "error"), number(totals.warnings, "warning"))
    }

    /// Returns one line each for the parts that are only counted, and for the policy that was applied.
    pub(super) fn remarks(&self, with_notes: bool) -> Vec<String> {
        let mut remarks = Vec::new();
        let kinds = self.totals.not_judged.iter().map(|(kind, count)| kind.count(*count)).collect::<Vec<_>>();
        if !kinds.is_empty() && !with_notes {
            remarks.push(format!("not checked: {} (--notes lists them)", kinds.join(", ")));
        }
        if self.ignored > 0 {
            let (verb, them) =
                if self.ignored == 1 { ("looks like a template", "it") } else { ("look like templates", "them") };
            remarks.push(format!("skipped: {} that {verb}, because git ignores {them}", number(self.ignored, "file")));
        }
        remarks.push(format!("policy: {}", self.policy.sentence()));
        remarks
    }
}
