//! The files that a scan reads and writes: results, complete or cut off, and their parts.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use cfn_egress_guard_account::scan::{
    JoinedResults, KnownStacks, ResultError, ResultRecord, ScanHead, ScanResult, TrendPoint, compare, read_records,
    read_trend,
};

use crate::account::warn;
use crate::args::AccountFormat;
use crate::file;

/// The age up to which `--resume` reuses a security group that was read.
const RECENT_HOURS: i64 = 12;

/// Returns the files to write, each with the format that its name implies.
pub(super) fn outputs(paths: &[PathBuf]) -> anyhow::Result<Vec<(&Path, AccountFormat)>> {
    let format = |path: &Path| match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(AccountFormat::Json),
        Some("csv") => Ok(AccountFormat::Csv),
        Some("html") => Ok(AccountFormat::Html),
        _ => bail!("`{}`: the name of an output file must end in .json, .csv, or .html", path.display()),
    };
    paths.iter().map(|path| Ok((path.as_path(), format(path)?))).collect()
}

/// Returns the path of a result until it is complete.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Reads the stacks of an earlier result, and of one that was cut off during writing.
pub(super) fn known(path: &Path, head: &ScanHead) -> anyhow::Result<KnownStacks> {
    let part = part(path);
    let mut known = KnownStacks::default();
    let mut files = Vec::new();
    if path.exists() || !part.exists() {
        files.push((path, reading(path, head_of)?));
    }
    if part.exists() {
        // The head may be incomplete.
        files.extend(reading(&part, head_of).ok().map(|head| (part.as_path(), head)));
    }
    for (file, earlier) in files {
        if (&earlier.policy, &earlier.program) != (&head.policy, &head.program) {
            bail!(
                "`{}` was made with {} by version {} and may be outdated; scan again without --resume",
                path.display(),
                earlier.policy,
                earlier.program
            );
        }
        if earlier.owner_tags != head.owner_tags {
            bail!(
                "`{}` reads owners from the tags {}: resume with the same --owner-tag, or scan again without --resume",
                path.display(),
                earlier.owner_tags.join(", ")
            );
        }
        // Only results of --live contain the groups that the templates declare.
        if head.live && !earlier.live {
            warn(&format!("`{}` was created without --live: every stack is read again", file.display()));
            continue;
        }
        reading(file, |file| {
            read_records(file, &mut |record| match record {
                ResultRecord::Stack(stack) => known.add(&stack),
                ResultRecord::Group(group) if is_recent(&group.read, &head.started) => known.add_group(&group),
                // Whether an older group has changed since then is unknown.
                ResultRecord::Group(_) => Ok(()),
                // It is read again.
                ResultRecord::Unread(_) => Ok(()),
            })
        })?;
    }
    Ok(known)
}

/// Returns whether a group was read recently enough to be reused.
fn is_recent(then: &str, now: &str) -> bool {
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let (Some(then), Some(now)) = (time(then), time(now)) else { return false };
    now.duration_since(then) <= jiff::SignedDuration::from_hours(RECENT_HOURS)
}

/// Reads the head of a result.
fn head_of(file: BufReader<File>) -> Result<ScanHead, ResultError> {
    read_records(file, &mut |_| Ok(())).map(|(head, _)| head)
}

fn reading<T>(path: &Path, read: impl FnOnce(BufReader<File>) -> Result<T, ResultError>) -> anyhow::Result<T> {
    file::named(path, read(file::open(path)?))
}

pub(super) fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        out.flush()
    };
    written().with_context(|| format!("writing `{}`", path.display()))
}

/// Joins the results of several scans.
pub(super) fn joined(paths: &[PathBuf]) -> anyhow::Result<ScanResult> {
    let mut newest_first = Vec::new();
    for path in paths {
        newest_first.push((reading(path, head_of)?.started, path));
    }
    newest_first.sort_by(|(one, _), (two, _)| two.cmp(one));
    let mut joined = JoinedResults::default();
    for (_, path) in newest_first {
        file::named(path, joined.add(file::open(path)?))?;
    }
    joined.result().context("cannot read the joined results")?.ok_or_else(|| anyhow!("there is no result to report"))
}

/// Reads the numbers of earlier results, each with its file.
pub(super) fn earlier<'a>(paths: &'a [PathBuf], outputs: &[PathBuf]) -> anyhow::Result<Vec<(TrendPoint, &'a Path)>> {
    if let Some(path) = paths.iter().find(|path| outputs.contains(path)) {
        bail!("`{}` is used both for --compare and for the result: name another file for the result", path.display());
    }
    paths.iter().map(|path| Ok((reading(path, read_trend)?, path.as_path()))).collect()
}

/// Compares a result with the newest earlier one, and adds the numbers of all to the trend.
pub(super) fn compared(result: &mut ScanResult, earlier: Vec<(TrendPoint, &Path)>) -> anyhow::Result<()> {
    let newest = earlier.iter().max_by(|(one, _), (two, _)| one.started.cmp(&two.started));
    let Some((_, path)) = newest else { return Ok(()) };
    let path = *path;
    let open = || File::open(path).map(BufReader::new);
    let trend = earlier.into_iter().map(|(point, _)| point).collect();
    let comparison = file::named(path, compare(result, open, trend))?;
    result.comparison = Some(comparison);
    Ok(())
}
