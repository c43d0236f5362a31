//! `rehearse`: deployments on this machine.

use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};
use cfn_egress_guard::rehearsal::{
    Ending, Endpoint, Function, Hook, HookProgress, LocalFunction, Operation, Plan, StackEvent, plan, rehearse,
};
use cfn_egress_guard::rule::Settings;
use cfn_egress_guard::rule::policy::Policy;
use cfn_egress_guard::source::{self, Document};
use cfn_egress_guard::template::{Scope, Template};

use crate::args::{EventFormat, Rehearse};
use crate::check::parameters;
use crate::exit::Exit;
use crate::policy;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAUTION: Style = AnsiColor::Yellow.on_default();

/// The longest status that is usual, so that the reasons behind it stand below each other.
const STATUS_WIDTH: usize = "HOOK_COMPLETE_SUCCEEDED".len();

/// The longest message of a hook is wrapped at this many columns.
const WIDTH: usize = 100;

pub(crate) fn run(arguments: &Rehearse, out: &mut impl Write) -> anyhow::Result<Exit> {
    let policy = arguments.policy.as_deref().map(policy::read).transpose()?.unwrap_or_default();
    let settings = Policy { preset: arguments.preset.unwrap_or(policy.preset), ..policy }.settings();
    let before = arguments.update_from.as_deref().map(read).transpose()?;
    let mut plans = Vec::new();
    for path in &arguments.templates {
        let document = read(path)?;
        plans.push(planned(path, &document, before.as_ref(), &settings, arguments)?);
    }
    let hook = Hook {
        alias: arguments.hook_alias.clone(),
        failure_mode: arguments.failure_mode,
        account: arguments.account.clone(),
        region: arguments.region.clone(),
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(play(&plans, &hook, arguments, out))
}

async fn play(plans: &[Plan], hook: &Hook, arguments: &Rehearse, out: &mut impl Write) -> anyhow::Result<Exit> {
    let code = arguments.policy.as_deref().map(CodeFolder::with).transpose()?;
    let mut function = start(arguments, code.as_ref()).await?;
    let clock = || jiff::Timestamp::now().to_string();
    let mut events: Vec<StackEvent> = Vec::new();
    let mut exit = Exit::Clean;
    for (position, plan) in plans.iter().enumerate() {
        if arguments.format == EventFormat::Human {
            let gap = if position == 0 { "" } else { "\n" };
            let what = if plan.is_update { "update of stack" } else { "creation of stack" };
            writeln!(out, "{gap}{BOLD}Rehearsal: {what} {}{BOLD:#}", plan.stack_name)?;
        }
        let mut written = Ok(());
        let mut sink = |event: StackEvent| match arguments.format {
            EventFormat::Human if written.is_ok() => written = row(out, &event, plan),
            EventFormat::Human => {}
            EventFormat::Json => events.push(event),
        };
        let ending = rehearse(plan, hook, &mut function, &clock, &mut sink)
            .await
            .with_context(|| format!("rehearsing `{}` with {}", plan.stack_name, described(arguments)))?;
        written?;
        if ending == Ending::RolledBack {
            exit = Exit::Findings;
        }
        if arguments.format == EventFormat::Human {
            conclusion(out, plan, ending)?;
        }
    }
    if arguments.format == EventFormat::Json {
        // DescribeStackEvents lists the newest first.
        events.reverse();
        serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "StackEvents": events }))?;
        writeln!(out)?;
    }
    Ok(exit)
}

async fn start(arguments: &Rehearse, code: Option<&CodeFolder>) -> anyhow::Result<Function> {
    if let Some(url) = &arguments.endpoint {
        return Ok(Function::Endpoint(Endpoint::new(url, &arguments.function_name)?));
    }
    let program = bootstrap(arguments)?;
    if !program.is_file() {
        bail!(
            "there is no function program `{}`: build it with `cargo build --release --bin bootstrap`, or name it with \
             --bootstrap",
            program.display()
        );
    }
    let mut environment: Vec<_> =
        arguments.preset.iter().map(|preset| ("EGRESS_PRESET".to_owned(), preset.name().to_owned())).collect();
    if let Some(code) = code {
        environment.push(("LAMBDA_TASK_ROOT".to_owned(), code.0.display().to_string()));
    }
    Ok(Function::Local(LocalFunction::start(&program, &[], &environment).await?))
}

/// A folder as Lambda unpacks a function's code, with a policy in it; it goes when the rehearsal ends.
struct CodeFolder(PathBuf);

impl CodeFolder {
    fn with(policy: &Path) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("cfn-egress-guard-{}", std::process::id()));
        let context = || format!("copying `{}` to `{}`", policy.display(), folder.display());
        std::fs::create_dir(&folder).with_context(context)?;
        let code = Self(folder.clone());
        std::fs::copy(policy, folder.join(cfn_egress_guard::policy::FILE_NAME)).with_context(context)?;
        Ok(code)
    }
}

