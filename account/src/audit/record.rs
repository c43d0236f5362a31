//! What an audit tells: one record for each invocation of the hook.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::failure::Failure;
use crate::number::count;

/// The version of the result's format.
const FORMAT_VERSION: u32 = 1;

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditResult {
    /// The format's version.
    pub version: u32,
    /// The hook's alias.
    pub hook: String,
    /// The account, as the hook's ARN or those of the stacks tell it.
    pub account: Option<String>,
    /// The Regions that were asked.
    pub regions: Vec<String>,
    /// Why the account's Regions could not be listed; `regions` are then those that every account has.
    pub regions_assumed: Option<String>,
    /// The statuses that were asked for, as CloudFormation names them; none for all.
    pub statuses: Vec<String>,
    /// Invocations, the newest first.
    pub results: Vec<HookRecord>,
    /// What could not be read, and why.
    pub unread: Vec<AuditUnread>,
}

/// One invocation of the hook.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookRecord {
    /// The Region.
    pub region: String,
    /// The result's id.
    pub id: String,
    /// When, UTC.
    pub at: String,
    /// `HOOK_COMPLETE_FAILED`, `HOOK_FAILED` and so on, as CloudFormation names it.
    pub status: String,
    /// `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// The hook's name.
    pub hook: Option<String>,
    /// The hook's version.
    pub version: Option<String>,
    /// What was looked at: `RESOURCE`, `CLOUD_CONTROL`, `STACK`, `CHANGE_SET`, or what comes.
    pub target_type: Option<String>,
    /// Which one: a resource, a stack, a change set, a request.
    pub target_id: Option<String>,
    /// Its resource type.
    pub target_name: Option<String>,
    /// The name of its stack.
    pub stack: Option<String>,
    /// The ARN of its stack, or the token of the Cloud Control request.
    pub execution_target: Option<String>,
    /// `CREATE`, `UPDATE` and so on.
    pub action: Option<String>,
    /// What the hook said.
    pub reason: Option<String>,
    /// What it said of each rule.
    pub annotations: Vec<HookAnnotation>,
}

/// What the hook said of one egress rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookAnnotation {
    /// The annotation's name.
    pub name: String,
    /// `PASSED`, `FAILED` or `SKIPPED`.
    pub status: String,
    /// How bad it is.
    pub severity: Option<String>,
    /// What is wrong.
    pub message: Option<String>,
    /// What to write instead.
    pub remedy: Option<String>,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditUnread {
    /// The Region.
    pub region: String,
    /// The result, if it is about one: what the list told of it stands among the results.
    pub id: Option<String>,
    /// Why.
    pub failure: Failure,
}

impl AuditResult {
    pub(super) fn new(hook: &str, regions: &[String], statuses: &[String]) -> Self {
        Self {
            version: FORMAT_VERSION,
            hook: hook.to_owned(),
            account: None,
            regions: regions.to_vec(),
            regions_assumed: None,
            statuses: statuses.to_vec(),
            results: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// How many results there are of each fate that was asked for; what was not asked for is no zero.
    #[must_use]
    pub fn counts(&self) -> Vec<(usize, &'static str)> {
        let asked = |status: &str| self.statuses.is_empty() || self.statuses.iter().any(|asked| asked == status);
        let (completed, broken) = (asked("HOOK_COMPLETE_FAILED"), asked("HOOK_FAILED"));
        [
            ("blocked", "blocked", completed),
            ("warned", "warned", completed || broken),
            ("hook error", "hook errors", broken),
            ("passed", "passed", asked("HOOK_COMPLETE_SUCCEEDED")),
        ]
        .into_iter()
        .filter(|(_, _, asked)| *asked)
        .map(|(fate, label, _)| (self.results.iter().filter(|record| record.fate() == fate).count(), label))
        .collect()
    }

    /// Whether a list of results could not be read: what was counted is a lower bound, and zero says nothing.
    #[must_use]
    pub fn is_lower_bound(&self) -> bool {
        let is_list = |unread: &AuditUnread| unread.id.is_none() && unread.failure.action != super::TYPE;
        self.regions_assumed.is_some() || self.unread.iter().any(is_list)
    }

    /// What could not be read, each reason once: in which Regions and for which result or how many, and why.
    #[must_use]
    pub fn unread_told(&self) -> Vec<(String, String)> {
        let mut told: BTreeMap<String, (BTreeSet<&str>, Vec<&str>)> = BTreeMap::new();
        for what in &self.unread {
            let (regions, ids) = told.entry(what.failure.to_string()).or_default();
            regions.insert(&what.region);
            ids.extend(what.id.as_deref());
        }
        let told = told.into_iter().map(|(failure, (regions, ids))| {
            let what = match ids.as_slice() {
                [] => String::new(),
                [id] => format!(" result {id}:"),
                ids => format!(" {}:", count(ids.len(), "result")),
            };
            (format!("{}{what}", regions.into_iter().collect::<Vec<_>>().join(", ")), failure)
        });
        told.collect()
    }

    /// The newest first.
    pub(super) fn sort(&mut self) {
        self.results.sort_by(|one, two| (&two.at, &one.region, &one.id).cmp(&(&one.at, &two.region, &two.id)));
    }
}

impl HookRecord {
    /// Whether the hook did not let it pass, or did not work.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.status.contains("FAILED")
    }

    /// What was looked at, in words: the resource and its stack, or the request.
    #[must_use]
    pub fn subject(&self) -> String {
        let target = [&self.target_name, &self.target_id];
        let target = target.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        match (&self.stack, &self.execution_target) {
            // A whole stack is its own target.
            (Some(stack), _) if target.is_empty() || target == *stack || target.contains(&format!("/{stack}/")) => {
                format!("stack {stack}")
            }
            (Some(stack), _) => format!("{target} in stack {stack}"),
            (None, Some(request)) if !target.contains(request) => format!("{target} in request {request}"),
            (None, _) => target,
        }
    }

    /// What became of it, in a word.
    #[must_use]
    pub fn fate(&self) -> &'static str {
        match (self.status.as_str(), self.failure_mode.as_deref()) {
            (_, Some("WARN")) if self.is_failed() => "warned",
            ("HOOK_FAILED", _) => "hook error",
            _ if self.is_failed() => "blocked",
            ("HOOK_COMPLETE_SUCCEEDED", _) => "passed",
            _ => "other",
        }
    }

    /// What there is to say: the annotations that did not pass, else the hook's message.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let failed = self.annotations.iter().filter(|annotation| annotation.status == "FAILED");
        let said: Vec<String> = failed.filter_map(|annotation| annotation.message.clone()).collect();
        if said.is_empty() { self.reason.clone().into_iter().collect() } else { said }
    }
}
