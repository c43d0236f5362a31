//! `scan`: finds what enforcement would block among the live stacks.

mod files;
mod human;
mod progress;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use cfn_egress_guard_account::accounts::RegionSelection;
use cfn_egress_guard_account::scan::{
    FORMAT_VERSION, KnownStacks, LiveSummary, Progress, ResultWriter, ScanCompletion, ScanHead, ScanOptions,
    ScanRecords, ScanResult, StackRecord, scan, write_asff, write_csv, write_exemptions, write_html, write_json,
};
use cfn_egress_guard_account::{Glob, RetryPolicy, count, permissions};
use cfn_egress_guard_core::fingerprint::Fingerprint;
use cfn_egress_guard_core::rule::policy::{Date, Policy};

use crate::account::{accounts, connect, interruption, print_policy, warn};
use crate::args::{AccountFormat, Scan};
use crate::exit::Exit;
use crate::file;
use files::{compared, earlier, joined, known, outputs, part, write_file};
use progress::Meter;

pub(crate) fn run(arguments: &Scan, out: &mut impl Write) -> anyhow::Result<Exit> {
    if let Some(whom) = arguments.aws.print_iam_policy {
        print_policy(whom, permissions::SCAN, &arguments.aws, out)?;
        return Ok(Exit::Clean);
    }
    let outputs = outputs(&arguments.output)?;
    if let Some(path) = arguments.suggest_exemptions.as_ref().filter(|path| path.exists()) {
        bail!("`{}` already exists and may be a policy: name a new file for the exemptions", path.display());
    }
    // Read before the scan, which may take an hour.
    let earlier = earlier(&arguments.compare, &arguments.output)?;
    let mut result = if arguments.from.is_empty() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let result = runtime.block_on(scanned(arguments, &outputs));
        // Does not wait for requests in progress.
        runtime.shutdown_background();
        result?
    } else {
        joined(&arguments.from)?
    };
    compared(&mut result, earlier)?;
    for (path, format) in outputs {
        // A scan has already written its JSON result, except for the comparison.
        let is_written = arguments.from.is_empty() && !arguments.live && result.comparison.is_none();
        if format != AccountFormat::Json || !is_written {
            write_file(path, |out| write_as(&mut result, format, out))?;
        }
        if arguments.live && format == AccountFormat::Json {
            // It contains the same records in the order in which they were found.
            let _ = std::fs::remove_file(part(path));
        }
    }
    if let Some(path) = &arguments.suggest_exemptions {
        let today = Date::of_unix_seconds(now());
        write_file(path, |out| write_exemptions(&mut result, today, arguments.exempt_days, out))?;
    }
    write_as(&mut result, arguments.format, out)?;
    Ok(exit(&result, arguments.strict))
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Returns the policy to apply and its name in the result. The name has a fingerprint, so that a changed file counts as
/// another policy.
fn policy(arguments: &Scan, today: Date) -> anyhow::Result<(Policy, String)> {
    let Some(path) = &arguments.policy else {
        let preset = arguments.preset.unwrap_or_default();
        return Ok((Policy::from(preset), format!("preset {preset}")));
    };
    let text = file::text(path)?;
    let mut policy = cfn_egress_guard_core::policy::parse(&text).with_context(|| format!("`{}`", path.display()))?;
    if let Some(preset) = arguments.preset {
        policy.preset = preset;
    }
    let print = Fingerprint::of(&text).text();
    // Exemptions end, so the verdicts depend on the day.
    let day = if policy.exemptions.is_empty() { String::new() } else { format!(" on {today}") };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok((policy.clone(), format!("policy {name} ({print}, preset {}){day}", policy.preset)))
}

