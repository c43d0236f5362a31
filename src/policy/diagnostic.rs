//! The mistakes in a policy file and their places.

use std::fmt;
use std::ops::Range;

use crate::source::Span;

/// One mistake in a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDiagnostic {
    /// The key or value that is wrong.
    pub span: Span,
    /// The problem.
    pub message: String,
    /// The remedy; may be empty.
    pub help: String,
}

impl fmt::Display for PolicyDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.span.line, self.span.column, self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, ": {}", self.help) }
    }
}

/// The error for a policy file with mistakes. Its `Display` form is the first mistake and the number of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    // INVARIANT: `first` is the first mistake; `rest` contains the others in the order of the lines.
    first: PolicyDiagnostic,
    rest: Vec<PolicyDiagnostic>,
}

impl PolicyError {
    /// Returns every mistake, in the order of the lines.
    pub fn problems(&self) -> impl Iterator<Item = &PolicyDiagnostic> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        match self.rest.len() {
            0 => Ok(()),
            1 => f.write_str(" (and 1 more mistake)"),
            count => write!(f, " (and {count} more mistakes)"),
        }
    }
}

impl std::error::Error for PolicyError {}

/// The mistakes found so far.
pub(super) struct PolicyDiagnostics<'a> {
    text: &'a str,
    found: Vec<(Range<usize>, String, String)>,
}

impl<'a> PolicyDiagnostics<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(super) fn add(&mut self, at: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.found.push((at, message.into(), help.into()));
    }

    pub(super) fn into_error(mut self) -> Option<PolicyError> {
        self.found.sort_by_key(|(at, ..)| at.start);
        let spans = Span::of_sorted(self.text, self.found.iter().map(|(at, ..)| at.clone())).collect::<Vec<_>>();
        let mut problems = spans.into_iter().zip(self.found).map(|(span, (_, message, help))| PolicyDiagnostic {
            span,
            message,
            help,
        });
        Some(PolicyError { first: problems.next()?, rest: problems.collect() })
    }
}

/// Returns the known name that was probably meant: at most one third of its letters are wrong, missing, or swapped.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase().replace('-', "_");
    if written.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (distance(&written, &name.to_lowercase().replace('-', "_")), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Returns the number of letters to change, add, remove, or swap with a neighbor (optimal string alignment).
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    let mut last = None;
    for (index, c) in one.chars().enumerate() {
        let mut next = vec![index + 1];
        for (column, other) in two.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let mut cost =
                (at(&row, column) + usize::from(c != *other)).min(at(&row, column + 1) + 1).min(at(&next, column) + 1);
            let neighbor = column.checked_sub(1);
            if last == Some(*other) && neighbor.and_then(|column| two.get(column)) == Some(&c) {
                cost = cost.min(neighbor.map_or(usize::MAX / 2, |column| at(&before, column)) + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(c);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_the_number_of_slips() {
        for (one, two, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("expire", "expires", 1),
            ("expries", "expires", 1),
            ("reson", "reason", 1),
            ("owner", "reason", 6),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, two), expected, "{one} {two}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let keys = ["id", "reason", "owner", "expires", "stack_name", "stack_id"];
        for (written, expected) in [
            ("expire", Some("expires")),
            ("Expires", Some("expires")),
            ("stack-name", Some("stack_name")),
            ("stackname", Some("stack_name")),
            ("iid", Some("id")),
            ("until", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, keys), expected, "{written}");
        }
        // A long text is not a typo, so it is not compared.
        for (length, is_near) in [(63, true), (64, true), (65, false), (66, false)] {
            let name = "a".repeat(length);
            assert_eq!(nearest(&name, [name.as_str()]).is_some(), is_near, "{length}");
        }
    }
}
