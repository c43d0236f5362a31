//! Turns findings into bytes for people, programs and the services that show findings.
//!
//! A [`FileReport`] contains everything about one file. A [`Reporter`] writes the reports one by one, in the order
//! given, and then a summary. This module does not use files or the terminal.

mod baseline;
mod build;
mod diagnostic;
mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod merge;
mod nested;
mod not_judged;
mod policy;
mod sarif;
mod summary;
mod tally;
mod twice;
mod words;

pub use baseline::{Baseline, BaselineError};
pub use diagnostic::{Diagnostic, DiagnosticLevel, FileError, FileName, FileReport, LabeledSpan, ResourceName};
pub use github::{GitHubReporter, StepSummaryReporter};
pub use gitlab::GitLabReporter;
pub use human::{HumanOptions, HumanReporter};
pub use json::{JsonReport, JsonReporter};
pub use junit::JUnitReporter;
pub use nested::NestedDeployment;
pub use not_judged::NotJudged;
pub use policy::PolicyReport;
pub use sarif::SarifReporter;
pub use summary::{AppliedPolicy, RunSummary, RunTotals};

use std::io::{self, BufWriter, Write};

use cfn_egress_guard_core::rule::excerpt;
use serde::Serialize;

/// Writes reports of files one by one, and an end.
pub trait Reporter {
    /// Writes the report of the next file.
    ///
    /// # Errors
    /// When it cannot be written.
    fn file(&mut self, file: &FileReport, out: &mut dyn Write) -> io::Result<()>;

    /// Ends the report.
    ///
    /// # Errors
    /// When it cannot be written.
    fn end(&mut self, summary: &RunSummary, out: &mut dyn Write) -> io::Result<()>;
}

/// The size of one write of a long report: few writes, and the report is never whole in memory.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes a report as readable JSON: one entry a line, two spaces for each level.
fn write_json(report: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// This program's name in reports.
const TOOL: &str = env!("CARGO_PKG_NAME");

/// This program's version in reports.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Returns a count with its noun, in words.
fn number(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Removes characters that can forge or hide text in a terminal or a log.
fn printable(text: String) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) { text } else { excerpt(&text, usize::MAX) }
}
