//! For people: the source lines with the offending value underlined, in the style of rustc.

use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level as Severity, Origin, Renderer, Snippet};

use super::{Entry, FileReport, Level, Place, Problem, Reporter, Totals};
use crate::source::Span;

/// Lines longer than this are not shown: they are generated, and nobody finds a value in them.
const MAX_LINE_BYTES: usize = 1_000;

/// A related value further away than this is not shown.
const MAX_WINDOW_BYTES: usize = 4_000;

/// Fewer entries than this are drawn on one thread.
const ENTRIES_PER_THREAD: usize = 100;

/// The report for people.
#[derive(Debug)]
pub struct Human {
    renderer: Renderer,
    quiet: bool,
    threads: usize,
}

impl Human {
    /// With colours or without; if quiet, nothing but errors. Long reports are drawn on this many
    /// threads.
    #[must_use]
    pub const fn new(styled: bool, quiet: bool, threads: usize) -> Self {
        Self { renderer: if styled { Renderer::styled() } else { Renderer::plain() }, quiet, threads }
    }

    fn draw(&self, group: Group<'_>, drawn: &mut String) {
        drawn.push_str(&self.renderer.render(&[group]));
        drawn.push_str("\n\n");
    }

    fn problem(&self, file: &FileReport, problem: &Problem, drawn: &mut String) {
        let place = problem.span.map(|span| Place { span, label: String::new() });
        let mut group = Group::with_title(Severity::ERROR.primary_title(problem.message.as_str()));
        group = located(group, file, place.as_ref(), &[]);
        if let Some(help) = &problem.help {
            group = group.element(Severity::HELP.message(help.as_str()));
        }
        self.draw(group, drawn);
    }

    fn entries(&self, file: &FileReport, entries: &[&Entry]) -> String {
        let mut drawn = String::new();
        for entry in entries {
            self.entry(file, entry, &mut drawn);
        }
        drawn
    }

    fn entry(&self, file: &FileReport, entry: &Entry, drawn: &mut String) {
        let level = match entry.level {
            Level::Error => Severity::ERROR,
            Level::Warning => Severity::WARNING,
            Level::Note => Severity::NOTE,
        };
        let title = level.primary_title(entry.sentence()).id(entry.code);
        let mut group = located(Group::with_title(title), file, entry.place.as_ref(), &entry.related);
        if let Some(resource) = file.resource(entry) {
            let id = crate::rule::excerpt(&resource.logical_id, crate::rule::wording::LOGICAL_ID_CHARS);
            let within = if entry.property.is_empty() { String::new() } else { format!(", {}", entry.property) };
            group = group.element(Severity::NOTE.message(format!("in `{id}` ({}){within}", resource.type_name)));
        }
        if let Some(help) = &entry.help {
            group = group.element(Severity::HELP.message(help.as_str()));
        }
        for note in entry.expired.iter().chain(&entry.setting) {
            group = group.element(Severity::NOTE.message(note.as_str()));
        }
        self.draw(group, drawn);
    }
}

impl Reporter for Human {
    fn file(&mut self, file: FileReport, out: &mut dyn Write) -> io::Result<()> {
        if let Some(problem) = &file.problem {
            let mut drawn = String::new();
            self.problem(&file, problem, &mut drawn);
            out.write_all(drawn.as_bytes())?;
        }
        let shown = file.entries.iter().filter(|entry| entry.level == Level::Error || !self.quiet);
        let entries: Vec<&Entry> = shown.collect();
        let threads = self.threads.min(entries.len().div_ceil(ENTRIES_PER_THREAD));
        if threads <= 1 {
            return out.write_all(self.entries(&file, &entries).as_bytes());
        }
        let parts = entries.chunks(entries.len().div_ceil(threads));
        std::thread::scope(|scope| {
            let (this, file) = (&*self, &file);
            let drawing: Vec<_> = parts.map(|part| scope.spawn(move || this.entries(file, part))).collect();
            drawing.into_iter().try_for_each(|part| match part.join() {
                Ok(drawn) => out.write_all(drawn.as_bytes()),
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let Totals { files, broken, resources, rules, errors, warnings, notes } = *totals;
        write!(out, "{} in {}", number(rules, "egress rule"), number(resources, "resource"))?;
        write!(out, " of {} checked: ", number(files - broken, "template"))?;
        write!(out, "{}, {}, {}", number(errors, "error"), number(warnings, "warning"), number(notes, "note"))?;
        if broken > 0 {
            write!(out, "; {} could not be checked", number(broken, "file"))?;
        }
        writeln!(out)
    }
}

fn number(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The name of a file and the lines of these places.
fn located<'a>(group: Group<'a>, file: &'a FileReport, primary: Option<&'a Place>, related: &'a [Place]) -> Group<'a> {
    let Some(primary) = primary else { return group.element(Origin::path(file.name.as_str())) };
    let start = |span: Span| span.offset as usize;
    let near = |place: &&Place| start(place.span).abs_diff(start(primary.span)) < MAX_WINDOW_BYTES;
    let related: Vec<&Place> = related.iter().filter(near).collect();
    let all = || related.iter().copied().chain([primary]).map(|place| place.span);
    let window = window(&file.text, all());
    let shown = window.filter(|(window, _)| {
        let text = file.text.get(window.clone()).unwrap_or_default();
        !text.is_empty() && text.lines().all(|line| line.len() <= MAX_LINE_BYTES)
    });
    let Some((window, line)) = shown else {
        let Span { line, column, .. } = primary.span;
        return group.element(Origin::path(file.name.as_str()).line(line as usize).char_column(column as usize));
    };
    let text = file.text.get(window.clone()).unwrap_or_default();
    let annotation = |place: &'a Place, kind: AnnotationKind| -> Option<Annotation<'a>> {
        let annotation = kind.span(first_line(&file.text, place.span, &window)?);
        Some(if place.label.is_empty() { annotation } else { annotation.label(place.label.as_str()) })
    };
    let snippet = Snippet::source(text)
        .line_start(line as usize)
        .path(file.name.as_str())
        .annotations(annotation(primary, AnnotationKind::Primary))
        .annotations(related.into_iter().filter_map(|place| annotation(place, AnnotationKind::Context)));
    group.element(snippet)
}

/// The whole lines on which these spans begin, and the number of the first of them.
fn window(text: &str, spans: impl Iterator<Item = Span> + Clone) -> Option<(Range<usize>, u32)> {
    let first = spans.clone().min_by_key(|span| span.offset)?;
    let last = spans.max_by_key(|span| span.offset)?;
    let start = text.get(..first.offset as usize)?.rfind('\n').map_or(0, |newline| newline + 1);
    let rest = text.get(last.offset as usize..)?;
    let end = last.offset as usize + rest.find('\n').unwrap_or(rest.len());
    let end = if text.get(..end)?.ends_with('\r') && end > start { end - 1 } else { end };
    Some((start..end, first.line))
}

/// The part of a span on its first line, relative to the window.
fn first_line(text: &str, span: Span, window: &Range<usize>) -> Option<Range<usize>> {
    let covered = span.text(text)?;
    let length = covered.find(['\r', '\n']).unwrap_or(covered.len());
    let start = (span.offset as usize).checked_sub(window.start)?;
    (start + length <= window.len()).then_some(start..start + length)
}
