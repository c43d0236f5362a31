//! Drawn by hand, where that is simple: values on lines of their own, of plain text that fits.
//!
//! That is nearly every finding. annotate-snippets, which draws the rest, takes some twenty times as long
//! over one; of a template with a thousand findings, people would wait for the drawing as long as for all
//! else together. The outcome is the same to the byte, and a test compares.

use std::fmt::Write as _;

use annotate_snippets::renderer::{
    DEFAULT_CONTEXT_STYLE, DEFAULT_EMPHASIS_STYLE, DEFAULT_ERROR_STYLE, DEFAULT_LINE_NUM_STYLE, DEFAULT_NOTE_STYLE,
    DEFAULT_TERM_WIDTH, DEFAULT_WARNING_STYLE,
};
use anstyle::Style;

use super::{Level, Mark, Picture, Remark};

/// Lines indented further are moved to the left: no longer simple.
const MAX_INDENT: usize = 26;

/// What the parts are drawn with.
#[derive(Debug)]
pub(super) struct Ink {
    error: Style,
    warning: Style,
    note: Style,
    /// Line numbers and what frames the source.
    frame: Style,
    /// What belongs to the offending value.
    context: Style,
    emphasis: Style,
}

impl Ink {
    pub(super) const fn new(styled: bool) -> Self {
        if styled {
            Self {
                error: DEFAULT_ERROR_STYLE,
                warning: DEFAULT_WARNING_STYLE,
                note: DEFAULT_NOTE_STYLE,
                frame: DEFAULT_LINE_NUM_STYLE,
                context: DEFAULT_CONTEXT_STYLE,
                emphasis: DEFAULT_EMPHASIS_STYLE,
            }
        } else {
            let plain = Style::new();
            Self { error: plain, warning: plain, note: plain, frame: plain, context: plain, emphasis: plain }
        }
    }

    const fn level(&self, level: Level) -> Style {
        match level {
            Level::Error => self.error,
            Level::Warning => self.warning,
            Level::Note => self.note,
        }
    }
}

/// A line of the source that is shown.
struct Line<'a> {
    number: u32,
    /// Where it begins in the text.
    offset: usize,
    text: &'a str,
    /// What is underlined in it, if it does not only stand between such lines.
    underlined: Option<Underlined<'a>>,
}

struct Underlined<'a> {
    start: usize,
    length: usize,
    label: &'a str,
    is_primary: bool,
}

/// Draws a picture if it is a simple one.
pub(super) fn draw(picture: &Picture<'_>, ink: &Ink, drawn: &mut String) -> Option<()> {
    let primary = picture.primary?;
    let lines = lines(picture, &primary)?;
    let width = lines.last()?.number.checked_ilog10()? as usize + 1;
    let fits = |line: &Line<'_>| line.text.len() + width + 3 <= DEFAULT_TERM_WIDTH;
    let are_plain = is_plain(&picture.title) && picture.remarks.iter().all(|(_, text)| is_plain(text));
    if !lines.iter().all(fits) || !are_plain || picture.remarks.is_empty() {
        return None;
    }
    let level = ink.level(picture.level);
    let mut page = Page { drawn, ink, width };
    page.title(picture, level);
    page.origin(picture.name, primary);
    page.frame();
    let mut last = None;
    for line in &lines {
        if last.is_some_and(|last| last + 1 < line.number) {
            page.gap();
        }
        last = Some(line.number);
        page.source(line);
        if let Some(underlined) = &line.underlined {
            page.underline(underlined, if underlined.is_primary { level } else { ink.context });
        }
    }
    page.drawn.push('\n');
    page.frame();
    for (remark, text) in &picture.remarks {
        page.remark(*remark, text);
    }
    Some(())
}

/// The lines to show, if they are simple: those with marks, and single ones between them.
fn lines<'a>(picture: &Picture<'a>, primary: &Mark<'a>) -> Option<Vec<Line<'a>>> {
    let mut marked = vec![Line::of(picture.text, primary, true)?];
    for mark in &picture.related {
        marked.push(Line::of(picture.text, mark, false)?);
    }
    marked.sort_unstable_by_key(|line| line.number);
    let mut lines: Vec<Line<'a>> = Vec::with_capacity(2 * marked.len());
    for line in marked {
        match lines.last().map_or(1, |last| line.number - last.number) {
            0 => return None,
            2 => lines.push(line.before(picture.text)?),
            _ => {}
        }
        lines.push(line);
    }
    Some(lines)
}

