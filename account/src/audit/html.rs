//! An audit as an HTML page for people.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use maud::{Markup, html};

use super::record::HookRecord;
use super::result::AuditResult;
use crate::accounts::{MemberAccount, account_label};
use crate::number::grouped;
use crate::page::{self, Bar, ExpandableSection, Row};
use crate::regions::regions_assumed;

/// The maximum number of results that the page lists in one timeline, and for all accounts together; the JSON and CSV
/// results contain all of them.
const MAX_ROWS: usize = 2_000;

/// The minimum number of results listed for an account.
const LEAST_ROWS: usize = 5;

/// The maximum number of days in the page's chart.
const MAX_DAYS: usize = 30;

/// The listed results of an account, and their total number.
#[derive(Default)]
struct AccountRows {
    rows: Vec<Row>,
    blocked: usize,
    not_blocked: usize,
    warned: usize,
    errors: usize,
    passed: usize,
}

/// The parts of the page.
struct PageParts {
    rows: Vec<Row>,
    days: BTreeMap<String, usize>,
    accounts: HashMap<String, AccountRows>,
}

/// Writes the page.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_audit_html(result: &mut AuditResult, out: &mut dyn Write) -> io::Result<()> {
    let many = result.is_of_many();
    let mut parts = parts(result)?;
    let nothing = result.results.is_empty();
    let bound = result.is_lower_bound().then(|| {
        let said = if nothing {
            "Unknown: no result could be read."
        } else {
            "Not everything could be read: the numbers are a lower bound."
        };
        page::answer("maybe", &[said.to_owned()])
    });
    let mut tiles = if bound.is_some() && nothing { Vec::new() } else { result.counts() };
    tiles.push((result.unread.len(), "not read"));
    let unread = result.unread_described().into_iter().take(MAX_ROWS);
    let unread = unread.map(|(place, failure)| ("unread", vec!["not read".to_owned(), place, failure]));
    let columns: &[&str] =
        if many { &["", "when", "account", "Region", "what", "why"] } else { &["", "when", "Region", "what", "why"] };
    let left_out = result.results.len() - parts.rows.len();
    let overview = if many { overview(&result.head.accounts, &mut parts.accounts) } else { Markup::default() };
    let body = html! {
        @if let Some(bound) = bound { (bound) }
        @if let Some(why) = &result.head.regions_assumed { p.warning { (regions_assumed(why)) } }
        @if let Some(why) = result.direct_calls_unread() { p.warning { (why) } }
        @if many { p.dim { (page::capitalized(&result.place())) "." } }
        (page::tiles(&tiles))
        (overview)
        (days(&parts.days))
        @if many { (page::heading("Timeline", "Newest first; times are UTC.")) }
        (page::table(columns, parts.rows.into_iter()))
        @if left_out > 0 { p.dim { (grouped(left_out)) " more are in the JSON and CSV results." } }
        (page::table(&["", "where", "why"], unread))
    };
    page::write(out, &format!("What {} decided", result.head.hook), &body)
}

/// Reads the results once and collects the parts.
fn parts(result: &mut AuditResult) -> io::Result<PageParts> {
    let many = result.is_of_many();
    let most = (MAX_ROWS / result.head.accounts.len().max(1)).max(LEAST_ROWS);
    let mut parts = PageParts { rows: Vec::new(), days: BTreeMap::new(), accounts: HashMap::new() };
    for record in result.results.iter() {
        let record = record?;
        if record.is_failed() && record.call.is_none() {
            *parts.days.entry(record.at.split('T').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
        let id = record.account.clone().unwrap_or_default();
        if parts.rows.len() < MAX_ROWS {
            parts.rows.push(row(&record, many.then(|| account_label(&result.head.accounts, &id))));
        }
        if many {
            parts.accounts.entry(id).or_default().add(&record, most);
        }
    }
    Ok(parts)
}

impl AccountRows {
    fn add(&mut self, record: &HookRecord, most: usize) {
        match record.fate() {
            "blocked" => self.blocked += 1,
            "not blocked" => self.not_blocked += 1,
            "warned" => self.warned += 1,
            "hook error" => self.errors += 1,
            _ => self.passed += 1,
        }
        if self.rows.len() < most {
            self.rows.push(row(record, None));
        }
    }

    fn disclosure(self, account: &MemberAccount) -> ExpandableSection {
        let Self { rows, blocked, not_blocked, warned, errors, passed } = self;
        let numbers = [
            (blocked, "blocked"),
            (not_blocked, "not blocked"),
            (warned, "warned"),
            (errors, if errors == 1 { "hook error" } else { "hook errors" }),
            (passed, "passed"),
        ];
        let said: Vec<String> = numbers
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", grouped(*number)))
            .collect();
        let (class, word) = match (blocked, warned + not_blocked, errors) {
            (0, 0, 0) => ("good", "Nobody"),
            (0, 0, _) => ("maybe", "Errors"),
            (0, _, _) => ("maybe", "Warned"),
            _ => ("bad", "Blocked"),
        };
        let left_out = numbers.iter().map(|(number, _)| number).sum::<usize>() - rows.len();
        let behind = (!rows.is_empty()).then(|| {
            html! {
                (page::table(&["", "when", "Region", "what", "why"], rows.into_iter()))
                @if left_out > 0 { p.dim { (grouped(left_out)) " more are in the JSON and CSV results." } }
            }
        });
        let bar = Bar {
            name: account.label(),
            note: account.organizational_unit.clone().unwrap_or_default(),
            parts: vec![
                ("blocked", blocked),
                ("undetermined", warned + not_blocked),
                ("debt", errors),
                ("passed", passed),
            ],
            said: if said.is_empty() { "no results".to_owned() } else { said.join(", ") },
        };
        ExpandableSection { class, word, bar, behind, is_open: false }
    }
}

/// Returns the accounts, those with the most blocks first.
fn overview(accounts: &[MemberAccount], found: &mut HashMap<String, AccountRows>) -> Markup {
    let mut list: Vec<(&MemberAccount, AccountRows)> =
        accounts.iter().map(|account| (account, found.remove(&account.account).unwrap_or_default())).collect();
    list.sort_by_key(|(_, of)| std::cmp::Reverse((of.blocked, of.not_blocked, of.warned, of.errors, of.passed)));
    let list: Vec<ExpandableSection> = list.into_iter().map(|(account, of)| of.disclosure(account)).collect();
    html! {
        (page::heading("By account", "Those with the most blocks first. Open one to see its results."))
        (page::disclosures(&list, "accounts"))
    }
}

fn row(record: &HookRecord, account: Option<String>) -> Row {
    let class = if matches!(record.fate(), "blocked" | "not blocked") { "blocked" } else { "undetermined" };
    let mut cells = vec![record.fate().to_owned(), record.at.replace('T', " ").replace('Z', "")];
    cells.extend(account);
    cells.extend([record.region.clone(), record.subject(), record.said().join(" ")]);
    (class, cells)
}

/// Returns a bar for each of the latest days with blocks or warnings.
fn days(days: &BTreeMap<String, usize>) -> Markup {
    let bar = |(day, number): (&String, &usize)| (day.clone(), *number, number.to_string());
    let days: Vec<_> = days.iter().rev().take(MAX_DAYS).map(bar).collect();
    html! { @if !days.is_empty() { (page::bars("Blocked or warned, by day", &days)) } }
}
