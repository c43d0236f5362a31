//! Draws a finding: the source lines around the offending value, with remarks below.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Severity, Origin, Renderer, Snippet};
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::source::Span;

use super::GivenAdvice;
use super::lines::{fitting, wrapped};
use crate::report::{Diagnostic, DiagnosticLevel, FileError, FileReport, LabeledSpan};

/// Longer lines are not shown: they are generated, and nobody finds a value in them.
const MAX_LINE_BYTES: usize = 1_000;

/// A related value further away than this is not shown.
const MAX_WINDOW_BYTES: u32 = 4_000;

/// The maximum number of characters of a logical ID that is shown: CloudFormation's own limit.
const ID_CHARS: usize = 255;

/// The drawing of a finding or a problem.
pub(super) struct Picture<'a> {
    level: DiagnosticLevel,
    code: Option<&'static str>,
    title: Cow<'a, str>,
    /// The file's name and text.
    name: &'a str,
    text: &'a str,
    /// The offending value.
    primary: Option<Underline<'a>>,
    /// Related values nearby.
    related: Vec<Underline<'a>>,
    /// The remarks below the source lines.
    remarks: Vec<(Severity<'static>, Cow<'a, str>)>,
}

/// An underlined value and its label.
#[derive(Clone, Copy)]
struct Underline<'a> {
    span: Span,
    label: &'a str,
}

impl<'a> From<&'a LabeledSpan> for Underline<'a> {
    fn from(place: &'a LabeledSpan) -> Self {
        Self { span: place.span, label: &place.label }
    }
}

impl<'a> Picture<'a> {
    pub(super) fn of_problem(file: &'a FileReport, problem: &'a FileError) -> Self {
        Self {
            level: DiagnosticLevel::Error,
            code: None,
            title: Cow::Borrowed(&problem.message),
            name: &file.name.shown,
            text: &file.text,
            primary: problem.span.map(|span| Underline { span, label: "" }),
            related: Vec::new(),
            remarks: problem.help.iter().map(|help| (Severity::HELP, Cow::Borrowed(help.as_str()))).collect(),
        }
    }

    /// Creates the picture of a finding. Does not repeat the help of the finding above it, and no note.
    pub(super) fn of_entry(file: &'a FileReport, entry: &'a Diagnostic, given: &mut GivenAdvice) -> Self {
        let primary = entry.place.as_ref().map(Underline::from);
        let near = |mark: &Underline<'_>| {
            primary.is_some_and(|primary| mark.span.offset.abs_diff(primary.span.offset) < MAX_WINDOW_BYTES)
        };
        let mut remarks = Vec::with_capacity(4);
        if let Some(resource) = file.resource(entry) {
            let id = excerpt(&resource.logical_id, ID_CHARS);
            let construct = resource.construct.as_ref().map_or_else(String::new, |path| format!(", construct {path}"));
            let within = if entry.property.is_empty() { "" } else { ", " };
            let note = format!("in `{id}` ({}{construct}){within}{}", resource.type_name, entry.property);
            remarks.push((Severity::NOTE, Cow::Owned(note)));
        }
        if let Some(help) = &entry.help {
            let text = if *help == given.help { "as above" } else { help };
            remarks.push((Severity::HELP, Cow::Borrowed(text)));
            given.help.clone_from(help);
        }
        let notes = entry.expired.iter().chain(&entry.nearly_exempted).chain(&entry.setting);
        remarks.extend(
            notes
                .filter(|note| given.notes.insert((*note).clone()))
                .map(|note| (Severity::NOTE, Cow::Borrowed(note.as_str()))),
        );
        Self {
            level: entry.level,
            code: Some(entry.code),
            title: entry.sentence(),
            name: &file.name.shown,
            text: &file.text,
            primary,
            related: entry.related.iter().map(Underline::from).filter(near).collect(),
            remarks,
        }
    }

    /// Draws the picture, without a final line break, for a terminal of this width, if any.
    pub(super) fn draw(&self, renderer: &Renderer, width: Option<usize>) -> String {
        let level = match self.level {
            DiagnosticLevel::Error => Severity::ERROR,
            DiagnosticLevel::Warning => Severity::WARNING,
            DiagnosticLevel::Note => Severity::NOTE,
        };
        let before = self.level.name().len() + self.code.map_or(0, |code| code.len() + 2) + ": ".len();
        let text = wrapped(&self.title, width.map(|width| width.saturating_sub(before)), 0);
        let mut title = level.primary_title(text);
        if let Some(code) = self.code {
            title = title.id(code);
        }
        let group = located(Group::with_title(title), self, width);
        let gutter = self.primary.map_or(0, |mark| mark.span.line.to_string().len());
        let remarks = self.remarks.iter().map(|(level, text)| {
            // Each line starts after ` = help: `.
            level.clone().message(wrapped(text, width.map(|width| width.saturating_sub(gutter + 9)), 0))
        });
        renderer.render(&[group.elements(remarks)])
    }
}

