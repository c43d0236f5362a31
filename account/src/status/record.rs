//! What is known of enforcement in each Region.

use schemars::JsonSchema;
use serde::Serialize;

use super::StatusOptions;
use super::hole::{Hole, Weight};
use crate::failure::Failure;

/// The version of the result's format.
const FORMAT_VERSION: u32 = 1;

/// How much of a hash tells two apart for people.
pub(super) const HASH_CHARS: usize = 12;

/// The state of enforcement in all Regions that were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusResult {
    /// The format's version.
    pub version: u32,
    /// The hook's alias.
    pub hook: String,
    /// The account, as the hooks' ARNs tell it.
    pub account: Option<String>,
    /// Whether enforcement is on in all of them.
    pub verdict: Verdict,
    /// Why the account's Regions could not be listed; those that every account has were looked at.
    pub regions_assumed: Option<String>,
    /// The Regions, those with problems first.
    pub regions: Vec<RegionStatus>,
    /// What is worth knowing of several Regions together.
    pub notes: Vec<Note>,
    /// What went wrong apart from any Region.
    pub unread: Vec<Failure>,
}

/// Enforcement in one Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatus {
    /// The Region.
    pub region: String,
    /// The account, once a hook was found.
    #[serde(skip)]
    pub(super) account: Option<String>,
    /// Whether enforcement is on there.
    pub verdict: Verdict,
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
    /// What is missing from enforcement.
    pub holes: Vec<HoleRecord>,
    /// What is worth knowing and no hole.
    pub notes: Vec<Note>,
    /// What could not be read, and why.
    pub unread: Vec<Failure>,
}

/// Whether enforcement is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is, without a hole.
    Enforced,
    /// It has a hole, whatever could not be read beside it.
    Hole,
    /// It could not be found out: what was not read is no hole, and no proof either.
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

/// A hole with its code and its sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoleRecord {
    /// A stable code.
    pub code: String,
    /// How much it matters.
    pub weight: Weight,
    /// The hook that it is about, if it is the one for whole templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// What is missing, in words.
    pub message: String,
}

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Note {
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
    /// What its zip file holds, if it was looked into.
    pub contents: Option<Contents>,
    /// How long it may take, in seconds.
    pub timeout_seconds: Option<i32>,
    /// The preset that `EGRESS_PRESET` sets, if it is set.
    pub preset: Option<String>,
    /// How many calls may run at once at the most; none, if nothing is reserved.
    pub reserved_concurrency: Option<i32>,
    /// What became of its calls lately.
    pub recent: Option<RecentCalls>,
}

/// What a function's zip file holds, each as SHA-256 in hexadecimal (`sha256sum`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// The program.
    pub bootstrap_sha256: Option<String>,
    /// The policy; without one the published rule decides.
    pub policy_sha256: Option<String>,
}

/// What became of a function's calls in the last days, from CloudWatch's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentCalls {
    /// How many there were.
    pub invocations: u64,
    /// How many crashed or ran out of time.
    pub errors: u64,
    /// How many Lambda turned away.
    pub throttles: u64,
    /// How many the function could not decide (`InternalFailure`).
    pub internal_failures: u64,
}

impl FunctionStatus {
    /// Its version and the beginning of its hash, in words.
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
            verdict: Verdict::Unknown,
            state: HookState::Unknown,
            version: None,
            failure_mode: None,
            operations: Vec::new(),
            function: None,
            execution_role: None,
            holes: Vec::new(),
            notes: Vec::new(),
            unread: Vec::new(),
        }
    }

    pub(super) fn hole(&mut self, hole: &Hole) {
        self.hole_of(None, hole);
    }

    /// A hole of a hook; without an alias, of the one for resources.
    pub(super) fn hole_of(&mut self, hook: Option<&str>, hole: &Hole) {
        self.holes.push(HoleRecord {
            code: hole.code().to_owned(),
            weight: hole.weight(),
            hook: hook.map(str::to_owned),
            message: hole.to_string(),
        });
    }

    pub(super) fn note(&mut self, code: &str, message: String) {
        self.notes.push(Note { code: code.to_owned(), message });
    }

    /// The weight of the worst hole.
    #[must_use]
    pub fn worst(&self) -> Option<Weight> {
        self.holes.iter().map(|hole| hole.weight).min()
    }

    /// Whether it is known to be enforced without a hole.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.verdict == Verdict::Enforced
    }

    fn judged(&self) -> Verdict {
        match (self.holes.is_empty(), self.unread.is_empty()) {
            (false, _) => Verdict::Hole,
            (true, true) => Verdict::Enforced,
            (true, false) => Verdict::Unknown,
        }
    }

    /// How bad it is: the smaller, the worse.
    fn rank(&self) -> (u8, usize) {
        let worst = match self.worst() {
            Some(Weight::Open) => 0,
            Some(Weight::Partial) => 1,
            Some(Weight::Health) => 2,
            None if !self.unread.is_empty() => 3,
            None => 4,
        };
        (worst, usize::MAX - self.holes.len())
    }
}

impl StatusResult {
    pub(super) fn new(
        options: &StatusOptions,
        mut regions: Vec<RegionStatus>,
        notes: Vec<Note>,
        unread: Vec<Failure>,
    ) -> Self {
        let account = regions.iter().find_map(|region| region.account.clone());
        for region in &mut regions {
            region.holes.sort_by_key(|hole| hole.weight);
            region.verdict = region.judged();
        }
        regions.sort_by(|one, two| (one.rank(), &one.region).cmp(&(two.rank(), &two.region)));
        let any = |verdict| regions.iter().any(|region| region.verdict == verdict);
        let verdict = if any(Verdict::Hole) {
            Verdict::Hole
        } else if any(Verdict::Unknown) || !unread.is_empty() || options.regions_assumed.is_some() {
            Verdict::Unknown
        } else {
            Verdict::Enforced
        };
        Self {
            version: FORMAT_VERSION,
            hook: options.alias.clone(),
            account,
            verdict,
            regions_assumed: options.regions_assumed.clone(),
            regions,
            notes,
            unread,
        }
    }

    /// How many Regions have a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.regions.iter().filter(|region| region.verdict == verdict).count()
    }
}