impl Drop for CodeFolder {
    fn drop(&mut self) {
        // What is left behind is a copy in the folder for what may be left behind.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The function program: the one named, or the one beside this program.
fn bootstrap(arguments: &Rehearse) -> anyhow::Result<PathBuf> {
    match &arguments.bootstrap {
        Some(program) => Ok(program.clone()),
        None => Ok(std::env::current_exe().context("finding this program")?.with_file_name("bootstrap")),
    }
}

fn described(arguments: &Rehearse) -> String {
    arguments.endpoint.clone().unwrap_or_else(|| "the function program".to_owned())
}

fn read(path: &Path) -> anyhow::Result<Document> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
    source::parse(&text).map_err(|error| {
        let place = error.span.map_or_else(String::new, |span| format!(":{}:{}", span.line, span.column));
        anyhow::anyhow!("{}{place}: {error}\nhelp: {}", path.display(), error.help())
    })
}

fn planned(
    path: &Path,
    document: &Document,
    before: Option<&Document>,
    settings: &Settings,
    arguments: &Rehearse,
) -> anyhow::Result<Plan> {
    let stack_name = stack_name(path);
    let scope = Scope {
        parameters: parameters::read(&arguments.parameters)?,
        account: Some(arguments.account.clone()),
        region: Some(arguments.region.clone()),
        stack_name: Some(stack_name.clone()),
        ..Scope::default()
    };
    let context = || format!("planning the deployment of `{}`", path.display());
    let before = before.map(|before| Template::new(&before.root, &scope)).transpose().with_context(context)?;
    let template = Template::new(&document.root, &scope).with_context(context)?;
    plan(&stack_name, &template, before.as_ref(), settings).with_context(context)
}

/// A stack's name as CloudFormation allows it, from a file's name.
fn stack_name(path: &Path) -> String {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let stem = stem.strip_suffix(".template").unwrap_or(&stem);
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("stack-{name}") }
}

fn row(out: &mut impl Write, event: &StackEvent, plan: &Plan) -> std::io::Result<()> {
    let (status, note, text) = match &event.hook {
        Some(hook) => (hook.hook_status.name(), hook.hook_type.clone(), hook_text(hook.hook_status, event)),
        None => (event.resource_status, event.resource_status_reason.clone().unwrap_or_default(), None),
    };
    let style = style_of(status);
    let width = plan
        .operations
        .iter()
        .map(|operation| operation.logical_id.len())
        .chain([plan.stack_name.len()])
        .max()
        .unwrap_or_default();
    write!(out, "  {:width$}  {style}{status}{style:#}", event.logical_resource_id)?;
    if !note.is_empty() {
        write!(out, "{:pad$}  {note}", "", pad = STATUS_WIDTH.saturating_sub(status.len()))?;
    }
    writeln!(out)?;
    for line in text.iter().flat_map(|text| text.lines()).flat_map(|line| wrapped(line, WIDTH - 6)) {
        writeln!(out, "      {line}")?;
    }
    let asked = event.hook.is_none() && event.resource_status.ends_with("IN_PROGRESS");
    if asked
        && event.resource_status_reason.is_none()
        && let Some(operation) = plan.operations.iter().find(|o| o.logical_id == event.logical_resource_id)
    {
        unknowns(out, operation)?;
    }
    Ok(())
}

/// What a rehearsal cannot know of a resource.
fn unknowns(out: &mut impl Write, operation: &Operation) -> std::io::Result<()> {
    if let Some(why) = &operation.undetermined {
        writeln!(out, "      {CAUTION}the hook is not asked: {why}{CAUTION:#}")?;
    }
    for unknown in &operation.unknown {
        writeln!(out, "      {DIM}not known here: {unknown}{DIM:#}")?;
    }
    Ok(())
}

fn hook_text(status: HookProgress, event: &StackEvent) -> Option<String> {
    let reason = event.hook.as_ref().map(|hook| hook.hook_status_reason.clone());
    reason.filter(|_| status != HookProgress::HookInProgress)
}

fn style_of(status: &str) -> Style {
    if status.contains("FAILED") || status.contains("ROLLBACK") {
        BAD
    } else if status.ends_with("IN_PROGRESS") {
        DIM
    } else {
        GOOD
    }
}

/// A line broken at spaces so that it fits a width, in characters.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            Some(_) if line.starts_with("- ") => lines.push(format!("  {word}")),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn conclusion(out: &mut impl Write, plan: &Plan, ending: Ending) -> std::io::Result<()> {
    let name = &plan.stack_name;
    let undetermined = plan.operations.iter().filter(|operation| operation.undetermined.is_some()).count();
    match ending {
        Ending::Complete if undetermined == 0 => {
            writeln!(out, "{GOOD}=> {name} is deployed: the hook lets it pass.{GOOD:#}")
        }
        Ending::Complete => writeln!(
            out,
            "{CAUTION}=> {name} would be deployed if the values that are not known here keep the rule \
             ({undetermined} not judged).{CAUTION:#}"
        ),
        Ending::CompleteWithWarnings => writeln!(
            out,
            "{CAUTION}=> {name} is deployed with a warning; under failure mode FAIL the hook would block it.{CAUTION:#}"
        ),
        Ending::RolledBack if plan.is_update => {
            writeln!(out, "{BAD}=> the update of {name} is blocked: the stack stays as it was.{BAD:#}")
        }
        Ending::RolledBack => writeln!(out, "{BAD}=> {name} is blocked: nothing of it is left behind.{BAD:#}"),
    }
}
