//! Echoing what a template's author wrote: short, on one line, without anything that could forge or
//! hide text in a log, a terminal or a console.

/// At most `max` characters of a text, control and direction-changing characters replaced by spaces,
/// with `…` behind it where it was cut.
#[must_use]
pub fn excerpt(text: &str, max: usize) -> String {
    // Nearly all of it: short and plain.
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(max).map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
    if text.chars().nth(max).is_some() {
        shown.push('…');
    }
    shown
}

/// Control characters, line and paragraph separators, zero-width and bidirectional controls
/// (Unicode Technical Report 36, "visual spoofing").
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_stay_on_one_line() {
        assert_eq!(excerpt("443", 32), "443");
        assert_eq!(excerpt("abcdef", 3), "abc…");
        assert_eq!(excerpt("a\nb\tc\u{1b}[31m\u{202e}d", 32), "a b c [31m d");
        assert_eq!(excerpt("ééé", 2), "éé…");
    }
}
