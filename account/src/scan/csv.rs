//! The result as a table for spreadsheets (RFC 4180).

use std::collections::HashMap;
use std::io::{self, Write};

use super::live::{Difference, GroupRecord};
use super::record::{RuleRecord, StackRecord};
use super::result::ScanResult;
use cfn_egress_guard_core::security_group::ResourceType;

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

/// The additional columns of a result with live security groups.
const LIVE_COLUMNS: [&str; 4] = ["group", "group_name", "vpc", "owned_by"];

/// Writes one row for each egress rule to report about, and one for each stack, list or account that could not be read.
/// Rows of several results can be concatenated; those with live security groups only with each other.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_csv(result: &mut ScanResult, out: &mut dyn Write) -> io::Result<()> {
    let live = result.head.live;
    let write = |out: &mut dyn Write, cells: &[&str], of_group: [&str; LIVE_COLUMNS.len()]| {
        if live { row(out, &[cells, &of_group].concat()) } else { row(out, cells) }
    };
    write(out, &COLUMNS, LIVE_COLUMNS)?;
    let units = result.head.accounts.iter();
    let units: HashMap<&str, &str> =
        units.filter_map(|member| Some((member.account.as_str(), member.organizational_unit.as_deref()?))).collect();
    let unit = |account: &str| units.get(account).copied().unwrap_or_default();
    for stack in result.stacks.iter() {
        let stack = stack?;
        for rule in &stack.findings {
            write(out, &of_rule(&stack, rule, unit(&stack.account)).each_ref().map(String::as_str), [""; 4])?;
        }
    }
    for group in result.groups.iter() {
        let group = group?;
        let of_group = [&*group.group, &group.name, group.vpc.as_deref().unwrap_or_default(), group.ownership.name()];
        for cells in of_live(&group, unit(&group.account)) {
            write(out, &cells.each_ref().map(String::as_str), of_group)?;
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
        let group = unread.group.as_deref().unwrap_or_default();
        write(out, &[place, what].concat(), [group, "", "", ""])?;
    }
    Ok(())
}

/// The cells of a row.
type CsvCells = [String; COLUMNS.len()];

fn of_rule(stack: &StackRecord, rule: &RuleRecord, unit: &str) -> CsvCells {
    let place = [
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
    ];
    cells(place, &what(rule))
}

/// Returns a row for each rule of a live group that breaks the rule or is exempted, and for each difference.
fn of_live(group: &GroupRecord, unit: &str) -> Vec<CsvCells> {
    let place = |path| {
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let (stack, stack_id) = (text(&group.stack), text(&group.stack_id));
        let (owner, logical_id) = (text(&group.owner), text(&group.logical_id));
        [
            group.account.clone(),
            unit.to_owned(),
            group.region.clone(),
            stack,
            stack_id,
            String::new(),
            owner,
            logical_id,
            ResourceType::SecurityGroup.name().to_owned(),
            path,
        ]
    };
    let rule = |rule: &RuleRecord| {
        let place = place(rule.path.clone());
        cells(place.each_ref().map(String::as_str), &what(rule))
    };
    let difference = |difference: &Difference| {
        let place = place(difference.path.clone().unwrap_or_default());
        let (from, to) = ports(difference.rule.ports);
        let what = [
            difference.kind.name().to_owned(),
            String::new(),
            String::new(),
            difference.rule.protocol.clone(),
            from,
            to,
            difference.rule.destination.clone(),
            difference.statement.clone(),
            String::new(),
            String::new(),
        ];
        cells(place.each_ref().map(String::as_str), &what)
    };
    group.findings.iter().map(rule).chain(group.differences.iter().map(difference)).collect()
}

/// Returns the second half of a rule's cells.
fn what(rule: &RuleRecord) -> [String; 10] {
    let (mut protocol, mut from, mut to, mut destination) =
        (String::new(), String::new(), String::new(), String::new());
    if let Some(opens) = &rule.rule {
        (protocol, destination) = (opens.protocol.clone(), opens.destination.clone());
        (from, to) = ports(opens.ports);
    }
    [
        rule.fate.name().to_owned(),
        rule.cause.label().to_owned(),
        rule.reason.clone(),
        protocol,
        from,
        to,
        destination,
        rule.statement.clone(),
        rule.remedy.clone(),
        rule.settings.join(" "),
    ]
}

fn ports(ports: Option<(i32, i32)>) -> (String, String) {
    ports.map(|(from, to)| (from.to_string(), to.to_string())).unwrap_or_default()
}

fn cells(place: [&str; 10], what: &[String; 10]) -> CsvCells {
    let mut cells = CsvCells::default();
    let all = place.iter().copied().chain(what.iter().map(String::as_str));
    cells.iter_mut().zip(all).for_each(|(cell, text)| text.clone_into(cell));
    cells
}

pub(crate) fn row(out: &mut dyn Write, cells: &[&str]) -> io::Result<()> {
    for (position, cell) in cells.iter().enumerate() {
        if position > 0 {
            out.write_all(b",")?;
        }
        // A spreadsheet would treat such a text as a formula (OWASP, "CSV injection").
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
