//! For GitLab: a Code Quality report, which merge requests show.
//! (source: GitLab documentation, "Code Quality", "Import Code Quality results from a CI/CD job")

use std::io::{self, Write};

use serde::Serialize;

use super::{FileReport, Level, Reporter, Summary, TOOL};
use crate::fingerprint::Fingerprint;
use cfn_egress_guard_core::source::Span;

/// The report as a list of GitLab's issues.
#[derive(Debug, Default)]
pub struct GitLab {
    with_notes: bool,
    issues: Vec<Issue>,
}

impl GitLab {
    /// A report with notes about what was not judged, or without.
    #[must_use]
    pub fn new(with_notes: bool) -> Self {
        Self { with_notes, issues: Vec::new() }
    }
}

#[derive(Debug, Serialize)]
struct Issue {
    description: String,
    check_name: String,
    /// Two issues with the same one are one issue to GitLab.
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Debug, Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Debug, Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

impl Location {
    fn of(file: &FileReport, span: Option<Span>) -> Self {
        let (begin, end) = span.map_or((1, 1), |span| (span.line, span.end_in(&file.text).line));
        Self { path: file.name.in_repository.clone(), lines: Lines { begin, end } }
    }
}

impl Reporter for GitLab {
    fn file(&mut self, file: &FileReport, _: &mut dyn Write) -> io::Result<()> {
        let path = &file.name.in_repository;
        if let Some(problem) = &file.problem {
            let help = problem.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
            self.issues.push(Issue {
                description: format!("{}{help}", problem.message),
                check_name: format!("{TOOL}/not-checked"),
                fingerprint: Fingerprint::new().with(path).with("not-checked").text(),
                severity: "critical",
                location: Location::of(file, problem.span),
            });
        }
        for entry in file.listed(self.with_notes) {
            let mut description = format!("{}{}.", file.subject(entry), entry.sentence());
            for more in entry.advice() {
                description.push(' ');
                description.push_str(more);
            }
            self.issues.push(Issue {
                description,
                check_name: format!("{TOOL}/{}", entry.code),
                fingerprint: Fingerprint::new().with(path).with(&entry.fingerprint).text(),
                severity: match entry.level {
                    Level::Error => "major",
                    Level::Warning => "minor",
                    Level::Note => "info",
                },
                location: Location::of(file, entry.place.as_ref().map(|place| place.span)),
            });
        }
        Ok(())
    }

    fn end(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        // The format has no place for what is about the whole run: an issue of the policy's file.
        if let Some(file) = &summary.policy.file {
            self.issues.push(Issue {
                description: format!("Judged by {}.", summary.policy.sentence()),
                check_name: format!("{TOOL}/policy"),
                fingerprint: Fingerprint::new().with(&file.in_repository).with("policy").text(),
                severity: "info",
                location: Location { path: file.in_repository.clone(), lines: Lines { begin: 1, end: 1 } },
            });
        }
        super::write_json(&self.issues, out)
    }
}
