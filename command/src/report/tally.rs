//! How many findings there are of each reason, and in each file.

use std::collections::BTreeMap;

use super::entry::{FileReport, Level};

/// How many files are listed: those with the most errors.
const MAX_FILES: usize = 20;

/// Findings counted by reason and by file.
#[derive(Debug, Default)]
pub(super) struct Tally {
    reasons: BTreeMap<&'static str, Counts>,
    files: Vec<(String, Counts)>,
}

/// Findings of each level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Counts {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
}

impl Counts {
    const fn add(&mut self, level: Level) {
        match level {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
            Level::Note => self.notes += 1,
        }
    }
}

/// A table: what its rows are about, and the rows.
pub(super) struct Table<'t> {
    pub(super) title: &'static str,
    pub(super) rows: Vec<(&'t str, Counts)>,
    /// How many rows more there are.
    pub(super) left_out: usize,
}

impl Tally {
    /// Counts the findings of another file.
    pub(super) fn add(&mut self, file: &FileReport, name: &str, with_notes: bool) {
        let mut counts = Counts::default();
        for entry in file.listed(with_notes) {
            counts.add(entry.level);
            self.reasons.entry(entry.code).or_default().add(entry.level);
        }
        if counts != Counts::default() {
            self.files.push((name.to_owned(), counts));
        }
    }

    /// How many findings there are.
    pub(super) fn len(&self) -> usize {
        self.reasons.values().map(|counts| counts.errors + counts.warnings + counts.notes).sum()
    }

    /// The tables, the rows with the most errors first.
    pub(super) fn tables(&self) -> [Table<'_>; 2] {
        let reasons = self.reasons.iter().map(|(code, counts)| (*code, *counts)).collect();
        let files = self.files.iter().map(|(name, counts)| (name.as_str(), *counts)).collect();
        [Table::of("reason", reasons, usize::MAX), Table::of("file", files, MAX_FILES)]
    }
}

impl<'t> Table<'t> {
    fn of(title: &'static str, mut rows: Vec<(&'t str, Counts)>, max: usize) -> Self {
        rows.sort_by(|(_, one), (_, other)| other.cmp(one));
        let left_out = rows.len().saturating_sub(max);
        rows.truncate(max);
        Self { title, rows, left_out }
    }
}
