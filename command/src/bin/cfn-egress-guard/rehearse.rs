//! `rehearse`: rehearses deployments on this machine.

mod nested;
mod table;

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use cfn_egress_guard::rehearsal::{
    AssumedViolation, DeploymentPlan, Endpoint, Function, HookSettings, LocalFunction, NotRehearsed, RehearsalEvent,
    RehearsalOutcome, StackEvent, StackToDeploy, plan, rehearse,
};
use cfn_egress_guard_core::check::CheckContext;
use cfn_egress_guard_core::hook::{ENV_LOOPBACK_PAYLOADS, ENV_PRESET, Target};
use cfn_egress_guard_core::policy::FILE_NAME;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::policy::Policy;
use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::Scope;

use crate::args::{EventFormat, Rehearse};
use crate::check::nested::NestedFiles;
use crate::check::parameters::{self, DeclaredParameters, ParameterValues};
use crate::exit::Exit;
use crate::file::parsed;
use crate::policy;

pub(crate) fn run(arguments: &Rehearse, out: &mut impl Write) -> anyhow::Result<Exit> {
    let file = policy_file(arguments);
    let policy = file.as_deref().map(policy::read).transpose()?.unwrap_or_default();
    // The function applies exemptions; whether a resource breaks the rule does not depend on them.
    let settings = Policy::from(Policy { preset: arguments.preset.unwrap_or(policy.preset), ..policy }.settings());
    let terms = CheckContext::of(&settings, policy::today());
    if arguments.templates.len() > 1 && (arguments.update_from.is_some() || arguments.stack_name.is_some()) {
        bail!("--update-from and --stack-name apply to one stack: pass one template with them");
    }
    let given = parameters::read(&arguments.parameters)?;
    let previous = parameters::read(&arguments.previous_parameters).context("--previous-parameters")?;
    if let Some(name) = previous.previous.first() {
        bail!("--previous-parameters: pass the value of `{name}` itself");
    }
    let before = arguments.update_from.as_deref().map(TemplateFile::read).transpose()?;
    let texts: Vec<_> = arguments.templates.iter().map(|path| TemplateFile::read(path)).collect();
    if texts.iter().all(Result::is_ok) {
        let mut declared = DeclaredParameters::default();
        texts
            .iter()
            .flatten()
            .chain(&before)
            .for_each(|text| declared.add(DeclaredParameters::by(&text.document.root)));
        parameters::all_declared(given.names(), &declared)?;
    }
    if let Some(before) = &before {
        parameters::all_declared(previous.names(), &DeclaredParameters::by(&before.document.root))
            .context("--previous-parameters")?;
    }
    let given = StackParameters { given: &given, previous: &previous };
    let files = NestedFiles::new(&arguments.nested);
    let mut nested = nested::NestedTemplateFiles(&files);
    let (mut plans, mut problems) = (Vec::new(), Vec::new());
    for (path, text) in arguments.templates.iter().zip(texts) {
        let stack = text.and_then(|text| planned(path, &text, before.as_ref(), given, &terms, &mut nested, arguments));
        match stack {
            Ok(plan) => plans.push(plan),
            Err(problem) => problems.push(format!("{problem:#}")),
        }
    }
    if problems.is_empty() {
        files.finish()?;
    }
    let hook = HookSettings {
        alias: arguments.hook_alias.clone(),
        failure_mode: arguments.failure_mode,
        target_operations: arguments.target_operations.clone(),
        disable_rollback: arguments.disable_rollback,
        account: arguments.account.clone(),
        region: arguments.region.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let exit = if plans.is_empty() {
        Exit::CouldNotCheck
    } else {
        runtime.block_on(play(&plans, &hook, file.as_deref(), arguments, out))?
    };
    // Problems with one deployment do not hide the results of others.
    if problems.is_empty() { Ok(exit) } else { Err(anyhow!(problems.join("\nerror: "))) }
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
    let mut rolled_back: Vec<AssumedViolation> = Vec::new();
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
            rolled_back.push(AssumedViolation::of_rollback(&plan.stack_name));
        }
        if arguments.format == EventFormat::Human {
            table::conclusion(out, plan, ending, &heard)?;
        }
    }
    if arguments.format == EventFormat::Json {
        // DescribeStackEvents lists the newest first.
        events.reverse();
        let not_judged: Vec<NotRehearsed> = plans.iter().flat_map(DeploymentPlan::not_judged).collect();
        let assumed: Vec<AssumedViolation> =
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

/// A template file that was read.
struct TemplateFile {
    /// Its canonical path.
    file: String,
    text: String,
    document: Document,
}

impl TemplateFile {
    /// Reads a template from a file; - is standard input.
    fn read(path: &Path) -> anyhow::Result<Self> {
        let (file, bytes) = if path == Path::new("-") {
            let mut bytes = Vec::new();
            ("<stdin>".to_owned(), std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes))
        } else {
            (path.display().to_string(), std::fs::read(path))
        };
        if path.is_dir() {
            bail!("{file}: it is a folder\nhelp: name the templates in it");
        }
        let bytes = bytes.map_err(|error| anyhow!("cannot read `{file}`: {error}"))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            anyhow!(
                "{file}: it is not UTF-8 text\nhelp: save it as UTF-8, the only encoding that CloudFormation \
                     accepts"
            )
        })?;
        let document = parsed(&file, &text)?;
        if path == Path::new("-") {
            return Ok(Self { file, text, document });
        }
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
        let file = real.strip_prefix(&here).unwrap_or(&real).to_string_lossy().into_owned();
        Ok(Self { file, text, document })
    }

    fn stack<'a>(&'a self, name: &'a str, scope: &'a Scope) -> StackToDeploy<'a> {
        StackToDeploy { name, file: &self.file, text: &self.text, document: &self.document, scope }
    }
}

