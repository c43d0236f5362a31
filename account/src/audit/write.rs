//! An audit as a table for spreadsheets and as a page.

use std::collections::BTreeMap;
use std::io::{self, Write};

use maud::{Markup, html};

use super::record::{AuditResult, HookRecord};
use crate::connection::regions_assumed;
use crate::page;
use crate::scan::row;

const COLUMNS: [&str; 13] = [
    "at",
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

/// Writes one row for each invocation, and one for each thing that could not be read.
///
/// # Errors
/// When it cannot be written.
pub fn write_audit_csv(result: &AuditResult, out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS)?;
    for record in &result.results {
        let said = record.said().join(" | ");
        row(
            out,
            &[
                &record.at,
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
    for unread in &result.unread {
        let (why, id) = (unread.failure.to_string(), unread.id.as_deref().unwrap_or_default());
        row(out, &["", &unread.region, "unread", "", "", "", "", "", "", "", "", &why, id])?;
    }
    Ok(())
}

/// Writes the page.
///
/// # Errors
/// When it cannot be written.
pub fn write_audit_html(result: &AuditResult, out: &mut dyn Write) -> io::Result<()> {
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
    let cells = |record: &HookRecord| {
        let class = if record.fate() == "blocked" { "blocked" } else { "undetermined" };
        let fate = record.fate().to_owned();
        (class, vec![fate, record.at.clone(), record.region.clone(), record.subject(), record.said().join(" ")])
    };
    let unread = result.unread_told().into_iter().take(MAX_ROWS);
    let unread = unread.map(|(place, failure)| ("unread", vec!["not read".to_owned(), place, failure]));
    let body = html! {
        @if let Some(bound) = bound { (bound) }
        @if let Some(why) = &result.regions_assumed { p.warning { (regions_assumed(why)) } }
        (page::tiles(&tiles))
        (days(result))
        (page::table(&["", "when", "Region", "what", "why"], result.results.iter().take(MAX_ROWS).map(cells)))
        (page::table(&["", "where", "why"], unread))
    };
    page::write(out, &format!("What {} decided", result.hook), &body)
}

/// A bar for each of the last days on which something was blocked or warned about.
fn days(result: &AuditResult) -> Markup {
    let mut days: BTreeMap<&str, usize> = BTreeMap::new();
    for record in result.results.iter().filter(|record| record.is_failed()) {
        *days.entry(record.at.split('T').next().unwrap_or_default()).or_default() += 1;
    }
    let bar = |(day, number): (&&str, &usize)| ((*day).to_owned(), *number, number.to_string());
    let days: Vec<_> = days.iter().rev().take(MAX_DAYS).map(bar).collect();
    html! { @if !days.is_empty() { (page::bars("Blocked or warned, day by day", &days)) } }
}
