//! The result as an HTML page for decision makers.

mod accounts;
mod changes;
mod live;

use std::io::{self, Write};

use maud::{Markup, html};

use super::readiness::{advice, alternatives_described};
use super::record::{Cause, OutcomeCounts, RuleOutcome, RuleRecord, StackRecord};
use super::result::ScanResult;
use super::summary::{Readiness, RuleGroup, ScanSummary};
use crate::number::{count, grouped};
use crate::page::{self, Bar, Row, capitalized};
use crate::spool::Spool;

/// The maximum number of egress rules on the page; the JSON and CSV results contain all of them.
const MAX_ROWS: usize = 2_000;

/// The maximum number of bars in a chart.
const MAX_BARS: usize = 20;

/// Writes the page.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_html(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let many = result.is_of_many();
    let details = if many { accounts::overview(result)? } else { rules(&mut result.stacks)? };
    let changes = match &mut result.comparison {
        Some(comparison) => changes::changes(comparison, &result.head.accounts, many)?,
        None => Markup::default(),
    };
    let live = match &result.summary.live {
        Some(summary) => live::section(summary, &mut result.groups, &result.head.accounts, many)?,
        None => Markup::default(),
    };
    let summary = &result.summary;
    let class = match summary.answer {
        Readiness::Yes => "good",
        Readiness::Probably | Readiness::Unknown => "maybe",
        Readiness::No => "bad",
    };
    let numbers = [
        (summary.stacks, "stacks judged"),
        (summary.stacks_with_rules, "of them with security groups"),
        (summary.stacks_blocked, "stacks would be blocked"),
        (summary.tally.blocked, "egress rules would be blocked"),
        (summary.tally.undetermined, "egress rules undetermined"),
        (summary.unread, "stacks not read"),
    ];
    let body = html! {
        p.dim { (scanned(result)) }
        (page::answer(class, &summary.sentences(&result.head.only_stacks)))
        @for warning in result.warnings() { p.warning { (warning) } }
        (page::tiles(&numbers))
        @if many { (details) }
        (changes)
        (charts(summary))
        (live)
        (unread(result))
        @if !many { (details) }
        p.dim.foot {
            "The rule: each egress rule of a security group must open exactly one explicit port. With FAIL, \
             CloudFormation blocks a group that breaks the rule the next time it is created or updated; running \
             resources are not affected. Created by cfn-egress-guard " (result.head.program) "."
        }
    };
    page::write(out, "Egress rules: can enforcement be switched on?", &body)
}

/// Returns the scope of the scan: time, policy, place.
fn scanned(result: &ScanResult) -> String {
    let account =
        result.accounts_described().map_or_else(String::new, |accounts| format!("{}, ", capitalized(&accounts)));
    let regions = match result.head.regions.as_slice() {
        [] => "every Region that is enabled there".to_owned(),
        [region] => region.clone(),
        regions => format!("{} ({})", count(regions.len(), "Region"), regions.join(", ")),
    };
    let when = result.head.started.replace('T', " ").replace('Z', " UTC");
    let only = result.head.only_stacks.join(", ");
    let only = if only.is_empty() { only } else { format!("only stacks named {only}; ") };
    format!("{account}{regions}; {only}{when}; {}", result.head.policy)
}

fn charts(summary: &ScanSummary) -> Markup {
    let described = summary.tally;
    let passed = summary
        .rules
        .saturating_sub(described.blocked + described.undetermined + described.exempted + described.known_debt);
    let parts = [
        ("blocked", described.blocked, "would be blocked"),
        ("undetermined", described.undetermined, "undetermined before a deployment"),
        ("exempted", described.exempted, "exempt by the policy"),
        ("debt", described.known_debt, "known debt, allowed while unchanged"),
        ("passed", passed, "one explicit port, or allowed by a setting"),
    ];
    let owners = "Owners, from tags of the stacks. Those with the most blocked stacks come first; each bar shows \
                  egress rules.";
    let examples = |group: &RuleGroup| {
        if group.examples.is_empty() { String::new() } else { format!("e.g. {}", group.examples.join(", ")) }
    };
    let causes = "Causes by number of egress rules, with the fix for each.";
    let to_do = |group: &RuleGroup| {
        let cause = Cause::ALL.iter().find(|cause| group.name.as_deref() == Some(cause.label()));
        cause.map_or_else(String::new, |cause| advice(*cause).to_owned())
    };
    let units = "Units with the most blocked stacks first, without the units below them.";
    let regions = "Regions with the most blocked stacks first.";
    html! {
        @if summary.rules > 0 { (page::heading("All egress rules", "")) (page::whole(&parts)) }
        (groups("Whom to contact first", owners, &summary.owners, examples))
        (groups("Causes", causes, &summary.causes, to_do))
        (groups("Organizational units", units, &summary.organizational_units, |_| String::new()))
        (groups("Where", regions, &summary.regions, |_| String::new()))
        @if summary.tally != OutcomeCounts::default() {
            (page::heading("With another policy", "Stacks that would be blocked."))
            (page::chart(&alternatives(summary)))
        }
    }
}

