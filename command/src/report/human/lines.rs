//! Lines that fit a terminal, if there is one.

use crate::wrapping;

/// Breaks a text at spaces into lines of at most `width` characters; indents every line but the first.
pub(super) fn wrapped(text: &str, width: Option<usize>, indent: usize) -> String {
    width.map_or_else(|| text.to_owned(), |width| wrapping::wrapped(text, width, indent))
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
    fn what_is_cut_off_ends_with_a_word() {
        assert_eq!(fitting("ToPort: 8999 # as before", 16, 12), Some("ToPort: 8999 #"));
        assert_eq!(fitting("ToPort: 8999 # as before", 16, 20), None);
        assert_eq!(fitting("ToPort: 8999", 16, 12), Some("ToPort: 8999"));
        assert_eq!(fitting("one-long-word-without-an-end", 16, 2), None);
    }
}
