//! What the commands that ask AWS share: connection, Regions, interruption.

use std::io::Write;

use anyhow::bail;
use cfn_egress_guard_account::connection::ALWAYS_ENABLED;
use cfn_egress_guard_account::permissions::{Permission, policy};
use cfn_egress_guard_account::{Connection, ConnectionOptions, NoCredentials, Patience};
use tokio::sync::watch;

use crate::args::Aws;

/// The connection that the arguments ask for.
pub(crate) async fn connect(aws: &Aws) -> Result<Connection, NoCredentials> {
    let region = aws.region.clone().or_else(|| aws.regions.iter().find(|name| *name != "all").cloned());
    let options = ConnectionOptions { profile: aws.profile.clone(), region, endpoint_url: aws.endpoint_url.clone() };
    Connection::new(&options).await
}

/// The Regions to look at, and a word if they may not be all that were asked for.
pub(crate) async fn regions(aws: &Aws, connection: &Connection) -> anyhow::Result<(Vec<String>, Option<String>)> {
    if aws.regions.iter().any(|name| name == "all") {
        return Ok(match connection.enabled_regions(Patience::default()).await {
            Ok(regions) if regions.is_empty() => {
                (always_enabled(), Some("the account's list of Regions is empty".into()))
            }
            Ok(regions) => (regions, None),
            Err(failure) => (always_enabled(), Some(failure.to_string())),
        });
    }
    let mut regions = aws.regions.clone();
    regions.extend(aws.region.clone());
    if regions.is_empty() {
        regions.extend(connection.region());
    }
    if regions.is_empty() {
        bail!("no Region is configured: give --region or --regions, or set AWS_REGION");
    }
    regions.sort();
    regions.dedup();
    Ok((regions, None))
}

fn always_enabled() -> Vec<String> {
    ALWAYS_ENABLED.map(str::to_owned).to_vec()
}

/// Prints the IAM policy that a command needs.
pub(crate) fn print_policy(permissions: &[Permission], out: &mut impl Write) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &policy(permissions))?;
    writeln!(out)
}

/// Becomes true when the user, or a job's time-out, interrupts: what was found until then is reported.
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
