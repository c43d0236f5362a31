//! Names with `*` (any text) and `?` (one character), as stack filters have them.

use std::fmt;
use std::str::FromStr;

/// How long a pattern may be: twice what a stack's name may be.
const MAX_CHARS: usize = 256;

/// A pattern for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<char>);

impl Glob {
    /// Whether a name matches as a whole.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut alive = vec![false; self.0.len() + 1];
        if let Some(first) = alive.first_mut() {
            *first = true;
        }
        self.skip_stars(&mut alive);
        for c in name.chars() {
            let mut next = vec![false; alive.len()];
            for (position, wanted) in self.0.iter().enumerate() {
                if alive.get(position) != Some(&true) {
                    continue;
                }
                let to = if *wanted == '*' { position } else { position + 1 };
                if (*wanted == '*' || *wanted == '?' || *wanted == c)
                    && let Some(state) = next.get_mut(to)
                {
                    *state = true;
                }
            }
            self.skip_stars(&mut next);
            alive = next;
        }
        alive.last() == Some(&true)
    }

    fn skip_stars(&self, alive: &mut [bool]) {
        for (position, wanted) in self.0.iter().enumerate() {
            if *wanted == '*'
                && alive.get(position) == Some(&true)
                && let Some(next) = alive.get_mut(position + 1)
            {
                *next = true;
            }
        }
    }
}

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let chars: Vec<char> = text.chars().collect();
        if chars.is_empty() || chars.len() > MAX_CHARS {
            return Err(format!("a name pattern has 1 to {MAX_CHARS} characters"));
        }
        Ok(Self(chars))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{c}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_the_whole_name() {
        for (pattern, name, expected) in [
            ("prod-*", "prod-web", true),
            ("prod-*", "prod-", true),
            ("prod-*", "my-prod-web", false),
            ("*web*", "prod-web-1", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("*", "", true),
            ("**a**", "bab", true),
            ("web", "web", true),
            ("web", "Web", false),
        ] {
            assert_eq!(pattern.parse::<Glob>().unwrap().matches(name), expected, "{pattern} {name}");
        }
        assert!("".parse::<Glob>().is_err());
    }
}
