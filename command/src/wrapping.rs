//! Wraps lines to a width, only between words.

/// Breaks a line at spaces into lines of at most `width` columns, or longer if a single word is. Each part has the
/// line's indentation; all but the first have `hanging` more columns. Colors take no columns.
#[must_use]
pub fn wrapped(line: &str, width: usize, hanging: usize) -> String {
    if columns(line) <= width {
        return line.to_owned();
    }
    let text = line.trim_start_matches(' ');
    let first = (line.len() - text.len()).min(width / 2);
    let indent = first + hanging;
    let mut wrapped = String::with_capacity(line.len() + 16);
    wrapped.extend(std::iter::repeat_n(' ', first));
    let (mut column, mut gap, mut is_start) = (first, 0, true);
    for (index, word) in text.split(' ').enumerate() {
        gap += usize::from(index > 0);
        if word.is_empty() {
            continue;
        }
        let length = columns(word);
        if !is_start && column + gap + length > width {
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            wrapped.extend(std::iter::repeat_n(' ', gap));
            column += gap;
        }
        (gap, is_start) = (0, false);
        wrapped.push_str(word);
        column += length;
    }
    wrapped
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

    #[test]
    fn lines_are_broken_between_words() {
        for (line, width, hanging, expected) in [
            ("one two three", 8, 0, "one two\nthree"),
            ("one two three", 8, 2, "one two\n  three"),
            ("one two three", 13, 2, "one two three"),
            ("  a long  line", 8, 0, "  a long\n  line"),
            ("a-word-that-is-too-long b", 8, 0, "a-word-that-is-too-long\nb"),
            ("a-word-that-is-too-long b", 8, 2, "a-word-that-is-too-long\n  b"),
            ("\u{1b}[31mone\u{1b}[0m two three", 8, 0, "\u{1b}[31mone\u{1b}[0m two\nthree"),
            ("a  b", 8, 0, "a  b"),
            ("", 1, 0, ""),
            ("a b", 0, 0, "a\nb"),
        ] {
            assert_eq!(wrapped(line, width, hanging), expected, "{line:?} {width} {hanging}");
        }
    }
}
