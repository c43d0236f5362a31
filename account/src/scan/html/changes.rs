//! The changes since an earlier scan.

use std::collections::HashSet;
use std::io;

use maud::{Markup, html};

use super::{MAX_BARS, Row};
use crate::accounts::{MemberAccount, account_label};
use crate::number::{count, grouped};
use crate::page::{self, Bar};
use crate::scan::comparison::{Change, ChangeGroup, Comparison, ComparisonHead, RuleChange, TrendPoint};

/// The maximum number of fixed or new rules on the page.
const MAX_ROWS: usize = 500;

/// The number of them that is shown without opening the table.
const SHOWN: usize = 25;

/// Returns the section.
pub(super) fn changes(comparison: &mut Comparison, accounts: &[MemberAccount], many: bool) -> io::Result<Markup> {
    let mut rows = Vec::new();
    for change in comparison.changes.iter().take(MAX_ROWS) {
        rows.push(row(&change?, accounts, many));
    }
    // New rules come first.
    rows.sort_by_key(|(class, _)| *class != "blocked");
    let left_out = comparison.changes.len() - rows.len();
    let head = &comparison.head;
    let by_account = |group: &ChangeGroup| account_label(accounts, group.name.as_deref().unwrap_or_default());
    let by_owner = |group: &ChangeGroup| group.name.clone().unwrap_or_else(|| "(no owner tag)".to_owned());
    let columns: &[&str] = if many {
        &["", "account", "stack", "Region", "owner", "what"]
    } else {
        &["", "stack", "Region", "owner", "what"]
    };
    let number = rows.len();
    let table = html! {
        (page::table(columns, rows.into_iter()))
        @if left_out > 0 { p.dim { (grouped(left_out)) " more are in the JSON result." } }
    };
    // A long table would push down the sections after it.
    let table = if number > SHOWN {
        html! { details.rows { summary { (count(number, "rule")) " one by one" } (table) } }
    } else {
        table
    };
    Ok(html! {
        (page::heading("What changed", &head.sentences().join(" ")))
        @if head.trend.len() > 1 { (page::chart(&trend(head))) }
        @if many { (groups("By account", &head.accounts, by_account)) }
        (groups("By owner", &head.owners, by_owner))
        (table)
    })
}

/// Returns a bar for each scan, the newest last.
fn trend(head: &ComparisonHead) -> Vec<Bar> {
    // The date alone, or as much of the time as is needed to distinguish the scans.
    let differ = |length: &usize| {
        let labels: HashSet<_> = head.trend.iter().map(|point| point.started.get(..*length)).collect();
        labels.len() == head.trend.len()
    };
    let length = [10, 16].into_iter().find(differ).unwrap_or(19);
    let bar = |point: &TrendPoint| Bar {
        name: point.started.get(..length).unwrap_or(&point.started).replace('T', " "),
        note: String::new(),
        parts: vec![("blocked", point.rules_blocked)],
        said: format!(
            "{} in {} of {}",
            count(point.rules_blocked, "rule"),
            grouped(point.stacks_blocked),
            count(point.stacks, "stack")
        ),
    };
    head.trend.iter().map(bar).collect()
}

fn groups(title: &str, groups: &[ChangeGroup], name: impl Fn(&ChangeGroup) -> String) -> Markup {
    if groups.is_empty() {
        return Markup::default();
    }
    let bar = |group: &ChangeGroup| Bar {
        name: name(group),
        note: String::new(),
        parts: vec![("fixed", group.fixed), ("blocked", group.new), ("passed", group.remaining)],
        said: group.described(),
    };
    html! {
        h3 { (title) }
        (page::chart(&groups.iter().take(MAX_BARS).map(bar).collect::<Vec<_>>()))
        @if groups.len() > MAX_BARS { p.dim { "… and " (grouped(groups.len() - MAX_BARS)) " more." } }
    }
}

fn row(change: &RuleChange, accounts: &[MemberAccount], many: bool) -> Row {
    let (class, word) = match change.change {
        Change::Fixed => ("fixed", "fixed"),
        Change::New => ("blocked", "new"),
    };
    let mut cells = vec![word.to_owned()];
    cells.extend(many.then(|| account_label(accounts, &change.account)));
    let what = format!("{}: {}.", change.logical_id, change.statement);
    let stack = if change.stack.is_empty() { "(no stack)" } else { &change.stack };
    cells.extend([stack.to_owned(), change.region.clone(), change.owner.clone().unwrap_or_default(), what]);
    (class, cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_of_one_day_have_their_time() {
        let labels = |started: &[&str]| {
            let point = |started: &&str| TrendPoint {
                started: (*started).to_owned(),
                stacks: 4,
                stacks_blocked: 1,
                rules_blocked: 2,
            };
            let head = ComparisonHead { trend: started.iter().map(point).collect(), ..ComparisonHead::default() };
            trend(&head).into_iter().map(|bar| bar.name).collect::<Vec<_>>()
        };
        assert_eq!(labels(&["2026-11-24T09:00:00Z", "2026-11-25T09:00:00Z"]), ["2026-11-24", "2026-11-25"]);
        let same_day = labels(&["2026-11-25T09:00:00Z", "2026-11-25T10:30:00Z"]);
        assert_eq!(same_day, ["2026-11-25 09:00", "2026-11-25 10:30"]);
        let same_minute = labels(&["2026-11-25T09:00:00Z", "2026-11-25T09:00:07Z", ""]);
        assert_eq!(same_minute, ["2026-11-25 09:00:00", "2026-11-25 09:00:07", ""]);
    }
}
