//! The policy file: parses TOML into a [`Policy`], or reports what is wrong and where.
//!
//! It reports every mistake at once, each with its line, its column, and what to write instead. Nothing is guessed: an
//! unknown key, an invalid date, or an exemption that covers everything or nothing is an error.
//!
//! This module opens no files and has no clock; `rule::policy` defines the meaning of a policy.

mod diagnostic;
mod file;
mod kinds;
#[cfg(feature = "schema")]
mod nullable;
mod read;
#[cfg(feature = "schema")]
mod schema;

pub use diagnostic::{PolicyDiagnostic, PolicyError};

use toml::de::DeTable;

use crate::rule::policy::Policy;
use diagnostic::PolicyDiagnostics;
use read::ReadTable as _;

/// The name of the policy file beside the programs and in a repository.
pub const FILE_NAME: &str = "policy.toml";

/// The maximum length of a policy in bytes: more than 5,000 exemptions with all conditions, of 700 bytes each.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Returns the JSON Schema of the policy file.
#[cfg(feature = "schema")]
#[must_use]
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(file::PolicyFile)
}

/// Parses a policy.
///
/// ```
/// let policy = cfn_egress_guard_core::policy::parse(r#"
///     preset = "effective"
///
///     [[exemption]]
///     id = "lb-bridge-mode"
///     reason = "the load balancer reaches containers on ephemeral host ports"
///     owner = "platform@example.com"
///     expires = 2027-06-30
///     account = "111122223333"
///     ports = "32768-65535"
/// "#).unwrap();
/// assert_eq!(policy.exemptions.len(), 1);
///
/// let error = cfn_egress_guard_core::policy::parse("preset = 'efective'").unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 10: `preset` is \"efective\", which is not a known value: did you mean `effective`?");
/// ```
///
/// # Errors
/// Returns every mistake in the text, in the order of the lines.
pub fn parse(text: &str) -> Result<Policy, PolicyError> {
    let mut problems = PolicyDiagnostics::new(text);
    let policy = read_policy(text, &mut problems);
    match problems.into_error() {
        Some(error) => Err(error),
        // Without a mistake, there is a policy.
        None => Ok(policy.unwrap_or_default()),
    }
}

fn read_policy(text: &str, problems: &mut PolicyDiagnostics<'_>) -> Option<Policy> {
    if text.len() > MAX_BYTES {
        problems.add(
            0..0,
            format!("the policy is larger than {} MiB", MAX_BYTES / (1024 * 1024)),
            "remove exemptions that have expired",
        );
        return None;
    }
    match DeTable::parse(text) {
        Ok(root) => Some(file::PolicyFile::read_table(root.get_ref(), 0..0, problems)?.into_policy(problems)),
        Err(error) => {
            problems.add(error.span().unwrap_or(0..0), format!("this is not valid TOML: {}", error.message()), "");
            None
        }
    }
}

#[cfg(test)]
mod tests;
