//! `status`: is enforcement really on.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use cfn_egress_guard::account::status::{HookState, NOT_CHECKED, RegionStatus, StatusOptions, StatusResult, status};
use cfn_egress_guard::account::{Patience, permissions};

use crate::account::{connect, print_policy, regions};
use crate::args::{Status, StatusFormat};
use crate::exit::Exit;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAUTION: Style = AnsiColor::Yellow.on_default();

pub(crate) fn run(arguments: &Status, out: &mut impl Write) -> anyhow::Result<Exit> {
    if arguments.aws.print_iam_policy {
        print_policy(permissions::STATUS, out)?;
        return Ok(Exit::Clean);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (result, incomplete) = runtime.block_on(async {
        let connection = connect(&arguments.aws).await;
        let (regions, incomplete) = regions(&arguments.aws, &connection).await?;
        let options = StatusOptions {
            regions,
            alias: arguments.hook_alias.clone(),
            failure_mode: arguments.failure_mode.clone(),
            operations: arguments.operations.clone(),
            may_exclude: arguments.may_exclude.clone(),
            function: arguments.function.clone(),
            now: jiff::Timestamp::now().as_second(),
            patience: Patience::default(),
        };
        anyhow::Ok((status(&connection, &options).await, incomplete))
    })?;
    match arguments.format {
        StatusFormat::Human => human(&result, incomplete.as_deref(), out)?,
        StatusFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &result)?;
            writeln!(out)?;
        }
    }
    // A hole is certain, whatever could not be read beside it.
    Ok(if result.has_holes() {
        Exit::Findings
    } else if result.is_incomplete() || incomplete.is_some() {
        Exit::CouldNotCheck
    } else {
        Exit::Clean
    })
}

fn human(result: &StatusResult, incomplete: Option<&str>, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}", result.hook)?;
    let width = result.regions.iter().map(|region| region.region.len()).max().unwrap_or_default();
    for region in &result.regions {
        let (style, state) = shown(region);
        let version = region.version.as_ref().map_or_else(String::new, |version| format!(" (version {version})"));
        writeln!(out, "{:width$}  {style}{state}{style:#}{DIM}{version}{DIM:#}", region.region)?;
        for hole in &region.holes {
            writeln!(out, "{:width$}    {BAD}hole{BAD:#}: {}", "", hole.message)?;
        }
        for failure in &region.unread {
            writeln!(out, "{:width$}    {CAUTION}not read{CAUTION:#}: {failure}", "")?;
        }
    }
    for failure in &result.unread {
        writeln!(out, "{CAUTION}not read{CAUTION:#}: {failure}")?;
    }
    if let Some(why) = incomplete {
        writeln!(out, "{CAUTION}not every Region was asked{CAUTION:#}: {why}")?;
    }
    writeln!(out, "{DIM}{NOT_CHECKED}{DIM:#}")
}

fn shown(region: &RegionStatus) -> (Style, &'static str) {
    match region.state {
        HookState::Blocking if region.holes.is_empty() && region.unread.is_empty() => (GOOD, "enforced"),
        HookState::Blocking => (CAUTION, "enforced in part"),
        HookState::Warning => (CAUTION, "warns only"),
        HookState::Disabled => (BAD, "disabled"),
        HookState::Missing => (BAD, "no hook"),
        HookState::Unknown => (CAUTION, "unknown"),
    }
}