/// Adds the file's name and the marked lines.
fn located<'a>(group: Group<'a>, picture: &'a Picture<'_>, width: Option<usize>) -> Group<'a> {
    let Picture { name, text, related, .. } = picture;
    let Some(primary) = &picture.primary else { return group.element(Origin::path(*name)) };
    let marks = || related.iter().chain([primary]).map(|mark| mark.span);
    // Skips values far to the right: otherwise each mark would process a long single-line text again.
    let near = marks().all(|span| span.column as usize <= MAX_LINE_BYTES + 1);
    let shown = near.then(|| window(text, marks())).flatten().filter(|(window, _)| {
        let text = text.get(window.clone()).unwrap_or_default();
        !text.is_empty() && text.lines().all(|line| line.len() <= MAX_LINE_BYTES)
    });
    let shown = shown.and_then(|(window, line)| {
        let marks = related.iter().map(|mark| (mark, AnnotationKind::Context));
        let marks = std::iter::once((primary, AnnotationKind::Primary)).chain(marks);
        let marks = marks.filter_map(|(mark, kind)| Some((mark.label, kind, first_line(text, mark.span, &window)?)));
        let whole = SourceWindow { text: without_controls(text.get(window.clone())?), marks: marks.collect() };
        let gutter = (line as usize + whole.text.lines().count()).to_string().len() + " | ".len();
        Some((whole.narrowed(width.map(|width| width.saturating_sub(gutter)))?, line))
    });
    let Some((window, line)) = shown else {
        let Span { line, column, .. } = primary.span;
        return group.element(Origin::path(*name).line(line as usize).char_column(column as usize));
    };
    let annotations = window.marks.into_iter().map(|(label, kind, span)| {
        let annotation = kind.span(span);
        if label.is_empty() { annotation } else { annotation.label(label) }
    });
    group.element(Snippet::source(window.text).line_start(line as usize).path(*name).annotations(annotations))
}

/// Returns the same text with a dot for each control character that the renderer does not replace. All positions stay
/// the same.
fn without_controls(text: &str) -> Cow<'_, str> {
    // The renderer replaces the ASCII control characters; the others are two bytes long, like the dot.
    let is_left = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
    if text.contains(is_left) { Cow::Owned(text.replace(is_left, "\u{b7}")) } else { Cow::Borrowed(text) }
}

/// Lines of the source, with the underlined parts and their labels.
struct SourceWindow<'a> {
    text: Cow<'a, str>,
    marks: Vec<(&'a str, AnnotationKind, Range<usize>)>,
}

impl SourceWindow<'_> {
    /// Cuts the lines to a width, at the end of a word. Returns nothing if an underlined value does not fit. Labels
    /// that do not fit are dropped: the title contains the same text.
    fn narrowed(self, width: Option<usize>) -> Option<Self> {
        let Some(width) = width else { return Some(self) };
        let Self { text, mut marks } = self;
        let (mut narrowed, mut start) = (String::with_capacity(text.len()), 0);
        for line in text.split_inclusive('\n') {
            let end = start + line.len();
            let content = line.trim_end_matches(['\n', '\r']);
            let on_line = |mark: &Range<usize>| mark.start >= start && (mark.start < end || end == text.len());
            let seen_up_to = marks.iter().filter(|(_, _, mark)| on_line(mark)).map(|(_, _, mark)| mark.end - start);
            let fits = fitting(content, width, seen_up_to.max().unwrap_or_default())?;
            let moved = start - narrowed.len();
            for (label, _, mark) in marks.iter_mut().filter(|(_, _, mark)| on_line(mark)) {
                let column = content.get(..mark.end - start).map_or(0, |before| before.chars().count());
                if column + 1 + label.chars().count() > width {
                    *label = "";
                }
                *mark = mark.start - moved..mark.end - moved;
            }
            narrowed.push_str(fits);
            narrowed.push_str(line.get(content.len()..).unwrap_or_default());
            start = end;
        }
        Some(Self { text: Cow::Owned(narrowed), marks })
    }
}

