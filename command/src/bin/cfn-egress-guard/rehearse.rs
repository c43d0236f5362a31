//! `rehearse`: rehearses deployments on this machine.

mod assumed;
mod nested;
mod stacks;
mod table;
mod template;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use cfn_egress_guard::rehearsal::{
    DeploymentPlan, Endpoint, Function, HookSettings, LocalFunction, NotRehearsed, RehearsalEvent, RehearsalOutcome,
    StackEvent, VerdictAssumption, rehearse,
};
use cfn_egress_guard_core::check::CheckContext;
use cfn_egress_guard_core::hook::{ENV_LOOPBACK_PAYLOADS, ENV_PRESET, Target};
use cfn_egress_guard_core::policy::FILE_NAME;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::policy::Policy;

use crate::args::{EventFormat, Rehearse};
use crate::exit::Exit;
use crate::policy;
use stacks::Stacks;

pub(crate) fn run(arguments: &Rehearse, out: &mut impl Write) -> anyhow::Result<Exit> {
    let file = policy_file(arguments);
    let settings = settings(arguments, file.as_deref())?;
    let Stacks { plans, problems } = Stacks::planned(arguments, &CheckContext::of(&settings, policy::today()))?;
    let exit = if plans.is_empty() {
        Exit::CouldNotCheck
    } else {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(play(&plans, &hook(arguments), file.as_deref(), arguments, out))?
    };
    // Problems with one deployment do not hide the results of others.
    if problems.is_empty() { Ok(exit) } else { Err(anyhow!(problems.join("\nerror: "))) }
}

/// Returns the settings by which resources break the rule. The function applies exemptions; whether a resource breaks
/// the rule does not depend on them.
fn settings(arguments: &Rehearse, file: Option<&Path>) -> anyhow::Result<Policy> {
    let policy = file.map(policy::read).transpose()?.unwrap_or_default();
    Ok(Policy::from(Policy { preset: arguments.preset.unwrap_or(policy.preset), ..policy }.settings()))
}

fn hook(arguments: &Rehearse) -> HookSettings {
    HookSettings {
        alias: arguments.hook_alias.clone(),
        failure_mode: arguments.failure_mode,
        target_operations: arguments.target_operations.clone(),
        disable_rollback: arguments.disable_rollback,
        account: arguments.account(),
        region: arguments.region(),
    }
}

/// Returns the policy file for the function: the named one or the nearest one.
fn policy_file(arguments: &Rehearse) -> Option<PathBuf> {
    let is_own = arguments.endpoint.is_none() && !arguments.no_policy;
    arguments.policy.clone().or_else(|| policy::nearest().filter(|_| is_own))
}

async fn play(
    plans: &[DeploymentPlan],
    hook: &HookSettings,
    policy: Option<&Path>,
    arguments: &Rehearse,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let code = policy.map(CodeFolder::with).transpose()?;
    let mut function = start(arguments, code.as_ref()).await?;
    let clock = || jiff::Timestamp::now().to_string();
    let mut events: Vec<StackEvent> = Vec::new();
    let mut exit = Exit::Clean;
    let mut rolled_back: Vec<VerdictAssumption> = Vec::new();
    for (position, plan) in plans.iter().enumerate() {
        if arguments.format == EventFormat::Human {
            table::title(out, plan, position == 0)?;
        }
        let mut written = Ok(());
        let width = table::width(plan);
        let mut heard = table::HookAnswers::default();
        let mut sink = |described: RehearsalEvent<'_>| {
            heard.hear(&described);
            match arguments.format {
                EventFormat::Human if written.is_ok() => written = table::row(out, &described, width),
                EventFormat::Human => {}
                EventFormat::Json => events.push(described.event),
            }
        };
        let ending = rehearse(plan, hook, &mut function, &clock, &mut sink)
            .await
            .with_context(|| format!("rehearsing `{}` with {}", plan.stack_name, described(arguments)))?;
        written?;
        if matches!(
            ending,
            RehearsalOutcome::RolledBack | RehearsalOutcome::LeftAsItIs | RehearsalOutcome::ChangeSetFailed
        ) {
            exit = Exit::Findings;
        }
        if ending == RehearsalOutcome::RolledBack && plan.is_update() {
            rolled_back.push(VerdictAssumption::of_rollback(&plan.stack_name));
        }
        if arguments.format == EventFormat::Human {
            table::conclusion(out, plan, ending, &heard)?;
        }
    }
    if arguments.format == EventFormat::Json {
        // DescribeStackEvents lists the newest first.
        events.reverse();
        let not_judged: Vec<NotRehearsed> = plans.iter().flat_map(DeploymentPlan::not_judged).collect();
        let assumed: Vec<VerdictAssumption> =
            plans.iter().flat_map(DeploymentPlan::assumed).chain(rolled_back).collect();
        let mut described = serde_json::json!({ "StackEvents": events, "NotJudged": not_judged, "Assumed": assumed });
        printable(&mut described);
        // Built as text first, so that a write error stays one and a closed pipe ends quietly.
        writeln!(out, "{}", serde_json::to_string_pretty(&described)?)?;
    }
    Ok(exit)
}

