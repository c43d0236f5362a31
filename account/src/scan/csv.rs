//! The result as a table for spreadsheets (RFC 4180).

use std::collections::HashMap;
use std::io::{self, Write};

use super::record::{RuleRecord, StackRecord};
use super::result::ScanResult;

const COLUMNS: [&str; 20] = [
    "account",
    "organizational_unit",
    "region",
    "stack",
    "stack_id",
    "root",
    "owner",
    "logical_id",
    "resource_type",
    "path",
    "fate",
    "cause",
    "reason",
    "protocol",
    "from_port",
    "to_port",
    "destination",
    "statement",
    "remedy",
    "settings",
];

/// Writes one row for each egress rule to report about, and one for each stack, list or account that could not be
/// read. Rows of several results can be put below each other.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_csv(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS)?;
    let units = result.head.accounts.iter();
    let units: HashMap<&str, &str> =
        units.filter_map(|member| Some((member.account.as_str(), member.organizational_unit.as_deref()?))).collect();
    let unit = |account: &str| units.get(account).copied().unwrap_or_default();
    for stack in result.stacks.iter() {
        let stack = stack?;
        for rule in &stack.findings {
            write_rule(&stack, rule, unit(&stack.account), out)?;
        }
    }
    for unread in result.unread.iter() {
        let unread = unread?;
        let account = unread.account.as_deref().unwrap_or_default();
        let region = unread.region.as_deref().unwrap_or_default();
        let stack = unread.stack.as_deref().unwrap_or_default();
        let stack_id = unread.stack_id.as_deref().unwrap_or_default();
        let why = unread.failure.to_string();
        let place = [account, unit(account), region, stack, stack_id, "", "", "", "", ""];
        let what = ["unread", "", "", "", "", "", "", why.as_str(), "", ""];
        row(out, &[place, what].concat())?;
    }
    Ok(())
}

fn write_rule(stack: &StackRecord, rule: &RuleRecord, unit: &str, out: &mut dyn Write) -> io::Result<()> {
    let settings = rule.settings.join(" ");
    let (mut protocol, mut from, mut to, mut destination) = ("", String::new(), String::new(), "");
    if let Some(opens) = &rule.rule {
        (protocol, destination) = (&opens.protocol, &opens.destination);
        (from, to) = opens.ports.map(|(from, to)| (from.to_string(), to.to_string())).unwrap_or_default();
    }
    row(
        out,
        &[
            &stack.account,
            unit,
            &stack.region,
            &stack.stack,
            &stack.stack_id,
            stack.root.as_deref().unwrap_or_default(),
            stack.owner.as_deref().unwrap_or_default(),
            &rule.logical_id,
            &rule.resource_type,
            &rule.path,
            rule.fate.name(),
            rule.cause.label(),
            &rule.reason,
            protocol,
            &from,
            &to,
            destination,
            &rule.statement,
            &rule.remedy,
            &settings,
        ],
    )
}

pub(crate) fn row(out: &mut dyn Write, cells: &[&str]) -> io::Result<()> {
    for (position, cell) in cells.iter().enumerate() {
        if position > 0 {
            out.write_all(b",")?;
        }
        // A spreadsheet would take such a text for a formula (OWASP, "CSV injection").
        let is_number = cell.parse::<i32>().is_ok();
        let guard = if !is_number && cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        if guard.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
            out.write_all(cell.as_bytes())?;
        } else {
            write!(out, "\"{guard}{}\"", cell.replace('"', "\"\""))?;
        }
    }
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let mut out = Vec::new();
        row(&mut out, &["plain", "a,b", "say \"x\"", "=1+1", "-1 to all", "-1", ""]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "plain,\"a,b\",\"say \"\"x\"\"\",\"'=1+1\",\"'-1 to all\",-1,\r\n");
    }
}
