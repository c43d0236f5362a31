//! Who was blocked or warned, when and why: CloudFormation's records of the hook's invocations.
//!
//! Sources: CloudFormation API Reference, `ListHookResults`, `GetHookResult`, `DescribeStackEvents`. Deviations of real
//! answers (a target type outside the model's enum, missing annotations, results that expire after they are listed) are
//! tolerated or reported, and never end the report.

mod asff;
mod detail;
mod direct;
mod events;
mod html;
mod logged;
mod record;
mod region;
mod result;
mod stack;
mod write;

use std::io;
use std::sync::Arc;

pub use asff::write_audit_asff;
pub use events::stack_events;
pub use html::write_audit_html;
pub use record::{AuditUnread, DirectCall, HookAnnotation, HookRecord};
pub use result::{AuditFile, AuditHead, AuditResult};
pub use stack::{StackOperation, newest_operation};
pub use write::{write_audit_csv, write_audit_json};

use super::accounts::{Accounts, VisitEvent, VisitProgress, visit};
use super::pace::RetryPolicy;
use region::of_region;

/// The criteria of an audit.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The hook's alias; results of other hooks are left out.
    pub alias: String,
    /// The statuses to include, as CloudFormation names them; if empty, all.
    pub statuses: Vec<String>,
    /// The start of the time span, in seconds since 1970.
    pub since: Option<i64>,
    /// The end of the time span, exclusive.
    pub until: Option<i64>,
    /// The reason why the account's Regions could not be listed, if there is one account.
    pub regions_assumed: Option<String>,
    /// The log group of the function's decisions, which records direct calls; without it, the audit looks for it.
    pub decision_log: Option<String>,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// The retry policy for throttled requests.
    pub retry_policy: RetryPolicy,
}

/// Reads the results of the hook in every Region of every account, the newest first. Reports its progress through
/// `progress`.
///
/// # Errors
/// When the results cannot be written to disk.
pub async fn audit(
    accounts: &Accounts,
    options: &AuditOptions,
    mut progress: impl FnMut(VisitProgress),
) -> io::Result<AuditResult> {
    let mut result = AuditResult::new(&options.alias, accounts, &options.statuses);
    result.head.regions_assumed.clone_from(&options.regions_assumed);
    let options = Arc::new(options.clone());
    let retry_policy = options.retry_policy;
    let work = move |place| {
        let options = Arc::clone(&options);
        async move { of_region(&place, &options).await }
    };
    let mut kept = Ok(());
    visit(accounts, retry_policy, work, |account, visited| {
        if let Some(step) = visited.progress() {
            progress(step);
        }
        let account = account.map(|member| member.account.clone());
        let more = match visited {
            VisitEvent::NotEntered(failure) => result.unread(AuditUnread { account, region: None, id: None, failure }),
            VisitEvent::Entered { regions_assumed: Some(failure), .. } => {
                result.unread(AuditUnread { account, region: None, id: None, failure })
            }
            VisitEvent::Region { region, outcome: Err(failure) } => {
                result.unread(AuditUnread { account, region: Some(region), id: None, failure })
            }
            VisitEvent::Region { outcome: Ok(found), .. } => result.take(found),
            VisitEvent::Entered { .. } | VisitEvent::Left => Ok(()),
        };
        if kept.is_ok() {
            kept = more;
        }
    })
    .await;
    kept?;
    result.finish()
}
