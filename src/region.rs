//! The form of a Region's name. A name does not have to be a known one, because AWS adds Regions (AWS Regions reference,
//! "AWS Regions").

use std::collections::BTreeSet;

/// An example for messages.
pub const EXAMPLE: &str = "eu-west-1";

/// Returns whether a text has the form of a Region's name: `eu-central-1`, `us-gov-west-1`, `eusc-de-east-1`.
///
/// ```
/// use cfn_egress_guard_core::region;
/// assert!(region::is_name("ap-southeast-2"));
/// assert!(!region::is_name("eu-west1"));
/// ```
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.contains(['*', '?']) && some_match(text)
}

/// Returns whether a name of this form exists that matches a pattern with `*` and `?`.
#[must_use]
pub(crate) fn some_match(pattern: &str) -> bool {
    let mut reached = BTreeSet::from([NamePart::Word { number: 1, letters: 0 }]);
    for c in pattern.chars() {
        reached = match c {
            '*' => {
                let mut all = reached;
                loop {
                    let more: BTreeSet<NamePart> = all.iter().flat_map(|part| part.any()).collect();
                    let known = all.len();
                    all.extend(more);
                    if all.len() == known {
                        break all;
                    }
                }
            }
            '?' => reached.iter().flat_map(|part| part.any()).collect(),
            c => reached.iter().filter_map(|part| part.after(c)).collect(),
        };
    }
    reached.iter().any(|part| matches!(part, NamePart::Number { .. }))
}

/// The part of a name that has been read so far: two to four words of letters, then a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NamePart {
    Word { number: u8, letters: u8 },
    Number { digits: u8 },
}

impl NamePart {
    fn after(self, c: char) -> Option<Self> {
        match (self, c) {
            (Self::Word { number: number @ 1..=4, letters: letters @ 0..12 }, 'a'..='z') => {
                Some(Self::Word { number, letters: letters + 1 })
            }
            (Self::Word { number: number @ 1..=4, letters: 2.. }, '-') => {
                Some(Self::Word { number: number + 1, letters: 0 })
            }
            (Self::Word { number: 3.., letters: 0 }, '0'..='9') => Some(Self::Number { digits: 1 }),
            (Self::Number { digits: 1 }, '0'..='9') => Some(Self::Number { digits: 2 }),
            _ => None,
        }
    }

    /// Returns the parts after any one character.
    fn any(self) -> impl Iterator<Item = Self> {
        ['a', '-', '0'].into_iter().filter_map(move |c| self.after(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_words_and_a_number() {
        for name in ["eu-west-1", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1", "ap-southeast-10"] {
            assert!(is_name(name), "{name}");
        }
        for other in [
            "",
            "mars-1",
            "eu-west1",
            "eu-west",
            "eu-west-",
            "eu-west-x",
            "EU-WEST-1",
            "u-east-1",
            "eu--west-1",
            "us-ea5t-1",
            "us-east-123",
            "us-abcdefghijklm-1",
            "us-aa-bb-cc-dd-1",
            "-west-1",
            "eu-west-1a",
            "eu-west-1-1",
            "eu-west-*",
            "eu-west-?",
        ] {
            assert!(!is_name(other), "{other}");
        }
    }

    #[test]
    fn a_pattern_matches_some_name_or_none() {
        for some in ["*", "eu-*", "eu-west-?", "*-1", "e?-w?st-?", "*gov*", "??-*-1*", "eu-west-1*", "eu*1", "???????"]
        {
            assert!(some_match(some), "{some}");
        }
        for none in ["mars-?", "eu-west1*", "eu_*", "*--*", "*1-*", "*-", "-*", "1*", "??????", "*123", "*-1a*"] {
            assert!(!some_match(none), "{none}");
        }
    }
}
