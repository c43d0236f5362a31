//! For GitHub Actions: workflow commands, which the runner turns into annotations on the lines, and the summary of a
//! job step. (source: GitHub Actions documentation, "Workflow commands"; `actions/toolkit`, `command.ts`)

use std::fmt::Write as _;
use std::io::{self, Write};

use super::tally::FindingTally;
use super::{DiagnosticLevel, FileReport, Reporter, RunSummary, TOOL};
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::source::Span;

/// The number of annotations of each kind that GitHub shows for a step.
const SHOWN: usize = 10;

/// The report as workflow commands: errors first, because GitHub shows only the first ones, and a summary notice at the
/// end.
#[derive(Debug, Default)]
pub struct GitHubReporter {
    with_notes: bool,
    errors: Vec<String>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

impl GitHubReporter {
    /// Creates a report with or without notes about what was not judged.
    #[must_use]
    pub fn new(with_notes: bool) -> Self {
        Self { with_notes, ..Self::default() }
    }
}

impl Reporter for GitHubReporter {
    fn file(&mut self, file: &FileReport, _: &mut dyn Write) -> io::Result<()> {
        if let Some(problem) = &file.problem {
            let help = problem.help.as_ref().map_or_else(String::new, |help| format!("\n{help}"));
            let message = format!("{}{help}", problem.message);
            self.errors.push(annotation(file, problem.span, "not checked", &message));
        }
        for entry in file.listed(self.with_notes) {
            let mut message = format!("{}{}.", file.subject(entry), entry.sentence());
            for more in entry.advice() {
                message.push('\n');
                message.push_str(more);
            }
            let annotation = annotation(file, entry.place.as_ref().map(|place| place.span), entry.code, &message);
            match entry.level {
                DiagnosticLevel::Error => &mut self.errors,
                DiagnosticLevel::Warning => &mut self.warnings,
                DiagnosticLevel::Note => &mut self.notes,
            }
            .push(annotation);
        }
        Ok(())
    }

    fn end(&mut self, summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
        for (kind, annotations) in [("error", &self.errors), ("warning", &self.warnings)] {
            for annotation in annotations {
                writeln!(out, "::{kind} {annotation}")?;
            }
        }
        // GitHub shows the notice at the end as the last one; further notes are lines of the log.
        for (index, annotation) in self.notes.iter().enumerate() {
            let command = if index + 1 < SHOWN { "::notice " } else { "note: " };
            writeln!(out, "{command}{annotation}")?;
        }
        let mut message = format!("{} checked: {}.", summary.checked(), summary.found(self.with_notes));
        for remark in summary.remarks(self.with_notes) {
            message.push('\n');
            message.push_str(&remark);
        }
        writeln!(out, "::notice title={TOOL}::{}", data(&message))
    }
}

/// Returns a workflow command without its kind.
fn annotation(file: &FileReport, span: Option<Span>, title: &str, message: &str) -> String {
    let mut command = format!("file={}", property(&file.name.in_repository));
    // Writing to a String cannot fail.
    if let Some(span) = span {
        let end = span.end_in(&file.text);
        let _ = write!(command, ",line={},endLine={}", span.line, end.line);
        // Columns apply only if the annotation stays on one line.
        if end.line == span.line {
            let _ = write!(command, ",col={},endColumn={}", span.column, end.column);
        }
    }
    let _ = write!(command, ",title={}::{}", property(&format!("{TOOL}: {title}")), data(message));
    command
}

/// Escapes text for the message of a command, after `::`.
fn data(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| excerpt(line, usize::MAX).replace('%', "%25")).collect();
    lines.join("%0A")
}

/// Escapes text for a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The summary of a job step, in Markdown: the number of findings by reason and by file.
#[derive(Debug, Default)]
pub struct StepSummaryReporter {
    with_notes: bool,
    tally: FindingTally,
}

impl StepSummaryReporter {
    /// Creates a summary with or without notes about what was not judged.
    #[must_use]
    pub fn new(with_notes: bool) -> Self {
        Self { with_notes, tally: FindingTally::default() }
    }
}

impl Reporter for StepSummaryReporter {
    fn file(&mut self, file: &FileReport, _: &mut dyn Write) -> io::Result<()> {
        self.tally.add(file, &file.name.in_repository, self.with_notes);
        Ok(())
    }

    fn end(&mut self, summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "### {TOOL}: {}\n", summary.found(self.with_notes))?;
        writeln!(out, "{} checked\n", summary.checked())?;
        for table in self.tally.tables().iter().filter(|table| !table.rows.is_empty()) {
            writeln!(out, "| {} | errors | warnings | notes |\n|---|--:|--:|--:|", table.title)?;
            for (name, counts) in &table.rows {
                let (errors, warnings, notes) = (counts.errors, counts.warnings, counts.notes);
                writeln!(out, "| {} | {errors} | {warnings} | {notes} |", cell(name))?;
            }
            if table.left_out > 0 {
                writeln!(out, "| … and {} more | | | |", table.left_out)?;
            }
            writeln!(out)?;
        }
        for remark in summary.remarks(self.with_notes) {
            writeln!(out, "- {}", cell(&remark))?;
        }
        writeln!(out)
    }
}

/// Escapes text for a cell of a Markdown table.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in excerpt(text, usize::MAX).chars() {
        if matches!(c, '|' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '\\' | '~') {
            cell.push('\\');
        }
        cell.push(c);
    }
    cell
}