/// Removes all characters that can forge or hide text, except line breaks.
fn printable(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            let lines: Vec<String> = text.split('\n').map(|line| excerpt(line, usize::MAX)).collect();
            *text = lines.join("\n");
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(printable),
        serde_json::Value::Object(map) => map.values_mut().for_each(printable),
        _ => {}
    }
}

async fn start(arguments: &Rehearse, code: Option<&CodeFolder>) -> anyhow::Result<Function> {
    if let Some(url) = &arguments.endpoint {
        return Ok(Function::Endpoint(Endpoint::new(url, &arguments.function_name)?));
    }
    let program = bootstrap(arguments)?;
    if !program.is_file() {
        bail!(
            "the function program `{}` does not exist: build it with `cargo build --bin bootstrap`, or name it with \
             --bootstrap",
            program.display()
        );
    }
    let mut environment: Vec<_> =
        arguments.preset.iter().map(|preset| (ENV_PRESET.to_owned(), preset.name().to_owned())).collect();
    if arguments.target_operations.iter().any(|target| *target != Target::Resource) {
        environment.push((ENV_LOOPBACK_PAYLOADS.to_owned(), "1".to_owned()));
    }
    if let Some(code) = code {
        environment.push(("LAMBDA_TASK_ROOT".to_owned(), code.0.display().to_string()));
    }
    Ok(Function::Local(LocalFunction::start(&program, &[], &environment).await?))
}

/// A folder as Lambda unpacks a function's code, with a policy in it. Dropping this value deletes it.
struct CodeFolder(PathBuf);

impl CodeFolder {
    fn with(policy: &Path) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("cfn-egress-guard-{}", std::process::id()));
        let context = || format!("copying `{}` to `{}`", policy.display(), folder.display());
        std::fs::create_dir(&folder).with_context(context)?;
        let code = Self(folder.clone());
        std::fs::copy(policy, folder.join(FILE_NAME)).with_context(context)?;
        Ok(code)
    }
}

impl Drop for CodeFolder {
    fn drop(&mut self) {
        // If deletion fails, a copy remains in the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns the function program: the named one, the one beside this program, or the one installed with it.
fn bootstrap(arguments: &Rehearse) -> anyhow::Result<PathBuf> {
    if let Some(program) = &arguments.bootstrap {
        return Ok(program.clone());
    }
    // Packages install a link to this program, or a wrapper's own copy of it, so the real path counts.
    let this = std::env::current_exe().and_then(std::fs::canonicalize).context("finding this program")?;
    let beside = this.with_file_name("bootstrap");
    let installed = this.parent().and_then(Path::parent).map(|prefix| prefix.join(INSTALLED_FUNCTION));
    Ok(installed.filter(|file| !beside.is_file() && file.is_file()).unwrap_or(beside))
}

/// The place where packages install the function, relative to the folder of `bin/`: not on the PATH, because
/// `bootstrap` would become a command.
const INSTALLED_FUNCTION: &str = "share/cfn-egress-guard/bootstrap";

fn described(arguments: &Rehearse) -> String {
    arguments.endpoint.clone().unwrap_or_else(|| "the function program".to_owned())
}
