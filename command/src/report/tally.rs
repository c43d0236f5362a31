//! Counts findings by reason and by file.

use std::collections::BTreeMap;

use super::diagnostic::{DiagnosticLevel, FileReport};

/// The maximum number of listed files: those with the most errors.
const MAX_FILES: usize = 20;

/// Findings counted by reason and by file.
#[derive(Debug, Default)]
pub(super) struct FindingTally {
    reasons: BTreeMap<&'static str, LevelCounts>,
    files: Vec<(String, LevelCounts)>,
}

/// Findings of each level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LevelCounts {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
}

impl LevelCounts {
    const fn add(&mut self, level: DiagnosticLevel) {
        match level {
            DiagnosticLevel::Error => self.errors += 1,
            DiagnosticLevel::Warning => self.warnings += 1,
            DiagnosticLevel::Note => self.notes += 1,
        }
    }
}

/// A table: its heading and its rows.
pub(super) struct TallyTable<'t> {
    pub(super) title: &'static str,
    pub(super) rows: Vec<(&'t str, LevelCounts)>,
    /// The number of rows left out.
    pub(super) left_out: usize,
}

impl FindingTally {
    /// Adds the findings of a file.
    pub(super) fn add(&mut self, file: &FileReport, name: &str, with_notes: bool) {
        let mut counts = LevelCounts::default();
        for entry in file.listed(with_notes) {
            counts.add(entry.level);
            self.reasons.entry(entry.code).or_default().add(entry.level);
        }
        if counts != LevelCounts::default() {
            self.files.push((name.to_owned(), counts));
        }
    }

    /// Returns the number of findings.
    pub(super) fn len(&self) -> usize {
        self.reasons.values().map(|counts| counts.errors + counts.warnings + counts.notes).sum()
    }

    /// Returns the tables, the rows with the most errors first.
    pub(super) fn tables(&self) -> [TallyTable<'_>; 2] {
        let reasons = self.reasons.iter().map(|(code, counts)| (*code, *counts)).collect();
        let files = self.files.iter().map(|(name, counts)| (name.as_str(), *counts)).collect();
        [TallyTable::of("reason", reasons, usize::MAX), TallyTable::of("file", files, MAX_FILES)]
    }
}

impl<'t> TallyTable<'t> {
    fn of(title: &'static str, mut rows: Vec<(&'t str, LevelCounts)>, max: usize) -> Self {
        rows.sort_by(|(_, one), (_, other)| other.cmp(one));
        let left_out = rows.len().saturating_sub(max);
        rows.truncate(max);
        Self { title, rows, left_out }
    }
}
