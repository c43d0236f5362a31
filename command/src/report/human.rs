//! For people: the source lines with the offending value underlined, in the style of rustc.

mod by_hand;
mod library;

use std::borrow::Cow;
use std::io::{self, Write};

use annotate_snippets::Renderer;

use self::by_hand::Ink;
use super::{Entry, FileReport, Level, Place, Problem, Reporter, Totals};
use cfn_egress_guard_core::source::Span;

/// A related value further away than this is not shown.
const MAX_WINDOW_BYTES: u32 = 4_000;

/// The report for people.
#[derive(Debug)]
pub struct Human {
    renderer: Renderer,
    ink: Ink,
    quiet: bool,
}

/// Something to tell, as it is drawn.
struct Picture<'a> {
    level: Level,
    code: Option<&'static str>,
    title: Cow<'a, str>,
    /// The file's name and text.
    name: &'a str,
    text: &'a str,
    /// The offending value.
    primary: Option<Mark<'a>>,
    /// What belongs to it and stands near.
    related: Vec<Mark<'a>>,
    remarks: Vec<(Remark, Cow<'a, str>)>,
}

/// A value that is underlined, and the few words beside it.
#[derive(Clone, Copy)]
struct Mark<'a> {
    span: Span,
    label: &'a str,
}

impl<'a> From<&'a Place> for Mark<'a> {
    fn from(place: &'a Place) -> Self {
        Self { span: place.span, label: &place.label }
    }
}

/// What stands below the source lines.
#[derive(Clone, Copy)]
enum Remark {
    Note,
    Help,
}

impl Human {
    /// With colours or without; if quiet, nothing but errors.
    #[must_use]
    pub const fn new(styled: bool, quiet: bool) -> Self {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        Self { renderer, ink: Ink::new(styled), quiet }
    }

    fn draw(&self, picture: &Picture<'_>, drawn: &mut String) {
        if by_hand::draw(picture, &self.ink, drawn).is_none() {
            drawn.push_str(&library::draw(picture, &self.renderer));
        }
        drawn.push_str("\n\n");
    }
}

impl<'a> Picture<'a> {
    fn of_problem(file: &'a FileReport, problem: &'a Problem) -> Self {
        Self {
            level: Level::Error,
            code: None,
            title: Cow::Borrowed(&problem.message),
            name: &file.name,
            text: &file.text,
            primary: problem.span.map(|span| Mark { span, label: "" }),
            related: Vec::new(),
            remarks: problem.help.iter().map(|help| (Remark::Help, Cow::Borrowed(help.as_str()))).collect(),
        }
    }

    fn of_entry(file: &'a FileReport, entry: &'a Entry) -> Self {
        let primary = entry.place.as_ref().map(Mark::from);
        let near = |mark: &Mark<'_>| {
            primary.is_some_and(|primary| mark.span.offset.abs_diff(primary.span.offset) < MAX_WINDOW_BYTES)
        };
        let mut remarks = Vec::with_capacity(4);
        if let Some(resource) = file.resource(entry) {
            let id = cfn_egress_guard_core::rule::excerpt(
                &resource.logical_id,
                cfn_egress_guard_core::rule::wording::LOGICAL_ID_CHARS,
            );
            let within = if entry.property.is_empty() { "" } else { ", " };
            let note = format!("in `{id}` ({}){within}{}", resource.type_name, entry.property);
            remarks.push((Remark::Note, Cow::Owned(note)));
        }
        remarks.extend(entry.help.iter().map(|help| (Remark::Help, Cow::Borrowed(help.as_str()))));
        let notes = entry.expired.iter().chain(&entry.setting);
        remarks.extend(notes.map(|note| (Remark::Note, Cow::Borrowed(note.as_str()))));
        Self {
            level: entry.level,
            code: Some(entry.code),
            title: entry.sentence(),
            name: &file.name,
            text: &file.text,
            primary,
            related: entry.related.iter().map(Mark::from).filter(near).collect(),
            remarks,
        }
    }
}

impl Reporter for Human {
    fn file(&mut self, file: FileReport, out: &mut dyn Write) -> io::Result<()> {
        let shown = file.entries.iter().filter(|entry| entry.level == Level::Error || !self.quiet);
        let problem = file.problem.iter().map(|problem| Picture::of_problem(&file, problem));
        let mut drawn = String::new();
        for picture in problem.chain(shown.map(|entry| Picture::of_entry(&file, entry))) {
            drawn.clear();
            self.draw(&picture, &mut drawn);
            out.write_all(drawn.as_bytes())?;
        }
        Ok(())
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
