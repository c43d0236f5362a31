//! `audit --stack`: why the latest operation of a stack was blocked, on one screen.

use std::io::{self, Write};

use anyhow::bail;
use cfn_egress_guard_account::audit::{HookRecord, StackOperation, newest_operation};
use cfn_egress_guard_account::{FailureKind, RetryPolicy};
use cfn_egress_guard_core::arn::Arn;
use tokio::runtime::Runtime;

use super::{exit, one_region, write_as};
use crate::account::{accounts, connect};
use crate::args::{AccountFormat, Audit};
use crate::exit::Exit;
use crate::style::{BAD, BOLD, CAUTION, DIM, GOOD};

/// The maximum number of results shown in detail: more do not fit on a screen.
const MAX_RESULTS: usize = 4;

/// The maximum number of findings shown for a result.
const MAX_FINDINGS: usize = 4;

/// The maximum number of other failures shown.
const MAX_FAILURES: usize = 5;

pub(super) fn run(arguments: &Audit, stack: &str, runtime: &Runtime, out: &mut impl Write) -> anyhow::Result<Exit> {
    let (mut operation, region) = runtime.block_on(async {
        let connection = connect(&arguments.aws).await?;
        let (accounts, _) = accounts(&arguments.aws, connection).await?;
        // An ARN contains the Region.
        let region = match (one_region(&accounts), Arn::parse(stack).and_then(|arn| arn.region())) {
            (_, Some(region)) if accounts.members.len() < 2 => region.to_owned(),
            (region, _) => region?.to_owned(),
        };
        let operation = newest_operation(&accounts, &region, stack, RetryPolicy::default()).await?;
        anyhow::Ok((operation, region))
    })?;
    if operation.status.is_none() && is_gone(&mut operation)? {
        bail!("there is no stack `{stack}` in {region}; to find a deleted stack, pass its ARN");
    }
    let name = Arn::parse(stack).and_then(|arn| arn.stack_name()).unwrap_or(stack);
    match arguments.format {
        AccountFormat::Human => human(&mut operation, name, &region, out)?,
        format => write_as(&mut operation.result, format, out)?,
    }
    Ok(exit(&operation.result))
}

/// Returns whether CloudFormation has no such stack.
fn is_gone(operation: &mut StackOperation) -> io::Result<bool> {
    for unread in operation.result.unread.iter() {
        if unread?.failure.kind == FailureKind::Gone {
            return Ok(true);
        }
    }
    Ok(false)
}

fn human(operation: &mut StackOperation, stack: &str, region: &str, out: &mut impl Write) -> io::Result<()> {
    let records: Vec<HookRecord> = operation.result.results.iter().take(MAX_RESULTS).collect::<io::Result<_>>()?;
    let all = operation.result.results.len();
    let status = operation.status.as_deref().unwrap_or("its status could not be read");
    let Some(first) = records.first() else {
        writeln!(out, "{GOOD}No hook blocked the latest operation of {stack}{GOOD:#} in {region} ({status}).")?;
        write_failures(operation, out)?;
        return write_unread(operation, out);
    };
    let hook = first.hook.as_deref().unwrap_or("a hook");
    let at = first.at.get(..19).unwrap_or(&first.at).replace('T', " ");
    let (style, was) = match first.fate() {
        "warned" => (CAUTION, "was allowed with a warning by"),
        "hook error" => (BAD, "was blocked, because there was no answer from"),
        _ => (BAD, "was blocked by"),
    };
    writeln!(out, "{BOLD}{stack}{BOLD:#} in {region} {style}{was} {hook}{style:#} on {at} UTC ({status}).\n")?;
    for record in &records {
        write_record(record, out)?;
    }
    if all > records.len() {
        writeln!(out, "{DIM}… and {} more: --format json has them all{DIM:#}", all - records.len())?;
    }
    writeln!(out, "\n{BOLD}What to do{BOLD:#}")?;
    if records.iter().all(|record| record.fate() == "hook error") {
        writeln!(out, "  The hook found no fault in your template. Contact the owners of the guard.")?;
    } else {
        writeln!(
            out,
            "  Change these egress rules and deploy again. To check the template first, run:\n    cfn-egress-guard \
             check TEMPLATE\n  If you need a rule as it is, ask the owners of the guard for an exemption. Send them \
             {}.",
            if first.id.is_empty() { "this text".to_owned() } else { format!("the result ID {}", first.id) }
        )?;
    }
    write_unread(operation, out)
}

fn write_record(record: &HookRecord, out: &mut impl Write) -> io::Result<()> {
    let action = record.action.as_ref().map_or_else(String::new, |action| format!(" ({action})"));
    writeln!(out, "{BOLD}{}{BOLD:#}{DIM}{action}{DIM:#}", record.subject())?;
    let failed: Vec<_> = record.annotations.iter().filter(|annotation| annotation.status == "FAILED").collect();
    if failed.is_empty() {
        return record.said().iter().try_for_each(|line| writeln!(out, "  {line}"));
    }
    for annotation in failed.iter().take(MAX_FINDINGS) {
        writeln!(out, "  {}", annotation.message.as_deref().unwrap_or(&annotation.name))?;
        if let Some(remedy) = &annotation.remedy {
            writeln!(out, "    {DIM}{remedy}{DIM:#}")?;
        }
    }
    if failed.len() > MAX_FINDINGS {
        writeln!(out, "  {DIM}… and {} more egress rules{DIM:#}", failed.len() - MAX_FINDINGS)?;
    }
    Ok(())
}

fn write_failures(operation: &StackOperation, out: &mut impl Write) -> io::Result<()> {
    if operation.failures.is_empty() {
        return Ok(());
    }
    writeln!(out, "Other failures in this operation:")?;
    // The events are newest first; the oldest failure is the one that stopped the others.
    for failure in operation.failures.iter().rev().take(MAX_FAILURES) {
        writeln!(out, "  {failure}")?;
    }
    Ok(())
}

fn write_unread(operation: &StackOperation, out: &mut impl Write) -> io::Result<()> {
    for (place, failure) in operation.result.unread_described() {
        writeln!(out, "{CAUTION}not read{CAUTION:#} {place} {failure}")?;
    }
    if !operation.result.is_all_read() {
        writeln!(
            out,
            "{DIM}To print the permissions that a deploying role needs: cfn-egress-guard audit \
                       --print-iam-policy=deployer{DIM:#}"
        )?;
    }
    Ok(())
}
