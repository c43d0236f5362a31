//! The existing security groups.

use std::io;

use maud::{Markup, html};

use super::Row;
use crate::accounts::{MemberAccount, account_label};
use crate::number::grouped;
use crate::page::{self, Bar};
use crate::scan::live::{DifferenceKind, GroupRecord, LiveSummary};
use crate::scan::record::{RuleOutcome, RuleRecord};
use crate::spool::Spool;

/// The maximum number of listed egress rules.
const MAX_ROWS: usize = 1_000;

/// Returns the section. If there are several accounts, the overview of accounts contains their rows.
pub(super) fn section(
    summary: &LiveSummary,
    groups: &mut Spool<GroupRecord>,
    accounts: &[MemberAccount],
    many: bool,
) -> io::Result<Markup> {
    let mut rows: Vec<Row> = Vec::new();
    let mut total = 0;
    for group in groups.iter() {
        let group = group?;
        for (class, mut cells) in rows_of(&group) {
            total += 1;
            if rows.len() < MAX_ROWS {
                if many {
                    cells.insert(1, account_label(accounts, &group.account));
                }
                rows.push((class, cells));
            }
        }
    }
    let left_out = total - rows.len();
    let columns: &[&str] = if many {
        &["", "account", "group", "Region", "owner", "owned by", "what"]
    } else {
        &["", "group", "Region", "owner", "owned by", "what"]
    };
    let tiles = [
        (summary.all.groups, "groups exist"),
        (summary.all.breaking, "of them break the rule"),
        (summary.unowned.breaking, "of those are in no stack"),
        (summary.defaults.breaking, "default groups are open"),
        (summary.changed.groups, "differ from their stack"),
        (summary.unread, "groups not read"),
    ];
    let below = "All groups, including those created outside of CloudFormation. A hook does not check them until a stack changes them.";
    Ok(html! {
        (page::heading("Security groups that exist", below))
        ul { @for sentence in summary.sentences() { li { (sentence) } } }
        (page::tiles(&tiles))
        @if summary.all.groups > 0 { (page::chart(&bars(summary))) }
        (page::table(columns, rows.into_iter()))
        @if left_out > 0 { p.dim { (grouped(left_out)) " more are in the JSON and CSV results." } }
    })
}

/// Returns the number of groups of each kind that comply and that break the rule.
fn bars(summary: &LiveSummary) -> Vec<Bar> {
    let rest = |all: usize, others: [usize; 2]| all.saturating_sub(others.into_iter().sum());
    let (all, unowned, defaults) = (&summary.all, &summary.unowned, &summary.defaults);
    let of_stacks = rest(all.groups, [unowned.groups, defaults.groups]);
    let breaking = rest(all.breaking, [unowned.breaking, defaults.breaking]);
    let bar = |name: &str, groups: usize, breaking: usize| Bar {
        name: name.to_owned(),
        note: String::new(),
        parts: vec![("blocked", breaking), ("passed", groups.saturating_sub(breaking))],
        said: format!("{} of {} break the rule", grouped(breaking), grouped(groups)),
    };
    [
        ("In a stack", of_stacks, breaking),
        ("In no stack", unowned.groups, unowned.breaking),
        ("Default groups of VPCs", defaults.groups, defaults.breaking),
    ]
    .into_iter()
    .filter(|(_, groups, _)| *groups > 0)
    .map(|(name, groups, breaking)| bar(name, groups, breaking))
    .collect()
}

/// Returns a row for each finding, violations first, and for each difference.
pub(super) fn rows_of(group: &GroupRecord) -> Vec<Row> {
    let row = |class: &'static str, word: &str, what: String| {
        let owner = group.owner.clone().unwrap_or_default();
        (class, vec![word.to_owned(), group.label(), group.region.clone(), owner, group.owned_by(), what])
    };
    let mut sorted: Vec<&RuleRecord> = group.findings.iter().collect();
    sorted.sort_by_key(|rule| rule.fate);
    let finding = |rule: &&RuleRecord| {
        let (class, word) = match rule.fate {
            RuleOutcome::Blocked => ("blocked", "breaks the rule"),
            RuleOutcome::KnownDebt => ("debt", rule.fate.name()),
            RuleOutcome::Undetermined | RuleOutcome::Exempted => (rule.fate.name(), rule.fate.name()),
        };
        let exemption = rule.exemption.as_ref().map_or_else(String::new, |name| format!(" Exemption {name}."));
        row(class, word, format!("{}: {}.{exemption}", rule.path, rule.statement))
    };
    let difference = |one: &crate::scan::live::Difference| {
        let class = if one.kind == DifferenceKind::Added { "unread" } else { "debt" };
        row(class, one.kind.name(), format!("{}.", one.statement))
    };
    sorted.iter().map(finding).chain(group.differences.iter().map(difference)).collect()
}
