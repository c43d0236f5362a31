//! An audit as JSON, as a table for spreadsheets and as a page.

use std::collections::BTreeMap;
use std::io::{self, Write};

use maud::{Markup, html};
use serde::Serialize;

use super::record::{AuditUnread, HookRecord};
use super::result::{AuditHead, AuditResult};
use crate::accounts::account_label;
use crate::connection::regions_assumed;
use crate::page;
use crate::scan::row;
use crate::spool::Listed;

const COLUMNS: [&str; 14] = [
    "at",
    "account",
    "region",
    "fate",
    "status",
    "failure_mode",
    "hook",
    "target_type",
    "target_name",
    "target_id",
    "stack",
    "execution_target",
    "said",
    "id",
];

/// How many results the page lists; the JSON and CSV results have all of them.
const MAX_ROWS: usize = 2_000;

/// How many days the page's chart has.
const MAX_DAYS: usize = 30;

/// The result as JSON has it, of which one record is in memory at a time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    #[serde(flatten)]
    head: &'a AuditHead,
    results: Listed<'a, HookRecord>,
    unread: Listed<'a, AuditUnread>,
}

/// Writes the result as JSON.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_audit_json(result: &mut AuditResult, out: &mut dyn Write) -> io::Result<()> {
    let AuditResult { head, results, unread, .. } = result;
    let json = Json { head, results: Listed::new(results), unread: Listed::new(unread) };
    serde_json::to_writer_pretty(&mut *out, &json)?;
    writeln!(out)
}

/// Writes one row for each invocation, and one for each thing that could not be read.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_audit_csv(result: &mut AuditResult, out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS)?;
    for record in result.results.iter() {
        let record = record?;
        let said = record.said().join(" | ");
        row(
            out,
            &[
                &record.at,
                record.account.as_deref().unwrap_or_default(),
                &record.region,
                record.fate(),
                &record.status,
                record.failure_mode.as_deref().unwrap_or_default(),
                record.hook.as_deref().unwrap_or_default(),
                record.target_type.as_deref().unwrap_or_default(),
                record.target_name.as_deref().unwrap_or_default(),
                record.target_id.as_deref().unwrap_or_default(),
                record.stack.as_deref().unwrap_or_default(),
                record.execution_target.as_deref().unwrap_or_default(),
                &said,
                &record.id,
            ],
        )?;
    }
    for unread in result.unread.iter() {
        let unread = unread?;
        let (account, region) = (unread.account.as_deref().unwrap_or_default(), unread.region.as_deref());
        let (why, id) = (unread.failure.to_string(), unread.id.as_deref().unwrap_or_default());
        let region = region.unwrap_or_default();
        row(out, &["", account, region, "unread", "", "", "", "", "", "", "", "", &why, id])?;
    }
    Ok(())
}

/// Writes the page.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_audit_html(result: &mut AuditResult, out: &mut dyn Write) -> io::Result<()> {
    let (rows, days) = rows(result)?;
    let nothing = result.results.is_empty();
    let bound = result.is_lower_bound().then(|| {
        let said = if nothing {
            "Nobody can say who was blocked: no result could be read."
        } else {
            "Not everything could be read: the numbers are a lower bound."
        };
        page::answer("maybe", &[said.to_owned()])
    });
    let mut tiles = if bound.is_some() && nothing { Vec::new() } else { result.counts() };
    tiles.push((result.unread.len(), "not read"));
    let unread = result.unread_told().into_iter().take(MAX_ROWS);
    let unread = unread.map(|(place, failure)| ("unread", vec!["not read".to_owned(), place, failure]));
    let columns: &[&str] = if result.is_of_many() {
        &["", "when", "account", "Region", "what", "why"]
    } else {
        &["", "when", "Region", "what", "why"]
    };
    let body = html! {
        @if let Some(bound) = bound { (bound) }
        @if let Some(why) = &result.head.regions_assumed { p.warning { (regions_assumed(why)) } }
        @if result.is_of_many() { p.dim { (page::capitalized(&result.place())) "." } }
        (page::tiles(&tiles))
        (days)
        (page::table(columns, rows.into_iter()))
        (page::table(&["", "where", "why"], unread))
    };
    page::write(out, &format!("What {} decided", result.head.hook), &body)
}

/// The class of a row, and its cells.
type Row = (&'static str, Vec<String>);

/// The newest results as rows, and a bar for each of the last days on which something was blocked or warned about.
fn rows(result: &mut AuditResult) -> io::Result<(Vec<Row>, Markup)> {
    let many = result.is_of_many();
    let mut rows = Vec::new();
    let mut days: BTreeMap<String, usize> = BTreeMap::new();
    for record in result.results.iter() {
        let record = record?;
        if record.is_failed() {
            *days.entry(record.at.split('T').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
        if rows.len() < MAX_ROWS {
            let class = if record.fate() == "blocked" { "blocked" } else { "undetermined" };
            let account = account_label(&result.head.accounts, record.account.as_deref().unwrap_or_default());
            let mut cells = vec![record.fate().to_owned(), record.at.clone()];
            cells.extend(many.then_some(account));
            cells.extend([record.region.clone(), record.subject(), record.said().join(" ")]);
            rows.push((class, cells));
        }
    }
    let bar = |(day, number): (&String, &usize)| (day.clone(), *number, number.to_string());
    let days: Vec<_> = days.iter().rev().take(MAX_DAYS).map(bar).collect();
    let days = html! { @if !days.is_empty() { (page::bars("Blocked or warned, day by day", &days)) } };
    Ok((rows, days))
}
