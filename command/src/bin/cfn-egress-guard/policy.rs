//! `policy check`: explains a policy file. Also selects the policy that a command applies.

mod choice;

pub(crate) use choice::{ChosenPolicy, choose, nearest};

use std::io::{Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use cfn_egress_guard::report::PolicyReport;
use cfn_egress_guard_core::policy::{self, PolicyDiagnostic, PolicyError};
use cfn_egress_guard_core::rule::policy::{Date, Policy, RemarkLevel};
use cfn_egress_guard_core::rule::wording::policy as wording;

use crate::args::{PolicyCheck, PolicyFormat};
use crate::exit::Exit;
use crate::file;
use crate::style::{BAD, CAUTION};

pub(crate) fn check(arguments: &PolicyCheck, out: &mut impl Write) -> anyhow::Result<Exit> {
    let today = arguments.as_of.unwrap_or_else(today);
    let is_json = arguments.format == PolicyFormat::Json;
    let policy = match policy::parse(&text(&arguments.file)?) {
        Ok(policy) => policy,
        Err(error) if is_json => {
            PolicyReport::of_problems(arguments.file.display().to_string(), &error, today).write(out)?;
            return Ok(Exit::CouldNotCheck);
        }
        Err(error) => return Err(in_file(&arguments.file, &error)),
    };
    let remarks = wording::remarks(&policy.review(today, arguments.expiring_within));
    if is_json {
        PolicyReport::of_policy(arguments.file.display().to_string(), &policy, &remarks, today).write(out)?;
        return Ok(exit(&remarks));
    }
    for line in wording::meaning(&policy, today) {
        writeln!(out, "{line}")?;
    }
    if !remarks.is_empty() {
        writeln!(out)?;
    }
    for remark in &remarks {
        match remark.level {
            RemarkLevel::Error => write!(out, "{BAD}error:{BAD:#} ")?,
            RemarkLevel::Action => write!(out, "{BAD}action needed:{BAD:#} ")?,
            RemarkLevel::Soon => write!(out, "{CAUTION}action needed soon:{CAUTION:#} ")?,
            RemarkLevel::Warning => write!(out, "{CAUTION}warning:{CAUTION:#} ")?,
            RemarkLevel::Notice => write!(out, "{CAUTION}note:{CAUTION:#} ")?,
        }
        writeln!(out, "{}", remark.message)?;
    }
    Ok(exit(&remarks))
}

fn exit(remarks: &[wording::GroupedRemark]) -> Exit {
    match remarks.iter().map(|remark| remark.level).max() {
        Some(RemarkLevel::Error) => Exit::CouldNotCheck,
        Some(RemarkLevel::Action) => Exit::Findings,
        Some(RemarkLevel::Soon) => Exit::ExpiresSoon,
        Some(RemarkLevel::Warning | RemarkLevel::Notice) | None => Exit::Clean,
    }
}

/// Reads a policy from a file.
pub(crate) fn read(file: &Path) -> anyhow::Result<Policy> {
    policy::parse(&text(file)?).map_err(|error| in_file(file, &error))
}

/// Formats the errors in a file, one a line.
fn in_file(file: &Path, error: &PolicyError) -> anyhow::Error {
    let problem = |problem: &PolicyDiagnostic| {
        let help = if problem.help.is_empty() { String::new() } else { format!("\n  help: {}", problem.help) };
        let span = problem.span;
        format!("{}:{}:{}: {}{help}", file.display(), span.line, span.column, problem.message)
    };
    anyhow!("the policy cannot be used\n{}", error.problems().map(problem).collect::<Vec<_>>().join("\n"))
}

/// Reads a file; - is standard input.
pub(crate) fn text(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    file::text(file)
}

/// Returns today's date in UTC. A clock before 1970 is broken; then it is the last possible day, on which no exemption
/// applies.
pub(crate) fn today() -> Date {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Date::of_unix_seconds(since.map_or(i64::MAX, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}
