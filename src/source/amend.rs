//! Syntax that YAML 1.1 readers accept and this crate's parser, which reads YAML 1.2, does not:
//!
//! - a dash as a separate value between brackets (`!Join [-, [a, b]]`),
//! - a comment directly after a bracket or a quote (`[a]# why`),
//! - a bracket directly after the colon of a key between brackets (`{Fn::If:[A, 1, 2]}`),
//! - line ends other than `\n` and `\r` (U+0085, U+2028, U+2029).
//!
//! The parser reads a draft in which this syntax is rewritten in the form it expects. Places refer to the original
//! text.

use std::collections::BTreeSet;

use super::build::{self, BuiltDocument};
use super::dash::{self, Dashes};
use super::{SourceError, SourceErrorKind, Span, narrow};

/// The maximum number of times that a text is read again, and the maximum total of bytes read again.
const MAX_DRAFTS: usize = 200;
const MAX_BYTES_AGAIN: usize = 32 * 1024 * 1024;

/// Reads the single document of a YAML text.
pub(super) fn document(text: &str) -> Result<BuiltDocument, SourceError> {
    // These characters affect how the following text is read. If the text is invalid that way, they are plain text.
    if let Some(lines) = with_line_ends(text)
        && let Ok(mut built) = drafted(&lines)
    {
        relocate(text, &mut built, &[]);
        return Ok(built);
    }
    drafted(text)
}

fn drafted(text: &str) -> Result<BuiltDocument, SourceError> {
    let first = match build::read(text, &mut Dashes::default()) {
        Err(error) if matches!(error.problem, SourceErrorKind::Syntax { .. }) => error,
        read => return read,
    };
    let mut changes = DraftChanges::default();
    let mut failed_at = first.span.map(|span| span.offset as usize);
    for _ in 0..(MAX_BYTES_AGAIN / text.len().max(1)).min(MAX_DRAFTS) {
        match failed_at {
            Some(at) if changes.mend(text, at) => {}
            _ => break,
        }
        let (draft, spaces, mut dashes) = changes.draft(text);
        let mut read = build::read(&draft, &mut dashes);
        while changes.leave(&dashes, &spaces) {
            let (draft, _, fewer) = changes.draft(text);
            dashes = fewer;
            read = build::read(&draft, &mut dashes);
        }
        match read {
            Ok(mut built) => {
                if !spaces.is_empty() {
                    relocate(text, &mut built, &spaces);
                }
                return Ok(built);
            }
            Err(error) if matches!(error.problem, SourceErrorKind::Syntax { .. }) => {
                failed_at = error.span.map(|span| in_text(span.offset as usize, &spaces));
            }
            Err(_) => break,
        }
    }
    Err(first)
}

/// The differences between a draft and its text, as offsets in the text.
#[derive(Default)]
struct DraftChanges {
    dashes: BTreeSet<usize>,
    /// Whether dashes have been searched for.
    knows_dashes: bool,
    /// Comments that are removed, to the end of the line.
    comments: BTreeSet<usize>,
    /// Places where a space is inserted.
    spaces: BTreeSet<usize>,
}

impl DraftChanges {
    /// Changes the syntax that the parser failed on. Returns `false` if it is not one of the known cases.
    fn mend(&mut self, text: &str, at: usize) -> bool {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        match rest {
            [b'-', ..] if !self.knows_dashes => {
                self.knows_dashes = true;
                self.dashes = lone_dashes(text);
                !self.dashes.is_empty()
            }
            [b'#', ..] => self.comments.insert(at),
            [b':', b'[' | b'{', ..] => self.spaces.insert(at + 1),
            [b'[' | b'{', ..] => self.spaces.insert(at),
            _ => false,
        }
    }

    /// Stops replacing the dashes that are part of longer text. Returns `false` if there are none.
    fn leave(&mut self, dashes: &Dashes, spaces: &[usize]) -> bool {
        let before = self.dashes.len();
        for place in &dashes.wrong {
            self.dashes.remove(&in_text(*place as usize, spaces));
        }
        self.dashes.len() < before
    }

    /// Returns the draft, the places of its inserted spaces, and its dashes.
    fn draft(&self, text: &str) -> (String, Vec<usize>, Dashes) {
        let (mut draft, mut spaces, mut dashes) = (String::with_capacity(text.len()), Vec::new(), Dashes::default());
        let mut done = 0;
        let changes: BTreeSet<usize> = self.dashes.iter().chain(&self.comments).chain(&self.spaces).copied().collect();
        for at in changes.into_iter() {
            if at < done {
                continue; // within a comment
            }
            draft.push_str(text.get(done..at).unwrap_or_default());
            done = at;
            if self.spaces.contains(&at) {
                spaces.push(draft.len());
                draft.push(' ');
            } else if self.comments.contains(&at) {
                let rest = text.get(at..).unwrap_or_default();
                let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
                draft.extend(std::iter::repeat_n(' ', length));
                done = at + length;
            } else {
                dashes.places.push(narrow(draft.len()));
                draft.push_str(dash::STAND_IN);
                done = at + 1;
            }
        }
        draft.push_str(text.get(done..).unwrap_or_default());
        (draft, spaces, dashes)
    }
}

