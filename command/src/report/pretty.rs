//! JSON for people: an entry a line, two spaces for each level. The outcome is serde_json's own; its
//! formatter writes every step of the indentation by itself, which is most of what it does.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Long reports in few writes, and none of them whole in memory.
const BUFFER_BYTES: usize = 64 * 1024;

/// The start of a line, indented as deeply as reports ever are.
const LINE: &[u8] = b"\n                                ";

/// Writes a report and ends its last line.
pub(super) fn write(report: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    report.serialize(&mut Serializer::with_formatter(&mut out, Pretty::default()))?;
    out.write_all(b"\n")?;
    out.flush()
}

#[derive(Default)]
struct Pretty {
    level: usize,
    /// Whether the innermost list or object has an entry.
    has_entry: bool,
}

impl Pretty {
    fn line(&self, out: &mut (impl ?Sized + Write)) -> io::Result<()> {
        match LINE.get(..1 + 2 * self.level) {
            Some(line) => out.write_all(line),
            None => {
                out.write_all(b"\n")?;
                (0..self.level).try_for_each(|_| out.write_all(b"  "))
            }
        }
    }

    fn begin(&mut self, bracket: &[u8], out: &mut (impl ?Sized + Write)) -> io::Result<()> {
        self.level += 1;
        self.has_entry = false;
        out.write_all(bracket)
    }

    fn entry(&self, first: bool, out: &mut (impl ?Sized + Write)) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.line(out)
    }

    fn end(&mut self, bracket: &[u8], out: &mut (impl ?Sized + Write)) -> io::Result<()> {
        self.level -= 1;
        if self.has_entry {
            self.line(out)?;
        }
        self.has_entry = true;
        out.write_all(bracket)
    }
}

impl Formatter for Pretty {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(b"[", out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.entry(first, out)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_entry = true;
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(b"]", out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(b"{", out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.entry(first, out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_entry = true;
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(b"}", out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_serde_json_writes() {
        let deep = (0..40).fold(serde_json::json!([]), |inner, _| serde_json::json!({"in": [inner, {}]}));
        let value = serde_json::json!({
            "empty": {}, "none": [], "list": [1, [], [[]], {"a": null}], "text": "a\"b\n\u{e9}", "deep": deep
        });
        let mut written = Vec::new();
        write(&value, &mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string_pretty(&value).unwrap() + "\n");
    }
}