impl<'a> Line<'a> {
    /// The line on which a mark begins, if it is simple.
    fn of(text: &'a str, mark: &Mark<'a>, is_primary: bool) -> Option<Self> {
        if mark.span.column as usize > DEFAULT_TERM_WIDTH {
            return None;
        }
        let offset = mark.span.offset as usize;
        let (before, from) = text.split_at_checked(offset)?;
        let start_of_line = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.get(start_of_line..offset + from.find('\n').unwrap_or(from.len()))?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let start = offset - start_of_line;
        let length = (mark.span.length as usize).min(line.len().checked_sub(start)?);
        let indent = line.len() - line.trim_ascii_start().len();
        // Related values without a label are drawn only where the line is shown anyway.
        let shown = length > 0 && (is_primary || !mark.label.is_empty());
        let simple = shown && indent <= MAX_INDENT && is_plain(line) && is_plain(mark.label);
        let underlined = Some(Underlined { start, length, label: mark.label, is_primary });
        simple.then_some(Self { number: mark.span.line, offset: start_of_line, text: line, underlined })
    }

    /// The line before this one, if it is simple.
    fn before(&self, text: &'a str) -> Option<Self> {
        let before = text.get(..self.offset)?.strip_suffix('\n')?;
        let offset = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.get(offset..)?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let simple = is_plain(line) && !line.trim_ascii().is_empty();
        simple.then_some(Self { number: self.number - 1, offset, text: line, underlined: None })
    }
}

/// Whether each byte is a character that is drawn as it is, in one column.
fn is_plain(text: &str) -> bool {
    // All of them, even behind one that is not: so the processor looks at many at once.
    text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

fn repeat(drawn: &mut String, stroke: char, count: usize) {
    drawn.extend(std::iter::repeat_n(stroke, count));
}

struct Page<'a> {
    drawn: &'a mut String,
    ink: &'a Ink,
    /// Digits of the largest line number.
    width: usize,
}

impl Page<'_> {
    /// Parts in one style.
    fn ink(&mut self, style: Style, parts: &[&str]) {
        self.styled(style, |drawn| parts.iter().for_each(|part| drawn.push_str(part)));
    }

    fn styled(&mut self, style: Style, draw: impl FnOnce(&mut String)) {
        let is_plain = style.is_plain();
        // Text always takes more text.
        if !is_plain {
            let _ = write!(self.drawn, "{style}");
        }
        draw(self.drawn);
        if !is_plain {
            let _ = write!(self.drawn, "{style:#}");
        }
    }

    fn spaces(&mut self, count: usize) {
        repeat(self.drawn, ' ', count);
    }

    fn title(&mut self, picture: &Picture<'_>, level: Style) {
        let name = picture.level.name();
        match picture.code {
            Some(code) => self.ink(level, &[name, "[", code, "]"]),
            None => self.ink(level, &[name]),
        }
        self.ink(self.ink.emphasis, &[": ", &picture.title]);
        self.drawn.push('\n');
    }

    fn origin(&mut self, name: &str, primary: Mark<'_>) {
        self.spaces(self.width);
        self.ink(self.ink.frame, &["--> "]);
        let _ = write!(self.drawn, "{name}:{}:{}", primary.span.line, primary.span.column);
        self.drawn.push('\n');
    }

    fn frame(&mut self) {
        self.spaces(self.width + 1);
        self.ink(self.ink.frame, &["|"]);
    }

    fn gap(&mut self) {
        self.drawn.push('\n');
        self.ink(self.ink.frame, &["..."]);
    }

    fn source(&mut self, line: &Line<'_>) {
        self.drawn.push('\n');
        let width = self.width;
        self.styled(self.ink.frame, |drawn| {
            let _ = write!(drawn, "{:>width$}", line.number);
        });
        self.drawn.push(' ');
        self.ink(self.ink.frame, &["|"]);
        self.drawn.push(' ');
        self.drawn.push_str(line.text);
    }

    fn underline(&mut self, underlined: &Underlined<'_>, style: Style) {
        self.drawn.push('\n');
        self.frame();
        self.spaces(underlined.start + 1);
        let stroke = if underlined.is_primary { '^' } else { '-' };
        self.styled(style, |drawn| repeat(drawn, stroke, underlined.length));
        if !underlined.label.is_empty() {
            self.drawn.push(' ');
            self.ink(style, &[underlined.label]);
        }
    }

    fn remark(&mut self, remark: Remark, text: &str) {
        self.drawn.push('\n');
        self.spaces(self.width + 1);
        self.ink(self.ink.frame, &["= "]);
        let name = match remark {
            Remark::Note => "note",
            Remark::Help => "help",
        };
        self.ink(self.ink.emphasis, &[name]);
        self.drawn.push_str(": ");
        self.drawn.push_str(text);
    }
}

#[cfg(test)]
mod tests;
