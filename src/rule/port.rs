//! A port as an egress rule states it. Only this module decides whether `443`, `"443"`, `443.0`, and `" 443 "` are the
//! same port.

use std::fmt;

use super::number_form::NumberForm;
use crate::excerpt::excerpt;

/// A port number that EC2 accepts: -1 … 65535, where -1 means "all" (EC2 API, `IpPermission`: "for TCP or UDP … the
/// start of the port range; if ICMP, the type number; -1 indicates all").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortNumber(i32);

impl PortNumber {
    /// The smallest value that EC2 accepts: "all".
    pub(crate) const MIN: i64 = -1;
    /// The largest 16-bit number, the highest port of TCP and UDP.
    pub const MAX: i64 = 65_535;
    /// All ports, or all ICMP types or codes.
    pub const ALL: Self = Self(-1);

    /// Returns the port number, if it is within -1 … 65535.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        // INVARIANT: the inner number is within MIN ..= MAX.
        (Self::MIN..=Self::MAX).contains(&number).then(|| i32::try_from(number).ok().map(Self)).flatten()
    }

    /// Returns the number, -1 … 65535.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for PortNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value that is unknown where the rule is checked: a reference that only AWS can resolve.
///
/// It is boxed because few values are unknown, and every value that can be unknown would otherwise be this large.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unknown(Box<UnknownFacts>);

/// The content of an [`Unknown`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnknownFacts {
    /// The identity of the unknown value. Two unknowns with the same identity have the same value (`!Ref Port` twice);
    /// an unknown without one equals nothing, not even itself.
    pub identity: Option<String>,
    /// The value as it appears in the template: `!Ref Port`, `!GetAtt Db.Endpoint.Port`.
    pub shown_as: String,
    /// The reason why it is unknown, in words that complete the sentence "its value is not known: …", for example
    /// "parameter `Port` has no default and no value was given".
    pub why: String,
    /// Whether the value comes from a parameter, so that it is known as soon as the parameter's value is given.
    pub is_from_parameter: bool,
    /// Whether the value is a list, whatever is in it.
    pub is_list: bool,
}

impl std::ops::Deref for Unknown {
    type Target = UnknownFacts;

    fn deref(&self) -> &UnknownFacts {
        &self.0
    }
}

impl Unknown {
    /// Creates an unknown with its identity (if any), its displayed form, and the reason why it is unknown.
    #[must_use]
    pub fn new(identity: Option<String>, shown_as: impl Into<String>, why: impl Into<String>) -> Self {
        let (shown_as, why) = (shown_as.into(), why.into());
        Self(Box::new(UnknownFacts { identity, shown_as, why, is_from_parameter: false, is_list: false }))
    }

    /// Returns the same unknown, marked as the value of a parameter or as a value that depends on one.
    #[must_use]
    pub(crate) fn of_parameter(mut self, is_from_parameter: bool) -> Self {
        self.0.is_from_parameter = is_from_parameter;
        self
    }

    /// Returns the same unknown, marked as a list or as no list.
    #[must_use]
    pub(crate) fn of_list(mut self, is_list: bool) -> Self {
        self.0.is_list = is_list;
        self
    }

    /// Returns the same unknown with a different identity, or with none.
    #[must_use]
    pub(crate) fn with_identity(mut self, identity: Option<String>) -> Self {
        self.0.identity = identity;
        self
    }

    /// Returns the unknown for a text that contains a dynamic reference (`{{resolve:…}}`) or is a change set's
    /// placeholder for an unknown value (source: CloudFormation User Guide, "dynamic references"; `DescribeChangeSet`).
    #[must_use]
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let (identity, why) = if text.contains("{{changeSet:KNOWN_AFTER_APPLY}}") {
            (None, "the change set cannot determine it before it is executed")
        } else if text.contains("{{resolve:") {
            (Some(text.to_owned()), "it is a dynamic reference that CloudFormation resolves")
        } else {
            return None;
        };
        Some(Self::new(identity, excerpt(text, InvalidPort::SHOWN_CHARS), why))
    }

    /// Returns whether both are certainly the same value.
    #[must_use]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.identity.is_some() && self.identity == other.identity
    }
}

/// `FromPort` or `ToPort` of an egress rule: never an optional integer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Port {
    /// An explicit number.
    Known(PortNumber),
    /// A value that only AWS knows.
    Unknown(Unknown),
    /// Missing: no key, `null`, or removed by `AWS::NoValue`.
    Absent,
    /// Present, but not a port.
    Invalid(InvalidPort),
}

/// A value that is not a port, shortened for messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InvalidPort {
    /// The value that was found (`"http"`, `70000`, `a list`), at most [`InvalidPort::SHOWN_CHARS`] characters.
    pub found: String,
    /// The reason why it is not a port.
    pub problem: InvalidPortProblem,
}

