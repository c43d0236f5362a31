//! The state of enforcement in each Region.

use schemars::JsonSchema;
use serde::Serialize;

use super::gap::{Gap, GapSeverity, HASH_CHARS};
use crate::failure::Failure;

/// Enforcement in one Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatus {
    /// The account, if known.
    pub account: Option<String>,
    pub region: String,
    /// Whether enforcement is on there.
    pub verdict: Enforcement,
    /// The state of the hook.
    pub state: HookState,
    /// The hook's version.
    pub version: Option<String>,
    /// `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// Its target operations.
    pub operations: Vec<String>,
    /// The function that it calls.
    pub function: Option<FunctionStatus>,
    /// The role with which it calls the function.
    pub execution_role: Option<String>,
    /// Whether direct EC2 API calls, which no hook sees, are reported.
    pub direct_calls: Option<DirectCallsStatus>,
    /// The gaps in enforcement.
    #[serde(rename = "holes")] // the name in format 1
    pub gaps: Vec<GapRecord>,
    /// Notes, which are not gaps.
    pub notes: Vec<StatusNote>,
    /// The parts that could not be read, and why.
    pub unread: Vec<Failure>,
}

/// Whether direct EC2 API calls, which no hook sees, are reported. `WatchDirectCalls` of `template.yaml` creates the
/// rule; CloudTrail needs a trail. Parts that could not be read do not change the verdict on enforcement.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectCallsStatus {
    /// Whether the rule and the trail exist and are enabled, as far as could be read.
    pub watched: Option<bool>,
    /// The EventBridge rule that sends the calls to the function.
    pub rule: Option<String>,
    /// Whether the rule is enabled.
    pub rule_enabled: Option<bool>,
    /// The ARN of a trail that logs management events of the Region.
    pub trail: Option<String>,
    /// The parts that could not be read, and why.
    pub unread: Vec<Failure>,
}

/// Whether enforcement is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// It is on, without a gap.
    Enforced,
    /// It has a gap, even if some parts could not be read.
    #[serde(rename = "hole")] // the name in format 1
    Gap,
    /// Unknown: some parts could not be read, which is neither a gap nor a confirmation.
    Unknown,
}

/// The state of the hook in a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookState {
    /// There is no hook.
    Missing,
    /// It is disabled.
    Disabled,
    /// Unknown.
    Unknown,
    /// It allows everything and warns.
    Warning,
    /// It blocks.
    Blocking,
}

/// A gap with its code and its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GapRecord {
    /// A stable code.
    pub code: String,
    /// The severity.
    pub severity: GapSeverity,
    /// The hook, if it is the one for whole templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// A sentence about the gap.
    pub message: String,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusNote {
    /// A stable code.
    pub code: String,
    /// In words.
    pub message: String,
}

/// The function behind a hook. A missing field was not returned or could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunctionStatus {
    /// The function that the hook calls: an ARN, usually with a version or an alias.
    pub arn: String,
    /// The active version.
    pub version: Option<String>,
    /// Lambda's `State`, for example `Active`.
    pub state: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: Option<String>,
    /// The time of the last change, as Lambda writes it.
    pub modified: Option<String>,
    /// The SHA-256 of its zip file in base64, as Lambda returns it.
    pub code_sha256: Option<String>,
    /// The contents of its zip file, if they were read.
    pub contents: Option<PackageDigests>,
    /// Its timeout, in seconds.
    pub timeout_seconds: Option<i32>,
    /// The preset in `EGRESS_PRESET`, if set.
    pub preset: Option<String>,
    /// The guard's name, a dimension of its metrics, if its settings could be read.
    #[serde(skip)]
    pub guard: Option<String>,
    /// The reserved concurrency; nothing if none is reserved.
    pub reserved_concurrency: Option<i32>,
    /// The recent results of its calls.
    pub recent: Option<RecentCalls>,
}

