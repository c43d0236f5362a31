//! The results for AWS Security Hub: the newest for each resource.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write};

use super::record::{HookRecord, NOT_BLOCKED};
use super::result::AuditResult;
use crate::asff::{Batches, Compliance, ResourceFinding};
use crate::spool::Spool;

/// Writes a finding for each resource, by its newest result. `FAILED` means blocked, warned about, or opened by a
/// direct call; `PASSED` and archived means allowed. A hook that did not answer has no finding.
///
/// # Errors
/// When they cannot be written, or the result's records cannot be read back.
pub fn write_audit_asff(result: &mut AuditResult, out: &mut dyn Write) -> io::Result<()> {
    let hash = RandomState::new();
    let mut seen = HashSet::new();
    let mut newest = Spool::<HookRecord>::new();
    for record in result.results.iter() {
        let record = record?;
        // A passed direct call says nothing about what others opened in the group before.
        let is_decision =
            matches!(record.status.as_str(), "HOOK_COMPLETE_FAILED" | "HOOK_COMPLETE_SUCCEEDED" | NOT_BLOCKED);
        // A whole template is not a resource.
        let is_resource = !matches!(record.target_type.as_deref(), Some("STACK" | "CHANGE_SET"));
        let resource = (&record.account, &record.region, &record.stack, &record.target_id);
        if is_decision && is_resource && record.account.is_some() && seen.insert(hash.hash_one(resource)) {
            newest.push(&record)?;
        }
    }
    newest.sort_by_key(|record| (record.account, record.region))?;
    let mut batches = Batches::new(out);
    for record in newest.iter() {
        batches.push(&finding(&record?))?;
    }
    batches.end()
}

fn finding(record: &HookRecord) -> ResourceFinding<'_> {
    let failed = record.is_failed();
    let remedy = record.annotations.iter().find(|annotation| annotation.status == "FAILED");
    ResourceFinding {
        account: record.account.as_deref().unwrap_or_default(),
        region: &record.region,
        stack: record.stack.as_deref(),
        stack_id: record.execution_target.as_deref().filter(|target| target.starts_with("arn:")),
        resource: record.target_id.as_deref().unwrap_or_default(),
        resource_type: record.target_name.as_deref().unwrap_or("AWS::EC2::SecurityGroup"),
        owner: None,
        compliance: match &record.call {
            Some(call) if call.verdict != "non-compliant" => Compliance::Warning,
            _ if failed => Compliance::Failed,
            _ => Compliance::Passed,
        },
        is_medium: failed,
        created: &record.at,
        updated: &record.at,
        said: record.said(),
        remedy: remedy.and_then(|annotation| annotation.remedy.as_deref()),
    }
}
