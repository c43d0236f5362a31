//! Code shared by the commands that call AWS: connection, Regions, interruption.

use std::io::{IsTerminal, Write};

use anyhow::{anyhow, bail};
use cfn_egress_guard_account::accounts::{AccountSelection, Accounts, RegionSelection, VisitProgress};
use cfn_egress_guard_account::permissions::{Permission, caller_policy, deployer_policy, policy};
use cfn_egress_guard_account::{
    AccountRegions, Connection, ConnectionOptions, NoCredentials, RetryPolicy, all_regions,
};
use tokio::sync::watch;

use crate::args::{Aws, PolicyFor};
use crate::style::CAUTION;

/// Opens the connection that the arguments describe.
pub(crate) async fn connect(aws: &Aws) -> Result<Connection, NoCredentials> {
    let region = aws.region.clone().or_else(|| aws.regions.iter().find(|name| *name != "all").cloned());
    let options = ConnectionOptions { profile: aws.profile.clone(), region, endpoint_url: aws.endpoint_url.clone() };
    Connection::new(&options).await
}

/// Returns the accounts to read. For a single account, also returns why its Regions may be incomplete, if so.
pub(crate) async fn accounts(aws: &Aws, connection: Connection) -> anyhow::Result<(Accounts, Option<String>)> {
    let selection = aws.accounts.selection();
    if selection == AccountSelection::Own {
        let (regions, assumed) = regions(aws, &connection).await?;
        return Ok((Accounts::own(connection, regions).await, assumed));
    }
    let regions = if is_all(aws) { RegionSelection::Enabled } else { RegionSelection::Named(named(aws, &connection)?) };
    let (role, at_once) = (aws.accounts.role(), aws.accounts.accounts_at_once.into());
    let found = Accounts::with_role(connection, &selection, role, regions, at_once, RetryPolicy::default()).await;
    let accounts = found.map_err(|failure| {
        let hint = if failure.action.starts_with("organizations:") { ORGANIZATION_HINT } else { "" };
        anyhow!("{failure}{hint}")
    })?;
    if accounts.members.is_empty() {
        bail!("no active account was found");
    }
    for note in &accounts.notes {
        warn(note);
    }
    Ok((accounts, None))
}

/// Advice for when the organization cannot be read.
const ORGANIZATION_HINT: &str = ". Only the management account, or a delegated administrator for AWS Organizations, \
                                 can list an organization's accounts; to name accounts yourself, use --accounts";

/// Returns the Regions to read, and a warning if they may be incomplete.
async fn regions(aws: &Aws, connection: &Connection) -> anyhow::Result<(Vec<String>, Option<String>)> {
    if is_all(aws) {
        let AccountRegions { regions, assumed } = all_regions(connection, RetryPolicy::default()).await;
        return Ok((regions, assumed.map(|failure| failure.to_string())));
    }
    Ok((named(aws, connection)?, None))
}

fn is_all(aws: &Aws) -> bool {
    aws.regions.iter().any(|name| name == "all")
}

/// Returns the Regions named in the arguments, or the one of the configuration.
fn named(aws: &Aws, connection: &Connection) -> anyhow::Result<Vec<String>> {
    let mut regions = aws.regions.clone();
    regions.extend(aws.region.clone());
    if regions.is_empty() {
        regions.extend(connection.region());
    }
    if regions.is_empty() {
        bail!("no Region is configured: pass --region or --regions, or set AWS_REGION");
    }
    regions.sort();
    regions.dedup();
    Ok(regions)
}

/// Prints a warning to standard error.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(anstream::stderr(), "{CAUTION}warning{CAUTION:#}: {text}");
}

/// Prints the IAM policy that a command needs, or another requested one.
pub(crate) fn print_policy(
    whom: PolicyFor,
    permissions: &[Permission],
    aws: &Aws,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let policy = match (whom, aws.accounts.selection()) {
        (PolicyFor::Deployer, _) => deployer_policy(),
        (PolicyFor::Command, AccountSelection::Own) => policy(permissions),
        (PolicyFor::Command, _) => caller_policy(permissions, &aws.accounts.role().name),
    };
    serde_json::to_writer_pretty(&mut *out, &policy)?;
    writeln!(out)
}

/// A progress display for several accounts: one line on standard error, only on a terminal.
pub(crate) struct VisitMeter {
    accounts: usize,
    left: usize,
    regions: usize,
    read: usize,
    shown: bool,
}

impl VisitMeter {
    pub(crate) fn new(accounts: usize) -> Self {
        Self { accounts, left: 0, regions: 0, read: 0, shown: accounts > 1 && std::io::stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self, progress: VisitProgress) {
        match progress {
            VisitProgress::Entered { regions } => self.regions += regions,
            VisitProgress::Region => self.read += 1,
            VisitProgress::Left => self.left += 1,
        }
        if self.shown {
            let mut err = anstream::stderr();
            let (left, accounts) = (self.left, self.accounts);
            let _ =
                write!(err, "\r\x1b[2K{left} of {accounts} accounts, {} of {} Regions read", self.read, self.regions);
            let _ = err.flush();
        }
    }

    /// Erases the line.
    pub(crate) fn clear(&self) {
        if self.shown {
            let _ = write!(anstream::stderr(), "\r\x1b[2K");
        }
    }
}

/// Becomes true on an interruption by the user or a job's timeout: the findings up to then are reported.
pub(crate) fn interruption() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        if interrupted().await.is_ok() {
            let _ = sender.send(true);
        }
    });
    receiver
}

#[cfg(unix)]
async fn interrupted() -> std::io::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn interrupted() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
