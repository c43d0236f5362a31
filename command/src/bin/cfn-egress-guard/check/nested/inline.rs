//! Maps places in a template that is written inside another one to places in the outer text.

use std::ops::Range;

use cfn_egress_guard_core::source::Span;

/// The lines of a text that is written inside another one.
pub(crate) struct InlineTemplate {
    lines: Vec<InlineLine>,
}

/// A line, and its line in the outer text, if known.
struct InlineLine {
    inner: Range<usize>,
    outer: Option<OuterLine>,
}

/// The start of a line, in bytes and characters, after its indentation.
#[derive(Clone, Copy)]
struct OuterLine {
    offset: usize,
    line: u32,
    indent: usize,
}

impl InlineTemplate {
    /// Returns the lines of `inner`, the value at `span` of `outer`: for a block, line by line. Text with escapes has
    /// no corresponding lines.
    pub(crate) fn of(inner: &str, outer: &str, span: Span) -> Self {
        let written: Vec<(usize, &str)> = lines(outer, span.offset as usize..span.end() as usize);
        let own = lines(inner, 0..inner.len());
        let first = own.iter().position(|(_, line)| !line.trim().is_empty()).unwrap_or_default();
        let content = |line: Option<&(usize, &str)>| line.map(|(_, line)| line.trim().to_owned());
        let start = written.iter().position(|line| content(Some(line)) == content(own.get(first)));
        let lines = own.iter().enumerate().map(|(index, (offset, line))| {
            let written_at = start.and_then(|start| (start + index).checked_sub(first));
            let same = written_at.and_then(|at| Some((at, written.get(at)?)));
            let same = same.filter(|(_, (_, written))| written.trim() == line.trim());
            let outer = same.map(|(at, (offset, written))| OuterLine {
                offset: *offset + indent(written),
                line: span.line + u32::try_from(at).unwrap_or(u32::MAX),
                // The first line starts after the text before the value.
                indent: indent(written) + if at == 0 { span.column as usize - 1 } else { 0 },
            });
            InlineLine { inner: *offset..offset + line.len(), outer }
        });
        Self { lines: lines.collect() }
    }

    /// Returns the place in the outer text, or nothing if it is unknown.
    pub(crate) fn outer(&self, inner: &str, span: Span) -> Option<Span> {
        let line = self.lines.get((span.line as usize).checked_sub(1)?)?;
        let outer = line.outer?;
        let text = inner.get(line.inner.clone())?;
        let before = (span.offset as usize).checked_sub(line.inner.start + indent(text))?;
        let rest = line.inner.end.checked_sub(span.offset as usize)?;
        Some(Span {
            offset: u32::try_from(outer.offset + before).ok()?,
            length: span.length.min(u32::try_from(rest).ok()?),
            line: outer.line,
            column: (span.column + u32::try_from(outer.indent).ok()?).checked_sub(u32::try_from(indent(text)).ok()?)?,
        })
    }
}

/// Returns the lines of a part of a text, each with its byte offset.
fn lines(text: &str, part: Range<usize>) -> Vec<(usize, &str)> {
    let mut start = part.start;
    let lines = text.get(part).unwrap_or_default().split_inclusive('\n').map(|line| {
        let at = start;
        start += line.len();
        (at, line.trim_end_matches(['\n', '\r']))
    });
    lines.collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_block_are_found_in_the_text_around() {
        let outer = "a: 1\nbody: |\n    Resources:\n\n      é: {To: 87}\n    b: 2\n";
        let inner = "Resources:\n\n  é: {To: 87}\nb: 2\n";
        let start = outer.find('|').unwrap();
        let inline = InlineTemplate::of(inner, outer, Span::of(outer, start..outer.len()));
        for word in ["Resources", "87", "To", "é", "b"] {
            let at = inner.find(word).unwrap();
            let found = inline.outer(inner, Span::of(inner, at..at + word.len())).unwrap();
            let expected = outer.rfind(word).unwrap();
            assert_eq!(found, Span::of(outer, expected..expected + word.len()), "{word}");
        }
    }

    #[test]
    fn text_with_escapes_has_no_lines_of_its_own() {
        let outer = "body: \"Resources:\\n  A: 1\\n\"\n";
        let inline = InlineTemplate::of("Resources:\n  A: 1\n", outer, Span::of(outer, 6..outer.len() - 1));
        assert_eq!(inline.outer("Resources:\n  A: 1\n", Span::of("Resources:\n  A: 1\n", 13..14)), None);
        let json = "{\"body\": \"{}\"}";
        let inline = InlineTemplate::of("{}", json, Span::of(json, 9..13));
        assert_eq!(inline.outer("{}", Span::of("{}", 0..2)), None);
    }
}
