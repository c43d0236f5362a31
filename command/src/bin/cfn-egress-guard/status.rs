//! `status`: is enforcement really on.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anstyle::Style;
use anyhow::{Context, anyhow};
use cfn_egress_guard_account::connection::regions_assumed;
use cfn_egress_guard_account::status::{
    Expected, FunctionStatus, HookState, Package, RegionStatus, StatusOptions, StatusResult, Verdict, Weight,
    hex_sha256, status,
};
use cfn_egress_guard_account::{Connection, ConnectionOptions, Glob, NoCredentials, Patience, count, permissions};
use cfn_egress_guard_core::policy;

use crate::account::{connect, print_policy, regions};
use crate::args::{Status, StatusFormat, StatusFunction};
use crate::exit::Exit;
use crate::style::{BAD, BOLD, CAUTION, DIM, GOOD};

/// The name of the guard's own stack, unless it is given another.
const OWN_STACK: &str = "cfn-egress-guard*";

pub(crate) fn run(arguments: &Status, out: &mut impl Write) -> anyhow::Result<Exit> {
    if arguments.aws.print_iam_policy {
        print_policy(permissions::STATUS, out)?;
        return Ok(Exit::Clean);
    }
    let expected = expected(&arguments.function)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let connection = connect(&arguments.aws).await?;
        let functions = functions(arguments, &connection).await?;
        let (regions, regions_assumed) = regions(&arguments.aws, &connection).await?;
        let options = StatusOptions {
            regions,
            regions_assumed,
            alias: arguments.hook_alias.clone(),
            failure_mode: arguments.failure_mode.clone(),
            operations: arguments.operations.clone(),
            may_exclude: may_exclude(arguments)?,
            may_exclude_roles: arguments.may_exclude_roles.clone(),
            function: arguments.function.function.clone(),
            preset: arguments.function.preset,
            expected,
            days: arguments.days,
            now: jiff::Timestamp::now().as_second(),
            patience: Patience::default(),
        };
        anyhow::Ok(status(&connection, functions.as_ref(), &options).await)
    })?;
    match arguments.format {
        StatusFormat::Human => human(&result, out)?,
        StatusFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &result)?;
            writeln!(out)?;
        }
    }
    Ok(match result.verdict {
        Verdict::Hole => Exit::Findings,
        Verdict::Unknown => Exit::CouldNotCheck,
        Verdict::Enforced => Exit::Clean,
    })
}

/// What the hook may leave out: the guard's own stack in any case.
fn may_exclude(arguments: &Status) -> anyhow::Result<Vec<Glob>> {
    let mut globs = arguments.may_exclude.clone();
    globs.push(OWN_STACK.parse().map_err(|error| anyhow!("{OWN_STACK}: {error}"))?);
    Ok(globs)
}

/// The connection to the account of the function, if it has a profile of its own.
async fn functions(arguments: &Status, connection: &Connection) -> Result<Option<Connection>, NoCredentials> {
    let Some(profile) = arguments.function.function_profile.clone() else { return Ok(None) };
    let options = ConnectionOptions {
        profile: Some(profile),
        region: connection.region(),
        endpoint_url: arguments.aws.endpoint_url.clone(),
    };
    Connection::new(&options).await.map(Some)
}

/// What the function should be made of, as far as the user says.
fn expected(arguments: &StatusFunction) -> anyhow::Result<Expected> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
    let mut packages = Vec::new();
    for path in &arguments.packages {
        packages.push(if path.is_dir() {
            let policy = path.join(policy::FILE_NAME);
            let policy = if policy.exists() { Some(read(&policy)?) } else { None };
            Package::of_files(&read(&path.join("bootstrap"))?, policy.as_deref())
        } else {
            Package::read(&read(path)?).map_err(|problem| anyhow!("{}: {problem}", path.display()))?
        });
    }
    let policy = arguments.policy.as_deref().map(read).transpose()?;
    Ok(Expected { packages, policy: policy.as_deref().map(hex_sha256), code_sha256: arguments.code_sha256.clone() })
}

