//! Who was blocked or warned, when and why: what CloudFormation kept of the hook's invocations.
//!
//! Sources: CloudFormation API Reference, `ListHookResults`, `GetHookResult`, `DescribeStackEvents`;
//! what real answers add to them (a target type outside the model's enum, missing annotations, results
//! that expire between list and look) is let be or told, and never ends the report.

mod asff;
mod detail;
mod direct;
mod events;
mod html;
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

/// What to look for.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The hook's alias; results of others are left out.
    pub alias: String,
    /// Statuses, as CloudFormation names them; all, if there is none.
    pub statuses: Vec<String>,
    /// Only from this moment on, in seconds since 1970.
    pub since: Option<i64>,
    /// Only before this moment.
    pub until: Option<i64>,
    /// Why the account's Regions could not be listed, if there is one account.
    pub regions_assumed: Option<String>,
    /// The log group of the function's decisions, where direct calls are; without it, it is looked for.
    pub decision_log: Option<String>,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// How long AWS may throttle requests.
    pub retry_policy: RetryPolicy,
}

/// Reads the results of the hook in every Region of every account, the newest first; says through `progress`
/// how far it is.
///
/// # Errors
/// When the results cannot be kept on the disk.
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