/// The parameter values for a deployment, and those of the deployed stack.
#[derive(Clone, Copy)]
struct StackParameters<'a> {
    given: &'a ParameterValues,
    previous: &'a ParameterValues,
}

impl StackParameters<'_> {
    /// Returns the values of a deployment. Parameters that keep their previous value get the value of the deployed
    /// stack.
    fn values(self, before: Option<&TemplateFile>) -> anyhow::Result<BTreeMap<String, String>> {
        let mut values = self.given.values.clone();
        for name in &self.given.previous {
            let Some(before) = before else {
                bail!("parameter `{name}` uses its previous value: name the deployed template with --update-from");
            };
            let root = &before.document.root;
            let previous = self.previous.values.get(name).cloned().or_else(|| parameters::default_of(root, name));
            let Some(previous) = previous else {
                bail!(
                    "parameter `{name}` uses its previous value, which is not known: pass it with \
                     --previous-parameters"
                );
            };
            values.insert(name.clone(), previous);
        }
        Ok(values)
    }

    /// Returns the values of the deployed stack.
    fn values_before(self, values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        if self.previous.values.is_empty() { values.clone() } else { self.previous.values.clone() }
    }
}

fn planned(
    path: &Path,
    text: &TemplateFile,
    before: Option<&TemplateFile>,
    given: StackParameters<'_>,
    terms: &CheckContext<'_>,
    nested: &mut nested::NestedTemplateFiles<'_>,
    arguments: &Rehearse,
) -> anyhow::Result<DeploymentPlan> {
    let stack_name = arguments.stack_name.clone().unwrap_or_else(|| stack_name(path));
    let context = || format!("planning the deployment of `{}`", text.file);
    let scope = Scope {
        parameters: given.values(before).with_context(context)?,
        account: Some(arguments.account.clone()),
        region: Some(arguments.region.clone()),
        stack_name: Some(stack_name.clone()),
        ..Scope::default()
    };
    parameters::allowed(&scope.parameters, &text.document.root).with_context(context)?;
    if before.is_none() {
        parameters::all_given(&scope, &text.document.root).with_context(context)?;
    }
    let scope_before = Scope { parameters: given.values_before(&scope.parameters), ..scope.clone() };
    let before = before.map(|before| before.stack(&stack_name, &scope_before));
    plan(&text.stack(&stack_name, &scope), before.as_ref(), terms, nested).with_context(context)
}

/// Forms a stack name that CloudFormation allows from a file's name.
fn stack_name(path: &Path) -> String {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    if stem == "-" {
        return "standard-input".to_owned();
    }
    let stem = stem.strip_suffix(".template").unwrap_or(&stem);
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("stack-{name}") }
}
