//! `scan`: what enforcement would block among the live stacks.

mod human;
mod progress;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cfn_egress_guard::fingerprint::Fingerprint;
use cfn_egress_guard_account::scan::{
    Ending, FORMAT_VERSION, Found, Head, Known, Progress, Record, ResultError, ScanOptions, ScanResult, StackRecord,
    Writer, read_records, read_result, scan, write_csv, write_exemptions, write_html, write_json,
};
use cfn_egress_guard_account::{Glob, Patience, permissions};
use cfn_egress_guard_core::rule::policy::{Date, Policy};

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
    if let Some(path) = arguments.suggest_exemptions.as_ref().filter(|path| path.exists()) {
        bail!("`{}` exists already, and may be a policy: name a new file for the exemptions", path.display());
    }
    let mut result = if let Some(path) = &arguments.from {
        reading(path, read_result)?
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
            write_file(path, |out| write_as(&mut result, format, out))?;
        }
    }
    if let Some(path) = &arguments.suggest_exemptions {
        let expires = Date::of_unix_seconds(now() + i64::from(arguments.exempt_days) * 86_400);
        write_file(path, |out| write_exemptions(&mut result, expires, out))?;
    }
    write_as(&mut result, arguments.format, out)?;
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
    let mut policy = cfn_egress_guard_core::policy::parse(&text).with_context(|| format!("`{}`", path.display()))?;
    if let Some(preset) = arguments.preset {
        policy.preset = preset;
    }
    let print = Fingerprint::of(&text).text();
    // Exemptions end: what is true today may not be tomorrow.
    let day = if policy.exemptions.is_empty() { String::new() } else { format!(" on {today}") };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok((policy.clone(), format!("policy {name} ({print}, preset {}){day}", policy.preset)))
}

fn exit(result: &ScanResult, strict: bool) -> Exit {
    let tally = result.summary.tally;
    if !result.ending.complete || !result.unread.is_empty() {
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
    let (regions, regions_assumed) = regions(&arguments.aws, &connection).await?;
    let head = Head {
        version: FORMAT_VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        policy: policy_name,
        started: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        regions: regions.clone(),
        regions_assumed,
        owner_tags: arguments.owner_tags.clone(),
        only_stacks: arguments.stacks.iter().map(ToString::to_string).collect(),
    };
    let known = match &arguments.resume {
        Some(path) => known(path, &head)?,
        None => Known::default(),
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
    let mut found = Found::default();
    let mut unused: Vec<&Glob> = arguments.stacks.iter().collect();
    let scanned = scan(&connection, options, interruption(), |progress| {
        meter.show(&progress);
        match progress {
            Progress::Judged(record) => {
                unused.retain(|glob| !fits(glob, &record));
                files.iter_mut().try_for_each(|(_, writer)| writer.stack(&record))?;
                found.stack(&record)
            }
            Progress::Unread(what) => found.unread(&what),
            Progress::Found { .. } | Progress::Listed | Progress::Slower { .. } => Ok(()),
        }
    })
    .await;
    meter.clear();
    let finished = scanned.context("writing what is found")?;
    if finished && found.is_all_read() {
        let unused: Vec<String> = unused.iter().map(|glob| format!("`{glob}`")).collect();
        if !unused.is_empty() && found.is_empty() {
            for (path, _) in files {
                let _ = std::fs::remove_file(part(path));
            }
            bail!("no stack is named {} in {}: nothing was looked at", unused.join(" or "), regions.join(", "));
        }
        for name in unused {
            progress::warn(&format!("no stack is named {name}"));
        }
    }
    let ending = Ending { complete: finished && head.regions_assumed.is_none(), interrupted: !finished };
    let mut result = found.result(head, ending).context("reading back what was found")?;
    for (path, writer) in files {
        writer.end(&mut result).context("writing the result")?;
        std::fs::rename(part(path), path).with_context(|| format!("writing `{}`", path.display()))?;
    }
    Ok(result)
}

/// Whether a pattern fits a stack's name, or that of the stack it is nested in.
fn fits(glob: &Glob, stack: &StackRecord) -> bool {
    glob.matches(&stack.stack) || stack.root.as_ref().is_some_and(|root| glob.matches(root))
}

/// Where a result stands until it is whole.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Stacks of an earlier result, and of one that was cut off while it was written.
fn known(path: &Path, head: &Head) -> anyhow::Result<Known> {
    let part = part(path);
    let mut known = Known::default();
    let mut files = Vec::new();
    if path.exists() || !part.exists() {
        files.push((path, reading(path, head_of)?));
    }
    if part.exists() {
        // Not even a whole head may have been written.
        files.extend(reading(&part, head_of).ok().map(|head| (part.as_path(), head)));
    }
    for (file, earlier) in files {
        if (&earlier.policy, &earlier.program) != (&head.policy, &head.program) {
            bail!(
                "`{}` was made with {} by version {}: what it says may no longer hold; scan anew without --resume",
                path.display(),
                earlier.policy,
                earlier.program
            );
        }
        if earlier.owner_tags != head.owner_tags {
            bail!(
                "`{}` took owners from the tags {}: resume with --owner-tag as it was, or scan anew",
                path.display(),
                earlier.owner_tags.join(", ")
            );
        }
        reading(file, |file| {
            read_records(file, &mut |record| match record {
                Record::Stack(stack) => known.add(&stack),
                // It is tried again.
                Record::Unread(_) => Ok(()),
            })
        })?;
    }
    Ok(known)
}

/// What a result was made with.
fn head_of(file: BufReader<File>) -> Result<Head, ResultError> {
    read_records(file, &mut |_| Ok(())).map(|(head, _)| head)
}

fn reading<T>(path: &Path, read: impl FnOnce(BufReader<File>) -> Result<T, ResultError>) -> anyhow::Result<T> {
    let context = || format!("reading `{}`", path.display());
    let file = File::open(path).with_context(context)?;
    read(BufReader::new(file)).with_context(context)
}

fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        out.flush()
    };
    written().with_context(|| format!("writing `{}`", path.display()))
}

fn write_as(result: &mut ScanResult, format: AccountFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        AccountFormat::Human => human::write(result, out),
        AccountFormat::Csv => write_csv(result, out),
        AccountFormat::Html => write_html(result, out),
        AccountFormat::Json => write_json(result, out),
    }
}
