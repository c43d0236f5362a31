//! The gaps in enforcement, each with its code, severity and sentence.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// The time that CloudFormation waits for a hook's function, in seconds (source: Hooks User Guide, "Lambda Hooks": a
/// time-out of 30 seconds per invocation).
pub(super) const HOOK_SECONDS: i32 = 30;

/// The number of characters of a hash that is enough to distinguish two.
pub(super) const HASH_CHARS: usize = 12;

/// The severity of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GapSeverity {
    /// Nothing is enforced, or not what is expected.
    Open,
    /// A part is not enforced.
    Partial,
    /// Enforcement may not work, or may block too much.
    Health,
}

/// A gap in enforcement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the sentence below names each field")]
pub enum Gap {
    /// No hook has the alias.
    Missing,
    /// The alias belongs to another kind of hook.
    OtherHook { original: String },
    /// The hook is registered and not activated.
    NotActivated,
    /// It was never configured.
    NoConfiguration,
    /// It is disabled.
    Disabled,
    /// Its failure mode differs from the expected one.
    FailureMode { is: String, should_be: String },
    /// It does not target an operation.
    OperationMissing { operation: String },
    /// Its filters exclude a resource type or action.
    TargetMissing { target: String, action: String },
    /// It applies only to some stacks.
    OnlyStacks { names: Vec<String> },
    /// It excludes stacks that must not be excluded.
    StacksExcluded { names: Vec<String> },
    /// It applies only to stacks of some roles.
    OnlyRoles { roles: Vec<String> },
    /// It excludes stacks of some roles.
    RolesExcluded { roles: Vec<String> },
    /// It calls another function.
    OtherFunction { is: String, should_be: String },
    /// The function that it calls does not exist, or does not have this version or alias.
    FunctionMissing { function: String },
    /// The function cannot be called now, or its last change failed.
    FunctionNotActive { what: String, reason: String },
    /// Lambda rejects every call.
    NoConcurrency,
    /// Only a few calls can run in parallel.
    LowConcurrency { reserved: i32 },
    /// The function's timeout is longer than CloudFormation waits.
    TimeoutTooLong { seconds: i32 },
    /// A variable of the function sets a preset that is not expected.
    Preset { is: Option<String>, should_be: Option<String> },
    /// A variable of the function disables a protection; it is only for rehearsals and tests.
    TestSetting { variable: &'static str },
    /// Some calls go to another version.
    AliasSplit { alias: String, version: String, percent: u8 },
    /// The alias names another version than the stack does.
    CarriesAnother { alias: String, live: String, stack: String, carried: String },
    /// The code differs from the expected code.
    CodeDiffers { is: String, should_be: Vec<String> },
    /// Layers add code that is not in any package.
    Layers { number: usize },
    /// The policy in the code differs from the expected policy.
    PolicyDiffers { is: Option<String>, should_be: Vec<Option<String>> },
    /// Lambda throttled calls recently.
    Throttled { times: u64, days: u16 },
    /// The function crashed or timed out recently.
    Erred { times: u64, days: u16 },
    /// The function could not decide recently.
    InternalFailures { times: u64, days: u16 },
    /// The rule that sends direct calls to the function is disabled.
    WatchDisabled { rule: String },
    /// The rule waits for direct calls, but no trail reports them.
    WatchWithoutTrail { rule: String },
    /// The hook itself failed recently.
    FailedLately { times: usize, at_least: bool, days: u16, reason: String },
}

impl Gap {
    /// Returns a stable code.
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
            Self::FunctionMissing { .. } => "function-missing",
            Self::FunctionNotActive { .. } => "function-not-active",
            Self::NoConcurrency => "no-concurrency",
            Self::LowConcurrency { .. } => "low-concurrency",
            Self::TimeoutTooLong { .. } => "timeout-too-long",
            Self::Preset { .. } => "preset",
            Self::TestSetting { .. } => "test-setting",
            Self::AliasSplit { .. } => "alias-split",
            Self::CarriesAnother { .. } => "carries-another",
            Self::CodeDiffers { .. } => "code-differs",
            Self::Layers { .. } => "layers",
            Self::PolicyDiffers { .. } => "policy-differs",
            Self::Throttled { .. } => "throttled",
            Self::Erred { .. } => "errors",
            Self::InternalFailures { .. } => "internal-failures",
            Self::WatchDisabled { .. } => "watch-disabled",
            Self::WatchWithoutTrail { .. } => "watch-without-trail",
            Self::FailedLately { .. } => "failed-lately",
        }
    }

    /// Returns its severity.
    #[must_use]
    pub const fn severity(&self) -> GapSeverity {
        match self {
            Self::Missing
            | Self::OtherHook { .. }
            | Self::NotActivated
            | Self::NoConfiguration
            | Self::Disabled
            | Self::FailureMode { .. }
            | Self::OtherFunction { .. }
            | Self::FunctionMissing { .. }
            | Self::NoConcurrency
            | Self::CodeDiffers { .. }
            | Self::PolicyDiffers { .. } => GapSeverity::Open,
            Self::OperationMissing { .. }
            | Self::TargetMissing { .. }
            | Self::OnlyStacks { .. }
            | Self::StacksExcluded { .. }
            | Self::OnlyRoles { .. }
            | Self::RolesExcluded { .. }
            | Self::Preset { .. }
            | Self::TestSetting { .. }
            | Self::AliasSplit { .. }
            | Self::Layers { .. } => GapSeverity::Partial,
            Self::FunctionNotActive { .. }
            | Self::LowConcurrency { .. }
            | Self::TimeoutTooLong { .. }
            | Self::CarriesAnother { .. }
            | Self::Throttled { .. }
            | Self::Erred { .. }
            | Self::InternalFailures { .. }
            | Self::WatchDisabled { .. }
            | Self::WatchWithoutTrail { .. }
            | Self::FailedLately { .. } => GapSeverity::Health,
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no hook has this alias, so nothing is checked here: deploy the guard in this Region, or name its alias with --hook-alias"),
            Self::OtherHook { original } => write!(f, "the alias belongs to `{original}`, not to a Lambda Hook"),
            Self::NotActivated => f.write_str("the hook is not activated"),
            Self::NoConfiguration => f.write_str("the hook has no configuration, so it is never called"),
            Self::Disabled => f.write_str("the hook is disabled, so nothing is checked here: run `switch.sh HOOK_STATUS=ENABLED`"),
            Self::FailureMode { is, should_be } => write!(
                f,
                "the failure mode is {is}, expected {should_be}: run `switch.sh FAILURE_MODE={should_be}`, or expect it with --failure-mode {is}"
            ),
            Self::OperationMissing { operation } => write!(f, "the operation {operation} is not checked"),
            Self::TargetMissing { target, action } => {
                write!(f, "the target filters exclude {action} of {target}")
            }
            Self::OnlyStacks { names } => write!(f, "only stacks named {} are checked", names.join(", ")),
            Self::StacksExcluded { names } => write!(f, "stacks named {} are excluded", names.join(", ")),
            Self::OnlyRoles { roles } => write!(f, "only stacks of the roles {} are checked", roles.join(", ")),
            Self::RolesExcluded { roles } => write!(f, "stacks of the roles {} are excluded", roles.join(", ")),
            Self::OtherFunction { is, should_be } => write!(f, "the hook calls {is}, expected {should_be}"),
            Self::FunctionMissing { function } => write!(
                f,
                "the function {function} does not exist: nothing is checked. With FAIL, every change of a security \
                 group is blocked (with STACK or CHANGE_SET, every stack). Deploy the guard again"
            ),
            Self::FunctionNotActive { what, reason } => write!(f, "the function {what}: {reason}"),
            Self::NoConcurrency => f.write_str(
                "the function's reserved concurrency is 0, so Lambda throttles every call. Remove it (aws lambda \
                 delete-function-concurrency)",
            ),
            Self::LowConcurrency { reserved } => write!(
                f,
                "the function's reserved concurrency is {reserved}: CloudFormation calls the hook for many resources \
                 at once. A throttled call gets no answer: with FAIL, the change is blocked; with WARN, it is not \
                 checked. Raise or remove the reserved concurrency"
            ),
            Self::TimeoutTooLong { seconds } => write!(
                f,
                "the function's timeout is {seconds} s, but CloudFormation waits {HOOK_SECONDS} s: set it well below \
                 that"
            ),
            Self::Preset { is, should_be } => preset(f, is.as_deref(), should_be.as_deref()),
            Self::TestSetting { variable } => write!(
                f,
                "the function's variable {variable} is set. It is for rehearsals and tests, and allows documents from \
                 outside Amazon S3. Remove it"
            ),
            Self::AliasSplit { alias, version, percent } => write!(
                f,
                "the alias {alias} sends {percent}% of the calls to version {version}, which is not checked here: \
                 remove the weighted routing"
            ),
            Self::CarriesAnother { alias, live, stack, carried } => write!(
                f,
                "the alias {alias} points to version {live}, but the stack {stack} contains version {carried} and \
                 its next update restores that: run `policy.sh carry`, or `policy.sh back {carried}`"
            ),
            Self::CodeDiffers { is, should_be } => {
                let should_be: Vec<String> = should_be.iter().map(|hash| short(hash)).collect();
                let should_be = should_be.join(" or ");
                write!(f, "the code is not the expected one: its SHA-256 is {}, expected {should_be}", short(is))
            }
            Self::Layers { number } => write!(
                f,
                "{number} layer{} of the function add{} code that is not in the package",
                if *number == 1 { "" } else { "s" },
                if *number == 1 { "s" } else { "" }
            ),
            Self::PolicyDiffers { is, should_be } => policy(f, is.as_deref(), should_be),
            Self::Throttled { times, days } => {
                write!(
                    f,
                    "Lambda throttled the function {}: raise the account's concurrency quota, or remove the function's reserved concurrency",
                    lately(*times, *days)
                )
            }
            Self::Erred { times, days } => {
                write!(f, "the function crashed or ran out of time {}: read its log", lately(*times, *days))
            }
            Self::InternalFailures { times, days } => {
                write!(f, "the function could not decide {}: read its log", lately(*times, *days))
            }
            Self::WatchDisabled { rule } => write!(
                f,
                "the EventBridge rule {rule} is disabled: direct calls to the EC2 API, which no hook sees, are not \
                 reported. Enable the rule, or deploy with WATCH_DIRECT_CALLS=DISABLED"
            ),
            Self::WatchWithoutTrail { rule } => write!(
                f,
                "no CloudTrail trail logs management events here: the EventBridge rule {rule} gets no direct calls to \
                 the EC2 API, which no hook sees. Create a trail, or deploy with WATCH_DIRECT_CALLS=DISABLED"
            ),
            Self::FailedLately { times, at_least, days, reason } => {
                let at_least = if *at_least { "at least " } else { "" };
                let times = lately(u64::try_from(*times).unwrap_or(u64::MAX), *days);
                write!(f, "the hook itself failed {at_least}{times}")?;
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
        }
    }
}

