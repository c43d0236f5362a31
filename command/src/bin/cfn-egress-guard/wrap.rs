//! Wraps lines to the terminal's width, only between words.

use std::io::{self, IsTerminal, Write};

/// Returns the maximum line width: the terminal's, or that in `COLUMNS`; nothing for a pipe or a file.
pub(crate) fn width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let terminal = || {
        let size = io::stdout().is_terminal().then(|| terminal_size::terminal_size_of(io::stdout())).flatten();
        size.map(|(width, _)| usize::from(width.0))
    };
    columns.or_else(terminal).filter(|width| *width > 0)
}

/// A writer that breaks lines wider than its width at spaces.
pub(crate) struct Wrapped<W: Write> {
    out: W,
    width: Option<usize>,
    line: Vec<u8>,
}

impl<W: Write> Wrapped<W> {
    /// Creates a writer; without a width, it changes nothing.
    pub(crate) const fn new(out: W, width: Option<usize>) -> Self {
        Self { out, width, line: Vec::new() }
    }

    /// Writes the text after the last line break.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.line);
        self.put(&rest)?;
        self.out.flush()
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        match (std::str::from_utf8(line), self.width) {
            (Ok(text), Some(width)) => self.out.write_all(broken(text, width).as_bytes()),
            _ => self.out.write_all(line),
        }
    }
}

impl<W: Write> Write for Wrapped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.put(&line)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Breaks a line at spaces; each part has the line's indentation.
fn broken(line: &str, width: usize) -> String {
    let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
    if columns(content) <= width {
        return line.to_owned();
    }
    let text = content.trim_start_matches(' ');
    let indent = (content.len() - text.len()).min(width / 2);
    let mut broken = " ".repeat(indent);
    let (mut column, mut gap) = (indent, 0);
    for (index, word) in text.split(' ').enumerate() {
        if word.is_empty() {
            gap += 1;
            continue;
        }
        let length = columns(word);
        if index > 0 {
            gap += 1;
        }
        if column > indent && column + gap + length > width {
            broken.push('\n');
            broken.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            broken.extend(std::iter::repeat_n(' ', gap));
            column += gap;
        }
        gap = 0;
        broken.push_str(word);
        column += length;
    }
    broken + end
}

/// Returns the number of columns of a text; colors take none.
fn columns(text: &str) -> usize {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().map_or(0, |text| text.chars().count());
    first + parts.map(|part| part.split_once('m').map_or(0, |(_, text)| text.chars().count())).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, width: Option<usize>) -> String {
        let mut out = Vec::new();
        let mut wrapped = Wrapped::new(&mut out, width);
        for byte in text.bytes() {
            wrapped.write_all(&[byte]).unwrap();
        }
        wrapped.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three\nfour", Some(8)), "one two\nthree\nfour");
        assert_eq!(wrapped("  a long  line", Some(8)), "  a long\n  line");
        assert_eq!(wrapped("a-word-that-is-too-long b\n", Some(8)), "a-word-that-is-too-long\nb\n");
        assert_eq!(wrapped("\u{1b}[31mone\u{1b}[0m two three", Some(8)), "\u{1b}[31mone\u{1b}[0m two\nthree");
        assert_eq!(wrapped("one two three", None), "one two three");
        assert_eq!(wrapped("a  b\n\n", Some(8)), "a  b\n\n");
    }
}
