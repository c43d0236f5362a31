//! `policy explain`: which setting or exemption decides each egress rule.

mod reason;
mod template;
mod text;

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use anyhow::bail;
use cfn_egress_guard_core::check::{CheckContext, ExplainedResource};
use cfn_egress_guard_core::hook::{self, Conclusion};
use cfn_egress_guard_core::rule::policy::{Context, Date, Policy, ResourceContext};
use cfn_egress_guard_core::rule::wording::policy as wording;
use cfn_egress_guard_core::rule::{DecidedBy, ExplainedRule, Finding, Outcome, excerpt};
use cfn_egress_guard_core::template::Assumption;

use crate::ID_CHARS;
use crate::args::PolicyExplain;
use crate::check::parameters;
use crate::exit::Exit;
use crate::policy;

pub(crate) fn run(arguments: &PolicyExplain, out: &mut impl Write) -> anyhow::Result<Exit> {
    if let Some(code) = arguments.reason {
        return reason::run(code, out);
    }
    let policy::ChosenPolicy { policy, today, .. } = policy::choose(&arguments.policy)?;
    let (files, overrides) = parameters::separated(&arguments.files, &arguments.deployed.parameters);
    let [file] = files.as_slice() else {
        bail!("pass one event or template, not {}", files.len());
    };
    let file = Path::new(file);
    let text = policy::text(file)?;
    let is_event = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|json| json.get("requestData").is_some());
    if is_event {
        return of_event(&text, &policy, today, out);
    }
    let given = parameters::read(&overrides)?;
    template::explain(file, &text, &arguments.deployed, &given, &CheckContext::of(&policy, today), out)
}

fn of_event(text: &str, policy: &Policy, today: Date, out: &mut impl Write) -> anyhow::Result<Exit> {
    match hook::explain(text.as_bytes(), policy, today) {
        Ok((invocation, explained)) => {
            writeln!(out, "{} {}", invocation.resource_type, excerpt(&invocation.logical_id, ID_CHARS))?;
            // An event contains its account and Region.
            lines(&explained, policy, None, out)
        }
        Err(decision) => match decision.conclusion {
            Conclusion::InternalFailure(why) => bail!(why),
            Conclusion::NotChecked(_) | Conclusion::Resource(_) | Conclusion::Template(_) => {
                writeln!(out, "{}", decision.message())?;
                Ok(Exit::Clean)
            }
        },
    }
}

/// Writes what decides a resource in each of its worlds, and what else `check` reports about it.
fn of_resource(resource: &ExplainedResource, terms: &CheckContext<'_>, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let checked = &resource.checked;
    let id = excerpt(&checked.logical_id, ID_CHARS);
    let mut exit = Exit::Clean;
    let mut seen = HashSet::new();
    for (index, world) in resource.worlds.iter().enumerate() {
        let gap = if index > 0 { "\n" } else { "" };
        writeln!(out, "{gap}{} {id}{}", checked.resource_type.name(), assumed(&world.assumptions))?;
        let context = Context {
            logical_id: Some(&checked.logical_id),
            resource_type: Some(checked.resource_type.name()),
            ..terms.context
        };
        let case = ResourceContext { context, unchanged: terms.unchanged, today: terms.today };
        exit = exit.max(lines(&world.explained, terms.policy, Some(&case), out)?);
        if world.explained.is_empty() {
            writeln!(out, "  its egress rules are separate resources")?;
        }
        seen.extend(world.explained.iter().filter_map(|explained| match &explained.decided {
            DecidedBy::Finding(finding) => Some((finding.origin.index(), finding.outcome)),
            // `check` may note that EC2 opens more.
            DecidedBy::Setting(_) => explained.rule.as_ref().map(|rule| (rule.origins.entry.index(), Outcome::Note)),
            DecidedBy::Complies => None,
        }));
    }
    if resource.worlds.is_empty() {
        writeln!(out, "{} {id} (not created)", checked.resource_type.name())?;
    }
    let others = checked
        .findings
        .iter()
        .filter(|located| !seen.contains(&(located.finding.origin.index(), located.finding.outcome)));
    for (index, located) in others.enumerate() {
        if index == 0 && !resource.worlds.is_empty() {
            writeln!(out, "  with other values of parameters:")?;
        }
        if located.finding.outcome == Outcome::NonCompliant {
            exit = Exit::Findings;
        }
        let finding = Finding { when: located.when(), ..located.finding.clone() };
        let explained =
            ExplainedRule { path: finding.path.clone(), rule: None, decided: DecidedBy::Finding(Box::new(finding)) };
        writeln!(out, "  {}", wording::explained(&explained, terms.policy))?;
    }
    if let Some(why) = checked.undetermined {
        writeln!(out, "  not all of it was checked: {why}")?;
    }
    Ok(exit)
}

/// Writes one line for each egress rule.
fn lines(
    explained: &[ExplainedRule],
    policy: &Policy,
    case: Option<&ResourceContext<'_>>,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Clean;
    for one in explained {
        write!(out, "  {}", wording::explained(one, policy))?;
        if let DecidedBy::Finding(finding) = &one.decided
            && finding.outcome == Outcome::NonCompliant
        {
            exit = Exit::Findings;
            let nearly = finding.rule().zip(case).and_then(|(rule, case)| policy.nearly_exempted(rule, case));
            if let Some(nearly) = nearly {
                write!(out, " {}", wording::nearly_exempted(&nearly))?;
            }
        }
        writeln!(out)?;
    }
    Ok(exit)
}

/// Returns the assumptions of a world of a template, in words.
fn assumed(assumptions: &[Assumption]) -> String {
    let assumptions: Vec<String> = assumptions.iter().map(ToString::to_string).collect();
    if assumptions.is_empty() { String::new() } else { format!(" (if {})", assumptions.join(" and ")) }
}
