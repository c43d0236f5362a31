//! The result for people on a terminal: what, why and whose. The answer comes last, where it is read first.

mod live;

use std::io::{self, Write};

use anstyle::Style;
use cfn_egress_guard_account::accounts::{MemberAccount, account_label};
use cfn_egress_guard_account::count;
use cfn_egress_guard_account::scan::{
    AccountSummary, ChangeGroup, ComparisonHead, OutcomeCounts, Readiness, RuleGroup, RuleOutcome, ScanResult,
    ScanSummary, StackRecord, UnreadGroup, alternatives_described,
};

use crate::style::{BAD, BOLD, CAUTION, DIM, GOOD};

/// The maximum number of stacks shown in detail.
const MAX_STACKS: usize = 50;

/// The maximum number of listed groups.
const MAX_GROUPS: usize = 10;

/// The maximum width of the column of group names; longer names overflow.
const MAX_WIDTH: usize = 40;

/// The action that enters an account.
const ASSUME_ROLE: &str = "sts:AssumeRole";

/// The maximum number of listed reasons for unread stacks.
const MAX_UNREAD: usize = 20;

pub(crate) fn write(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let mut described = 0;
    let many = result.is_of_many();
    for stack in result.stacks.iter() {
        let stack = stack?;
        if stack.findings.is_empty() {
            continue;
        }
        described += 1;
        if described <= MAX_STACKS {
            write_stack(&stack, many.then(|| account_label(&result.head.accounts, &stack.account)), out)?;
        }
    }
    if described > MAX_STACKS {
        writeln!(out, "{DIM}… and {} more stacks; --output scan.csv has them all{DIM:#}\n", described - MAX_STACKS)?;
    }
    live::write_groups(result, out)?;
    let summary = &result.summary;
    if summary.tally != OutcomeCounts::default() {
        write_groups("By cause", &summary.causes, out)?;
        write_groups("By owner", &summary.owners, out)?;
        if result.is_of_many() {
            write_groups("By account", &by_account(summary), out)?;
            write_groups("By organizational unit", &summary.organizational_units, out)?;
        }
        if result.head.regions.len() != 1 {
            write_groups("By Region", &summary.regions, out)?;
        }
        write_alternatives(summary, out)?;
    }
    if let Some(comparison) = &result.comparison {
        write_changes(&comparison.head, &result.head.accounts, out)?;
    }
    write_unread(&result.unread_groups, result.is_of_many(), out)?;
    let style = match summary.answer {
        Readiness::Yes => GOOD,
        Readiness::Probably | Readiness::Unknown => CAUTION,
        Readiness::No => BAD,
    };
    let only = &result.head.only_stacks;
    let of = if only.is_empty() { String::new() } else { format!(" for stacks named {}", only.join(", ")) };
    writeln!(
        out,
        "{BOLD}Can the failure mode be FAIL{of}?{BOLD:#} {DIM}({} read in {}, {}){DIM:#}",
        count(summary.stacks, "stack"),
        result.place(),
        result.head.policy
    )?;
    for (position, line) in summary.sentences(only).iter().enumerate() {
        let style = if position == 0 { style } else { Style::new() };
        writeln!(out, "{style}{line}{style:#}")?;
    }
    live::write_answer(result, out)?;
    for line in result.comparison.iter().flat_map(|comparison| comparison.head.sentences()) {
        writeln!(out, "{line}")?;
    }
    for warning in result.warnings() {
        writeln!(out, "{CAUTION}{warning}{CAUTION:#}")?;
    }
    Ok(())
}

fn write_stack(stack: &StackRecord, account: Option<String>, out: &mut dyn Write) -> io::Result<()> {
    let account = account.map_or_else(String::new, |account| format!("{account}, "));
    let owner = stack.owner.as_ref().map_or_else(String::new, |owner| format!(", {owner}"));
    let nested = stack.root.as_ref().map_or_else(String::new, |root| format!(", nested in {root}"));
    writeln!(out, "{BOLD}{}{BOLD:#} {DIM}({account}{}{owner}{nested}){DIM:#}", stack.stack, stack.region)?;
    for rule in &stack.findings {
        let style = match rule.fate {
            RuleOutcome::Blocked => BAD,
            RuleOutcome::Undetermined => CAUTION,
            RuleOutcome::Exempted | RuleOutcome::KnownDebt => GOOD,
        };
        let fate = rule.fate.name();
        let exemption = rule.exemption.as_ref().map_or_else(String::new, |name| format!(" [exemption {name}]"));
        writeln!(out, "  {style}{fate:12}{style:#} {}.{}: {}{exemption}", rule.logical_id, rule.path, rule.statement)?;
    }
    let more = stack.more.blocked + stack.more.undetermined;
    if more > 0 {
        writeln!(out, "  {DIM}… and {more} more rules{DIM:#}")?;
    }
    for note in &stack.notes {
        writeln!(out, "  {DIM}note: {note}{DIM:#}")?;
    }
    writeln!(out)
}

