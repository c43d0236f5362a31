//! The state of enforcement in each Region.

use schemars::JsonSchema;
use serde::Serialize;

use super::gap::{Gap, GapSeverity, HASH_CHARS};
use crate::failure::Failure;

/// Enforcement in one Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatus {
    /// The account, if anybody says which it is.
    pub account: Option<String>,
    pub region: String,
    /// Whether enforcement is on there.
    pub verdict: Enforcement,
    /// What the hook does there.
    pub state: HookState,
    /// The hook's version.
    pub version: Option<String>,
    /// `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// The operations that it looks at.
    pub operations: Vec<String>,
    /// The function that it calls.
    pub function: Option<FunctionStatus>,
    /// The role that it calls the function with.
    pub execution_role: Option<String>,
    /// Whether calls of EC2's API that no hook is asked about are reported.
    pub direct_calls: Option<DirectCallsStatus>,
    /// What is missing from enforcement.
    #[serde(rename = "holes")] // the name in format 1
    pub gaps: Vec<GapRecord>,
    /// What is worth knowing and no gap.
    pub notes: Vec<StatusNote>,
    /// What could not be read, and why.
    pub unread: Vec<Failure>,
}

/// Whether calls of EC2's API that no hook is asked about are reported. `WatchDirectCalls` of `template.yaml` makes the
/// rule; CloudTrail needs a trail. What could not be read does not change the verdict on enforcement.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectCallsStatus {
    /// Whether the rule and the trail are there and enabled, as far as could be read.
    pub watched: Option<bool>,
    /// The EventBridge rule that sends the calls to the function.
    pub rule: Option<String>,
    /// Whether the rule is enabled.
    pub rule_enabled: Option<bool>,
    /// The ARN of a trail that logs management events of the Region.
    pub trail: Option<String>,
    /// What could not be read, and why.
    pub unread: Vec<Failure>,
}

/// Whether enforcement is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// It is, without a gap.
    Enforced,
    /// It has a gap, whatever could not be read beside it.
    #[serde(rename = "hole")] // the name in format 1
    Gap,
    /// It could not be found out: what was not read is no gap, and no proof either.
    Unknown,
}

/// What the hook does in a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookState {
    /// There is none.
    Missing,
    /// It is switched off.
    Disabled,
    /// It could not be found out.
    Unknown,
    /// It lets everything pass and says so.
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
    /// How much it matters.
    pub weight: GapSeverity,
    /// The hook that it is about, if it is the one for whole templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// What is missing, in words.
    pub message: String,
}

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusNote {
    /// A stable code.
    pub code: String,
    /// In words.
    pub message: String,
}

/// The function behind a hook. What is not there was not told, or could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunctionStatus {
    /// What the hook calls: an ARN, mostly with a version or an alias behind it.
    pub arn: String,
    /// The version that answers.
    pub version: Option<String>,
    /// Lambda's `State` of it: `Active`, and what else there is.
    pub state: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: Option<String>,
    /// When it was changed, as Lambda writes it.
    pub modified: Option<String>,
    /// The SHA-256 of its zip file in base64, as Lambda tells it.
    pub code_sha256: Option<String>,
    /// What its zip file contains, if it was looked into.
    pub contents: Option<PackageDigests>,
    /// How long it may take, in seconds.
    pub timeout_seconds: Option<i32>,
    /// The preset that `EGRESS_PRESET` sets, if it is set.
    pub preset: Option<String>,
    /// The guard's name, a dimension of its metrics, if its settings could be read.
    #[serde(skip)]
    pub guard: Option<String>,
    /// How many calls may run at once at most; none, if nothing is reserved.
    pub reserved_concurrency: Option<i32>,
    /// What became of its calls lately.
    pub recent: Option<RecentCalls>,
}

/// What a function's zip file contains, each as SHA-256 in hexadecimal (`sha256sum`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageDigests {
    /// The program.
    pub bootstrap_sha256: Option<String>,
    /// The policy; without one the published rule decides.
    pub policy_sha256: Option<String>,
    /// Where the policy is from: its commit, and who set it when, as far as the zip file says (`origin.txt`).
    pub policy_origin: Option<String>,
}

/// What became of a function's calls in the last days, from CloudWatch's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentCalls {
    /// How many there were.
    pub invocations: u64,
    /// How many crashed or ran out of time.
    pub errors: u64,
    /// How many Lambda rejected.
    pub throttles: u64,
    /// How many the function could not decide (`InternalFailure`).
    pub internal_failures: u64,
}

impl PackageDigests {
    /// Returns the policy in force and its origin, in words.
    #[must_use]
    pub fn policy(&self) -> String {
        let Some(hash) = &self.policy_sha256 else {
            return "no policy.toml decides: the published rule does".to_owned();
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
            weight: gap.weight(),
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
        self.gaps.iter().map(|gap| gap.weight).min()
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