/// Returns the whole lines on which these spans begin, and the number of the first line.
fn window(text: &str, spans: impl Iterator<Item = Span> + Clone) -> Option<(Range<usize>, u32)> {
    let first = spans.clone().min_by_key(|span| span.offset)?;
    let last = spans.max_by_key(|span| span.offset)?;
    let start = text.get(..first.offset as usize)?.rfind('\n').map_or(0, |newline| newline + 1);
    let rest = text.get(last.offset as usize..)?;
    let end = last.offset as usize + rest.find('\n').unwrap_or(rest.len());
    let end = if text.get(..end)?.ends_with('\r') && end > start { end - 1 } else { end };
    Some((start..end, first.line))
}

/// Returns the part of a span on its first line, relative to the window.
fn first_line(text: &str, span: Span, window: &Range<usize>) -> Option<Range<usize>> {
    let covered = span.text(text)?;
    let length = covered.find(['\r', '\n']).unwrap_or(covered.len());
    let start = (span.offset as usize).checked_sub(window.start)?;
    (start + length <= window.len()).then_some(start..start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the span of a value on a line of a text, by the line's index and bytes.
    fn span(text: &str, line: usize, start: usize, length: usize) -> Span {
        let offset = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>() + start;
        let offset = text.floor_char_boundary(offset);
        Span::of(text, offset..text.floor_char_boundary(offset + length).max(offset))
    }

    fn drawn(text: &str, primary: Span, related: &[Span]) -> String {
        let picture = Picture {
            level: DiagnosticLevel::Error,
            code: Some("port-range"),
            title: Cow::Borrowed("tcp 80-87 opens 8 ports"),
            name: "folder/a.yaml",
            text,
            primary: Some(Underline { span: primary, label: "to 87" }),
            related: related.iter().map(|span| Underline { span: *span, label: "from 80" }).collect(),
            remarks: vec![(Severity::HELP, Cow::Borrowed("Open one port."))],
        };
        picture.draw(&Renderer::plain(), None)
    }

    #[test]
    fn values_are_underlined_and_what_is_far_out_is_only_named() {
        let text = "a\n  FromPort: 80\n  ToPort: 87\n";
        let drawn_near = drawn(text, span(text, 2, 10, 2), &[span(text, 1, 12, 2)]);
        assert_eq!(
            drawn_near,
            "error[port-range]: tcp 80-87 opens 8 ports\n \
             --> folder/a.yaml:3:11\n  |\n2 |   FromPort: 80\n  |             -- from 80\n3 |   ToPort: 87\n  |           \
             ^^ to 87\n  |\n  = help: Open one port."
        );
        let wide = format!("{}: 87\n", "x".repeat(2 * MAX_LINE_BYTES));
        let far = drawn(&wide, span(&wide, 0, 2 * MAX_LINE_BYTES + 2, 2), &[]);
        assert!(far.contains("--> folder/a.yaml:1:2003") && !far.contains("xxx") && !far.contains("to 87"), "{far}");
    }

    /// Generates lines that occur in templates and lines that do not; each line ends with a line break.
    fn text() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            4 => " {0,30}[A-Za-z]{1,6}: [ -~]{1,12}",
            1 => "[ -~]{0,150}",
            1 => "[ \ta-zé世…\u{202e}\u{85}\u{9b}\u{7f}\u{1b}]{0,30}",
        ];
        proptest::collection::vec(line, 1..14).prop_flat_map(|lines| {
            proptest::sample::select(vec!["\n", "\r\n"])
                .prop_map(move |end| lines.iter().fold(String::new(), |text, line| text + line + end))
        })
    }

    /// Generates a place: its line and byte, if the text has that many, and its length.
    fn place() -> impl Strategy<Value = (usize, usize, usize)> {
        (0..14_usize, 0..150_usize, 1..20_usize)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_the_text_is_a_finding_is_drawn_with_its_place(
            text in text(),
            places in proptest::collection::vec(place(), 1..4),
        ) {
            // No value is at the end of a line.
            let spans: Vec<Span> = places
                .iter()
                .filter_map(|(line, start, length)| {
                    let line = line % text.lines().count();
                    let width = text.lines().nth(line).unwrap().len();
                    (width > 0).then(|| span(&text, line, start % width, *length))
                })
                .collect();
            prop_assume!(!spans.is_empty());
            let drawn = drawn(&text, spans[0], &spans[1..]);
            let place = format!("--> folder/a.yaml:{}:{}", spans[0].line, spans[0].column);
            prop_assert!(drawn.contains(&place) && drawn.ends_with("help: Open one port."), "{place}: {drawn}");
            let evil = drawn.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            prop_assert_eq!(evil, None, "{}", drawn);
        }
    }
}
