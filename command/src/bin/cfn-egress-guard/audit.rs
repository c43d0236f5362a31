//! `audit`: the operations that were blocked or warned about.

mod stack;

use std::io::Write;

use anyhow::{Context, bail};
use cfn_egress_guard_account::accounts::{Accounts, RegionSelection, account_label};
use cfn_egress_guard_account::audit::{
    AuditOptions, AuditResult, audit, stack_events, write_audit_asff, write_audit_csv, write_audit_html,
    write_audit_json,
};
use cfn_egress_guard_account::regions_assumed;
use cfn_egress_guard_account::{RetryPolicy, permissions};
use jiff::{SignedDuration, Timestamp};

use crate::account::{VisitMeter, accounts, connect, print_policy};
use crate::args::{AccountFormat, Audit, AuditStatus};
use crate::exit::Exit;
use crate::style::{BAD, BOLD, CAUTION, DIM, GOOD};

pub(crate) fn run(arguments: &Audit, out: &mut impl Write) -> anyhow::Result<Exit> {
    if let Some(whom) = arguments.aws.print_iam_policy {
        print_policy(whom, permissions::AUDIT, &arguments.aws, out)?;
        return Ok(Exit::Clean);
    }
    let now = Timestamp::now();
    let moment = |text: &Option<String>| text.as_deref().map(|text| moment(text, now)).transpose();
    let (since, until) = (moment(&arguments.since)?, moment(&arguments.until)?);
    span(since, until, now.as_second())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(stack) = &arguments.stack {
        return stack::run(arguments, stack, &runtime, out);
    }
    let mut result = runtime.block_on(async {
        let connection = connect(&arguments.aws).await?;
        let (accounts, regions_assumed) = accounts(&arguments.aws, connection).await?;
        if let Some(stack) = &arguments.events {
            let mut result = stack_events(&accounts, one_region(&accounts)?, stack, RetryPolicy::default()).await?;
            result.head.regions_assumed = regions_assumed;
            return anyhow::Ok(result);
        }
        let options = AuditOptions {
            alias: arguments.hook_alias.clone(),
            statuses: statuses(arguments.status),
            since,
            until,
            regions_assumed,
            decision_log: arguments.decision_log.clone(),
            now: now.as_second(),
            retry_policy: RetryPolicy::default(),
        };
        let mut meter = VisitMeter::new(accounts.members.len());
        let result = audit(&accounts, &options, |progress| meter.show(progress)).await;
        meter.clear();
        result.context("storing the results")
    })?;
    match arguments.format {
        AccountFormat::Human => human(&mut result, out)?,
        format => write_as(&mut result, format, out)?,
    }
    Ok(exit(&result))
}

/// Writes a result for programs or as an HTML page.
fn write_as(result: &mut AuditResult, format: AccountFormat, out: &mut impl Write) -> std::io::Result<()> {
    match format {
        AccountFormat::Human => Ok(()),
        AccountFormat::Csv => write_audit_csv(result, out),
        AccountFormat::Html => write_audit_html(result, out),
        AccountFormat::Json => write_audit_json(result, out),
        AccountFormat::Asff => write_audit_asff(result, out),
    }
}

fn exit(result: &AuditResult) -> Exit {
    if !result.is_all_read() {
        Exit::CouldNotCheck
    } else if result.is_failed() {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

/// Returns the one Region, of one account, in which to look for a stack.
fn one_region(accounts: &Accounts) -> anyhow::Result<&str> {
    if accounts.members.len() > 1 {
        bail!("--stack needs exactly one account: name it with --accounts");
    }
    match &accounts.regions {
        RegionSelection::Named(regions) => match regions.as_slice() {
            [region] => Ok(region),
            _ => bail!("--stack needs exactly one Region: name it with --region"),
        },
        RegionSelection::Enabled => bail!("--stack needs exactly one Region: name it with --region"),
    }
}

fn statuses(status: AuditStatus) -> Vec<String> {
    let statuses: &[&str] = match status {
        AuditStatus::Failed => &["HOOK_COMPLETE_FAILED", "HOOK_FAILED"],
        AuditStatus::Succeeded => &["HOOK_COMPLETE_SUCCEEDED"],
        AuditStatus::All => &[],
    };
    statuses.iter().map(|status| (*status).to_owned()).collect()
}

/// Parses a time as seconds since 1970: a time, a day (UTC), or a number of days, hours or minutes ago.
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
        _ => bail!("`{text}` is not a valid time; use 2026-11-23T10:00:00Z, 2026-11-23, 7d, 12h, or 30m"),
    };
    let number: u32 = text.trim_end_matches(unit).parse().with_context(|| format!("`{text}` is not a valid time"))?;
    let ago = SignedDuration::from_secs(i64::from(number) * seconds);
    let moment = now.checked_sub(ago).with_context(|| format!("`{text}` is too far in the past"))?;
    Ok(moment.as_second())
}

/// The time in seconds for which CloudFormation keeps results (CloudFormation Hooks User Guide, "View hook invocation
/// results": 90 days).
const KEPT: i64 = 90 * 86_400;

/// Rejects a time span that cannot contain results, and warns if it starts before the oldest results that are kept.
fn span(since: Option<i64>, until: Option<i64>, now: i64) -> anyhow::Result<()> {
    let Some(since) = since else { return Ok(()) };
    if until.is_some_and(|until| since >= until) {
        bail!("--since must be before --until");
    }
    if since > now {
        bail!("--since must not be in the future");
    }
    if since < now - KEPT {
        writeln!(
            anstream::stderr(),
            "{CAUTION}note{CAUTION:#}: CloudFormation keeps results for 90 days; older decisions are only in the \
             hook's audit log group"
        )?;
    }
    Ok(())
}

fn human(result: &mut AuditResult, out: &mut impl Write) -> std::io::Result<()> {
    let many = result.is_of_many();
    for record in result.results.iter() {
        let record = record?;
        let style = match record.fate() {
            "blocked" | "hook error" | "not blocked" => BAD,
            "passed" => GOOD,
            _ => CAUTION,
        };
        let at = record.at.get(..19).unwrap_or(&record.at).replace('T', " ");
        let fate = record.fate();
        let account = record.account.as_deref().filter(|_| many);
        let account = account.map_or_else(String::new, |id| format!("{}  ", account_label(&result.head.accounts, id)));
        let (region, subject) = (&record.region, record.subject());
        writeln!(out, "{at}  {account}{region}  {style}{fate}{style:#}  {BOLD}{subject}{BOLD:#}")?;
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
    for (place, failure) in result.unread_described() {
        writeln!(out, "{CAUTION}not read{CAUTION:#} {place} {failure}")?;
    }
    if let Some(why) = result.direct_calls_unread() {
        writeln!(out, "{CAUTION}note{CAUTION:#}: {why}")?;
    }
    if let Some(why) = &result.head.regions_assumed {
        writeln!(out, "{CAUTION}{}{CAUTION:#}", regions_assumed(why))?;
    }
    write!(out, "{BOLD}{}{BOLD:#} in {}: ", result.head.hook, result.place())?;
    if result.is_lower_bound() && result.results.is_empty() {
        return writeln!(out, "{CAUTION}unknown, because no result could be read{CAUTION:#}");
    }
    let counts: Vec<String> = result.counts().iter().map(|(number, fate)| format!("{fate} {number}")).collect();
    let at_least = if result.is_lower_bound() { " (at least: not everything could be read)" } else { "" };
    writeln!(out, "{}{at_least}", counts.join(", "))
}
