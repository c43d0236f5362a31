//! `scan`: what enforcement would block among the live stacks.

mod human;
mod progress;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cfn_egress_guard::account::scan::{
    FORMAT_VERSION, Head, Progress, ScanOptions, ScanResult, StackRecord, Summary, Tail, Unread, Writer, read_result,
    scan, write_csv, write_exemptions, write_html,
};
use cfn_egress_guard::account::{Glob, Patience, permissions};
use cfn_egress_guard::rule::policy::{Date, Policy};

use crate::account::{connect, interruption, print_policy, regions};
use crate::args::{AccountFormat, Scan};
use crate::exit::Exit;
use progress::Meter;

pub(crate) fn run(arguments: &Scan, out: &mut impl Write) -> anyhow::Result<Exit> {
    if arguments.aws.print_iam_policy {
        print_policy(permissions::SCAN, out)?;
        return Ok(Exit::Clean);
    }
    let outputs = outputs(&arguments.output)?;
    let result = if let Some(path) = &arguments.from {
        read(path)?
    } else {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let result = runtime.block_on(scanned(arguments, &outputs));
        // Requests that are still under way are not waited for.
        runtime.shutdown_background();
        result?
    };
    for (path, format) in outputs {
        // A scan has written its JSON result already.
        if format != AccountFormat::Json || arguments.from.is_some() {
            write_file(path, |out| write_as(&result, format, out))?;
        }
    }
    if let Some(path) = &arguments.suggest_exemptions {
        let expires = Date::of_unix_seconds(now() + i64::from(arguments.exempt_days) * 86_400);
        write_file(path, |out| write_exemptions(&result, expires, out))?;
    }
    write_as(&result, arguments.format, out)?;
    Ok(exit(&result, arguments.strict))
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The policy that decides, and how the result names it: with a fingerprint, so that another text is
/// not taken for it.
fn policy(arguments: &Scan, today: Date) -> anyhow::Result<(Policy, String)> {
    let Some(path) = &arguments.policy else {
        let preset = arguments.preset.unwrap_or_default();
        return Ok((Policy::from(preset), format!("preset {preset}")));
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
    let mut policy = cfn_egress_guard::policy::parse(&text).with_context(|| format!("`{}`", path.display()))?;
    if let Some(preset) = arguments.preset {
        policy.preset = preset;
    }
    // FNV-1a, 64 bits: tells texts apart, and is no protection against somebody who means harm.
    let print = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |print, byte| (print ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // Exemptions end: what is true today may not be tomorrow.
    let day = if policy.exemptions.is_empty() { String::new() } else { format!(" on {today}") };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok((policy.clone(), format!("policy {name} ({print:016x}, preset {}){day}", policy.preset)))
}

fn exit(result: &ScanResult, strict: bool) -> Exit {
    let tally = result.tail.summary.tally;
    if !result.tail.complete || !result.tail.unread.is_empty() {
        Exit::CouldNotCheck
    } else if tally.blocked > 0 || (strict && tally.undetermined > 0) {
        Exit::Findings
    } else {
        Exit::Clean
    }
}

/// The files to write, each with the format that its name asks for.
fn outputs(paths: &[PathBuf]) -> anyhow::Result<Vec<(&Path, AccountFormat)>> {
    let format = |path: &Path| match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(AccountFormat::Json),
        Some("csv") => Ok(AccountFormat::Csv),
        Some("html") => Ok(AccountFormat::Html),
        _ => bail!("`{}`: an output file's name ends in .json, .csv or .html", path.display()),
    };
    paths.iter().map(|path| Ok((path.as_path(), format(path)?))).collect()
}

async fn scanned(arguments: &Scan, outputs: &[(&Path, AccountFormat)]) -> anyhow::Result<ScanResult> {
    let today = Date::of_unix_seconds(now());
    let (policy, policy_name) = policy(arguments, today)?;
    let connection = connect(&arguments.aws).await?;
    let (regions, incomplete) = regions(&arguments.aws, &connection).await?;
    if let Some(why) = &incomplete {
        progress::warn(&format!(
            "{why}; going on with the Regions that every account has, without those switched on later"
        ));
    }
    let head = Head {
        version: FORMAT_VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        policy: policy_name,
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        regions: regions.clone(),
        owner_tags: arguments.owner_tags.clone(),
        only_stacks: arguments.stacks.iter().map(ToString::to_string).collect(),
    };
    let known = match &arguments.resume {
        Some(path) => known(path, &head)?,
        None => HashMap::new(),
    };
    let mut files = Vec::new();
    for (path, format) in outputs {
        if *format == AccountFormat::Json {
            let part = part(path);
            let file = File::create(&part).with_context(|| format!("creating `{}`", part.display()))?;
            files.push((*path, Writer::new(BufWriter::new(file), &head)?));
        }
    }
    let options = ScanOptions {
        regions: regions.clone(),
        stacks: arguments.stacks.clone(),
        policy,
        today,
        owner_tags: arguments.owner_tags.clone(),
        concurrency: arguments.concurrency.into(),
        patience: Patience::default(),
        known,
    };
    let mut meter = Meter::new(regions.len());
    let mut stacks: Vec<StackRecord> = Vec::new();
    let mut unread: Vec<Unread> = Vec::new();
    let mut written = Ok(());
    let complete = scan(&connection, options, interruption(), |progress| {
        meter.show(&progress);
        match progress {
            Progress::Judged(record) => {
                for (_, writer) in &mut files {
                    if written.is_ok() {
                        written = writer.stack(&record);
                    }
                }
                stacks.push(*record);
            }
            Progress::Unread(what) => unread.push(what),
            Progress::Listed { .. } | Progress::Slower { .. } => {}
        }
    })
    .await;
    meter.clear();
    written.context("writing the result")?;
    if complete && unread.is_empty() {
        let unused = unused(&arguments.stacks, &stacks);
        if !unused.is_empty() && stacks.is_empty() {
            for (path, _) in files {
                let _ = std::fs::remove_file(part(path));
            }
            bail!("no stack is named {} in {}: nothing was looked at", unused.join(" or "), regions.join(", "));
        }
        for name in unused {
            progress::warn(&format!("no stack is named {name}"));
        }
    }
    let summary = Summary::of(&stacks, &unread, complete && incomplete.is_none());
    let tail = Tail { unread, summary, complete: complete && incomplete.is_none() };
    for (path, writer) in files {
        writer.end(&tail).context("writing the result")?;
        std::fs::rename(part(path), path).with_context(|| format!("writing `{}`", path.display()))?;
    }
    // Found in the order of AWS's answers; told in one that is the same every time.
    stacks.sort_by(|one, two| (&one.region, &one.stack).cmp(&(&two.region, &two.stack)));
    Ok(ScanResult { head, stacks, tail })
}

/// The patterns that no stack's name, nor that of the stack it is nested in, fits.
fn unused(globs: &[Glob], stacks: &[StackRecord]) -> Vec<String> {
    let fits = |glob: &Glob, stack: &StackRecord| {
        glob.matches(&stack.stack) || stack.root.as_ref().is_some_and(|root| glob.matches(root))
    };
    let unused = globs.iter().filter(|glob| !stacks.iter().any(|stack| fits(glob, stack)));
    unused.map(|glob| format!("`{glob}`")).collect()
}

/// Where a result stands until it is whole.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Stacks of an earlier result, and of one that was cut off while it was written.
fn known(path: &Path, head: &Head) -> anyhow::Result<HashMap<String, StackRecord>> {
    let part = part(path);
    let mut known = HashMap::new();
    let mut results = Vec::new();
    if path.exists() || !part.exists() {
        results.push(read(path)?);
    }
    if part.exists() {
        // Nothing but a head may have been written.
        results.extend(read(&part).ok());
    }
    for result in results {
        if (&result.head.policy, &result.head.program) != (&head.policy, &head.program) {
            bail!(
                "`{}` was made with {} by version {}: what it says may no longer hold; scan anew without --resume",
                path.display(),
                result.head.policy,
                result.head.program
            );
        }
        if result.head.owner_tags != head.owner_tags {
            bail!(
                "`{}` took owners from the tags {}: resume with --owner-tag as it was, or scan anew",
                path.display(),
                result.head.owner_tags.join(", ")
            );
        }
        known.extend(result.stacks.into_iter().map(|record| (record.stack_id.clone(), record)));
    }
    Ok(known)
}

fn read(path: &Path) -> anyhow::Result<ScanResult> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
    read_result(&text).with_context(|| format!("reading `{}`", path.display()))
}

fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        out.flush()
    };
    written().with_context(|| format!("writing `{}`", path.display()))
}

fn write_as(result: &ScanResult, format: AccountFormat, out: &mut dyn Write) -> std::io::Result<()> {
    match format {
        AccountFormat::Human => human::write(result, out),
        AccountFormat::Csv => write_csv(result, out),
        AccountFormat::Html => write_html(result, out),
        AccountFormat::Json => {
            let mut writer = Writer::new(out, &result.head)?;
            result.stacks.iter().try_for_each(|record| writer.stack(record))?;
            writer.end(&result.tail)
        }
    }
}
