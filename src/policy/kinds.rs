//! The values of the keys in a policy file.

use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::PolicyDiagnostics;
use super::read::{FromText, OneOrMore, ReadValue, ValueError};
use crate::rule::policy::{
    Date, DestinationRange, DestinationRangeError, ExemptionId, ExemptionReason, Glob, InvalidDateError, Owner,
    PortRange, TagCondition,
};
use crate::rule::{Preset, Protocol, Setting, Treatment};
use crate::security_group::ResourceType;

impl FromText for Preset {
    const EXPECTED: &'static str = "a preset";
    const EXAMPLE: &'static str = "literal";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        text.parse().map_err(|_| ValueError::none_of(text, &Self::ALL.map(Self::name)))
    }
}

impl FromText for Treatment {
    const EXPECTED: &'static str = "allow or block";
    const EXAMPLE: &'static str = "block";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        let known = [Self::Allow, Self::Block];
        known
            .into_iter()
            .find(|treatment| treatment.name() == text)
            .ok_or_else(|| ValueError::none_of(text, &known.map(Self::name)))
    }
}

impl FromText for ResourceType {
    const EXPECTED: &'static str = "a resource type";
    const EXAMPLE: &'static str = "AWS::EC2::SecurityGroup";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        Self::from_name(text).ok_or_else(|| ValueError::none_of(text, &Self::ALL.map(Self::name)))
    }
}

impl FromText for ExemptionId {
    const EXPECTED: &'static str = "a short name";
    const EXAMPLE: &'static str = "lb-bridge-mode";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        text.parse().map_err(ValueError::new)
    }
}

impl FromText for ExemptionReason {
    const EXPECTED: &'static str = "the reason for it";
    const EXAMPLE: &'static str = "the load balancer reaches containers on ephemeral host ports";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        text.parse().map_err(ValueError::new)
    }
}

impl FromText for Owner {
    const EXPECTED: &'static str = "the owner or contact";
    const EXAMPLE: &'static str = "platform@example.com";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        text.parse().map_err(ValueError::new)
    }
}

impl FromText for Protocol {
    const EXPECTED: &'static str = "tcp, udp, icmp, icmpv6, -1, or a protocol number, in quotes";
    const EXAMPLE: &'static str = "tcp";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        match Self::from_text(text) {
            known if text.trim() == text && !matches!(known, Self::Unrecognized(_) | Self::Unknown(_)) => Ok(known),
            _ => Err(ValueError::new("not a protocol that EC2 recognizes")),
        }
    }
}

impl FromText for PortRange {
    const EXPECTED: &'static str = "the first and the last port";
    const EXAMPLE: &'static str = "32768-65535";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        text.parse().map_err(ValueError::new)
    }
}

impl FromText for DestinationRange {
    const EXPECTED: &'static str = "a CIDR block, or the ID of a prefix list (pl-…) or security group (sg-…)";
    const EXAMPLE: &'static str = "10.0.0.0/16";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        text.parse().map_err(|error| ValueError {
            help: match &error {
                DestinationRangeError::HostBits(network) => Some(format!("write \"{network}\"")),
                DestinationRangeError::NotADestination | DestinationRangeError::Id(_) => None,
            },
            ..ValueError::new(error)
        })
    }
}

/// A day, as a TOML date or as text.
impl ReadValue for Date {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        let date = match value.get_ref() {
            DeValue::String(text) => {
                text.parse().map_err(|error: InvalidDateError| (format!("\"{text}\""), error.to_string()))
            }
            DeValue::Datetime(written) => match (written.date, written.time, written.offset) {
                (Some(date), None, None) => Self::new(date.year, date.month, date.day)
                    .ok_or_else(|| (written.to_string(), InvalidDateError.to_string())),
                _ => Err((written.to_string(), "not a date without a time".to_owned())),
            },
            _ => {
                problems.wrong_kind::<Self>(value, key, "a day");
                return None;
            }
        };
        match date {
            Ok(date) => Some(date),
            Err((written, problem)) => {
                let help = format!("write the last day on which it applies (UTC), such as {}", Self::example());
                let written = crate::rule::excerpt(&written, 40);
                problems.add(value.span(), format!("`{key}` is {written}, {problem}"), help);
                None
            }
        }
    }

    fn example() -> String {
        "2027-06-30".to_owned()
    }
}

/// A number of days: `max_days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days(pub(super) u32);

impl Days {
    /// Ten years: nobody plans further ahead.
    pub(super) const MAX: u32 = 3_650;
}

