//! The exemption that covers a finding: its name, reason, owner, and last day.

use std::fmt;
use std::str::FromStr;

use super::date::Date;
use crate::excerpt::excerpt;

/// The number of days before its end from which an exemption produces a warning.
pub const WARNING_DAYS: i64 = 30;

/// The name of an exemption: 1 to 64 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExemptionId(String);

impl ExemptionId {
    /// The maximum length of an id. Ids appear in short messages.
    pub(crate) const MAX_CHARS: usize = 64;

    /// Returns the id as written in the policy file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExemptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The error for a text that is not an [`ExemptionId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidIdError;

impl fmt::Display for InvalidIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not 1 to {} lowercase letters, digits, and hyphens", ExemptionId::MAX_CHARS)
    }
}

impl std::error::Error for InvalidIdError {}

impl FromStr for ExemptionId {
    type Err = InvalidIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidIdError) }
    }
}

/// One line of printable text, 1 to `MAX` characters. Messages contain it in full.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line<const MAX: usize>(String);

/// The reason for an exemption.
pub type ExemptionReason = Line<160>;
/// The owner of an exemption: a team, a person, or an address.
pub type Owner = Line<80>;

impl<const MAX: usize> Line<MAX> {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Line<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The error for a text that is not a [`Line`]; contains the maximum length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidLineError(usize);

impl fmt::Display for InvalidLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not one line of 1 to {} printable characters", self.0)
    }
}

impl std::error::Error for InvalidLineError {}

impl<const MAX: usize> FromStr for Line<MAX> {
    type Err = InvalidLineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() || excerpt(text, MAX) != text {
            Err(InvalidLineError(MAX))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// An exemption that covers a finding, in its state on the day of the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedExemption {
    /// The exemption's name in the policy file, unique there.
    pub id: ExemptionId,
    /// The reason for the exemption.
    pub reason: ExemptionReason,
    /// The owner of the exemption.
    pub owner: Owner,
    /// The last day on which it applies.
    pub expires: Date,
    /// The number of days it still applies after today: 0 on its last day, negative after it has expired.
    pub days_left: i64,
}

impl AppliedExemption {
    /// Returns whether the exemption applies today.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.days_left >= 0
    }

    /// Returns whether the exemption applies today but expires soon, so that its owner should act.
    #[must_use]
    pub(crate) const fn expires_soon(&self) -> bool {
        self.is_active() && self.days_left <= WARNING_DAYS
    }
}