fn exit(result: &ScanResult, strict: bool) -> Exit {
    let tally = result.summary.tally;
    if !result.ending.complete || !result.unread.is_empty() {
        Exit::CouldNotCheck
    } else if tally.blocked > 0
        || (strict && tally.undetermined > 0)
        || result.summary.live.as_ref().is_some_and(LiveSummary::has_findings)
    {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

async fn scanned(arguments: &Scan, outputs: &[(&Path, AccountFormat)]) -> anyhow::Result<ScanResult> {
    let today = Date::of_unix_seconds(now());
    let (policy, policy_name) = policy(arguments, today)?;
    let connection = connect(&arguments.aws).await?;
    let (accounts, regions_assumed) = accounts(&arguments.aws, connection).await?;
    let regions = match &accounts.regions {
        RegionSelection::Named(regions) => regions.clone(),
        RegionSelection::Enabled => Vec::new(),
    };
    let head = ScanHead {
        version: FORMAT_VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        policy: policy_name,
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        accounts: accounts.members.clone(),
        regions,
        regions_assumed,
        owner_tags: arguments.owner_tags.clone(),
        only_stacks: arguments.stacks.iter().map(ToString::to_string).collect(),
        live: arguments.live,
    };
    let known = match &arguments.resume {
        Some(path) => known(path, &head)?,
        None => KnownStacks::default(),
    };
    let mut files = Vec::new();
    for (path, format) in outputs {
        if *format == AccountFormat::Json {
            let part = part(path);
            let file = File::create(&part).with_context(|| format!("creating `{}`", part.display()))?;
            files.push((*path, ResultWriter::new(BufWriter::new(file), &head)?));
        }
    }
    let options = ScanOptions {
        stacks: arguments.stacks.clone(),
        policy,
        today,
        owner_tags: arguments.owner_tags.clone(),
        concurrency: arguments.concurrency.into(),
        retry_policy: RetryPolicy::default(),
        known,
        live: arguments.live,
        started: head.started.clone(),
    };
    let mut meter = Meter::new(accounts.members.len());
    let mut found = ScanRecords::default();
    let mut unused: Vec<&Glob> = arguments.stacks.iter().collect();
    let scanned = scan(&accounts, options, interruption(), |progress| {
        meter.show(&progress);
        match progress {
            Progress::Judged(record) => {
                unused.retain(|glob| !fits(glob, &record));
                files.iter_mut().try_for_each(|(_, writer)| writer.stack(&record))?;
                found.stack(&record)
            }
            Progress::Group(record) => {
                files.iter_mut().try_for_each(|(_, writer)| writer.group(&record))?;
                found.group(&record)
            }
            Progress::Unread(what) => found.unread(&what),
            Progress::FoundGroups { .. }
            | Progress::Entered { .. }
            | Progress::Left
            | Progress::Found { .. }
            | Progress::Listed
            | Progress::Slower { .. } => Ok(()),
        }
    })
    .await;
    meter.clear();
    let finished = scanned.context("storing the results")?;
    if finished && found.is_all_read() {
        let unused: Vec<String> = unused.iter().map(|glob| format!("`{glob}`")).collect();
        if !unused.is_empty() && found.is_empty() {
            for (path, _) in files {
                let _ = std::fs::remove_file(part(path));
            }
            bail!("no stack in {} is named {}, so nothing was scanned", place(&head), unused.join(" or "));
        }
        for name in unused {
            warn(&format!("no stack is named {name}"));
        }
    }
    let ending = ScanCompletion { complete: finished && head.regions_assumed.is_none(), interrupted: !finished };
    let mut result = found.result(head, ending).context("cannot read the stored results")?;
    // Live results are put in order when they are written.
    for (path, writer) in files.into_iter().filter(|_| !arguments.live) {
        writer.end(&mut result).context("writing the result")?;
        std::fs::rename(part(path), path).with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(result)
}

/// Returns what a scan covers, in words.
fn place(head: &ScanHead) -> String {
    match (head.regions.as_slice(), head.accounts.len()) {
        ([], accounts) => count(accounts, "account"),
        (regions, 0 | 1) => regions.join(", "),
        (regions, accounts) => format!("{} ({})", count(accounts, "account"), regions.join(", ")),
    }
}

/// Returns whether a pattern matches the name of a stack or of its parent stack.
fn fits(glob: &Glob, stack: &StackRecord) -> bool {
    glob.matches(&stack.stack) || stack.root.as_ref().is_some_and(|root| glob.matches(root))
}

fn write_as(result: &mut ScanResult, format: AccountFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        AccountFormat::Human => human::write(result, out),
        AccountFormat::Csv => write_csv(result, out),
        AccountFormat::Html => write_html(result, out),
        AccountFormat::Json => write_json(result, out),
        AccountFormat::Asff => write_asff(result, out),
    }
}
