//! Anchored globs: `*` matches any number of characters, `?` matches one, all other characters match themselves.

use std::fmt;
use std::str::FromStr;

/// A pattern that must match the whole text. It is case-sensitive and has no escape character.
///
/// ```
/// use cfn_egress_guard_core::rule::policy::Glob;
/// let stacks: Glob = "lb-*".parse().unwrap();
/// assert!(stacks.matches("lb-prod"));
/// assert!(!stacks.matches("my-lb-prod"), "globs are anchored");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Glob(String);

/// The reason why a text is not a [`Glob`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobError {
    /// It is empty, so it matches only the empty text.
    Empty,
    /// It is longer than `Glob::MAX_CHARS` characters.
    TooLong,
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::TooLong => write!(f, "longer than {} characters", Glob::MAX_CHARS),
        }
    }
}

impl std::error::Error for GlobError {}

impl Glob {
    /// The maximum length of a pattern. A stack's ARN with a name of 128 characters has about 230.
    pub(crate) const MAX_CHARS: usize = 256;

    /// Returns the pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the pattern matches exactly one text.
    #[must_use]
    pub(crate) fn is_literal(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Returns whether the pattern matches every text.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.chars().all(|c| c == '*')
    }

    /// Returns whether the pattern matches the whole text.
    ///
    /// Takes at most (pattern × text) steps: on a mismatch, only the last `*` takes one more character.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (mut pattern, mut text) = (self.0.chars(), text.chars());
        let mut last_star = None;
        loop {
            match (pattern.clone().next(), text.clone().next()) {
                (Some('*'), _) => {
                    pattern.next();
                    last_star = Some((pattern.clone(), text.clone()));
                }
                (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                    pattern.next();
                    text.next();
                }
                (None, None) => return true,
                (Some(_) | None, Some(_) | None) => {
                    let Some((behind_star, taken)) = last_star.as_mut() else { return false };
                    if taken.next().is_none() {
                        return false;
                    }
                    (pattern, text) = (behind_star.clone(), taken.clone());
                }
            }
        }
    }

    /// Returns whether a text exists that matches both patterns.
    #[must_use]
    pub(crate) fn intersects(&self, other: &Self) -> bool {
        if self.is_literal() {
            return other.matches(&self.0);
        }
        if other.is_literal() {
            return self.matches(&other.0);
        }
        // row[j]: a text exists that matches the characters of this pattern so far and the first j of the other. One
        // row per character of this pattern.
        let others: Vec<char> = other.0.chars().collect();
        let leave_stars = |row: &mut Vec<bool>| {
            for (index, c) in others.iter().enumerate() {
                let left = *c == '*' && row.get(index).copied().unwrap_or(false);
                if let (true, Some(cell)) = (left, row.get_mut(index + 1)) {
                    *cell = true;
                }
            }
        };
        let mut row = vec![false; others.len() + 1];
        if let Some(first) = row.first_mut() {
            *first = true;
        }
        leave_stars(&mut row);
        for c in self.0.chars() {
            let mut next = vec![false; row.len()];
            for (index, cell) in next.iter_mut().enumerate() {
                let at = |index: Option<usize>| index.and_then(|index| row.get(index)).copied().unwrap_or(false);
                let behind = index.checked_sub(1);
                let wanted = behind.and_then(|index| others.get(index)).copied();
                *cell = match (c, wanted) {
                    ('*', _) => at(Some(index)),
                    // One character of this pattern while the other remains at its star.
                    (_, Some('*')) => at(Some(index)),
                    (c, Some(wanted)) => (c == wanted || c == '?' || wanted == '?') && at(behind),
                    (_, None) => false,
                };
            }
            if c == '*' {
                // The star of this pattern matches any character of the other.
                let mut reached = false;
                for cell in &mut next {
                    reached |= *cell;
                    *cell = reached;
                }
            }
            leave_stars(&mut next);
            row = next;
        }
        row.last().copied().unwrap_or(false)
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.chars().count() {
            0 => Err(GlobError::Empty),
            count if count > Self::MAX_CHARS => Err(GlobError::TooLong),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(pattern: &str) -> Glob {
        pattern.parse().unwrap()
    }

    /// Implements the definition by trying everything.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|taken| by_definition(rest, &text[taken..])),
            (['?', rest @ ..], [_, behind @ ..]) => by_definition(rest, behind),
            ([wanted, rest @ ..], [found, behind @ ..]) => wanted == found && by_definition(rest, behind),
            _ => false,
        }
    }

    #[test]
    fn globs_are_anchored_and_tell_letter_case() {
        for (pattern, text, expected) in [
            ("lb-*", "lb-", true),
            ("lb-*", "my-lb-1", false),
            ("*-prod", "lb-prod", true),
            ("*-prod", "lb-prod-2", false),
            ("LB-*", "lb-1", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?c", "aéc", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "aXbXbXc", true),
            ("a.c", "abc", false),
            ("[ab]", "a", false),
        ] {
            assert_eq!(glob(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_text_costs_steps_not_minutes() {
        let pattern = glob(&"*a".repeat(100));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(100_000))));
    }

    #[test]
    fn neither_empty_nor_endless() {
        assert_eq!("".parse::<Glob>(), Err(GlobError::Empty));
        assert_eq!("x".repeat(257).parse::<Glob>(), Err(GlobError::TooLong));
        assert!(glob("**").is_any() && !glob("*?").is_any());
        assert!(glob("a.b").is_literal() && !glob("a?").is_literal());
    }

    proptest! {
        #[test]
        fn matching_is_what_the_definition_says(pattern in "[ab*?]{1,7}", text in "[ab]{0,7}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob(&pattern).matches(&text), by_definition(&chars(&pattern), &chars(&text)));
        }

        /// Texts over {a, b, c} up to the length of both patterns are sufficient: longer ones add no cases.
        #[test]
        fn two_globs_intersect_if_some_text_matches_both(one in "[ab*?]{1,3}", two in "[ab*?]{1,3}") {
            let (first, second) = (glob(&one), glob(&two));
            let mut texts = vec![String::new()];
            for _ in 0..6 {
                let longer: Vec<_> = texts.iter().flat_map(|text| ["a", "b"].map(|c| format!("{text}{c}"))).collect();
                texts.extend(longer);
                texts.sort_unstable();
                texts.dedup();
            }
            let some = texts.iter().any(|text| first.matches(text) && second.matches(text));
            prop_assert_eq!(first.intersects(&second), some, "{} {}", one, two);
            prop_assert_eq!(second.intersects(&first), some, "{} {}", two, one);
        }
    }
}
