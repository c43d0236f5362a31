//! Who was blocked or warned, when and why: what CloudFormation kept of the hook's invocations.
//!
//! Sources: CloudFormation API Reference, `ListHookResults`, `GetHookResult`, `DescribeStackEvents`;
//! what real answers add to them (a target type outside the model's enum, missing annotations, results
//! that expire between list and look) is let be or told, and never ends the report.

mod events;
mod record;
mod write;

use std::sync::Arc;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{HookResultSummary, HookStatus, RegistryType};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use tokio::task::JoinSet;

pub use events::stack_events;
pub use record::{AuditResult, AuditUnread, HookAnnotation, HookRecord};
pub use write::{write_audit_csv, write_audit_html};

use super::connection::{Connection, MAX_PAGES};
use super::failure::{Failure, FailureKind};
use super::pace::{Limit, Patience, patiently};
use super::stacks::following;
use cfn_egress_guard_core::rule::excerpt;

const LIST: &str = "cloudformation:ListAllHookResults";
const GET: &str = "cloudformation:GetHookResult";
const TYPE: &str = "cloudformation:DescribeType";

/// How many results of a Region are kept: CloudFormation keeps them for 90 days.
const MAX_RESULTS: usize = 100_000;

/// How many details are read at once in a Region.
const AT_ONCE: usize = 6;

/// How much of a text is kept: a message's limit is 4,096 characters, an annotation's 16,384.
const TEXT_CHARS: usize = 4_096;

/// What to look for.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The Regions.
    pub regions: Vec<String>,
    /// The hook's alias; results of others are left out.
    pub alias: String,
    /// Statuses, as CloudFormation names them; all, if there is none.
    pub statuses: Vec<String>,
    /// Only from this moment on, in seconds since 1970.
    pub since: Option<i64>,
    /// Only before this moment.
    pub until: Option<i64>,
    /// How long AWS may ask for patience.
    pub patience: Patience,
}

/// Reads the results of the hook in every Region, the newest first.
pub async fn audit(connection: &Connection, options: &AuditOptions) -> AuditResult {
    let options = Arc::new(options.clone());
    let mut regions = JoinSet::new();
    for region in options.regions.clone() {
        let client = connection.cloudformation(&region);
        let options = Arc::clone(&options);
        regions.spawn(async move { of_region(&client, &region, &options).await });
    }
    let mut result = AuditResult::new(&options.alias, &options.regions, &options.statuses);
    while let Some(region) = regions.join_next().await {
        match region {
            Ok((records, unread, account)) => {
                result.account = result.account.or(account);
                result.results.extend(records);
                result.unread.extend(unread);
            }
            Err(error) => result.unread.push(AuditUnread {
                region: String::new(),
                id: None,
                failure: Failure::new("(this program)", FailureKind::Unreadable, &error.to_string()),
            }),
        }
    }
    result.account = result.account.or_else(|| {
        result.results.iter().find_map(|record| account(record.execution_target.as_deref().unwrap_or_default()))
    });
    result.sort();
    result
}

/// The account in an ARN of CloudFormation.
fn account(arn: &str) -> Option<String> {
    let mut parts = arn.split(':');
    let account = (parts.next() == Some("arn")).then(|| parts.nth(3)).flatten();
    account.filter(|account| !account.is_empty()).map(str::to_owned)
}

/// What was read in a Region, what could not be, and the account, if the hook's ARN tells it.
type OfRegion = (Vec<HookRecord>, Vec<AuditUnread>, Option<String>);

