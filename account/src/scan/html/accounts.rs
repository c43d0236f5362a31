//! The list of accounts, each of which can be opened.

use std::collections::HashMap;
use std::io;

use maud::{Markup, html};

use super::live::rows_of;
use super::{COLUMNS, FATES, Row, row};
use crate::number::{count, grouped};
use crate::page::{self, Bar, ExpandableSection};
use crate::scan::result::ScanResult;
use crate::scan::summary::{AccountSummary, Readiness};

/// The maximum number of egress rules on the page for all accounts together, and the minimum and maximum for each.
const MAX_ROWS: usize = 6_000;
const LEAST_ROWS: usize = 5;
const MOST_ROWS: usize = 500;

/// The columns of the rules of live groups.
const LIVE_COLUMNS: [&str; 6] = ["", "group", "Region", "owner", "owned by", "what"];

/// Up to this number of accounts, each is initially open.
const OPEN: usize = 5;

/// The rules of an account, some of them listed.
#[derive(Default)]
struct AccountRules {
    rows: Vec<(usize, Row)>,
    total: usize,
}

/// Returns the overview.
pub(super) fn overview(result: &mut ScanResult) -> io::Result<Markup> {
    let accounts = result.summary.accounts.len();
    let most = (MAX_ROWS / accounts.max(1)).clamp(LEAST_ROWS, MOST_ROWS);
    let mut rules: HashMap<String, AccountRules> = HashMap::new();
    for stack in result.stacks.iter() {
        let stack = stack?;
        for rule in &stack.findings {
            let rank = FATES.iter().position(|fate| *fate == rule.fate).unwrap_or(FATES.len());
            rules.entry(stack.account.clone()).or_default().add(rank, || row(&stack, rule), most);
        }
    }
    let mut live: HashMap<String, AccountRules> = HashMap::new();
    for group in result.groups.iter() {
        let group = group?;
        for row in rows_of(&group) {
            let rank = usize::from(row.0 != "blocked");
            live.entry(group.account.clone()).or_default().add(rank, || row, most);
        }
    }
    let list: Vec<ExpandableSection> = result
        .summary
        .accounts
        .iter()
        .map(|account| {
            let rules = rules.remove(&account.account.account).unwrap_or_default();
            let live = live.remove(&account.account.account).unwrap_or_default();
            disclosure(account, rules, live, accounts <= OPEN)
        })
        .collect();
    let below = "Accounts with the most blocked egress rules first. Open one to see its egress rules.";
    Ok(html! { (page::heading("By account", below)) (page::disclosures(&list, "accounts")) })
}

impl AccountRules {
    /// Keeps the worst rules; among equally bad ones, the first.
    fn add(&mut self, rank: usize, row: impl FnOnce() -> Row, most: usize) {
        self.total += 1;
        let is_full = self.rows.len() >= most;
        if is_full && self.rows.iter().all(|(known, _)| *known <= rank) {
            return;
        }
        let at = self.rows.partition_point(|(known, _)| *known <= rank);
        self.rows.insert(at, (rank, row()));
        self.rows.truncate(most);
    }
}

fn disclosure(account: &AccountSummary, rules: AccountRules, live: AccountRules, is_open: bool) -> ExpandableSection {
    let (class, word) = match account.answer {
        Readiness::No => ("bad", "Not yet"),
        Readiness::Unknown => ("maybe", "Unknown"),
        Readiness::Probably => ("maybe", "Probably"),
        Readiness::Yes => ("good", "Yes"),
    };
    let tally = account.tally;
    // An account that is ready for FAIL may still have open groups.
    let has_live = account.live.as_ref().is_some_and(|live| live.has_findings());
    let (class, word) =
        if account.answer == Readiness::Yes && has_live { ("maybe", "Yes, but") } else { (class, word) };
    let bar = Bar {
        name: account.account.label(),
        note: account.account.organizational_unit.clone().unwrap_or_default(),
        parts: vec![
            ("blocked", tally.blocked),
            ("undetermined", tally.undetermined),
            ("exempted", tally.exempted),
            ("debt", tally.known_debt),
        ],
        said: said(account),
    };
    let shown = rules.rows.len();
    let more = rules.total - shown;
    let is_live_whole = account.live.as_ref().is_none_or(|live| live.is_whole());
    let has_more =
        account.failure.is_some() || account.unread > 0 || !account.regions_unread.is_empty() || !is_live_whole;
    let live_more = live.total - live.rows.len();
    let behind = (shown > 0 || has_more || !live.rows.is_empty()).then(|| {
        html! {
            @for line in unread(account) { p.warning { (line) } }
            (page::table(&COLUMNS, rules.rows.into_iter().map(|(_, row)| row)))
            @if more > 0 { p.dim { (grouped(more)) " more are in the JSON and CSV results." } }
            (page::table(&LIVE_COLUMNS, live.rows.into_iter().map(|(_, row)| row)))
            @if live_more > 0 { p.dim { (grouped(live_more)) " more are in the JSON and CSV results." } }
        }
    });
    ExpandableSection { class, word, bar, is_open: is_open && behind.is_some(), behind }
}

/// Returns the numbers of an account in a line.
fn said(account: &AccountSummary) -> String {
    if account.failure.is_some() && account.stacks == 0 {
        return "could not be accessed".to_owned();
    }
    let stacks = count(account.stacks, "stack");
    let mut said = Vec::new();
    for (number, what) in [
        (account.tally.blocked, "blocked"),
        (account.tally.undetermined, "undetermined"),
        (account.tally.exempted, "exempted"),
        (account.tally.known_debt, "known debt"),
    ] {
        if number > 0 {
            said.push(format!("{} {what}", grouped(number)));
        }
    }
    if let Some(live) = account.live.as_ref().filter(|live| live.has_findings()) {
        if live.all.breaking > 0 {
            said.push(format!("{} against the rule", count(live.all.breaking, "live group")));
        }
        if live.changed.groups > 0 {
            said.push(format!("{} changed outside of stacks", grouped(live.changed.groups)));
        }
    }
    let read = if account.stacks_blocked > 0 {
        format!("{} of {stacks} affected", grouped(account.stacks_blocked))
    } else {
        format!("{stacks} read")
    };
    said.push(read);
    said.join(", ")
}

/// Returns the unread parts of an account, in sentences.
fn unread(account: &AccountSummary) -> Vec<String> {
    let mut said = Vec::new();
    said.extend(account.failure.as_ref().map(|failure| format!("{failure}.")));
    if !account.regions_unread.is_empty() {
        said.push(format!("Not every stack of {} could be listed.", account.regions_unread.join(", ")));
    }
    if account.unread > 0 {
        said.push(format!("{} could not be read.", count(account.unread, "stack")));
    }
    if let Some(live) = account.live.as_ref().filter(|live| !live.is_whole()) {
        said.extend(live.sentences().pop());
    }
    said
}
