//! What is known of enforcement in each Region.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::account::failure::Failure;

/// The version of the result's format.
const FORMAT_VERSION: u32 = 1;

/// The state of enforcement in all Regions that were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusResult {
    /// The format's version.
    pub version: u32,
    /// The hook's alias.
    pub hook: String,
    /// The Regions, those with problems first.
    pub regions: Vec<RegionStatus>,
    /// What went wrong apart from any Region.
    pub unread: Vec<Failure>,
}

/// Enforcement in one Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegionStatus {
    /// The Region.
    pub region: String,
    /// What the hook does there.
    pub state: HookState,
    /// The hook's version.
    pub version: Option<String>,
    /// `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// The operations that it looks at.
    pub operations: Vec<String>,
    /// The function that it calls.
    pub function: Option<String>,
    /// The role that it calls the function with.
    pub execution_role: Option<String>,
    /// What is missing from enforcement.
    pub holes: Vec<HoleRecord>,
    /// What could not be read, and why.
    pub unread: Vec<Failure>,
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
    /// What is missing, in words.
    pub message: String,
}

/// How much a hole matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Nothing is enforced.
    Open,
    /// Something is not enforced.
    Partial,
    /// Enforcement may not work, or stops what it should not.
    Health,
}

/// Something that enforcement lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is what the sentence below names")]
pub enum Hole {
    /// No hook has the alias.
    Missing,
    /// The alias belongs to another kind of hook.
    OtherHook { original: String },
    /// The hook is registered and not activated.
    NotActivated,
    /// It was never configured.
    NoConfiguration,
    /// It is switched off.
    Disabled,
    /// Its failure mode is not the one that it should be.
    FailureMode { is: String, should_be: String },
    /// It does not look at an operation.
    OperationMissing { operation: String },
    /// Its filters leave out a resource type or action.
    TargetMissing { resource_type: String, action: String },
    /// It looks at some stacks only.
    OnlyStacks { names: Vec<String> },
    /// It leaves out stacks that it should not.
    StacksExcluded { names: Vec<String> },
    /// It looks only at stacks of some roles.
    OnlyRoles { roles: Vec<String> },
    /// It leaves out stacks of some roles.
    RolesExcluded { roles: Vec<String> },
    /// It calls another function.
    OtherFunction { is: String, should_be: String },
    /// The hook itself failed lately.
    FailedLately { times: usize, at_least: bool, reason: String },
}

impl Hole {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::OtherHook { .. } => "other-hook",
            Self::NotActivated => "not-activated",
            Self::NoConfiguration => "no-configuration",
            Self::Disabled => "disabled",
            Self::FailureMode { .. } => "failure-mode",
            Self::OperationMissing { .. } => "operation-missing",
            Self::TargetMissing { .. } => "target-missing",
            Self::OnlyStacks { .. } => "only-stacks",
            Self::StacksExcluded { .. } => "stacks-excluded",
            Self::OnlyRoles { .. } => "only-roles",
            Self::RolesExcluded { .. } => "roles-excluded",
            Self::OtherFunction { .. } => "other-function",
            Self::FailedLately { .. } => "failed-lately",
        }
    }

    /// How much it matters.
    #[must_use]
    pub const fn weight(&self) -> Weight {
        match self {
            Self::Missing
            | Self::OtherHook { .. }
            | Self::NotActivated
            | Self::NoConfiguration
            | Self::Disabled
            | Self::FailureMode { .. }
            | Self::OtherFunction { .. } => Weight::Open,
            Self::OperationMissing { .. }
            | Self::TargetMissing { .. }
            | Self::OnlyStacks { .. }
            | Self::StacksExcluded { .. }
            | Self::OnlyRoles { .. }
            | Self::RolesExcluded { .. } => Weight::Partial,
            Self::FailedLately { .. } => Weight::Health,
        }
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no hook has this alias: nothing is checked here"),
            Self::OtherHook { original } => write!(f, "the alias belongs to `{original}`, not to a Lambda Hook"),
            Self::NotActivated => f.write_str("the hook is not activated"),
            Self::NoConfiguration => f.write_str("the hook has no configuration: it is never called"),
            Self::Disabled => f.write_str("the hook is disabled: nothing is checked here"),
            Self::FailureMode { is, should_be } => write!(f, "the failure mode is {is} and should be {should_be}"),
            Self::OperationMissing { operation } => write!(f, "the operation {operation} is not checked"),
            Self::TargetMissing { resource_type, action } => {
                write!(f, "the target filters leave out {action} of {resource_type}")
            }
            Self::OnlyStacks { names } => write!(f, "only stacks named {} are checked", names.join(", ")),
            Self::StacksExcluded { names } => write!(f, "stacks named {} are left out", names.join(", ")),
            Self::OnlyRoles { roles } => write!(f, "only stacks of the roles {} are checked", roles.join(", ")),
            Self::RolesExcluded { roles } => write!(f, "stacks of the roles {} are left out", roles.join(", ")),
            Self::OtherFunction { is, should_be } => write!(f, "the hook calls {is} and should call {should_be}"),
            Self::FailedLately { times, at_least, reason } => {
                let at_least = if *at_least { "at least " } else { "" };
                let times = if *times == 1 { "once".to_owned() } else { format!("{times} times") };
                write!(f, "the hook itself failed {at_least}{times} in the last 7 days: {reason}")
            }
        }
    }
}

impl RegionStatus {
    pub(super) fn new(region: String) -> Self {
        Self {
            region,
            state: HookState::Unknown,
            version: None,
            failure_mode: None,
            operations: Vec::new(),
            function: None,
            execution_role: None,
            holes: Vec::new(),
            unread: Vec::new(),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a hole is made to be reported")]
    pub(super) fn hole(&mut self, hole: Hole) {
        self.holes.push(HoleRecord { code: hole.code().to_owned(), weight: hole.weight(), message: hole.to_string() });
    }

    /// How bad it is: the smaller, the worse.
    fn rank(&self) -> (u8, usize) {
        let worst = match self.holes.iter().map(|hole| hole.weight).min() {
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
    pub(super) fn new(hook: &str, mut regions: Vec<RegionStatus>, unread: Vec<Failure>) -> Self {
        regions.sort_by(|one, two| (one.rank(), &one.region).cmp(&(two.rank(), &two.region)));
        Self { version: FORMAT_VERSION, hook: hook.to_owned(), regions, unread }
    }

    /// Whether enforcement has a hole anywhere.
    #[must_use]
    pub fn has_holes(&self) -> bool {
        self.regions.iter().any(|region| !region.holes.is_empty())
    }

    /// Whether something could not be read.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.unread.is_empty() || self.regions.iter().any(|region| !region.unread.is_empty())
    }
}