fn lately(times: u64, days: u16) -> String {
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    let days = if days == 1 { "24 hours".to_owned() } else { format!("{days} days") };
    format!("{times} in the last {days}")
}

fn preset(f: &mut fmt::Formatter<'_>, is: Option<&str>, should_be: Option<&str>) -> fmt::Result {
    match (is, should_be) {
        (Some(is), Some(should_be)) => write!(f, "the function's preset is {is}, expected {should_be}"),
        (Some(is), None) => write!(
            f,
            "the function's variable EGRESS_PRESET is `{is}` and overrides the policy's preset: deploy with \
             PRESET=policy, or pass --preset if this is intended"
        ),
        (None, Some(should_be)) => {
            write!(f, "the function uses the preset of its policy, expected the override {should_be}")
        }
        (None, None) => Ok(()),
    }
}

fn policy(f: &mut fmt::Formatter<'_>, is: Option<&str>, should_be: &[Option<String>]) -> fmt::Result {
    let none = || "no file".to_owned();
    let should_be: Vec<String> = should_be.iter().map(|hash| hash.as_deref().map_or_else(none, short)).collect();
    let should_be = should_be.join(" or ");
    match is.map(short) {
        Some(is) => {
            write!(f, "the policy is not the expected one: the SHA-256 of its file is {is}, expected {should_be}")
        }
        None => write!(
            f,
            "the code has no policy file, so the published rule applies; expected a policy with SHA-256 {should_be}"
        ),
    }
}

/// Returns the beginning of a hash; the JSON result contains all of it.
fn short(hash: &str) -> String {
    hash.get(..HASH_CHARS).map_or_else(|| hash.to_owned(), |start| format!("{start}…"))
}
