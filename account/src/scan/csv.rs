//! The result as a table for spreadsheets (RFC 4180).

use std::io::{self, Write};

use super::result::ScanResult;

const COLUMNS: [&str; 13] = [
    "region",
    "stack",
    "root",
    "owner",
    "logical_id",
    "resource_type",
    "path",
    "fate",
    "cause",
    "reason",
    "statement",
    "remedy",
    "settings",
];

/// Writes one row for each egress rule to tell about, and one for each stack or list that could not
/// be read.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_csv(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS)?;
    for stack in result.stacks.iter() {
        let stack = stack?;
        for rule in &stack.findings {
            let settings = rule.settings.join(" ");
            row(
                out,
                &[
                    &stack.region,
                    &stack.stack,
                    stack.root.as_deref().unwrap_or_default(),
                    stack.owner.as_deref().unwrap_or_default(),
                    &rule.logical_id,
                    &rule.resource_type,
                    &rule.path,
                    rule.fate.name(),
                    rule.cause.label(),
                    &rule.reason,
                    &rule.statement,
                    &rule.remedy,
                    &settings,
                ],
            )?;
        }
    }
    for unread in result.unread.iter() {
        let unread = unread?;
        let stack = unread.stack.as_deref().unwrap_or_default();
        let why = unread.failure.to_string();
        row(out, &[&unread.region, stack, "", "", "", "", "", "unread", "", "", &why, "", ""])?;
    }
    Ok(())
}

pub(crate) fn row(out: &mut dyn Write, cells: &[&str]) -> io::Result<()> {
    for (position, cell) in cells.iter().enumerate() {
        if position > 0 {
            out.write_all(b",")?;
        }
        // A spreadsheet would take such a text for a formula (OWASP, "CSV injection").
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
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
        row(&mut out, &["plain", "a,b", "say \"x\"", "=1+1", "-1 to all", ""]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "plain,\"a,b\",\"say \"\"x\"\"\",\"'=1+1\",\"'-1 to all\",\r\n");
    }
}
