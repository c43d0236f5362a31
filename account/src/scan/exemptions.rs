//! Exemptions that would cover what is blocked today: a draft for review, in the policy's own TOML.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::record::{Fate, Opens, RuleRecord, StackRecord};
use super::result::ScanResult;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::policy::Date;

/// Whom an exemption asks to answer for a stack that names nobody.
const NOBODY: &str = "UNKNOWN: name an owner";

/// Writes an exemption for each blocked rule that one can name, all of which end on one day, and says
/// which cannot be covered.
///
/// # Errors
/// When it cannot be written, or the result's records cannot be read back.
pub fn write_exemptions(result: &mut ScanResult, expires: Date, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "# Exemptions for what `cfn-egress-guard scan` found on {}: a draft.\n# Review each one: remove it if the rule \
         can be mended, and let its owner say why it is needed.",
        result.head.started
    )?;
    let mut uncovered = false;
    for stack in result.stacks.iter() {
        write_uncovered(&stack?, &mut uncovered, out)?;
    }
    let mut number = 0;
    for stack in result.stacks.iter() {
        write_covered(&stack?, expires, &mut number, out)?;
    }
    Ok(())
}

/// Writes which rules of a stack no exemption covers; the heading before the first of all.
fn write_uncovered(stack: &StackRecord, headed: &mut bool, out: &mut dyn Write) -> io::Result<()> {
    let uncovered = blocked(stack).filter(|rule| nameable(rule).is_none());
    let (region, name) = (&stack.region, &stack.stack);
    let mut lines: Vec<String> = uncovered
        .map(|rule| format!("{region} {name} {} {}: {}", rule.logical_id, rule.path, rule.statement))
        .collect();
    if stack.more.blocked > 0 {
        lines.push(format!("{region} {name}: {} more, which the scan did not list one by one", stack.more.blocked));
    }
    if !lines.is_empty() && !*headed {
        *headed = true;
        writeln!(
            out,
            "#\n# Not covered, since an exemption names a protocol, ports and a destination, and these have none to name:"
        )?;
    }
    lines.iter().try_for_each(|line| writeln!(out, "#   {line}"))
}

fn write_covered(stack: &StackRecord, expires: Date, number: &mut usize, out: &mut dyn Write) -> io::Result<()> {
    let account = stack.stack_id.split(':').nth(4).unwrap_or_default();
    let owner = stack.owner.as_deref().filter(|owner| !owner.trim().is_empty()).unwrap_or(NOBODY);
    // A group may have the same rule twice, or one that is written in each branch of a condition.
    let covered: BTreeMap<(&str, &Opens), &RuleRecord> =
        blocked(stack).filter_map(|rule| Some(((rule.logical_id.as_str(), nameable(rule)?), rule))).collect();
    for ((logical_id, opens), rule) in covered {
        *number += 1;
        writeln!(out, "\n[[exemption]]\nid = \"debt-{number:04}\"")?;
        let reason = format!("REVIEW: deployed before enforcement ({})", rule.cause.label());
        writeln!(out, "reason = {}", quoted(&reason, 160))?;
        writeln!(out, "owner = {}", quoted(owner, 80))?;
        writeln!(out, "expires = {expires}\naccount = \"{account}\"\nregion = \"{}\"", stack.region)?;
        writeln!(out, "stack_name = {}\nlogical_id = {}", quoted(&stack.stack, 256), quoted(logical_id, 256))?;
        writeln!(out, "protocol = {}", quoted(&opens.protocol, 40))?;
        if let (Some((from, to)), "tcp" | "udp") = (opens.ports, opens.protocol.as_str()) {
            writeln!(out, "ports = \"{from}-{to}\"")?;
        }
        writeln!(out, "destination = {}", quoted(&opens.destination, 100))?;
    }
    Ok(())
}

fn blocked(stack: &StackRecord) -> impl Iterator<Item = &RuleRecord> {
    stack.findings.iter().filter(|rule| rule.fate == Fate::Blocked)
}

/// What an exemption for the rule names, if one can: a policy takes ports of tcp and udp only as an
/// ascending range.
fn nameable(rule: &RuleRecord) -> Option<&Opens> {
    rule.rule.as_ref().filter(|opens| match (opens.protocol.as_str(), opens.ports) {
        ("tcp" | "udp", Some((from, to))) => 0 <= from && from <= to,
        ("tcp" | "udp", None) => false,
        _ => true,
    })
}

/// A text as TOML: at most this many characters, on one line.
fn quoted(text: &str, chars: usize) -> String {
    let text: String = excerpt(text, usize::MAX).chars().take(chars).collect();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
