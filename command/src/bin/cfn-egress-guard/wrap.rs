//! Wraps what is written to the terminal's width.

use std::io::{self, IsTerminal, Write};

use cfn_egress_guard::wrapping;

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
            (Ok(text), Some(width)) => {
                let (content, end) = text.strip_suffix('\n').map_or((text, ""), |content| (content, "\n"));
                self.out.write_all(wrapping::wrapped(content, width, 0).as_bytes())?;
                self.out.write_all(end.as_bytes())
            }
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
        assert_eq!(wrapped("one two three", None), "one two three");
        assert_eq!(wrapped("a  b\n\n", Some(8)), "a  b\n\n");
    }
}
