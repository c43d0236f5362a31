//! The existing security groups, for people on a terminal.

use std::io::{self, Write};

use anstyle::Style;
use cfn_egress_guard_account::accounts::account_label;
use cfn_egress_guard_account::scan::{
    AccountSummary, DifferenceKind, GroupRecord, LiveSummary, RuleOutcome, RuleRecord, ScanResult,
};
use cfn_egress_guard_account::{count, grouped};

use crate::style::{BAD, BOLD, CAUTION, DIM, GOOD};

/// The maximum number of groups shown in detail.
const MAX_GROUPS: usize = 50;

/// The maximum number of listed accounts.
const MAX_ACCOUNTS: usize = 10;

/// Writes the groups with findings or differences, if they were read.
pub(super) fn write_groups(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let many = result.is_of_many();
    let mut described = 0;
    for group in result.groups.iter() {
        let group = group?;
        if !group.is_worth_a_line() {
            continue;
        }
        described += 1;
        if described <= MAX_GROUPS {
            write_group(&group, many.then(|| account_label(&result.head.accounts, &group.account)), out)?;
        }
    }
    if described > MAX_GROUPS {
        let more = count(described - MAX_GROUPS, "more security group");
        writeln!(out, "{DIM}… and {more}; --output scan.csv has them all{DIM:#}\n")?;
    }
    Ok(())
}

fn write_group(group: &GroupRecord, account: Option<String>, out: &mut dyn Write) -> io::Result<()> {
    let account = account.map_or_else(String::new, |account| format!("{account}, "));
    let owner = group.owner.as_ref().map_or_else(String::new, |owner| format!(", {owner}"));
    let (region, owned_by) = (&group.region, group.owned_by());
    writeln!(out, "{BOLD}{}{BOLD:#} {DIM}({account}{region}, {owned_by}{owner}){DIM:#}", group.label())?;
    let mut findings: Vec<&RuleRecord> = group.findings.iter().collect();
    findings.sort_by_key(|rule| rule.fate);
    for rule in findings {
        let (style, word) = match rule.fate {
            RuleOutcome::Blocked => (BAD, "breaks rule"),
            RuleOutcome::Undetermined => (CAUTION, rule.fate.name()),
            RuleOutcome::Exempted | RuleOutcome::KnownDebt => (GOOD, rule.fate.name()),
        };
        let exemption = rule.exemption.as_ref().map_or_else(String::new, |name| format!(" [exemption {name}]"));
        writeln!(out, "  {style}{word:12}{style:#} {}: {}{exemption}", rule.path, rule.statement)?;
    }
    for difference in &group.differences {
        let style = if difference.kind == DifferenceKind::Added { BAD } else { CAUTION };
        writeln!(out, "  {style}{:12}{style:#} {}", difference.kind.name(), difference.statement)?;
    }
    if group.more.blocked > 0 {
        writeln!(out, "  {DIM}… and {} more rules{DIM:#}", group.more.blocked)?;
    }
    for note in &group.notes {
        writeln!(out, "  {DIM}note: {note}{DIM:#}")?;
    }
    writeln!(out)
}

/// Writes the answer, if they were read.
pub(super) fn write_answer(result: &ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let Some(live) = &result.summary.live else { return Ok(()) };
    writeln!(out)?;
    let groups = count(live.all.groups, "group");
    writeln!(out, "{BOLD}Which security groups that exist are open?{BOLD:#} {DIM}({groups} read){DIM:#}")?;
    if result.is_of_many() {
        write_accounts(&result.summary.accounts, out)?;
    }
    let style = match (live.has_findings(), live.is_whole()) {
        (true, _) => BAD,
        (false, true) => GOOD,
        (false, false) => CAUTION,
    };
    for (position, line) in live.sentences().iter().enumerate() {
        let style = if position == 0 { style } else { Style::new() };
        writeln!(out, "{style}{line}{style:#}")?;
    }
    Ok(())
}

/// Writes the accounts with findings or differences, those with the most open groups first.
fn write_accounts(accounts: &[AccountSummary], out: &mut dyn Write) -> io::Result<()> {
    let mut described: Vec<(String, &LiveSummary)> = accounts
        .iter()
        .filter_map(|account| Some((account.account.label(), account.live.as_ref()?)))
        .filter(|(_, live)| live.has_findings())
        .collect();
    described.sort_by_key(|(_, live)| std::cmp::Reverse((live.all.breaking, live.changed.groups)));
    let width = described.iter().take(MAX_ACCOUNTS).map(|(label, _)| label.chars().count()).max().unwrap_or_default();
    for (label, live) in described.iter().take(MAX_ACCOUNTS) {
        let mut said = vec![format!("{} of {} break the rule", grouped(live.all.breaking), grouped(live.all.groups))];
        if live.unowned.breaking > 0 {
            said.push(format!("{} of no stack", grouped(live.unowned.breaking)));
        }
        if live.defaults.breaking > 0 {
            said.push(count(live.defaults.breaking, "default group"));
        }
        if live.changed.groups > 0 {
            said.push(format!("{} changed outside of stacks", grouped(live.changed.groups)));
        }
        writeln!(out, "  {label:width$}  {}", said.join(", "))?;
    }
    if described.len() > MAX_ACCOUNTS {
        writeln!(out, "  {DIM}… and {} more{DIM:#}", described.len() - MAX_ACCOUNTS)?;
    }
    Ok(())
}