/// Returns the places where a dash may be a separate value between brackets, including in quotes and comments.
fn lone_dashes(text: &str) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut before = b' ';
    for (at, byte) in text.bytes().enumerate() {
        let begins = matches!(before, b'[' | b'{' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r');
        if byte == b'-' && begins {
            let rest = text.as_bytes().get(at + 1..).unwrap_or_default();
            let next = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
            if matches!(next, Some(b',' | b']' | b'}')) || matches!(rest, [b'[' | b'{', ..]) {
                found.insert(at);
            }
        }
        before = byte;
    }
    found
}

/// Returns the text with YAML 1.1's other line ends replaced by blanks and `\n`, so that all offsets stay the same, or
/// `None` if it contains none.
fn with_line_ends(text: &str) -> Option<String> {
    const OTHERS: [(&str, &str); 3] = [("\u{85}", " \n"), ("\u{2028}", "  \n"), ("\u{2029}", "  \n")];
    if text.is_ascii() || !OTHERS.iter().any(|(other, _)| text.contains(other)) {
        return None;
    }
    Some(OTHERS.iter().fold(text.to_owned(), |text, (other, line_end)| text.replace(other, line_end)))
}

/// Converts a place in a draft with these spaces to a place in the text.
fn in_text(at: usize, spaces: &[usize]) -> usize {
    at - spaces.partition_point(|space| *space < at)
}

/// Converts places in a draft to places in the text.
fn relocate(text: &str, built: &mut BuiltDocument, spaces: &[usize]) {
    let mut cursor = TextCursor { text, at: 0, line: 1, column: 1 };
    for span in built.spans.iter_mut().chain(built.warnings.iter_mut().map(super::Warning::span_mut)) {
        let (start, end) = (in_text(span.offset as usize, spaces), in_text(span.end() as usize, spaces));
        cursor.go_to(start);
        *span = Span {
            offset: narrow(start),
            length: narrow(end.saturating_sub(start)),
            line: narrow(cursor.line),
            column: narrow(cursor.column),
        };
    }
}

/// A cursor in a text that moves to nearby places.
struct TextCursor<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    column: usize,
}

impl TextCursor<'_> {
    fn go_to(&mut self, at: usize) {
        let passed = self.text.get(self.at.min(at)..self.at.max(at)).unwrap_or_default();
        let lines = passed.bytes().filter(|byte| *byte == b'\n').count();
        if at >= self.at {
            self.line += lines;
            let last = passed.rsplit('\n').next().unwrap_or_default().chars().count();
            self.column = if lines == 0 { self.column + last } else { last + 1 };
        } else {
            self.line -= lines;
            self.column = if lines == 0 {
                self.column - passed.chars().count()
            } else {
                let before = self.text.get(..at).unwrap_or_default();
                before.rsplit('\n').next().unwrap_or_default().chars().count() + 1
            };
        }
        self.at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dashes_of_their_own_are_replaced() {
        for (text, draft) in [
            ("a: !Join [-, [b, c]]", "a: !Join [_, [b, c]]"),
            ("a: {b: -}", "a: {b: _}"),
            ("a: [b,-]", "a: [b,_]"),
            ("a: [b-c, -1, - d]", "a: [b-c, -1, - d]"),
            ("a:\n  - b\n  -\n    c: 1", "a:\n  - b\n  -\n    c: 1"),
        ] {
            let changes = DraftChanges { dashes: lone_dashes(text), ..DraftChanges::default() };
            assert_eq!(changes.draft(text).0, draft, "{text}");
        }
    }

    #[test]
    fn a_cursor_goes_both_ways() {
        let text = "é: 1\nbb: [2,\n  ü]\n";
        let mut cursor = TextCursor { text, at: 0, line: 1, column: 1 };
        for at in [0, 3, 16, 6, 7, 4, 17, 0, 12] {
            if !text.is_char_boundary(at) {
                continue;
            }
            cursor.go_to(at);
            let span = Span::of(text, at..at);
            assert_eq!((cursor.line, cursor.column), (span.line as usize, span.column as usize), "{at}");
        }
    }
}
