//! Converts TOML values to typed ones. Each mistake is recorded at its place, and reading continues.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{PolicyDiagnostics, nearest};
use crate::rule::excerpt;

/// The number of characters shown of a written value.
const SHOWN_CHARS: usize = 64;

/// A type that a key's value can be read as.
pub(super) trait ReadValue: Sized {
    /// Reads the value of a key. An implementation that returns `None` has recorded the reason.
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self>;

    /// Returns the value of a missing key, if the key is optional.
    fn absent() -> Option<Self> {
        None
    }

    /// Returns an example of a value, as TOML.
    fn example() -> String;
}

/// A type that is written as text.
pub(super) trait FromText: Sized {
    /// The expected value, in words that follow "write".
    const EXPECTED: &'static str;
    /// An example of a value.
    const EXAMPLE: &'static str;

    /// Parses a text.
    fn from_text(text: &str) -> Result<Self, ValueError>;
}

/// The reason why a text is not a valid value.
pub(super) struct ValueError {
    /// The problem, in words that follow `` `key` is "text"``.
    pub problem: String,
    /// What to write instead, if it is more specific than `EXPECTED`.
    pub help: Option<String>,
}

impl ValueError {
    pub(super) fn new(problem: impl std::fmt::Display) -> Self {
        Self { problem: format!(", {problem}"), help: None }
    }

    /// Returns the error for a text that is not one of the known names.
    pub(super) fn none_of(text: &str, known: &[&str]) -> Self {
        let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        let help = match nearest(text, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("write one of {}", names.join(", ")),
        };
        Self { problem: ", which is not a known value".to_owned(), help: Some(help) }
    }
}

impl<T: FromText> ReadValue for T {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        let DeValue::String(text) = value.get_ref() else {
            problems.wrong_kind::<Self>(value, key, "text");
            return None;
        };
        match Self::from_text(text) {
            Ok(value) => Some(value),
            Err(refusal) => {
                let message = format!("`{key}` is \"{}\"{}", excerpt(text, SHOWN_CHARS), refusal.problem);
                let help =
                    refusal.help.unwrap_or_else(|| format!("write {}, such as {}", T::EXPECTED, Self::example()));
                problems.add(value.span(), message, help);
                None
            }
        }
    }

    fn example() -> String {
        format!("{:?}", T::EXAMPLE)
    }
}

impl<T: ReadValue> ReadValue for Option<T> {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        T::read(value, key, problems).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn example() -> String {
        T::example()
    }
}

/// One value, or a list of at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OneOrMore<T>(pub(super) Vec<T>);

impl<T: FromText> ReadValue for OneOrMore<T> {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        let DeValue::Array(list) = value.get_ref() else {
            return match value.get_ref() {
                DeValue::String(_) => T::read(value, key, problems).map(|one| Self(vec![one])),
                _ => {
                    problems.wrong_kind::<Self>(value, key, "text or a list of texts");
                    None
                }
            };
        };
        if list.is_empty() {
            let help = format!("remove it, or write {}, such as {}", T::EXPECTED, Self::example());
            problems.add(value.span(), format!("`{key}` is an empty list, so nothing can match it"), help);
            return None;
        }
        // Reads all of them, so that every mistake is reported.
        let values: Vec<Option<T>> = list.iter().map(|value| T::read(value, key, problems)).collect();
        values.into_iter().collect::<Option<Vec<T>>>().map(Self)
    }

    fn example() -> String {
        <T as ReadValue>::example()
    }
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AtSpan<T> {
    pub(super) at: Range<usize>,
    pub(super) value: T,
}

impl<T: ReadValue> ReadValue for AtSpan<T> {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        T::read(value, key, problems).map(|read| Self { at: value.span(), value: read })
    }

    fn example() -> String {
        T::example()
    }
}

/// A table with known keys.
pub(super) trait ReadTable: Sized {
    /// Reads a table. Missing keys are reported at `at`.
    fn read_table(table: &DeTable<'_>, at: Range<usize>, problems: &mut PolicyDiagnostics<'_>) -> Option<Self>;
}

/// Any number of tables with the same keys: `[[key]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tables<T>(pub(super) Vec<T>);

impl<T: ReadTable> ReadValue for Tables<T> {
    fn read(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Self> {
        let DeValue::Array(list) = value.get_ref() else {
            problems.wrong_kind::<Self>(value, key, "a list of tables");
            return None;
        };
        let read = |entry: &Spanned<DeValue<'_>>| match entry.get_ref() {
            DeValue::Table(table) => T::read_table(table, entry.span(), problems),
            _ => {
                problems.wrong_kind::<Self>(entry, key, "a table");
                None
            }
        };
        let tables: Vec<Option<T>> = list.iter().map(read).collect();
        tables.into_iter().collect::<Option<Vec<T>>>().map(Self)
    }

    fn example() -> String {
        "[[exemption]]".to_owned()
    }
}

impl PolicyDiagnostics<'_> {
    /// Records a value of the wrong kind.
    pub(super) fn wrong_kind<T: ReadValue>(&mut self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let example = T::example();
        let help =
            if example.starts_with('[') { format!("write {example}") } else { format!("write {key} = {example}") };
        self.add(value.span(), format!("`{key}` is {found}, not {wanted}"), help);
    }

    /// Records the unknown keys of a table.
    pub(super) fn unknown_keys(&mut self, table: &DeTable<'_>, known: &[&'static str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let message = format!("unknown key `{}`", excerpt(key.get_ref(), SHOWN_CHARS));
            let help = match nearest(key.get_ref(), known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the known keys are {}", known.join(", ")),
            };
            self.add(key.span(), message, help);
        }
    }
}

/// Reads the value of one key.
pub(super) fn field<T: ReadValue>(
    table: &DeTable<'_>,
    key: &'static str,
    at: &Range<usize>,
    problems: &mut PolicyDiagnostics<'_>,
) -> Option<T> {
    match table.get(key) {
        Some(value) => T::read(value, key, problems),
        None => T::absent().or_else(|| {
            problems.add(at.clone(), format!("`{key}` is missing"), format!("add {key} = {}", T::example()));
            None
        }),
    }
}

/// Defines a table of the file. Its keys are the fields, each read as its type.
macro_rules! table {
    ($(#[$about:meta])* struct $name:ident { $( $(#[$doc:meta])* $field:ident: $type:ty, )* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "schema", schemars(deny_unknown_fields, transform = $crate::policy::nullable::without_null))]
        pub(crate) struct $name { $( $(#[$doc])* pub(super) $field: $type, )* }

        impl $crate::policy::read::ReadTable for $name {
            fn read_table(
                table: &toml::de::DeTable<'_>,
                at: std::ops::Range<usize>,
                problems: &mut $crate::policy::diagnostic::PolicyDiagnostics<'_>,
            ) -> Option<Self> {
                problems.unknown_keys(table, &[$( stringify!($field), )*]);
                $( let $field = $crate::policy::read::field(table, stringify!($field), &at, problems); )*
                Some(Self { $( $field: $field?, )* })
            }
        }
    };
}
pub(super) use table;