fn alternatives(summary: &ScanSummary) -> Vec<Bar> {
    alternatives_described(summary)
        .into_iter()
        .map(|described| Bar {
            name: described.name,
            note: described.note.to_owned(),
            parts: vec![("blocked", described.stacks)],
            said: format!("{}, {}", count(described.stacks, "stack"), count(described.rules, "rule")),
        })
        .collect()
}

fn groups(title: &str, below: &str, groups: &[RuleGroup], note: impl Fn(&RuleGroup) -> String) -> Markup {
    if groups.is_empty() {
        return Markup::default();
    }
    let bar = |group: &RuleGroup| Bar {
        name: group.name.clone().unwrap_or_else(|| "(no owner tag)".to_owned()),
        note: note(group),
        parts: vec![
            ("blocked", group.tally.blocked),
            ("undetermined", group.tally.undetermined),
            ("exempted", group.tally.exempted),
            ("debt", group.tally.known_debt),
        ],
        said: group.described(),
    };
    html! {
        (page::heading(title, below))
        (page::chart(&groups.iter().take(MAX_BARS).map(bar).collect::<Vec<_>>()))
        @if groups.len() > MAX_BARS { p.dim { "… and " (grouped(groups.len() - MAX_BARS)) " more." } }
    }
}

fn unread(result: &ScanResult) -> Markup {
    let groups = &result.unread_groups;
    if groups.is_empty() {
        return Markup::default();
    }
    let below = "The numbers above exclude everything that could not be read.";
    let rows = groups.iter().take(MAX_ROWS).map(|group| {
        let fate = if group.judged { "read in part" } else { "not read" };
        ("unread", vec![fate.to_owned(), group.place(result.is_of_many()), group.what(), group.failure.to_string()])
    });
    html! {
        (page::heading("What could not be read", below))
        (page::table(&["", "where", "what", "why"], rows))
        (cut(groups.len()))
    }
}

fn rules(stacks: &mut Spool<StackRecord>) -> io::Result<Markup> {
    let mut rows: [Vec<Row>; FATES.len()] = Default::default();
    let mut total = 0;
    for stack in stacks.iter() {
        let stack = stack?;
        for rule in &stack.findings {
            total += 1;
            let of_fate = FATES.iter().position(|fate| *fate == rule.fate).and_then(|fate| rows.get_mut(fate));
            if let Some(rows) = of_fate.filter(|rows| rows.len() < MAX_ROWS) {
                rows.push(row(&stack, rule));
            }
        }
    }
    if total == 0 {
        return Ok(Markup::default());
    }
    let rows = rows.into_iter().flatten().take(MAX_ROWS);
    Ok(html! {
        (page::heading("By rule", "Blocked rules come first."))
        (page::table(&COLUMNS, rows))
        (cut(total))
    })
}

/// The columns of the rules.
const COLUMNS: [&str; 6] = ["", "stack", "Region", "owner", "rule", "what"];

/// The outcomes in the order of the page.
const FATES: [RuleOutcome; 4] =
    [RuleOutcome::Blocked, RuleOutcome::Undetermined, RuleOutcome::Exempted, RuleOutcome::KnownDebt];

fn row(stack: &StackRecord, rule: &RuleRecord) -> Row {
    let class = if rule.fate == RuleOutcome::KnownDebt { "debt" } else { rule.fate.name() };
    let place = format!("{} {}", rule.logical_id, rule.path);
    let owner = stack.owner.clone().unwrap_or_default();
    let mut what = rule.statement.clone();
    what.push('.');
    if rule.fate == RuleOutcome::Blocked {
        what.push_str(&format!(" {}", rule.remedy));
    }
    if let Some(exemption) = &rule.exemption {
        what.push_str(&format!(" Exemption {exemption}."));
    }
    let stack_name = match &stack.root {
        Some(root) => format!("{} (in {root})", stack.stack),
        None => stack.stack.clone(),
    };
    (class, vec![rule.fate.name().to_owned(), stack_name, stack.region.clone(), owner, place, what])
}

/// Returns the number of rows that a table leaves out, in words.
fn cut(rows: usize) -> Markup {
    html! {
        @if rows > MAX_ROWS { p.dim { (grouped(rows - MAX_ROWS)) " more are in the JSON and CSV results." } }
    }
}
