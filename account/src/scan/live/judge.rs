//! Judges the properties of a live group, and compares them with its stack's template.

use super::ownership::GroupOwner;
use super::record::{Difference, DifferenceKind, GroupRecord, Ownership};
use crate::scan::ScanOptions;
use crate::scan::expected::{DeclaredEgress, StackKnowledge};
use crate::scan::judge::MAX_FINDINGS;
use crate::scan::record::{NAME_CHARS, OutcomeCounts, RuleRecord};
use cfn_egress_guard_core::check::{Declared, Drift, drift, judge_live};
use cfn_egress_guard_core::fingerprint::Fingerprint;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::policy::{Context, ResourceContext, UnchangedRules};
use cfn_egress_guard_core::security_group::{ResourceType, tags};
use cfn_egress_guard_core::value::Value;

/// A group that was read.
pub(super) struct GroupToJudge {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) group: String,
    /// Its properties in EC2.
    pub(super) properties: Value,
    pub(super) owned: GroupOwner,
}

/// Judges a group.
pub(super) fn record(read: GroupToJudge, expected: &mut DeclaredEgress, options: &ScanOptions) -> GroupRecord {
    let GroupToJudge { account, region, group, properties, owned } = read;
    let mut notes = Vec::new();
    let declared = declared(&owned, &group, expected, &mut notes);
    let compared =
        declared.as_ref().map(|declared| drift(&properties, declared, |live| expected.may_be_elsewhere(live)));
    if compared.as_ref().is_some_and(|drift| !drift.added.is_empty()) && expected.is_missing_stacks() {
        notes.push("a stack that could not be read may declare a rule that was added".to_owned());
    }
    let tags = tags(ResourceType::SecurityGroup, &properties);
    let is_owned = owned.by == Ownership::Stack;
    let place = owned.place.as_ref();
    let owner_of = place.filter(|_| is_owned);
    let context = Context {
        account: Some(account.as_str()).filter(|account| !account.is_empty()),
        region: Some(&region),
        stack_name: owner_of.map(|place| place.stack.as_str()),
        stack_id: owner_of.map(|place| place.stack_id.as_str()),
        logical_id: owner_of.map(|place| place.logical_id.as_str()),
        resource_type: Some(ResourceType::SecurityGroup.name()),
        tags: tags.as_deref(),
    };
    let unchanged = unchanged(compared.as_ref(), is_owned);
    let case = ResourceContext { context, unchanged: &unchanged, today: options.today };
    let assessment = judge_live(&properties, &options.policy, &case);
    let mut findings = Vec::new();
    let mut more = OutcomeCounts::default();
    for finding in &assessment.findings {
        if findings.len() < MAX_FINDINGS {
            findings.extend(RuleRecord::of_finding(&group, ResourceType::SecurityGroup, finding, finding.outcome));
        } else {
            more.add(finding.outcome);
        }
    }
    let text = |key: &str| properties.get(key).and_then(Value::as_str).map(|text| excerpt(text, NAME_CHARS));
    let tag = |name: &String| {
        let tags = tags.as_deref().unwrap_or_default();
        tags.iter().find(|tag| tag.key.eq_ignore_ascii_case(name))?.value.as_deref()
    };
    let compared_with =
        if is_owned { compared_with(declared.as_deref().unwrap_or_default()) } else { compared_with(&[]) };
    GroupRecord {
        name: text("GroupName").unwrap_or_default(),
        vpc: text("VpcId"),
        ownership: owned.by,
        stack: place.map(|place| excerpt(&place.stack, NAME_CHARS)),
        stack_id: place.map(|place| place.stack_id.clone()),
        logical_id: place.map(|place| excerpt(&place.logical_id, NAME_CHARS)),
        owner: options.owner_tags.iter().find_map(tag).map(|owner| excerpt(owner, NAME_CHARS)),
        read: options.started.clone(),
        compared_with,
        rules: assessment.judged,
        findings,
        more,
        differences: differences(compared.unwrap_or_default(), &mut notes),
        notes,
        account,
        region,
        group,
    }
}

/// Returns the templates' declarations for a group that a stack owns, or nothing if they are unknown.
fn declared(
    owned: &GroupOwner,
    group: &str,
    expected: &mut DeclaredEgress,
    notes: &mut Vec<String>,
) -> Option<Vec<Declared>> {
    let place = owned.place.as_ref().filter(|_| owned.by == Ownership::Stack)?;
    if expected.stack(&place.stack_id) != StackKnowledge::Judged {
        notes.push(format!("not compared: the template of stack {} was not read", place.stack));
        return None;
    }
    let Some(declared) = expected.of(&place.stack_id, &place.logical_id, group) else {
        notes.push("not compared: the templates' declarations could not be written to disk".to_owned());
        return None;
    };
    if declared.is_empty() {
        let what = format!("not compared: the template of stack {} has no `{}`", place.stack, place.logical_id);
        notes.push(what);
        return None;
    }
    Some(declared)
}

/// Returns which rules count as known debt where the policy allows that: those that a template declares, because the
/// stack's next update leaves them unchanged. A rule that someone added is new, as is every rule of a group without a
/// stack.
fn unchanged(drift: Option<&Drift>, is_owned: bool) -> UnchangedRules {
    match drift {
        Some(drift) => UnchangedRules::Entries(drift.declared.clone()),
        None if is_owned => UnchangedRules::Everything,
        None => UnchangedRules::Nothing,
    }
}

fn differences(drift: Drift, notes: &mut Vec<String>) -> Vec<Difference> {
    let added = drift
        .added
        .iter()
        .map(|(path, traffic)| Difference::new(DifferenceKind::Added, Some(path.to_string()), traffic));
    let removed = drift.removed.iter().map(|traffic| Difference::new(DifferenceKind::Removed, None, traffic));
    let mut differences: Vec<Difference> = added.chain(removed).collect();
    if differences.len() > MAX_FINDINGS {
        notes.push(format!("{} more differences", differences.len() - MAX_FINDINGS));
        differences.truncate(MAX_FINDINGS);
    }
    differences
}

/// Returns a hash of what a group was compared with, the same in every build of this version.
pub(super) fn compared_with(declared: &[Declared]) -> String {
    if declared.is_empty() {
        return String::new();
    }
    // Text and numbers always serialize.
    let mut declared: Vec<String> = declared.iter().map(|one| serde_json::to_string(one).unwrap_or_default()).collect();
    // Stacks are judged in any order.
    declared.sort_unstable();
    declared.iter().fold(Fingerprint::new(), |whole, one| whole.with(one)).text()
}
