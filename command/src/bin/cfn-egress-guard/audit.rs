//! `audit`: who was blocked or warned.

use std::io::Write;

use anyhow::{Context, bail};
use cfn_egress_guard_account::audit::{
    AuditOptions, AuditResult, HookRecord, audit, stack_events, write_audit_csv, write_audit_html,
};
use cfn_egress_guard_account::{Patience, permissions};
use jiff::{SignedDuration, Timestamp};

use crate::account::{connect, print_policy, regions};
use crate::args::{AccountFormat, Audit, AuditStatus};
use crate::exit::Exit;
use crate::style::{BAD, BOLD, CAUTION, DIM, GOOD};
use cfn_egress_guard_account::connection::regions_assumed;

pub(crate) fn run(arguments: &Audit, out: &mut impl Write) -> anyhow::Result<Exit> {
    if arguments.aws.print_iam_policy {
        print_policy(permissions::AUDIT, out)?;
        return Ok(Exit::Clean);
    }
    let now = Timestamp::now();
    let moment = |text: &Option<String>| text.as_deref().map(|text| moment(text, now)).transpose();
    let (since, until) = (moment(&arguments.since)?, moment(&arguments.until)?);
    span(since, until, now.as_second())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let connection = connect(&arguments.aws).await?;
        let (regions, regions_assumed) = regions(&arguments.aws, &connection).await?;
        let mut result = match &arguments.events {
            Some(stack) => {
                let [region] = regions.as_slice() else { bail!("--events looks at one stack in one Region") };
                stack_events(&connection, region, stack, Patience::default()).await
            }
            None => {
                let options = AuditOptions {
                    regions,
                    alias: arguments.hook_alias.clone(),
                    statuses: statuses(arguments.status),
                    since,
                    until,
                    patience: Patience::default(),
                };
                audit(&connection, &options).await
            }
        };
        result.regions_assumed = regions_assumed;
        Ok(result)
    })?;
    match arguments.format {
        AccountFormat::Human => human(&result, out)?,
        AccountFormat::Csv => write_audit_csv(&result, out)?,
        AccountFormat::Html => write_audit_html(&result, out)?,
        AccountFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &result)?;
            writeln!(out)?;
        }
    }
    Ok(if result.regions_assumed.is_some() || !result.unread.is_empty() {
        Exit::CouldNotCheck
    } else if result.results.iter().any(HookRecord::is_failed) {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

fn statuses(status: AuditStatus) -> Vec<String> {
    let statuses: &[&str] = match status {
        AuditStatus::Failed => &["HOOK_COMPLETE_FAILED", "HOOK_FAILED"],
        AuditStatus::Succeeded => &["HOOK_COMPLETE_SUCCEEDED"],
        AuditStatus::All => &[],
    };
    statuses.iter().map(|status| (*status).to_owned()).collect()
}

/// A moment in seconds since 1970: a time, a day (UTC), or so many days, hours or minutes ago.
fn moment(text: &str, now: Timestamp) -> anyhow::Result<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_second());
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        return Ok(format!("{day}T00:00:00Z").parse::<Timestamp>()?.as_second());
    }
    let unit = text.chars().last().unwrap_or_default();
    let seconds = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        _ => bail!("`{text}` is no moment: write 2026-11-23T10:00:00Z, 2026-11-23, 7d, 12h or 30m"),
    };
    let number: u32 = text.trim_end_matches(unit).parse().with_context(|| format!("`{text}` is no moment"))?;
    let ago = SignedDuration::from_secs(i64::from(number) * seconds);
    let moment = now.checked_sub(ago).with_context(|| format!("`{text}` is before the calendar begins"))?;
    Ok(moment.as_second())
}

/// For how long CloudFormation keeps results, in seconds (CloudFormation Hooks User Guide, "View hook invocation
/// results": 90 days).
const KEPT: i64 = 90 * 86_400;

/// Refuses a time in which there can be nothing, and says when it goes back beyond what is kept.
fn span(since: Option<i64>, until: Option<i64>, now: i64) -> anyhow::Result<()> {
    let Some(since) = since else { return Ok(()) };
    if until.is_some_and(|until| since >= until) {
        bail!("--since is not before --until: there is no time between them");
    }
    if since > now {
        bail!("--since is in the future: nothing was decided there yet");
    }
    if since < now - KEPT {
        writeln!(
            anstream::stderr(),
            "{CAUTION}note{CAUTION:#}: CloudFormation keeps results for 90 days: what was decided before that is in \
             the hook's audit log group only"
        )?;
    }
    Ok(())
}

fn human(result: &AuditResult, out: &mut impl Write) -> std::io::Result<()> {
    for record in &result.results {
        let style = match record.fate() {
            "blocked" | "hook error" => BAD,
            "passed" => GOOD,
            _ => CAUTION,
        };
        let at = record.at.get(..19).unwrap_or(&record.at).replace('T', " ");
        let fate = record.fate();
        writeln!(out, "{at}  {}  {style}{fate}{style:#}  {BOLD}{}{BOLD:#}", record.region, record.subject())?;
        for line in record.said() {
            writeln!(out, "    {line}")?;
        }
        for remedy in
            record.annotations.iter().filter(|note| note.status == "FAILED").filter_map(|note| note.remedy.as_ref())
        {
            writeln!(out, "    {DIM}{remedy}{DIM:#}")?;
        }
    }
    if !result.results.is_empty() {
        writeln!(out)?;
    }
    for (place, failure) in result.unread_told() {
        writeln!(out, "{CAUTION}not read{CAUTION:#} {place} {failure}")?;
    }
    if let Some(why) = &result.regions_assumed {
        writeln!(out, "{CAUTION}{}{CAUTION:#}", regions_assumed(why))?;
    }
    let account = result.account.as_ref().map_or_else(String::new, |account| format!("account {account}, "));
    write!(out, "{BOLD}{}{BOLD:#} in {account}{}: ", result.hook, result.regions.join(", "))?;
    if result.is_lower_bound() && result.results.is_empty() {
        return writeln!(out, "{CAUTION}nobody can say, no result could be read{CAUTION:#}");
    }
    let counts: Vec<String> = result.counts().iter().map(|(number, fate)| format!("{fate} {number}")).collect();
    let at_least = if result.is_lower_bound() { " (at least: not everything could be read)" } else { "" };
    writeln!(out, "{}{at_least}", counts.join(", "))
}
