//! Drawn by annotate-snippets, whatever it is.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level as Severity, Origin, Renderer, Snippet};

use super::{Level, Mark, Picture, Remark};
use cfn_egress_guard_core::source::Span;

/// Lines longer than this are not shown: they are generated, and nobody finds a value in them.
const MAX_LINE_BYTES: usize = 1_000;

pub(super) fn draw(picture: &Picture<'_>, renderer: &Renderer) -> String {
    let level = match picture.level {
        Level::Error => Severity::ERROR,
        Level::Warning => Severity::WARNING,
        Level::Note => Severity::NOTE,
    };
    let mut title = level.primary_title(&*picture.title);
    if let Some(code) = picture.code {
        title = title.id(code);
    }
    let group = located(Group::with_title(title), picture);
    let remarks = picture.remarks.iter().map(|(remark, text)| match remark {
        Remark::Note => Severity::NOTE.message(&**text),
        Remark::Help => Severity::HELP.message(&**text),
    });
    renderer.render(&[group.elements(remarks)])
}

/// The name of the file and the lines of the marks.
fn located<'a>(group: Group<'a>, picture: &'a Picture<'_>) -> Group<'a> {
    let Picture { name, text, related, .. } = picture;
    let Some(primary) = &picture.primary else { return group.element(Origin::path(*name)) };
    let marks = || related.iter().chain([primary]).map(|mark| mark.span);
    // Far out on its line: not looked at, or a long text of one line would be gone through for each mark.
    let near = marks().all(|span| span.column as usize <= MAX_LINE_BYTES + 1);
    let shown = near.then(|| window(text, marks())).flatten().filter(|(window, _)| {
        let text = text.get(window.clone()).unwrap_or_default();
        !text.is_empty() && text.lines().all(|line| line.len() <= MAX_LINE_BYTES)
    });
    let Some((window, line)) = shown else {
        let Span { line, column, .. } = primary.span;
        return group.element(Origin::path(*name).line(line as usize).char_column(column as usize));
    };
    let annotation = |mark: &Mark<'a>, kind: AnnotationKind| -> Option<Annotation<'a>> {
        let annotation = kind.span(first_line(text, mark.span, &window)?);
        Some(if mark.label.is_empty() { annotation } else { annotation.label(mark.label) })
    };
    let snippet = Snippet::source(text.get(window.clone()).unwrap_or_default())
        .line_start(line as usize)
        .path(*name)
        .annotations(annotation(primary, AnnotationKind::Primary))
        .annotations(related.iter().filter_map(|mark| annotation(mark, AnnotationKind::Context)));
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