/// Returns the accounts with something to report, as groups of rules.
fn by_account(summary: &ScanSummary) -> Vec<RuleGroup> {
    let accounts = summary.accounts.iter().filter(|account| account.tally != OutcomeCounts::default());
    let group = |account: &AccountSummary| RuleGroup {
        name: Some(account.account.label()),
        stacks: account.stacks_blocked,
        tally: account.tally,
        examples: Vec::new(),
    };
    accounts.map(group).collect()
}

fn write_groups(title: &str, groups: &[RuleGroup], out: &mut dyn Write) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "{BOLD}{title}{BOLD:#}")?;
    let name = |group: &RuleGroup| group.name.clone().unwrap_or_else(|| "(no owner tag)".to_owned());
    let widths = groups.iter().take(MAX_GROUPS).map(|group| name(group).chars().count());
    let width = widths.max().unwrap_or_default().min(MAX_WIDTH);
    for group in groups.iter().take(MAX_GROUPS) {
        writeln!(out, "  {:width$}  {}", name(group), group.described())?;
    }
    if groups.len() > MAX_GROUPS {
        writeln!(out, "  {DIM}… and {} more{DIM:#}", groups.len() - MAX_GROUPS)?;
    }
    writeln!(out)
}

fn write_alternatives(summary: &ScanSummary, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{BOLD}Under another policy{BOLD:#}")?;
    let described = alternatives_described(summary);
    let width = described.iter().map(|other| other.name.chars().count()).max().unwrap_or_default();
    for other in &described {
        let (stacks, rules) = (count(other.stacks, "stack"), count(other.rules, "rule"));
        writeln!(out, "  {:width$}  {rules} in {stacks}", other.name)?;
    }
    writeln!(out)
}

/// Writes what was fixed and what is new, by account and by owner.
fn write_changes(comparison: &ComparisonHead, accounts: &[MemberAccount], out: &mut dyn Write) -> io::Result<()> {
    let by_account = |group: &ChangeGroup| account_label(accounts, group.name.as_deref().unwrap_or_default());
    let by_owner = |group: &ChangeGroup| group.name.clone().unwrap_or_else(|| "(no owner tag)".to_owned());
    let day = comparison.earlier.get(..10).unwrap_or(&comparison.earlier);
    type Name<'n> = &'n dyn Fn(&ChangeGroup) -> String;
    let by_account: (_, _, Name<'_>) = ("account", &comparison.accounts, &by_account);
    let by_owner: (_, _, Name<'_>) = ("owner", &comparison.owners, &by_owner);
    for (by, groups, name) in [by_account, by_owner].into_iter().filter(|(_, groups, _)| !groups.is_empty()) {
        writeln!(out, "{BOLD}Since {day}, by {by}{BOLD:#}")?;
        let shown = || groups.iter().take(MAX_GROUPS);
        let width = shown().map(|group| name(group).chars().count()).max().unwrap_or_default().min(MAX_WIDTH);
        for group in shown() {
            writeln!(out, "  {:width$}  {}", name(group), group.described())?;
        }
        if groups.len() > MAX_GROUPS {
            writeln!(out, "  {DIM}… and {} more{DIM:#}", groups.len() - MAX_GROUPS)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_unread(groups: &[UnreadGroup], many: bool, out: &mut dyn Write) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(out, "{BOLD}Could not be read{BOLD:#}")?;
    for group in groups.iter().take(MAX_UNREAD) {
        let in_part = if group.judged { " (in part)" } else { "" };
        writeln!(out, "  {CAUTION}{}{CAUTION:#} {}{in_part}: {}", group.place(many), group.what(), group.failure)?;
    }
    if groups.len() > MAX_UNREAD {
        writeln!(out, "  {DIM}… and {} more; --output scan.csv has them all{DIM:#}", groups.len() - MAX_UNREAD)?;
    }
    let mut missing: Vec<&str> = groups.iter().filter_map(|group| group.failure.missing_permission()).collect();
    if missing.contains(&ASSUME_ROLE) {
        // This depends not only on the caller's policy, but also on the role's trust policy.
        missing.retain(|action| *action != ASSUME_ROLE);
        writeln!(out, "  Deploy deploy/reader-role.yaml in these accounts, or name their role with --role")?;
    }
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        writeln!(out, "  Missing permissions: {} (--print-iam-policy prints what is needed)", missing.join(", "))?;
    }
    writeln!(out)
}
