//! For GitLab: a Code Quality report, which merge requests show.
//! (source: GitLab documentation, "Code Quality", "Import Code Quality results from a CI/CD job")

use std::io::{self, Write};

use serde::Serialize;

use super::{DiagnosticLevel, FileReport, Reporter, RunSummary, TOOL};
use cfn_egress_guard_core::fingerprint::Fingerprint;
use cfn_egress_guard_core::source::Span;

/// The report as a list of GitLab's issues.
#[derive(Debug, Default)]
pub struct GitLabReporter {
    with_notes: bool,
    issues: Vec<GitLabIssue>,
}

impl GitLabReporter {
    /// Creates a report with or without notes about what was not judged.
    #[must_use]
    pub fn new(with_notes: bool) -> Self {
        Self { with_notes, issues: Vec::new() }
    }
}

#[derive(Debug, Serialize)]
struct GitLabIssue {
    description: String,
    check_name: String,
    /// GitLab treats issues with equal fingerprints as one issue.
    fingerprint: String,
    severity: &'static str,
    location: GitLabLocation,
}

#[derive(Debug, Serialize)]
struct GitLabLocation {
    path: String,
    lines: GitLabLines,
}

#[derive(Debug, Serialize)]
struct GitLabLines {
    begin: u32,
    end: u32,
}

impl GitLabLocation {
    fn of(file: &FileReport, span: Option<Span>) -> Self {
        let (begin, end) = span.map_or((1, 1), |span| (span.line, span.end_in(&file.text).line));
        Self { path: file.name.in_repository.clone(), lines: GitLabLines { begin, end } }
    }
}

impl Reporter for GitLabReporter {
    fn file(&mut self, file: &FileReport, _: &mut dyn Write) -> io::Result<()> {
        let path = &file.name.in_repository;
        if let Some(problem) = &file.problem {
            let help = problem.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
            self.issues.push(GitLabIssue {
                description: format!("{}{help}", problem.message),
                check_name: format!("{TOOL}/not-checked"),
                fingerprint: Fingerprint::new().with(path).with("not-checked").text(),
                severity: "critical",
                location: GitLabLocation::of(file, problem.span),
            });
        }
        for entry in file.listed(self.with_notes) {
            let mut description = format!("{}{}.", file.subject(entry), entry.sentence());
            for more in entry.advice() {
                description.push(' ');
                description.push_str(more);
            }
            self.issues.push(GitLabIssue {
                description,
                check_name: format!("{TOOL}/{}", entry.code),
                fingerprint: Fingerprint::new().with(path).with(&entry.fingerprint).text(),
                severity: match entry.level {
                    DiagnosticLevel::Error => "major",
                    DiagnosticLevel::Warning => "minor",
                    DiagnosticLevel::Note => "info",
                },
                location: GitLabLocation::of(file, entry.place.as_ref().map(|place| place.span)),
            });
        }
        Ok(())
    }

    fn end(&mut self, summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
        // The format has no place for facts about the whole run, so this is an issue on the policy file.
        if let Some(file) = &summary.policy.file {
            self.issues.push(GitLabIssue {
                description: format!("Judged by {}.", summary.policy.sentence()),
                check_name: format!("{TOOL}/policy"),
                fingerprint: Fingerprint::new().with(&file.in_repository).with("policy").text(),
                severity: "info",
                location: GitLabLocation { path: file.in_repository.clone(), lines: GitLabLines { begin: 1, end: 1 } },
            });
        }
        super::write_json(&self.issues, out)
    }
}
