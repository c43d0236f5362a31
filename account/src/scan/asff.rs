//! The result for AWS Security Hub: one finding for each resource with something to report, and a resolved one for each
//! that only an earlier scan found.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write};

use super::comparison::{Change, Comparison, RuleChange};
use super::live::{GroupRecord, Ownership};
use super::record::{RuleOutcome, RuleRecord, StackRecord};
use super::result::ScanResult;
use crate::asff::{Batches, Compliance, ResourceFinding};
use cfn_egress_guard_core::security_group::ResourceType;

/// Writes the findings in batches of one account and Region, each on a line.
///
/// # Errors
/// When they cannot be written, or the result's records cannot be read back.
pub fn write_asff(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let mut batches = Batches::new(out);
    let hash = RandomState::new();
    let key = |account: &str, region: &str, stack: &str, logical_id: &str| {
        hash.hash_one((account, region, stack, logical_id))
    };
    let mut described = HashSet::new();
    for stack in result.stacks.iter() {
        let stack = stack?;
        let mut resources: BTreeMap<&str, Vec<&RuleRecord>> = BTreeMap::new();
        for rule in &stack.findings {
            resources.entry(&rule.logical_id).or_default().push(rule);
        }
        for (logical_id, rules) in resources {
            described.insert(key(&stack.account, &stack.region, &stack.stack, logical_id));
            batches.push(&finding(&stack, logical_id, &rules, &result.head.started))?;
        }
    }
    for group in result.groups.iter() {
        let group = group?;
        // A finding contains its account.
        if group.is_worth_a_line() && !group.account.is_empty() {
            described.insert(key(&group.account, &group.region, LIVE, &group.group));
            batches.push(&of_group(&group, &result.head.started))?;
        }
    }
    if let Some(Comparison { changes, .. }) = &mut result.comparison {
        // A resource may have had several violations.
        let mut over = HashSet::new();
        changes.sort_by_key(|change| (change.account, change.region, change.stack))?;
        for change in changes.iter() {
            let change = change?;
            let stack = if change.group.is_some() { LIVE } else { change.stack.as_str() };
            let key = key(&change.account, &change.region, stack, &change.logical_id);
            if change.change == Change::Fixed && !described.contains(&key) && over.insert(key) {
                batches.push(&fixed(&change, &result.head.started))?;
            }
        }
    }
    batches.end()
}

/// The placeholder for a live group's stack; it is not a valid stack name.
const LIVE: &str = "(live)";

/// Returns the finding of a live group under its own ID, whatever stack owns it: the same resource as in `audit`.
fn of_group<'a>(group: &'a GroupRecord, started: &'a str) -> ResourceFinding<'a> {
    let is_blocked = group.breaks_the_rule();
    let mut said = vec![format!("{}: {}", group.label(), group.owned_by())];
    let mut sorted: Vec<&RuleRecord> = group.findings.iter().collect();
    sorted.sort_by_key(|rule| rule.fate);
    said.extend(sorted.iter().map(said_of));
    said.extend(group.differences.iter().map(|difference| difference.statement.clone()));
    let is_owned = group.ownership == Ownership::Stack;
    ResourceFinding {
        account: &group.account,
        region: &group.region,
        stack: group.stack.as_deref().filter(|_| is_owned),
        stack_id: group.stack_id.as_deref().filter(|_| is_owned),
        resource: &group.group,
        resource_type: ResourceType::SecurityGroup.name(),
        owner: group.owner.as_deref(),
        compliance: if is_blocked { Compliance::Failed } else { Compliance::Warning },
        is_medium: is_blocked || !group.differences.is_empty(),
        created: &group.read,
        updated: started,
        said,
        remedy: sorted.first().map(|rule| rule.remedy.as_str()),
    }
}

/// Describes a rule in a sentence.
fn said_of(rule: &&RuleRecord) -> String {
    let exemption = rule.exemption.as_ref().map_or_else(String::new, |exemption| format!(" (exemption {exemption})"));
    let fate = if rule.fate == RuleOutcome::Blocked { String::new() } else { format!("{}: ", rule.fate.name()) };
    format!("{}: {fate}{}{exemption}", rule.path, rule.statement)
}

fn finding<'a>(
    stack: &'a StackRecord,
    logical_id: &'a str,
    rules: &[&'a RuleRecord],
    started: &'a str,
) -> ResourceFinding<'a> {
    let compliance = |fate| if fate == RuleOutcome::Blocked { Compliance::Failed } else { Compliance::Warning };
    let worst = rules.iter().map(|rule| compliance(rule.fate)).max().unwrap_or(Compliance::Warning);
    // Blocked rules come first, because the text is cut.
    let mut sorted = rules.to_vec();
    sorted.sort_by_key(|rule| rule.fate);
    ResourceFinding {
        account: &stack.account,
        region: &stack.region,
        stack: Some(&stack.stack),
        stack_id: Some(&stack.stack_id),
        resource: logical_id,
        resource_type: sorted.first().map_or("", |rule| &rule.resource_type),
        owner: stack.owner.as_deref(),
        compliance: worst,
        is_medium: rules.iter().any(|rule| rule.fate != RuleOutcome::Exempted),
        created: if stack.changed.is_empty() { started } else { &stack.changed },
        updated: started,
        said: sorted.iter().map(said_of).collect(),
        remedy: sorted.first().map(|rule| rule.remedy.as_str()),
    }
}

fn fixed<'a>(change: &'a RuleChange, started: &'a str) -> ResourceFinding<'a> {
    ResourceFinding {
        account: &change.account,
        region: &change.region,
        stack: Some(change.stack.as_str()).filter(|stack| !stack.is_empty()),
        stack_id: Some(change.stack_id.as_str()).filter(|id| !id.is_empty()),
        resource: &change.logical_id,
        resource_type: &change.resource_type,
        owner: change.owner.as_deref(),
        compliance: Compliance::Passed,
        is_medium: false,
        created: started,
        updated: started,
        said: Vec::new(),
        remedy: None,
    }
}
