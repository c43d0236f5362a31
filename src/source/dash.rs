//! A dash that is a value of its own between brackets: `!Join [-, [a, b]]`. YAML 1.1's readers take it, the parser of
//! this crate, which reads YAML 1.2, does not.

use std::collections::HashSet;

use super::narrow;

/// Takes a dash's place in the text that the parser reads: a plain scalar of the same length.
const STAND_IN: &str = "_";

/// The text with a stand-in for each lone dash between brackets, and where they are.
pub(super) fn replaced(text: &str) -> (String, HashSet<u32>) {
    let mut found = HashSet::new();
    let mut depth = 0_usize;
    let mut quote: Option<u8> = None;
    let mut comment = false;
    let bytes = text.as_bytes();
    let at = |index: usize| bytes.get(index).copied();
    let mut before = b'\n';
    for (index, &byte) in bytes.iter().enumerate() {
        let opens = matches!(before, b'[' | b'{' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r');
        match (quote, byte) {
            _ if comment => comment = byte != b'\n',
            // A doubled or escaped quote closes and opens again, which comes to the same.
            (Some(open), _) if byte == open && !(open == b'"' && before == b'\\') => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') if opens => quote = Some(byte),
            (None, b'#') if matches!(before, b' ' | b'\t' | b'\n' | b'\r') => comment = true,
            (None, b'[' | b'{') if opens || depth > 0 => depth += 1,
            (None, b']' | b'}') => depth = depth.saturating_sub(1),
            (None, b'-') if depth > 0 && opens => {
                let behind = bytes.iter().skip(index + 1).find(|byte| !matches!(byte, b' ' | b'\t'));
                if matches!(behind, Some(b',' | b']' | b'}' | b'\n' | b'\r')) && at(index + 1) != Some(b'-') {
                    found.insert(narrow(index));
                }
            }
            (None, _) => {}
        }
        before = if before == b'\\' && byte == b'\\' { b' ' } else { byte };
    }
    let mut patched = String::with_capacity(text.len());
    let mut done = 0;
    let mut places: Vec<u32> = found.iter().copied().collect();
    places.sort_unstable();
    for place in places {
        let place = place as usize;
        patched.push_str(text.get(done..place).unwrap_or_default());
        patched.push_str(STAND_IN);
        done = place + 1;
    }
    patched.push_str(text.get(done..).unwrap_or_default());
    (patched, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_dashes_between_brackets_are_found() {
        for (text, patched) in [
            ("a: !Join [-, [b, c]]", "a: !Join [_, [b, c]]"),
            ("a: [ - , b]", "a: [ _ , b]"),
            ("a: {b: -}", "a: {b: _}"),
            ("a: [b,-]", "a: [b,_]"),
            ("- [a, b]", "- [a, b]"),
            ("a: ['-', \"-\", b-c, -1, - d]", "a: ['-', \"-\", b-c, -1, - d]"),
            ("a: [b] # [-, c]", "a: [b] # [-, c]"),
            ("a:\n  - b\n  -\n    c: 1", "a:\n  - b\n  -\n    c: 1"),
            ("a: [\"b\\\"[-, c\", -]", "a: [\"b\\\"[-, c\", _]"),
        ] {
            assert_eq!(replaced(text).0, patched, "{text}");
        }
    }
}