fn human(result: &StatusResult, out: &mut impl Write) -> std::io::Result<()> {
    let account = result.account.as_ref().map_or_else(String::new, |account| format!(" in account {account}"));
    writeln!(out, "{BOLD}{}{BOLD:#}{account}", result.hook)?;
    let shared = shared(&result.regions);
    let width = result.regions.iter().map(|region| region.region.len()).max().unwrap_or_default();
    for region in &result.regions {
        let (style, state) = shown(region);
        writeln!(out, "{:width$}  {style}{state}{style:#}{DIM}{}{DIM:#}", region.region, versions(region))?;
        for hole in &region.holes {
            let hook = hole.hook.as_ref().map_or_else(String::new, |hook| format!(" of {hook}"));
            writeln!(out, "{:width$}    {BAD}hole{BAD:#}{hook}: {}", "", hole.message)?;
        }
        for failure in region.unread.iter().filter(|failure| !shared.contains_key(&failure.to_string())) {
            writeln!(out, "{:width$}    {CAUTION}not read{CAUTION:#}: {failure}", "")?;
        }
        for note in &region.notes {
            writeln!(out, "{:width$}    {DIM}note{DIM:#}: {}", "", note.message)?;
        }
    }
    for (failure, regions) in &shared {
        writeln!(out, "{CAUTION}not read{CAUTION:#} in {}: {failure}", regions.join(", "))?;
    }
    for note in &result.notes {
        writeln!(out, "{CAUTION}note{CAUTION:#}: {}", note.message)?;
    }
    for failure in &result.unread {
        writeln!(out, "{CAUTION}not read{CAUTION:#}: {failure}")?;
    }
    if let Some(why) = &result.regions_assumed {
        writeln!(out, "{CAUTION}{}{CAUTION:#}", regions_assumed(why))?;
    }
    let style = if result.verdict == Verdict::Enforced { GOOD } else { CAUTION };
    writeln!(out, "{style}=> {}{style:#}", counted(result))
}

/// What failed alike in several Regions: told once, below them.
fn shared(regions: &[RegionStatus]) -> BTreeMap<String, Vec<&str>> {
    let mut shared: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for region in regions {
        for failure in &region.unread {
            shared.entry(failure.to_string()).or_default().push(&region.region);
        }
    }
    shared.values_mut().for_each(Vec::dedup);
    shared.retain(|_, regions| regions.len() > 1);
    shared
}

/// How many Regions are well, have a hole, or cannot be judged: what could not be read is no hole.
fn counted(result: &StatusResult) -> String {
    let [well, with_hole, unknown] =
        [Verdict::Enforced, Verdict::Hole, Verdict::Unknown].map(|verdict| result.count(verdict));
    let mut said = vec![format!("{well} of {} without a hole", count(result.regions.len(), "Region"))];
    if with_hole > 0 {
        said.push(format!("{with_hole} with a hole"));
    }
    if unknown > 0 {
        said.push(format!("{unknown} could not be judged"));
    }
    said.join(", ")
}

/// What runs there: the hook's version, and the function's with the beginning of its hash.
fn versions(region: &RegionStatus) -> String {
    let hook = region.version.as_ref().map(|version| format!("hook version {version}"));
    let function = region.function.as_ref().and_then(FunctionStatus::summary);
    let versions: Vec<String> = hook.into_iter().chain(function).collect();
    if versions.is_empty() { String::new() } else { format!(" ({})", versions.join(", ")) }
}

fn shown(region: &RegionStatus) -> (Style, &'static str) {
    match (region.state, region.worst()) {
        (HookState::Blocking, None) if region.is_well() => (GOOD, "enforced"),
        (HookState::Blocking, None) => (CAUTION, "enforced as far as could be read"),
        (HookState::Blocking, Some(Weight::Health)) => (CAUTION, "enforced, with trouble"),
        (HookState::Blocking, Some(Weight::Partial)) => (CAUTION, "enforced in part"),
        (HookState::Blocking, Some(Weight::Open)) => (BAD, "not as it should be"),
        (HookState::Warning, _) => (CAUTION, "warns only"),
        (HookState::Disabled, _) => (BAD, "disabled"),
        (HookState::Missing, _) => (BAD, "no hook"),
        (HookState::Unknown, _) => (CAUTION, "unknown"),
    }
}
