//! Wraps lines to the terminal's width, only between words.

/// Breaks a text at spaces into lines of at most `width` characters, or longer if a single word is; indents every line
/// but the first.
pub(super) fn wrapped(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width.filter(|width| text.chars().count() > *width) else { return text.to_owned() };
    let mut wrapped = String::with_capacity(text.len() + 16);
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if !wrapped.is_empty() && column + 1 + length > width {
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if !wrapped.is_empty() {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

/// Returns the part of a line that fits, up to the end of a word, or nothing if that would cut the marked part.
pub(super) fn fitting(line: &str, width: usize, seen_up_to: usize) -> Option<&str> {
    if line.chars().count() <= width {
        return Some(line);
    }
    let (at, _) = line.char_indices().nth(width.saturating_sub(1))?;
    let fits = line.get(..at)?;
    let end = fits.rfind(' ')?;
    let fits = fits.get(..end)?.trim_end();
    (fits.len() >= seen_up_to).then_some(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", Some(8), 2), "one two\n  three");
        assert_eq!(wrapped("one two three", None, 2), "one two three");
        assert_eq!(wrapped("a-word-that-is-too-long b", Some(8), 0), "a-word-that-is-too-long\nb");
        assert_eq!(wrapped("", Some(1), 0), "");
    }

    #[test]
    fn what_is_cut_off_ends_with_a_word() {
        assert_eq!(fitting("ToPort: 8999 # as before", 16, 12), Some("ToPort: 8999 #"));
        assert_eq!(fitting("ToPort: 8999 # as before", 16, 20), None);
        assert_eq!(fitting("ToPort: 8999", 16, 12), Some("ToPort: 8999"));
        assert_eq!(fitting("one-long-word-without-an-end", 16, 2), None);
    }
}