impl ReadValue for Days {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        let DeValue::Integer(number) = value.get_ref() else {
            problems.wrong_kind::<Self>(value, key, "a number of days");
            return None;
        };
        let days = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let days = days.filter(|days| (1..=Self::MAX).contains(days));
        if days.is_none() {
            let written = crate::rule::excerpt(number.as_str(), 40);
            let help = format!("write {key} = {}", Self::example());
            problems.add(
                value.span(),
                format!("`{key}` is {written}, not a number of days from 1 to {}", Self::MAX),
                help,
            );
        }
        days.map(Self)
    }

    fn example() -> String {
        "365".to_owned()
    }
}

/// Globs, one type for each kind: its meaning, the characters that can match, and its example.
macro_rules! globs {
    ($( $(#[$doc:meta])* $name:ident: $expected:literal, $example:literal, $fits:expr; )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(super) struct $name(pub(super) Glob);

        impl FromText for $name {
            const EXPECTED: &'static str = $expected;
            const EXAMPLE: &'static str = $example;

            fn from_text(text: &str) -> Result<Self, ValueError> {
                let glob: Glob = text.parse().map_err(ValueError::new)?;
                let fits: fn(&Glob) -> bool = $fits;
                if glob.is_any() {
                    Err(ValueError {
                        help: Some(format!("remove it, or write {}, such as {:?}", $expected, $example)),
                        ..ValueError::new("which restricts nothing")
                    })
                } else if fits(&glob) {
                    Ok(Self(glob))
                } else {
                    Err(ValueError::new("which can never match"))
                }
            }
        }
    )* };
}

globs! {
    /// `account`: a number without wildcards has 12 digits.
    Account: "an account's 12 digits, with * and ? for any", "111122223333",
        |glob| of(glob, |c| c.is_ascii_digit()) && (!glob.is_literal() || glob.as_str().len() == 12);
    /// `region`.
    Region: "a Region, with * and ? for any characters", "eu-*",
        |glob| of(glob, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    /// `stack_name` (CloudFormation: letters, digits, and hyphens, at most 128).
    StackName: "a stack's name, with * and ? for any characters", "lb-*",
        |glob| of(glob, |c| c.is_ascii_alphanumeric() || c == '-');
    /// `stack_id`.
    StackId: "a stack's ARN, with * and ? for any characters",
        "arn:aws:cloudformation:eu-central-1:111122223333:stack/lb/*",
        |glob| glob.as_str().starts_with("arn:") || glob.as_str().starts_with(['*', '?']);
    /// `logical_id`: for Cloud Control, CloudFormation constructs it, and not only from letters and digits.
    LogicalId: "a logical ID, with * and ? for any characters", "LoadBalancerGroup",
        |glob| !glob.as_str().contains(char::is_whitespace);
}

/// Returns whether all characters of a pattern, except wildcards, are of the given kind.
fn of(glob: &Glob, fits: impl Fn(char) -> bool) -> bool {
    glob.as_str().chars().all(|c| c == '*' || c == '?' || fits(c))
}

/// A glob of tag values: `*` requires only that the tag exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TagValue(Glob);

impl FromText for TagValue {
    const EXPECTED: &'static str = "a tag's value, with * and ? for any characters";
    const EXAMPLE: &'static str = "data-*";

    fn from_text(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(ValueError::new)
    }
}

/// Tags by key: `{ team = "data-*" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tags(pub(super) Vec<TagCondition>);

impl ReadValue for Tags {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            problems.wrong_kind::<Self>(value, key, "a table");
            return None;
        };
        if table.is_empty() {
            problems.add(
                value.span(),
                format!("`{key}` does not name a tag"),
                format!("remove it, or write {key} = {}", Self::example()),
            );
            return None;
        }
        let tag = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            let OneOrMore(values) = OneOrMore::<TagValue>::read(value, key, problems)?;
            Some(TagCondition { key: key.to_string(), values: values.into_iter().map(|value| value.0).collect() })
        };
        let tags: Vec<Option<TagCondition>> = table.iter().map(tag).collect();
        tags.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }

    fn example() -> String {
        "{ team = \"data-*\" }".to_owned()
    }
}

/// Single settings: `[settings]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SettingsTable(pub(super) Vec<(Setting, Treatment)>);

impl ReadValue for SettingsTable {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            problems.wrong_kind::<Self>(value, key, "a table");
            return None;
        };
        let known: Vec<&'static str> = Setting::ALL.iter().map(|setting| setting.name()).collect();
        problems.unknown_keys(table, &known);
        let written = |setting: &Setting| -> Option<Option<(Setting, Treatment)>> {
            let Some(value) = table.get(setting.name()) else { return Some(None) };
            Treatment::read(value, setting.name(), problems).map(|treatment| Some((*setting, treatment)))
        };
        let settings: Vec<Option<_>> = Setting::ALL.iter().map(written).collect();
        Some(Self(settings.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect()))
    }

    fn example() -> String {
        "[settings]".to_owned()
    }
}
