//! Exemptions that would cover what is blocked today: a draft for review, in the policy's own TOML.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::record::{Fate, Opens, ScanResult};
use crate::rule::excerpt;
use crate::rule::policy::Date;

/// Whom an exemption asks to answer for a stack that names nobody.
const NOBODY: &str = "UNKNOWN: name an owner";

/// What one exemption covers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Covered<'a> {
    region: &'a str,
    stack: &'a str,
    account: &'a str,
    logical_id: &'a str,
    rule: &'a Opens,
}

/// Writes an exemption for each blocked rule that one can name, all of which end on one day, and says
/// which cannot be covered.
///
/// # Errors
/// When it cannot be written.
pub fn write_exemptions(result: &ScanResult, expires: Date, out: &mut dyn Write) -> io::Result<()> {
    let mut covered: BTreeMap<Covered<'_>, (&str, &str)> = BTreeMap::new();
    let mut uncovered = Vec::new();
    for stack in &result.stacks {
        for rule in stack.findings.iter().filter(|rule| rule.fate == Fate::Blocked) {
            match rule.rule.as_ref().filter(|opens| can_be_named(opens)) {
                Some(opens) => {
                    let account = stack.stack_id.split(':').nth(4).unwrap_or_default();
                    let owner = stack.owner.as_deref().unwrap_or(NOBODY);
                    let key = Covered {
                        region: &stack.region,
                        stack: &stack.stack,
                        account,
                        logical_id: &rule.logical_id,
                        rule: opens,
                    };
                    covered.insert(key, (owner, rule.cause.label()));
                }
                None => uncovered.push((stack, rule)),
            }
        }
        if stack.more.blocked > 0 {
            writeln!(out, "# {}: {} more blocked rules are not covered here", stack.stack, stack.more.blocked)?;
        }
    }
    writeln!(
        out,
        "# Exemptions for what `cfn-egress-guard scan` found on {}: a draft.\n# Review each one: remove it if the rule \
         can be mended, and let its owner say why it is needed.",
        result.head.started
    )?;
    if !uncovered.is_empty() {
        writeln!(
            out,
            "#\n# Not covered, since an exemption names a protocol, ports and a destination, and these have none to name:"
        )?;
    }
    for (stack, rule) in &uncovered {
        let (region, name) = (&stack.region, &stack.stack);
        writeln!(out, "#   {region} {name} {} {}: {}", rule.logical_id, rule.path, rule.statement)?;
    }
    for (number, (covered, (owner, cause))) in covered.iter().enumerate() {
        let Covered { region, stack, account, logical_id, rule } = covered;
        writeln!(out, "\n[[exemption]]\nid = \"debt-{:04}\"", number + 1)?;
        writeln!(out, "reason = {}", quoted(&format!("REVIEW: deployed before enforcement ({cause})"), 160))?;
        writeln!(out, "owner = {}", quoted(if owner.trim().is_empty() { NOBODY } else { owner }, 80))?;
        writeln!(out, "expires = {expires}\naccount = \"{account}\"\nregion = \"{region}\"")?;
        writeln!(out, "stack_name = {}\nlogical_id = {}", quoted(stack, 256), quoted(logical_id, 256))?;
        writeln!(out, "protocol = {}", quoted(&rule.protocol, 40))?;
        if let (Some((from, to)), "tcp" | "udp") = (rule.ports, rule.protocol.as_str()) {
            writeln!(out, "ports = \"{from}-{to}\"")?;
        }
        writeln!(out, "destination = {}", quoted(&rule.destination, 100))?;
    }
    Ok(())
}

/// Whether a policy can name the rule: it takes ports of tcp and udp only as an ascending range.
fn can_be_named(opens: &Opens) -> bool {
    match (opens.protocol.as_str(), opens.ports) {
        ("tcp" | "udp", Some((from, to))) => 0 <= from && from <= to,
        ("tcp" | "udp", None) => false,
        _ => true,
    }
}

/// A text as TOML: at most this many characters, on one line.
fn quoted(text: &str, chars: usize) -> String {
    let text: String = excerpt(text, usize::MAX).chars().take(chars).collect();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
