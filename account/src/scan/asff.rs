//! The result for AWS Security Hub: one finding for each resource with something to report, and one that is over for
//! each that an earlier scan found and this one does not.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write};

use super::comparison::{Change, Comparison, RuleChange};
use super::record::{RuleOutcome, RuleRecord, StackRecord};
use super::result::ScanResult;
use crate::asff::{Batches, Compliance, ResourceFinding};

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
    let mut told = HashSet::new();
    for stack in result.stacks.iter() {
        let stack = stack?;
        let mut resources: BTreeMap<&str, Vec<&RuleRecord>> = BTreeMap::new();
        for rule in &stack.findings {
            resources.entry(&rule.logical_id).or_default().push(rule);
        }
        for (logical_id, rules) in resources {
            told.insert(key(&stack.account, &stack.region, &stack.stack, logical_id));
            batches.push(&finding(&stack, logical_id, &rules, &result.head.started))?;
        }
    }
    if let Some(Comparison { changes, .. }) = &mut result.comparison {
        // A resource may have had several rules.
        let mut over = HashSet::new();
        changes.sort_by_key(|change| (change.account, change.region, change.stack))?;
        for change in changes.iter() {
            let change = change?;
            let key = key(&change.account, &change.region, &change.stack, &change.logical_id);
            if change.change == Change::Fixed && !told.contains(&key) && over.insert(key) {
                batches.push(&fixed(&change, &result.head.started))?;
            }
        }
    }
    batches.end()
}

fn finding<'a>(
    stack: &'a StackRecord,
    logical_id: &'a str,
    rules: &[&'a RuleRecord],
    started: &'a str,
) -> ResourceFinding<'a> {
    let compliance = |fate| if fate == RuleOutcome::Blocked { Compliance::Failed } else { Compliance::Warning };
    let worst = rules.iter().map(|rule| compliance(rule.fate)).max().unwrap_or(Compliance::Warning);
    let said = |rule: &&RuleRecord| {
        let exemption =
            rule.exemption.as_ref().map_or_else(String::new, |exemption| format!(" (exemption {exemption})"));
        let fate = if rule.fate == RuleOutcome::Blocked { String::new() } else { format!("{}: ", rule.fate.name()) };
        format!("{}: {fate}{}{exemption}", rule.path, rule.statement)
    };
    // What is blocked comes first, since the text is cut.
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
        said: sorted.iter().map(said).collect(),
        remedy: sorted.first().map(|rule| rule.remedy.as_str()),
    }
}

fn fixed<'a>(change: &'a RuleChange, started: &'a str) -> ResourceFinding<'a> {
    ResourceFinding {
        account: &change.account,
        region: &change.region,
        stack: Some(&change.stack),
        stack_id: Some(&change.stack_id),
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
