//! The result as one page for people who decide.

use std::io::{self, Write};

use super::record::{Fate, ScanResult, StackRecord};
use super::summary::{Answer, Group, Summary};
use crate::account::page::{self, Escaped};

/// How many egress rules the page lists; the JSON and CSV results have all of them.
const MAX_ROWS: usize = 2_000;

/// Writes the page.
///
/// # Errors
/// When it cannot be written.
pub fn write_html(result: &ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let summary = &result.tail.summary;
    page::begin(out, "Egress rules: what enforcement would block")?;
    writeln!(
        out,
        "<p class=\"dim\">Scanned {} with policy {}, {}. A rule is blocked when its group is next created or updated \
         through CloudFormation; nothing that runs is touched.</p>",
        Escaped(&result.head.started),
        Escaped(&result.head.policy),
        Escaped(&result.head.regions.join(", "))
    )?;
    let class = match summary.answer {
        Answer::Yes => "good",
        Answer::Probably | Answer::Unknown => "maybe",
        Answer::No => "bad",
    };
    writeln!(out, "<div class=\"answer {class}\">")?;
    for line in summary.sentences() {
        writeln!(out, "<p>{}</p>", Escaped(&line))?;
    }
    writeln!(out, "</div>")?;
    if !result.tail.complete {
        writeln!(out, "<p class=\"unread\">The scan was interrupted: this is what was found until then.</p>")?;
    }
    page::tiles(
        out,
        &[
            (summary.stacks, "stacks read"),
            (summary.stacks_with_rules, "with security groups"),
            (summary.stacks_blocked, "would be blocked"),
            (summary.tally.blocked, "rules blocked"),
            (summary.tally.undetermined, "rules undetermined"),
            (summary.unread, "not read"),
        ],
    )?;
    charts(out, summary)?;
    rules(out, &result.stacks)?;
    if !result.tail.unread.is_empty() {
        writeln!(out, "<h2>What could not be read</h2>")?;
        let rows = result.tail.unread.iter().take(MAX_ROWS).map(|unread| {
            let stack = unread.stack.clone().unwrap_or_else(|| "(the Region's list)".to_owned());
            ("unread", vec![stack, unread.region.clone(), unread.failure.to_string()])
        });
        page::table(out, &["stack", "Region", "why"], rows)?;
    }
    page::end(out)
}

fn charts(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let bars = |groups: &[Group], by_stacks: bool| -> Vec<(String, usize, String)> {
        let bar = |group: &Group| {
            let name = group.name.clone().unwrap_or_else(|| "(no owner tag)".to_owned());
            let size = if by_stacks { group.stacks } else { group.rules };
            (name, size, format!("{} in {}", count(group.rules, "rule"), count(group.stacks, "stack")))
        };
        groups.iter().take(20).map(bar).collect()
    };
    if summary.tally.blocked > 0 {
        page::bars(out, "What kind of rule it is", &bars(&summary.causes, false))?;
        page::bars(out, "Whom to talk to first", &bars(&summary.owners, true))?;
        page::bars(out, "Where", &bars(&summary.regions, true))?;
    }
    let alternatives: Vec<_> =
        std::iter::once(("as scanned".to_owned(), summary.stacks_blocked, summary.tally.blocked))
            .chain(
                summary
                    .alternatives
                    .iter()
                    .map(|other| (other.name.clone(), other.stacks_blocked, other.rules_blocked)),
            )
            .map(|(name, stacks, rules)| {
                (name, stacks, format!("{}, {}", count(stacks, "stack"), count(rules, "rule")))
            })
            .collect();
    page::bars(out, "How the policy changes it: stacks that would be blocked", &alternatives)
}

fn rules(out: &mut dyn Write, stacks: &[StackRecord]) -> io::Result<()> {
    let all = || stacks.iter().flat_map(|stack| stack.findings.iter().map(move |rule| (stack, rule)));
    let (first, total) = (all().take(MAX_ROWS), all().count());
    if total == 0 {
        return Ok(());
    }
    writeln!(out, "<h2>Rule by rule</h2>")?;
    let row = |(stack, rule): (&StackRecord, &super::RuleRecord)| {
        let class = rule.fate.name();
        let place = format!("{}.{}", rule.logical_id, rule.path);
        let owner = stack.owner.clone().unwrap_or_default();
        let what = match rule.fate {
            Fate::Blocked => format!("{}. {}", rule.statement, rule.remedy),
            Fate::Undetermined | Fate::Exempted | Fate::KnownDebt => rule.statement.clone(),
        };
        (class, vec![class.to_owned(), stack.stack.clone(), stack.region.clone(), owner, place, what])
    };
    page::table(out, &["", "stack", "Region", "owner", "rule", "what"], first.map(row))?;
    if total > MAX_ROWS {
        writeln!(out, "<p class=\"dim\">{} more are in the JSON and CSV results.</p>", total - MAX_ROWS)?;
    }
    Ok(())
}

pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
