//! `policy`: what a policy file means, and what decides about egress rules under it.

mod choice;
mod explain;

pub(crate) use choice::{choose, nearest};

use std::io::{Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::policy::{Date, Policy, Weight};
use cfn_egress_guard_core::rule::wording::policy as wording;

use crate::args::{PolicyCheck, PolicyCommand};
use crate::exit::Exit;
use crate::style::{BAD, CAUTION};

pub(crate) fn run(command: &PolicyCommand, out: &mut impl Write) -> anyhow::Result<Exit> {
    match command {
        PolicyCommand::Check(arguments) => check(arguments, out),
        PolicyCommand::Explain(arguments) => explain::run(arguments, out),
    }
}

fn check(arguments: &PolicyCheck, out: &mut impl Write) -> anyhow::Result<Exit> {
    let policy = read(&arguments.file)?;
    let today = arguments.as_of.unwrap_or_else(today);
    for line in wording::meaning(&policy, today) {
        writeln!(out, "{line}")?;
    }
    let remarks = policy.review(today, arguments.expiring_within);
    if !remarks.is_empty() {
        writeln!(out)?;
    }
    let mut exit = Exit::Clean;
    for remark in &remarks {
        match remark.weight() {
            Weight::Action => {
                exit = Exit::Findings;
                write!(out, "{BAD}to do:{BAD:#} ")?;
            }
            Weight::Notice => write!(out, "{CAUTION}note:{CAUTION:#} ")?,
        }
        writeln!(out, "{}", wording::remark(remark))?;
    }
    Ok(exit)
}

/// The policy of a file.
pub(crate) fn read(file: &Path) -> anyhow::Result<Policy> {
    policy::parse(&text(file)?).map_err(|error| {
        let problems: Vec<String> = error
            .problems()
            .map(|problem| {
                let help = if problem.help.is_empty() { String::new() } else { format!("\n  help: {}", problem.help) };
                let span = problem.span;
                format!("{}:{}:{}: {}{help}", file.display(), span.line, span.column, problem.message)
            })
            .collect();
        anyhow!("the policy cannot be used\n{}", problems.join("\n"))
    })
}

/// The text of a file; - is standard input.
fn text(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("reading standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("reading `{}`", file.display()))
}

/// Today, in UTC. A clock that stands before 1970 is broken: no exemption holds on the last of all days.
pub(crate) fn today() -> Date {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Date::of_unix_seconds(since.map_or(i64::MAX, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}
