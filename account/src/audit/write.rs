//! Writes an audit as JSON and as a table for spreadsheets.

use std::io::{self, Write};

use serde::Serialize;

use super::record::{AuditUnread, DirectCall, HookRecord};
use super::result::{AuditHead, AuditResult};
use crate::scan::row;
use crate::spool::SpoolList;

const COLUMNS: [&str; 18] = [
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
    "operation",
    "caller",
    "source_ip",
    "tool",
];

/// The JSON form of the result, with one record in memory at a time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditJson<'a> {
    #[serde(flatten)]
    head: &'a AuditHead,
    results: SpoolList<'a, HookRecord>,
    unread: SpoolList<'a, AuditUnread>,
}

/// Writes the result as JSON.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_audit_json(result: &mut AuditResult, out: &mut dyn Write) -> io::Result<()> {
    let AuditResult { head, results, unread, .. } = result;
    let json = AuditJson { head, results: SpoolList::new(results), unread: SpoolList::new(unread) };
    serde_json::to_writer_pretty(&mut *out, &json)?;
    writeln!(out)
}

/// Writes one row for each invocation, and one for each part that could not be read.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_audit_csv(result: &mut AuditResult, out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS)?;
    for record in result.results.iter() {
        let record = record?;
        let said = record.said().join(" | ");
        let call = record.call.as_ref();
        let of_call = |field: fn(&DirectCall) -> Option<&String>| call.and_then(field).map_or("", String::as_str);
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
                of_call(|call| Some(&call.operation)),
                of_call(|call| call.service.as_ref().or(call.caller.as_ref())),
                of_call(|call| call.source_ip.as_ref()),
                of_call(|call| call.tool.as_ref()),
            ],
        )?;
    }
    for unread in result.unread.iter() {
        let unread = unread?;
        let (account, region) = (unread.account.as_deref().unwrap_or_default(), unread.region.as_deref());
        let (why, id) = (unread.failure.to_string(), unread.id.as_deref().unwrap_or_default());
        let region = region.unwrap_or_default();
        row(out, &["", account, region, "unread", "", "", "", "", "", "", "", "", &why, id, "", "", "", ""])?;
    }
    Ok(())
}
