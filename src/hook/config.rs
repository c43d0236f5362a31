//! How the function was configured.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::sentences;
use crate::policy;
use crate::rule::Preset;
use crate::rule::policy::Policy;

/// The function's variable that chooses the preset, in place of the policy's.
pub const ENV_PRESET: &str = "EGRESS_PRESET";
/// Set (to anything) by rehearsals and tests, never by template.yaml: documents of STACK and CHANGE_SET
/// invocations may lie on the function's machine.
pub const ENV_LOOPBACK_PAYLOADS: &str = "EGRESS_LOOPBACK_PAYLOADS";
/// A file of further certificates to trust, only where documents may lie on the function's machine.
pub const ENV_LOOPBACK_ROOTS: &str = "EGRESS_LOOPBACK_ROOTS";

/// How the function was configured. A configuration that cannot be used fails every invocation closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) policy: Result<Policy, String>,
    pub(super) loopback_payloads: bool,
    origin: PolicyOrigin,
}

/// Where a policy is from, for the log: it says which one decided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyOrigin {
    sha256: Option<String>,
    is_file: bool,
}

impl PolicyOrigin {
    /// The name of the file beside the program; `none` if there is none, and the published rule decides.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        if self.is_file { policy::FILE_NAME } else { "none" }
    }

    /// The SHA-256 of the file, in hexadecimal, if it could be read.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    fn of_file(text: &str) -> Self {
        let hash = Sha256::digest(text);
        let hex = hash.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Self { sha256: Some(hex), is_file: true }
    }
}

impl Config {
    /// A configuration with the given policy, settings or preset.
    #[must_use]
    pub fn new(policy: impl Into<Policy>) -> Self {
        Self { policy: Ok(policy.into()), loopback_payloads: false, origin: PolicyOrigin::default() }
    }

    /// The configuration that a policy file (its text) and `EGRESS_PRESET` make: without both the
    /// published rule; the variable overrides the file's preset.
    #[must_use]
    pub fn read(file: Option<&str>, preset: Option<&str>) -> Self {
        let policy = file.map_or_else(|| Ok(Policy::default()), policy::parse).map_err(|error| in_file(&error));
        let preset = preset.map(str::parse::<Preset>).transpose().map_err(|error| error.to_string());
        let overridden =
            policy.and_then(|policy| preset.map(|preset| Policy { preset: preset.unwrap_or(policy.preset), ..policy }));
        Self {
            policy: overridden.map_err(|problem| sentences::broken_configuration(&problem)),
            loopback_payloads: false,
            origin: file.map(PolicyOrigin::of_file).unwrap_or_default(),
        }
    }

    /// The configuration of a function whose policy file is there but cannot be read.
    #[must_use]
    pub fn unreadable(problem: &str) -> Self {
        Self {
            policy: Err(sentences::broken_configuration(&in_file(&problem))),
            loopback_payloads: false,
            origin: PolicyOrigin { sha256: None, is_file: true },
        }
    }

    /// This configuration, with documents from this machine allowed: for rehearsals and tests alone.
    #[must_use]
    pub fn with_loopback_payloads(self) -> Self {
        Self { loopback_payloads: true, ..self }
    }

    /// Where its policy is from.
    #[must_use]
    pub const fn policy_origin(&self) -> &PolicyOrigin {
        &self.origin
    }

    /// The policy.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn policy(&self) -> Result<&Policy, &str> {
        self.policy.as_ref().map_err(String::as_str)
    }

    /// What is wrong with the configuration, if anything.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.policy().err()
    }
}

fn in_file(problem: &impl std::fmt::Display) -> String {
    format!("{}, {problem}", policy::FILE_NAME)
}
