//! Excerpts of text from a template's author: short, on one line, without characters that could forge or hide text in a
//! log, a terminal, or a console.

/// Returns at most `max` characters of a text. Control and direction-changing characters become spaces; `…` marks a
/// cut.
#[must_use]
pub fn excerpt(text: &str, max: usize) -> String {
    // The common case: short and plain.
    if text.len() <= max && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(max).map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
    if text.chars().nth(max).is_some() {
        shown.push('…');
    }
    shown
}

/// Returns whether this is a control character, a line or paragraph separator, or a zero-width, tag, or bidirectional
/// control (Unicode Technical Report 36, "visual spoofing").
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
        assert_eq!(excerpt("a\u{61c}b\u{ad}c\u{e0041}", 32), "a b c ");
    }
}
