//! `status`: checks whether enforcement is really on.

mod human;

use std::io::Write;

use anyhow::anyhow;
use cfn_egress_guard_account::status::{Enforcement, Expected, Package, StatusOptions, hex_sha256, status};
use cfn_egress_guard_account::{Connection, ConnectionOptions, Glob, NoCredentials, RetryPolicy, permissions};
use cfn_egress_guard_core::policy;

use crate::account::{VisitMeter, accounts, connect, print_policy};
use crate::args::{Status, StatusFormat, StatusFunction};
use crate::exit::Exit;
use crate::file;

/// The default name of the guard's own stack.
const OWN_STACK: &str = "cfn-egress-guard*";

pub(crate) fn run(arguments: &Status, out: &mut impl Write) -> anyhow::Result<Exit> {
    if let Some(whom) = arguments.aws.print_iam_policy {
        print_policy(whom, permissions::STATUS, &arguments.aws, out)?;
        return Ok(Exit::Clean);
    }
    let expected = expected(&arguments.function)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let connection = connect(&arguments.aws).await?;
        let functions = functions(arguments, &connection).await?;
        let (accounts, regions_assumed) = accounts(&arguments.aws, connection).await?;
        let options = StatusOptions {
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
            retry_policy: RetryPolicy::default(),
        };
        let mut meter = VisitMeter::new(accounts.members.len());
        let result = status(&accounts, functions.as_ref(), &options, |progress| meter.show(progress)).await;
        meter.clear();
        anyhow::Ok(result)
    })?;
    match arguments.format {
        StatusFormat::Human => human::write(&result, out)?,
        StatusFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &result)?;
            writeln!(out)?;
        }
    }
    Ok(match result.verdict {
        Enforcement::Gap => Exit::Findings,
        Enforcement::Unknown => Exit::CouldNotCheck,
        Enforcement::Enforced => Exit::Clean,
    })
}

/// Returns the stacks that the hook may exclude: always the guard's own stack.
fn may_exclude(arguments: &Status) -> anyhow::Result<Vec<Glob>> {
    let mut globs = arguments.may_exclude.clone();
    globs.push(OWN_STACK.parse().map_err(|error| anyhow!("{OWN_STACK}: {error}"))?);
    Ok(globs)
}

/// Connects to the function's account, if it has a separate profile.
async fn functions(arguments: &Status, connection: &Connection) -> Result<Option<Connection>, NoCredentials> {
    let Some(profile) = arguments.function.function_profile.clone() else { return Ok(None) };
    let options = ConnectionOptions {
        profile: Some(profile),
        region: connection.region(),
        endpoint_url: arguments.aws.endpoint_url.clone(),
    };
    Connection::new(&options).await.map(Some)
}

/// Returns the expected properties of the function, as far as the user gave them.
fn expected(arguments: &StatusFunction) -> anyhow::Result<Expected> {
    let mut packages = Vec::new();
    for path in &arguments.packages {
        packages.push(if path.is_dir() {
            let policy = path.join(policy::FILE_NAME);
            let policy = if policy.exists() { Some(file::bytes(&policy)?) } else { None };
            Package::of_files(&file::bytes(&path.join("bootstrap"))?, policy.as_deref())
        } else {
            Package::read(&file::bytes(path)?).map_err(|problem| anyhow!("{}: {problem}", path.display()))?
        });
    }
    let policy = arguments.policy.as_deref().map(file::bytes).transpose()?;
    Ok(Expected { packages, policy: policy.as_deref().map(hex_sha256), code_sha256: arguments.code_sha256.clone() })
}
