//! A message with a headline and lines below it, within a maximum length.

use super::and_more;
use crate::excerpt::excerpt;

/// The maximum length of a message, in characters, that no reader truncates: CloudFormation keeps 4,096, Cloud Control
/// and the API's `HookStatusReason` 1,024.
pub const MESSAGE_CHARS: usize = 1_024;

/// More lines than such a message can have: each has at least nine characters.
pub(crate) const MAX_MESSAGE_LINES: usize = 128;

/// Joins a headline and the lines below it within a number of characters: whole lines while they fit, then the number
/// of lines left out. `all` is the total number of lines.
#[must_use]
pub fn headed(headline: &str, lines: &[String], all: usize, max: usize) -> String {
    let mut message = excerpt(headline, max.saturating_sub(1));
    let mut length = message.chars().count();
    for (position, line) in lines.iter().enumerate() {
        let left = all.saturating_sub(position);
        let reserve = if left > 1 { and_more(left - 1).chars().count() + 1 } else { 0 };
        let line_chars = line.chars().count() + 3;
        if length + line_chars + reserve <= max {
            message.push_str("\n- ");
            message.push_str(line);
            length += line_chars;
            continue;
        }
        // A shortened first line is better than none.
        if position == 0 {
            let room = max.saturating_sub(length + reserve + 4);
            message.push_str("\n- ");
            message.push_str(&excerpt(line, room));
        }
        let rest = if position == 0 { left - 1 } else { left };
        if rest > 0 {
            message.push('\n');
            message.push_str(&and_more(rest));
        }
        break;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1_024;

    #[test]
    fn whole_lines_while_they_fit_then_how_many_more() {
        for count in 0..40 {
            for width in [1, 10, 90, 300, 990, 2_000] {
                let lines: Vec<String> = (0..count).map(|_| "x".repeat(width)).collect();
                let text = headed("headline", &lines, lines.len(), MAX);
                assert!(text.chars().count() <= MAX, "{count} lines of {width}");
                let shown = text.lines().filter(|line| line.starts_with("- ")).count();
                let rest = text.lines().find_map(|line| line.strip_prefix("… and ")?.split(' ').next()?.parse().ok());
                assert_eq!(shown + rest.unwrap_or(0), count, "{count} lines of {width}:\n{text}");
                assert!(shown > 0 || count == 0, "the first line is always shown");
            }
        }
    }

    #[test]
    fn no_line_that_fits_is_left_out() {
        for count in 1..30 {
            for width in 20..200 {
                let lines: Vec<String> = (0..count).map(|_| "x".repeat(width)).collect();
                let text = headed("headline", &lines, lines.len(), MAX);
                let shown = text.lines().filter(|line| line.starts_with("- ")).count();
                let chars = |shown: usize| {
                    let rest = if shown < count { and_more(count - shown).chars().count() + 1 } else { 0 };
                    "headline".len() + shown * (width + 3) + rest
                };
                let most = (0..=count).rev().find(|shown| chars(*shown) <= MAX);
                assert_eq!(Some(shown), most, "{count} lines of {width}");
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        let text = headed("headline", &["é".repeat(5_000), "b".to_owned()], 2, MAX);
        assert_eq!(text.chars().count(), MAX);
        assert!(text.ends_with("…\n… and 1 more."));
    }
}