/// The reason why a value is not a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvalidPortProblem {
    /// A text that is not a number, a boolean, a list, or an object.
    NotANumber,
    /// A number with a fraction.
    NotAnInteger,
    /// An integer outside -1 … 65535.
    OutOfRange,
    /// `0443`, `0x1bb`, and similar spellings, which YAML 1.1, YAML 1.2, and JSON read differently.
    Ambiguous(NumberForm),
    /// A dynamic reference that CloudFormation does not resolve before it invokes a hook
    /// (`{{resolve:secretsmanager:…}}`, `{{resolve:ssm-secure:…}}`). It is never an explicit port.
    SecretReference,
}

impl InvalidPort {
    /// The number of characters kept. The text comes from the template's author and is only echoed.
    pub const SHOWN_CHARS: usize = 32;

    fn new(found: &str, problem: InvalidPortProblem) -> Self {
        Self { found: excerpt(found, Self::SHOWN_CHARS), problem }
    }
}

impl Port {
    /// Returns the unknown value, if the port is unknown.
    #[must_use]
    pub const fn unknown(&self) -> Option<&Unknown> {
        if let Self::Unknown(unknown) = self { Some(unknown) } else { None }
    }

    /// Returns the port for an integer.
    #[must_use]
    pub(crate) fn from_integer(number: i64) -> Self {
        PortNumber::new(number).map_or_else(
            || Self::Invalid(InvalidPort::new(&number.to_string(), InvalidPortProblem::OutOfRange)),
            Self::Known,
        )
    }

    /// Returns the port for a floating-point number: `443.0` is 443, `443.5` is invalid.
    #[must_use]
    pub(crate) fn from_float(number: f64) -> Self {
        let invalid = |problem| Self::Invalid(InvalidPort::new(&number.to_string(), problem));
        if !number.is_finite() {
            return invalid(InvalidPortProblem::NotANumber);
        }
        if number.fract() != 0.0 {
            return invalid(InvalidPortProblem::NotAnInteger);
        }
        #[expect(clippy::cast_precision_loss, reason = "both bounds are exact in an f64")]
        if number < PortNumber::MIN as f64 || number > PortNumber::MAX as f64 {
            return invalid(InvalidPortProblem::OutOfRange);
        }
        #[expect(clippy::cast_possible_truncation, reason = "an integer within -1 ..= 65535")]
        Self::from_integer(number as i64)
    }

    /// Returns the port for a text. Surrounding white space is removed (EC2 removes it, CloudFormation's parameters do
    /// not); `"443.0"` is 443; numbers that YAML readers interpret differently are invalid.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let invalid = |problem| Self::Invalid(InvalidPort::new(&format!("\"{}\"", text.trim()), problem));
        let trimmed = text.trim();
        if trimmed.contains("{{resolve:secretsmanager:") || trimmed.contains("{{resolve:ssm-secure:") {
            return Self::Invalid(InvalidPort::new("a secret reference", InvalidPortProblem::SecretReference));
        }
        if let Some(unknown) = Unknown::of_text(trimmed) {
            return Self::Unknown(unknown);
        }
        let (sign, digits) = match trimmed.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", trimmed),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let point = digits.contains('.');
        if !all_digits(whole) || (point && !all_digits(fraction)) {
            let prefixed = ["0x", "0X", "0o", "0O", "0b", "0B"].iter().any(|prefix| digits.starts_with(prefix));
            let grouped = all_digits(&digits.replace('_', "")) && digits.starts_with(|c: char| c.is_ascii_digit());
            return invalid(if prefixed || grouped {
                InvalidPortProblem::Ambiguous(NumberForm::of(trimmed))
            } else {
                InvalidPortProblem::NotANumber
            });
        }
        if fraction.bytes().any(|byte| byte != b'0') {
            return invalid(InvalidPortProblem::NotAnInteger);
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return invalid(InvalidPortProblem::Ambiguous(NumberForm::of(trimmed)));
        }
        match format!("{sign}{whole}").parse().ok().and_then(PortNumber::new) {
            Some(number) => Self::Known(number),
            None => invalid(InvalidPortProblem::OutOfRange),
        }
    }

    /// Returns the invalid port for a number, as written, that YAML readers interpret differently.
    #[must_use]
    pub(crate) fn ambiguous(text: &str) -> Self {
        Self::Invalid(InvalidPort::new(&format!("\"{text}\""), InvalidPortProblem::Ambiguous(NumberForm::of(text))))
    }

    /// Returns the invalid port for a value whose kind cannot be a port (`a boolean`, `a list`, `an object`).
    #[must_use]
    pub(crate) fn of_wrong_kind(kind: &str) -> Self {
        Self::Invalid(InvalidPort::new(kind, InvalidPortProblem::NotANumber))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(number) => number.fmt(f),
            Self::Unknown(unknown) => f.write_str(&unknown.shown_as),
            Self::Absent => f.write_str("missing"),
            Self::Invalid(invalid) => f.write_str(&invalid.found),
        }
    }
}