async fn of_region(client: &Client, region: &str, options: &AuditOptions) -> OfRegion {
    let mut unread = Vec::new();
    let mut records = Vec::new();
    let not_read = |failure| AuditUnread { region: region.to_owned(), id: None, failure };
    // With a hook's ARN the service filters; without it everything is listed and filtered here.
    let arns: Vec<Option<String>> = match hook_arns(client, options).await {
        Ok(arns) if arns.is_empty() => vec![None],
        Ok(arns) => arns.into_iter().map(Some).collect(),
        Err(failure) => {
            unread.push(not_read(failure));
            vec![None]
        }
    };
    for arn in &arns {
        // A status can only be asked for together with an ARN, and only one at a time.
        let asked: Vec<Option<&String>> = match arn {
            Some(_) if !options.statuses.is_empty() => options.statuses.iter().map(Some).collect(),
            _ => vec![None],
        };
        for status in asked {
            if let Err(failure) = list(client, region, options, arn.as_deref(), status, &mut records).await {
                unread.push(not_read(failure));
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    records.retain(|record| seen.insert(record.id.clone()));
    details(client, &mut records, &mut unread, options.patience).await;
    (records, unread, arns.iter().flatten().find_map(|arn| account(arn)))
}

/// What `template.yaml` puts behind the alias of the hook for whole templates: stacks and change sets.
const FOR_TEMPLATES: &str = "Stack";

/// The ARNs of the hook and of the one for whole templates; none, if there is no such hook in the Region.
async fn hook_arns(client: &Client, options: &AuditOptions) -> Result<Vec<String>, Failure> {
    let mut arns = Vec::new();
    for alias in [options.alias.clone(), format!("{}{FOR_TEMPLATES}", options.alias)] {
        let answer = patiently(options.patience, &mut 0, || async {
            let request = client.describe_type().r#type(RegistryType::Hook).type_name(&alias);
            request.send().await.map_err(|error| Failure::of(TYPE, &error))
        })
        .await;
        match answer {
            Ok(hook) => arns.extend(hook.arn),
            // No hook now; its results may still be there.
            Err(failure) if failure.kind == FailureKind::Gone && alias == options.alias => return Ok(Vec::new()),
            Err(failure) if failure.kind == FailureKind::Gone => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(arns)
}

async fn list(
    client: &Client,
    region: &str,
    options: &AuditOptions,
    arn: Option<&str>,
    status: Option<&String>,
    records: &mut Vec<HookRecord>,
) -> Result<(), Failure> {
    let mut token: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = patiently(options.patience, &mut 0, || async {
            let request = client
                .list_hook_results()
                .set_type_arn(arn.map(str::to_owned))
                .set_status(status.map(|status| HookStatus::from(status.as_str())))
                .set_next_token(token.clone());
            request.send().await.map_err(|error| Failure::of(LIST, &error))
        })
        .await?;
        for summary in page.hook_results() {
            if records.len() >= MAX_RESULTS {
                return Err(Failure::new(LIST, FailureKind::Refused, "more results than are kept: narrow the time"));
            }
            records.extend(wanted(summary, options).then(|| record(region, summary)));
        }
        match following(page.next_token(), token.as_deref(), LIST)? {
            Some(next) => token = Some(next),
            None => return Ok(()),
        }
    }
    Err(Failure::new(LIST, FailureKind::Unreadable, "the list does not end"))
}

/// Whether a result is asked for; one that does not say is.
fn wanted(summary: &HookResultSummary, options: &AuditOptions) -> bool {
    let at = summary.invoked_at().map(DateTime::secs);
    let ours = summary
        .type_name()
        .and_then(|name| name.strip_prefix(&options.alias))
        .map_or(summary.type_name().is_none(), |rest| rest.is_empty() || rest == FOR_TEMPLATES);
    let status = summary.status().is_none_or(|status| {
        options.statuses.is_empty() || options.statuses.iter().any(|wanted| wanted == status.as_str())
    });
    ours && status
        && at.is_none_or(|at| {
            options.since.is_none_or(|since| at >= since) && options.until.is_none_or(|until| at < until)
        })
}

fn record(region: &str, summary: &HookResultSummary) -> HookRecord {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(|text| excerpt(text, TEXT_CHARS));
    HookRecord {
        region: region.to_owned(),
        id: summary.hook_result_id().unwrap_or_default().to_owned(),
        at: summary.invoked_at().map(time).unwrap_or_default(),
        status: summary.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        failure_mode: summary.failure_mode().map(|mode| mode.as_str().to_owned()),
        hook: text(summary.type_name()),
        version: text(summary.type_version_id()),
        target_type: summary.target_type().map(|target| target.as_str().to_owned()),
        target_id: text(summary.target_id().or(summary.hook_execution_target())),
        target_name: None,
        stack: [summary.hook_execution_target(), summary.target_id()].into_iter().flatten().find_map(stack_name),
        execution_target: text(summary.hook_execution_target()),
        action: None,
        reason: text(summary.hook_status_reason()),
        annotations: Vec::new(),
    }
}

/// The name in a stack's ARN, `arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID`.
fn stack_name(arn: &str) -> Option<String> {
    let (_, rest) = arn.strip_prefix("arn:")?.split_once(":stack/")?;
    rest.split('/').next().filter(|name| !name.is_empty()).map(|name| excerpt(name, 128))
}

fn time(time: &DateTime) -> String {
    time.fmt(Format::DateTime).unwrap_or_default()
}

/// Looks at each result that did not pass: the annotations say which rule it was.
async fn details(client: &Client, records: &mut [HookRecord], unread: &mut Vec<AuditUnread>, patience: Patience) {
    let mut limit = Limit::new(AT_ONCE);
    let mut waiting = records
        .iter()
        .enumerate()
        .filter(|(_, record)| record.is_failed() && !record.id.is_empty())
        .map(|(position, record)| (position, record.id.clone()))
        .collect::<Vec<_>>()
        .into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < limit.now() {
            let Some((position, id)) = waiting.next() else { break };
            let client = client.clone();
            running.spawn(async move {
                let mut throttled = 0;
                let answer = detail(&client, &id, patience, &mut throttled).await;
                (position, answer, throttled)
            });
        }
        let Some(done) = running.join_next().await else { return };
        let Ok((position, answer, throttled)) = done else { continue };
        limit.learn(throttled);
        let Some(record) = records.get_mut(position) else { continue };
        match answer {
            Ok(detail) => detail.add_to(record),
            Err(failure) => {
                unread.push(AuditUnread { region: record.region.clone(), id: Some(record.id.clone()), failure });
            }
        }
    }
}

/// What only the look at a single result tells.
#[derive(Debug, Default)]
pub(super) struct Detail {
    target_type: Option<String>,
    target_name: Option<String>,
    target_id: Option<String>,
    action: Option<String>,
    reason: Option<String>,
    annotations: Vec<HookAnnotation>,
}

impl Detail {
    pub(super) fn add_to(self, record: &mut HookRecord) {
        let Self { target_type, target_name, target_id, action, reason, annotations } = self;
        record.target_type = target_type.or(record.target_type.take());
        record.target_id = target_id.or(record.target_id.take());
        record.reason = reason.or(record.reason.take());
        record.target_name = target_name;
        record.action = action;
        record.annotations = annotations;
    }
}

/// Looks at one result.
///
/// The SDK gives fields that the model requires and the answer lacks as empty text: they are not there.
pub(super) async fn detail(
    client: &Client,
    id: &str,
    patience: Patience,
    throttled: &mut u32,
) -> Result<Detail, Failure> {
    let answer = patiently(patience, throttled, || async {
        client.get_hook_result().hook_result_id(id).send().await.map_err(|error| Failure::of(GET, &error))
    })
    .await?;
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(|text| excerpt(text, TEXT_CHARS));
    let target = answer.target();
    Ok(Detail {
        target_type: target.and_then(|target| target.target_type()).and_then(|target| text(Some(target.as_str()))),
        target_name: text(target.and_then(|target| target.target_type_name())),
        target_id: text(target.and_then(|target| target.target_id())),
        action: target.and_then(|target| target.action()).and_then(|action| text(Some(action.as_str()))),
        reason: text(answer.hook_status_reason()),
        annotations: answer
            .annotations()
            .iter()
            .map(|annotation| HookAnnotation {
                name: text(annotation.annotation_name()).unwrap_or_default(),
                status: annotation.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
                severity: annotation.severity_level().map(|severity| severity.as_str().to_owned()),
                message: text(annotation.status_message()),
                remedy: text(annotation.remediation_message()),
            })
            .collect(),
    })
}
