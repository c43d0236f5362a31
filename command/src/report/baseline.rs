//! A baseline: findings of an earlier report are known debt and do not fail the check.

use std::collections::HashMap;
use std::fmt;

use cfn_egress_guard_core::rule::Outcome;
use serde::Deserialize;

use super::diagnostic::{DiagnosticLevel, FileReport};

/// The findings of an earlier run, each with the number of times that it was found.
///
/// Two findings are the same if file and fingerprint are equal. For a file that no longer exists, the fingerprint alone
/// counts: most likely the file was renamed.
#[derive(Debug, Default)]
pub struct Baseline {
    /// By file and fingerprint.
    here: HashMap<(String, String), usize>,
    /// By fingerprint, from files that no longer exist.
    gone: HashMap<String, usize>,
}

/// A text that is not a report of `check --format json`.
#[derive(Debug)]
pub struct BaselineError(String);

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is not a report of `check --format json`: {}", self.0)
    }
}

impl std::error::Error for BaselineError {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BaselineReport {
    format_version: u32,
    files: Vec<BaselineFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BaselineFile {
    repository_path: String,
    findings: Vec<BaselineFinding>,
}

#[derive(Deserialize)]
struct BaselineFinding {
    outcome: String,
    fingerprint: String,
}

impl Baseline {
    /// Reads a report; `is_there` returns whether a file still exists in the repository.
    ///
    /// # Errors
    /// When the text is not a report.
    pub fn read(text: &str, is_there: impl Fn(&str) -> bool) -> Result<Self, BaselineError> {
        let report: BaselineReport = serde_json::from_str(text).map_err(|error| BaselineError(error.to_string()))?;
        if report.format_version != super::json::FORMAT_VERSION {
            return Err(BaselineError(format!("its formatVersion is {}", report.format_version)));
        }
        let mut baseline = Self::default();
        for file in report.files {
            let is_there = is_there(&file.repository_path);
            // A finding that was exempted then is not debt after the exemption ends.
            let debts = file
                .findings
                .into_iter()
                .filter(|finding| matches!(finding.outcome.as_str(), "non-compliant" | "undetermined" | "known-debt"));
            for BaselineFinding { fingerprint, .. } in debts {
                let count = if is_there {
                    baseline.here.entry((file.repository_path.clone(), fingerprint)).or_default()
                } else {
                    baseline.gone.entry(fingerprint).or_default()
                };
                *count += 1;
            }
        }
        Ok(baseline)
    }

    /// Marks the findings of a file that are in the baseline as known debt.
    pub fn apply(&mut self, file: &mut FileReport) {
        let path = &file.name.in_repository;
        let is_debt = |outcome| matches!(outcome, Outcome::NonCompliant | Outcome::Undetermined);
        for entry in file.entries.iter_mut().filter(|entry| is_debt(entry.outcome)) {
            let count = match self.here.get_mut(&(path.clone(), entry.fingerprint.clone())) {
                Some(count) if *count > 0 => Some(count),
                _ => self.gone.get_mut(&entry.fingerprint).filter(|count| **count > 0),
            };
            if let Some(count) = count {
                *count -= 1;
                entry.outcome = Outcome::KnownDebt;
                entry.level = DiagnosticLevel::Note;
                entry.help = None;
                entry.message = format!("is known debt from the baseline: {}", entry.message);
            }
        }
    }
}
