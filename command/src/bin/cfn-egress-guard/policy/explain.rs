//! `policy explain`: which setting or exemption decides about each egress rule.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use cfn_egress_guard_core::hook::{self, Conclusion};
use cfn_egress_guard_core::rule::policy::{Case, Context as Place, Date, Policy, Unchanged};
use cfn_egress_guard_core::rule::wording::policy as wording;
use cfn_egress_guard_core::rule::{Decided, Explained, Knowledge, Outcome, Preset, excerpt};
use cfn_egress_guard_core::security_group::{ResourceType, explain, tags};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::{Scope, Template, World};
use clap::Args;

use crate::ID_CHARS;
use crate::args::parse_preset;
use crate::exit::Exit;

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// An event of the hook, or a template; - is standard input.
    #[arg(value_name = "EVENT_OR_TEMPLATE")]
    file: PathBuf,

    /// The policy file [default: policy.toml in this folder, or else the published rule].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The preset, instead of the policy's.
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    preset: Option<Preset>,

    /// The day to look from, in UTC [default: today].
    #[arg(long, value_name = "YYYY-MM-DD")]
    as_of: Option<Date>,

    /// Of a template: the account that it is deployed to.
    #[arg(long, value_name = "ID")]
    account: Option<String>,

    /// Of a template: the Region that it is deployed to.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Of a template: the stack's name.
    #[arg(long, value_name = "NAME")]
    stack_name: Option<String>,
}

pub(crate) fn run(arguments: &Explain, out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut policy = super::read_or_default(arguments.policy.as_deref())?;
    policy.preset = arguments.preset.unwrap_or(policy.preset);
    let today = arguments.as_of.unwrap_or_else(super::today);
    let text = super::text(&arguments.file)?;
    let is_event = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|json| json.get("requestData").is_some());
    if is_event { of_event(&text, &policy, today, out) } else { of_template(&text, arguments, &policy, today, out) }
}

fn of_event(text: &str, policy: &Policy, today: Date, out: &mut impl Write) -> anyhow::Result<Exit> {
    match hook::explain(text.as_bytes(), policy, today) {
        Ok((subject, explained)) => {
            writeln!(out, "{} {}", subject.resource_type, excerpt(&subject.logical_id, ID_CHARS))?;
            // An event says where it is from.
            lines(&explained, policy, None, out)
        }
        Err(decision) => match decision.conclusion {
            Conclusion::InternalFailure(why) => bail!(why),
            Conclusion::NotChecked(_) | Conclusion::Judged(_) | Conclusion::Template(_) => {
                writeln!(out, "{}", decision.message())?;
                Ok(Exit::Clean)
            }
        },
    }
}

fn of_template(
    text: &str,
    arguments: &Explain,
    policy: &Policy,
    today: Date,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let scope = Scope {
        account: arguments.account.clone(),
        region: arguments.region.clone(),
        stack_name: arguments.stack_name.clone(),
        ..Scope::default()
    };
    let file = arguments.file.as_path();
    let document = source::parse(text).map_err(|error| {
        let place = error.span.map_or_else(String::new, |span| format!(":{}:{}", span.line, span.column));
        anyhow!("{}{place}: {error}\nhelp: {}", shown(file), error.help())
    })?;
    let template = Template::new(&document.root, &scope).with_context(|| format!("reading `{}`", shown(file)))?;
    let (mut exit, mut any) = (Exit::Clean, false);
    for resource in template.resources() {
        let Some(resource_type) = ResourceType::from_name(&resource.type_name) else { continue };
        let evaluated = template.evaluate(resource);
        let worlds = evaluated.worlds.iter().filter(|world| world.exists);
        for world in worlds {
            let gap = if any { "\n" } else { "" };
            any = true;
            let id = excerpt(&resource.logical_id, ID_CHARS);
            writeln!(out, "{gap}{} {id}{}", resource.type_name, assumed(world))?;
            let tags = tags(resource_type, &world.properties);
            let context = Place {
                account: arguments.account.as_deref(),
                region: arguments.region.as_deref(),
                stack_name: arguments.stack_name.as_deref(),
                stack_id: None,
                logical_id: Some(&resource.logical_id),
                resource_type: Some(resource_type.name()),
                tags: tags.as_deref(),
            };
            let case = Case { context, unchanged: &Unchanged::Nothing, today };
            let explained = explain(resource_type, &world.properties, Knowledge::Partial, policy, &case);
            exit = exit.max(lines(&explained, policy, Some(&case), out)?);
        }
        if let Some(why) = evaluated.undetermined {
            writeln!(out, "  not all of it was looked at: {why}")?;
        }
    }
    if !any {
        writeln!(out, "There is no security group and no egress rule.")?;
    }
    Ok(exit)
}

/// One line for each egress rule.
fn lines(
    explained: &[Explained],
    policy: &Policy,
    case: Option<&Case<'_>>,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Clean;
    for one in explained {
        write!(out, "  {}", wording::explained(one, policy))?;
        if let Decided::Finding(finding) = &one.decided
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
fn assumed(world: &World<'_>) -> String {
    let assumptions: Vec<String> = world.assumptions.iter().map(ToString::to_string).collect();
    if assumptions.is_empty() { String::new() } else { format!(" (if {})", assumptions.join(" and ")) }
}

fn shown(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}
