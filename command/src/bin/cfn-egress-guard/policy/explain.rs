//! `policy explain`: which setting or exemption decides about each egress rule.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use cfn_egress_guard_core::check::{CheckContext, Defaults, ExplainedResource, explain_each};
use cfn_egress_guard_core::hook::{self, Conclusion};
use cfn_egress_guard_core::rule::policy::{Context, Date, Policy, ResourceContext};
use cfn_egress_guard_core::rule::wording::policy as wording;
use cfn_egress_guard_core::rule::{DecidedBy, ExplainedRule, Finding, Outcome, excerpt};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::Assumption;

use crate::ID_CHARS;
use crate::args::PolicyExplain;
use crate::exit::Exit;

pub(crate) fn run(arguments: &PolicyExplain, out: &mut impl Write) -> anyhow::Result<Exit> {
    let policy = super::choose(&arguments.policy)?.policy;
    let today = arguments.as_of.unwrap_or_else(super::today);
    let text = super::text(&arguments.file)?;
    let is_event = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|json| json.get("requestData").is_some());
    if is_event { of_event(&text, &policy, today, out) } else { of_template(&text, arguments, &policy, today, out) }
}

fn of_event(text: &str, policy: &Policy, today: Date, out: &mut impl Write) -> anyhow::Result<Exit> {
    match hook::explain(text.as_bytes(), policy, today) {
        Ok((invocation, explained)) => {
            writeln!(out, "{} {}", invocation.resource_type, excerpt(&invocation.logical_id, ID_CHARS))?;
            // An event says where it is from.
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

fn of_template(
    text: &str,
    arguments: &PolicyExplain,
    policy: &Policy,
    today: Date,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let scope = arguments.stack.scope();
    let file = arguments.file.as_path();
    let document = source::parse(text).map_err(|error| {
        let place = error.span.map_or_else(String::new, |span| format!(":{}:{}", span.line, span.column));
        anyhow!("{}{place}: {error}\nhelp: {}", shown(file), error.help())
    })?;
    let context = Context {
        account: scope.account.as_deref(),
        region: scope.region.as_deref(),
        stack_name: scope.stack_name.as_deref(),
        ..Context::default()
    };
    let terms = CheckContext { context, defaults: Defaults::MayChange, ..CheckContext::of(policy, today) };
    let mut resources = Vec::new();
    let notes = explain_each(&document.root, &scope, &terms, &mut |resource| resources.push(resource))
        .with_context(|| format!("reading `{}`", shown(file)))?;
    let mut exit = Exit::Clean;
    for (index, resource) in resources.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        exit = exit.max(of_resource(resource, &terms, out)?);
    }
    if resources.is_empty() && notes.is_empty() {
        writeln!(out, "There is no security group and no egress rule.")?;
    }
    for (index, note) in notes.iter().enumerate() {
        let gap = if index == 0 && !resources.is_empty() { "\n" } else { "" };
        writeln!(out, "{gap}Not checked: {note}.")?;
    }
    Ok(exit)
}

/// What decides about a resource in each of its worlds, and what else `check` says of it.
fn of_resource(resource: &ExplainedResource, terms: &CheckContext<'_>, out: &mut impl Write) -> anyhow::Result<Exit> {
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
        seen.extend(world.explained.iter().filter_map(|explained| match &explained.decided {
            DecidedBy::Finding(finding) => Some((finding.origin.index(), finding.outcome)),
            DecidedBy::Complies | DecidedBy::Setting(_) => None,
        }));
    }
    if resource.worlds.is_empty() {
        writeln!(out, "{} {id} (not created)", checked.resource_type.name())?;
    }
    let others = checked
        .findings
        .iter()
        .filter(|located| !seen.contains(&(located.finding.origin.index(), located.finding.outcome)));
    for located in others {
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

/// One line for each egress rule.
fn lines(
    explained: &[ExplainedRule],
    policy: &Policy,
    case: Option<&ResourceContext<'_>>,
    out: &mut impl Write,
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

/// What a world of a template takes for granted.
fn assumed(assumptions: &[Assumption]) -> String {
    let assumptions: Vec<String> = assumptions.iter().map(ToString::to_string).collect();
    if assumptions.is_empty() { String::new() } else { format!(" (if {})", assumptions.join(" and ")) }
}

fn shown(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}