/// The contents of a function's zip file, each as SHA-256 in hexadecimal (`sha256sum`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageDigests {
    /// The program.
    pub bootstrap_sha256: Option<String>,
    /// The policy; without one, the published rule applies.
    pub policy_sha256: Option<String>,
    /// The origin of the policy: its commit, and who set it when, if the zip file contains that (`origin.txt`).
    pub policy_origin: Option<String>,
}

/// The results of a function's calls in the last days, from CloudWatch's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentCalls {
    /// The number of calls.
    pub invocations: u64,
    /// The number of crashes and timeouts.
    pub errors: u64,
    /// The number of calls that Lambda throttled.
    pub throttles: u64,
    /// The number of calls that the function could not decide (`InternalFailure`).
    pub internal_failures: u64,
}

impl PackageDigests {
    /// Returns the policy in force and its origin, in words.
    #[must_use]
    pub fn policy(&self) -> String {
        let Some(hash) = &self.policy_sha256 else {
            return "without a policy.toml, the published rule applies".to_owned();
        };
        let origin = self.policy_origin.as_deref().unwrap_or("its zip file does not say where it is from");
        format!("policy {} ({origin})", hash.get(..HASH_CHARS).unwrap_or(hash))
    }
}

impl FunctionStatus {
    /// Returns its version and the beginning of its hash, in words.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let version = self.version.as_ref()?;
        let hash = self.code_sha256.as_deref().map(|hash| hash.get(..HASH_CHARS).unwrap_or(hash));
        Some(format!("function version {version}{}", hash.map_or_else(String::new, |hash| format!(" code {hash}"))))
    }
}

impl RegionStatus {
    pub(super) fn new(region: String) -> Self {
        Self {
            region,
            account: None,
            verdict: Enforcement::Unknown,
            state: HookState::Unknown,
            version: None,
            failure_mode: None,
            operations: Vec::new(),
            function: None,
            execution_role: None,
            direct_calls: None,
            gaps: Vec::new(),
            notes: Vec::new(),
            unread: Vec::new(),
        }
    }

    pub(super) fn gap(&mut self, gap: &Gap) {
        self.gap_of(None, gap);
    }

    /// Adds a gap of a hook; without an alias, of the hook for resources.
    pub(super) fn gap_of(&mut self, hook: Option<&str>, gap: &Gap) {
        self.gaps.push(GapRecord {
            code: gap.code().to_owned(),
            severity: gap.severity(),
            hook: hook.map(str::to_owned),
            message: gap.to_string(),
        });
    }

    pub(super) fn note(&mut self, code: &str, message: String) {
        self.notes.push(StatusNote { code: code.to_owned(), message });
    }

    /// Returns the place: the Region, with `many` accounts after the account.
    #[must_use]
    pub fn place(&self, many: bool) -> String {
        match &self.account {
            Some(account) if many => format!("{account} {}", self.region),
            _ => self.region.clone(),
        }
    }

    /// Returns the severity of the worst gap.
    #[must_use]
    pub fn worst(&self) -> Option<GapSeverity> {
        self.gaps.iter().map(|gap| gap.severity).min()
    }

    /// Returns whether enforcement is confirmed and has no gap.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.verdict == Enforcement::Enforced
    }

    pub(super) fn judged(&self) -> Enforcement {
        match (self.gaps.is_empty(), self.unread.is_empty()) {
            (false, _) => Enforcement::Gap,
            (true, true) => Enforcement::Enforced,
            (true, false) => Enforcement::Unknown,
        }
    }

    /// Returns a rank for sorting: the smaller, the worse.
    pub(super) fn rank(&self) -> (u8, usize) {
        let worst = match self.worst() {
            Some(GapSeverity::Open) => 0,
            Some(GapSeverity::Partial) => 1,
            Some(GapSeverity::Health) => 2,
            None if !self.unread.is_empty() => 3,
            None => 4,
        };
        (worst, usize::MAX - self.gaps.len())
    }
}
