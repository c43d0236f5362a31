//! An audit as a table for spreadsheets and as a page.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::record::{AuditResult, HookRecord};
use crate::connection::regions_assumed;
use crate::page::{self, Escaped};
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
    page::begin(out, &format!("What {} decided", result.hook))?;
    let mut tiles = result.counts();
    if result.is_lower_bound() {
        let nothing = "Nobody can say who was blocked: no result could be read.";
        let some = "Not everything could be read: the numbers are a lower bound.";
        let said = if result.results.is_empty() { nothing } else { some };
        page::answer(out, "maybe", &[said.to_owned()])?;
        if result.results.is_empty() {
            tiles.clear();
        }
    }
    if let Some(why) = &result.regions_assumed {
        writeln!(out, "<p class=\"warning\">{}</p>", Escaped(&regions_assumed(why)))?;
    }
    tiles.push((result.unread.len(), "not read"));
    page::tiles(out, &tiles)?;
    let mut days: BTreeMap<&str, usize> = BTreeMap::new();
    for record in result.results.iter().filter(|record| record.is_failed()) {
        *days.entry(record.at.split('T').next().unwrap_or_default()).or_default() += 1;
    }
    let days = days.iter().rev().take(30).map(|(day, number)| ((*day).to_owned(), *number, number.to_string()));
    let days: Vec<_> = days.collect();
    if !days.is_empty() {
        page::bars(out, "Blocked or warned, day by day", &days)?;
    }
    let cells = |record: &HookRecord| {
        let class = if record.fate() == "blocked" { "blocked" } else { "undetermined" };
        let fate = record.fate().to_owned();
        (class, vec![fate, record.at.clone(), record.region.clone(), record.subject(), record.said().join(" ")])
    };
    page::table(out, &["", "when", "Region", "what", "why"], result.results.iter().take(MAX_ROWS).map(cells))?;
    let unread = result.unread_told().into_iter().take(MAX_ROWS);
    let unread = unread.map(|(place, failure)| ("unread", vec!["not read".to_owned(), place, failure]));
    page::table(out, &["", "where", "why"], unread)?;
    page::end(out)
}
