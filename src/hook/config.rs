//! The configuration of the function.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::sentences;
use crate::policy;
use crate::rule::Preset;
use crate::rule::policy::Policy;

/// The environment variable of the function that chooses the preset and overrides the policy's.
pub const ENV_PRESET: &str = "EGRESS_PRESET";
/// Set (to any value) by rehearsals and tests, but never by template.yaml: documents of STACK and CHANGE_SET
/// invocations may be on the function's machine.
pub const ENV_LOOPBACK_PAYLOADS: &str = "EGRESS_LOOPBACK_PAYLOADS";
/// A file of additional certificates to trust, only when documents may be on the function's machine.
pub const ENV_LOOPBACK_ROOTS: &str = "EGRESS_LOOPBACK_ROOTS";

/// The configuration of the function. With an invalid configuration, every invocation fails closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) policy: Result<Policy, String>,
    pub(super) loopback_payloads: bool,
    origin: PolicyOrigin,
}

/// The origin of a policy, for the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyOrigin {
    sha256: Option<String>,
    is_file: bool,
}

impl PolicyOrigin {
    /// Returns the name of the file beside the program, or `none` if there is no file and the published rule decides.
    #[must_use]
    pub const fn source(&self) -> &'static str {
        if self.is_file { policy::FILE_NAME } else { "none" }
    }

    /// Returns the SHA-256 of the file, in hexadecimal, if the file could be read.
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
    /// Creates a configuration with the given policy, settings, or preset.
    #[must_use]
    pub fn new(policy: impl Into<Policy>) -> Self {
        Self { policy: Ok(policy.into()), loopback_payloads: false, origin: PolicyOrigin::default() }
    }

    /// Creates the configuration from the text of a policy file and `EGRESS_PRESET`. Without either, the published rule
    /// applies; the variable overrides the file's preset.
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

    /// Creates the configuration of a function whose policy file exists but cannot be read.
    #[must_use]
    pub fn unreadable(problem: &str) -> Self {
        Self {
            policy: Err(sentences::broken_configuration(&in_file(&problem))),
            loopback_payloads: false,
            origin: PolicyOrigin { sha256: None, is_file: true },
        }
    }

    /// Allows documents from this machine, only for rehearsals and tests.
    #[must_use]
    pub fn with_loopback_payloads(self) -> Self {
        Self { loopback_payloads: true, ..self }
    }

    /// Returns the origin of the policy.
    #[must_use]
    pub const fn policy_origin(&self) -> &PolicyOrigin {
        &self.origin
    }

    /// Returns the policy.
    ///
    /// # Errors
    /// Returns the problem with the configuration.
    pub fn policy(&self) -> Result<&Policy, &str> {
        self.policy.as_ref().map_err(String::as_str)
    }

    /// Returns the problem with the configuration, if there is one.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.policy().err()
    }
}

fn in_file(problem: &impl std::fmt::Display) -> String {
    format!("{}, {problem}", policy::FILE_NAME)
}
