//! `audit`: who was blocked or warned.

use std::collections::BTreeMap;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};
use cfn_egress_guard::account::audit::{
    AuditOptions, AuditResult, HookRecord, audit, stack_events, write_audit_csv, write_audit_html,
};
use cfn_egress_guard::account::{Patience, permissions};
use jiff::{SignedDuration, Timestamp};

use crate::account::{connect, print_policy, regions};
use crate::args::{AccountFormat, Audit, AuditStatus};
use crate::exit::Exit;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAUTION: Style = AnsiColor::Yellow.on_default();

pub(crate) fn run(arguments: &Audit, out: &mut impl Write) -> anyhow::Result<Exit> {
    if arguments.aws.print_iam_policy {
        print_policy(permissions::AUDIT, out)?;
        return Ok(Exit::Clean);
    }
    let now = Timestamp::now();
    let moment = |text: &Option<String>| text.as_deref().map(|text| moment(text, now)).transpose();
    let (since, until) = (moment(&arguments.since)?, moment(&arguments.until)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (result, incomplete) = runtime.block_on(async {
        let connection = connect(&arguments.aws).await?;
        let (regions, incomplete) = regions(&arguments.aws, &connection).await?;
        let result = match &arguments.events {
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
        Ok((result, incomplete))
    })?;
    match arguments.format {
        AccountFormat::Human => human(&result, incomplete.as_deref(), out)?,
        AccountFormat::Csv => write_audit_csv(&result, out)?,
        AccountFormat::Html => write_audit_html(&result, out)?,
        AccountFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &result)?;
            writeln!(out)?;
        }
    }
    Ok(if incomplete.is_some() || !result.unread.is_empty() {
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
    Ok((now - SignedDuration::from_secs(i64::from(number) * seconds)).as_second())
}

fn human(result: &AuditResult, incomplete: Option<&str>, out: &mut impl Write) -> std::io::Result<()> {
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
    for ((region, failure), ids) in unread(result) {
        let what = match ids.as_slice() {
            [] => String::new(),
            [id] => format!(" result {id}:"),
            ids => format!(" {} results:", ids.len()),
        };
        writeln!(out, "{CAUTION}not read{CAUTION:#} {region}{what} {failure}")?;
    }
    if let Some(why) = incomplete {
        writeln!(out, "{CAUTION}not every Region was asked:{CAUTION:#} {why}")?;
    }
    let count = |fate: &str| result.results.iter().filter(|record| record.fate() == fate).count();
    writeln!(
        out,
        "{BOLD}{}{BOLD:#} in {}: blocked {}, warned {}, hook errors {}, passed {}",
        result.hook,
        result.regions.join(", "),
        count("blocked"),
        count("warned"),
        count("hook error"),
        count("passed")
    )
}

/// What could not be read, and the results that it is about: one denial meets them all.
fn unread(result: &AuditResult) -> BTreeMap<(&str, String), Vec<&str>> {
    let mut unread: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for what in &result.unread {
        unread.entry((&what.region, what.failure.to_string())).or_default().extend(what.id.as_deref());
    }
    unread
}
