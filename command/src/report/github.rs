//! For GitHub Actions: workflow commands, which the runner turns into annotations on the lines.
//! (source: GitHub Actions documentation, "Workflow commands"; `actions/toolkit`, `command.ts`)

use std::io::{self, Write};

use super::{FileReport, Level, Reporter, TOOL, Totals};
use cfn_egress_guard_core::source::Span;

/// The report as workflow commands.
#[derive(Debug, Default)]
pub struct GitHub;

impl Reporter for GitHub {
    fn file(&mut self, file: FileReport, out: &mut dyn Write) -> io::Result<()> {
        if let Some(problem) = &file.problem {
            let help = problem.help.as_ref().map_or_else(String::new, |help| format!("\n{help}"));
            let message = format!("{}{help}", problem.message);
            command(out, "error", &file, problem.span, "not checked", &message)?;
        }
        for entry in &file.entries {
            let kind = match entry.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Note => "notice",
            };
            let resource = file.resource(entry).map_or_else(String::new, |resource| {
                let within = if entry.property.is_empty() { String::new() } else { format!(" {}", entry.property) };
                format!("{}{within}: ", resource.logical_id)
            });
            let mut message = format!("{resource}{}.", entry.sentence());
            for more in entry.advice() {
                message.push('\n');
                message.push_str(more);
            }
            command(out, kind, &file, entry.place.as_ref().map(|place| place.span), entry.code, &message)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &Totals, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn command(
    out: &mut dyn Write,
    kind: &str,
    file: &FileReport,
    span: Option<Span>,
    title: &str,
    message: &str,
) -> io::Result<()> {
    write!(out, "::{kind} file={}", property(&file.name))?;
    if let Some(span) = span {
        let end = span.end_in(&file.text);
        write!(out, ",line={},endLine={}", span.line, end.line)?;
        // Columns count only where the annotation stays on one line.
        if end.line == span.line {
            write!(out, ",col={},endColumn={}", span.column, end.column)?;
        }
    }
    writeln!(out, ",title={}::{}", property(&format!("{TOOL}: {title}")), data(message))
}

/// Text as a command takes it behind `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text as a command takes it as a property's value.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
