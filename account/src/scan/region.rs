//! The stacks of one Region of an account: read side by side, fewer at once when AWS throttles the calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_cloudformation::Client;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::alternative::AlternativeKind;
use super::judge::{DeployedScope, judge};
use super::record::{NAME_CHARS, StackRecord, Unread, account_of};
use super::stacks::{self, ListedStack, LiveStack, LiveStacks, StackInputs, TemplateText};
use super::{Progress, ScanOptions};
use crate::failure::{Failure, FailureKind};
use crate::pace::RequestLimit;
use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::template::Scope;

/// What the tasks of a Region share.
#[derive(Clone)]
pub(super) struct RegionContext {
    /// The account, if anybody says which it is.
    pub(super) account: Option<String>,
    pub(super) region: String,
    pub(super) options: Arc<ScanOptions>,
    /// How many templates may be in memory at once, of all accounts and Regions together.
    pub(super) templates: Arc<Semaphore>,
    pub(super) sender: mpsc::Sender<Progress>,
}

impl RegionContext {
    /// Tells the caller; nothing, if nobody listens any more.
    async fn tell(&self, progress: Progress) -> Option<()> {
        self.sender.send(progress).await.ok()
    }

    fn unread(&self, stack: Option<&LiveStack>, failure: Failure, judged: bool) -> Progress {
        Progress::Unread(Unread {
            account: self.account.clone().or_else(|| stack.and_then(|stack| account_of(&stack.id)).map(str::to_owned)),
            region: Some(self.region.clone()),
            stack: stack.map(|stack| stack.name.clone()),
            stack_id: stack.map(|stack| stack.id.clone()),
            failure,
            judged,
        })
    }
}

/// Scans a Region to its end; nothing, if nobody listens any more.
pub(super) async fn scan_region(client: &Client, to: &RegionContext) -> Option<()> {
    let options = &to.options;
    let mut stacks = LiveStacks::list(client, &options.stacks, options.patience).await;
    let mut limit = RequestLimit::new(options.concurrency);
    let mut queue = Vec::<ListedStack>::new().into_iter();
    let mut listing = true;
    let mut running: JoinSet<u32> = JoinSet::new();
    loop {
        if stacks.found > 0 {
            to.tell(Progress::Found { stacks: std::mem::take(&mut stacks.found) }).await?;
        }
        let mut free = limit.now().saturating_sub(running.len());
        while free > 0
            && let Some((stack, given)) = queue.next()
        {
            if let Some(known) = options.known.get(&stack.id).filter(|known| is_unchanged(known, &stack)) {
                to.tell(Progress::Judged(Box::new(known))).await?;
                continue;
            }
            let values_denied = stacks.failures.iter().any(stacks::is_denied_values);
            running.spawn(scan_stack(client.clone(), stack, given, values_denied, to.clone()));
            free -= 1;
        }
        let throttled = if free > 0 && listing {
            if let Some(page) = stacks.next().await {
                queue = page.into_iter();
            } else {
                listing = false;
                tell_lists(std::mem::take(&mut stacks.failures), to).await?;
            }
            std::mem::take(&mut stacks.throttled)
        } else {
            match running.join_next().await {
                Some(Ok(throttled)) => throttled,
                // A task that panicked: the stack is missed and nobody would know.
                Some(Err(error)) => {
                    let failure = Failure::new("(this program)", FailureKind::Unreadable, &error.to_string());
                    to.tell(to.unread(None, failure, false)).await?;
                    0
                }
                None => return Some(()),
            }
        };
        if limit.learn(throttled) {
            let (account, region) = (to.account.clone(), to.region.clone());
            to.tell(Progress::Slower { account, region, at_once: limit.now() }).await?;
        }
    }
}

/// Tells that a Region's lists were read to their end, and what kept them from being complete.
async fn tell_lists(failures: Vec<Failure>, to: &RegionContext) -> Option<()> {
    // Of two lists one is enough to know every stack.
    let judged = failures.len() < stacks::LISTS;
    for failure in failures {
        to.tell(to.unread(None, failure, judged)).await?;
    }
    to.tell(Progress::Listed).await
}

fn is_unchanged(known: &StackRecord, stack: &LiveStack) -> bool {
    let settled = !known.partial && !stack.status.ends_with("IN_PROGRESS");
    settled && known.changed == stack.changed && known.status == stack.status
}

/// Reads and judges a stack, and tells what came of it; gives back how often AWS throttled requests.
async fn scan_stack(
    client: Client,
    stack: LiveStack,
    given: Option<StackInputs>,
    values_denied: bool,
    to: RegionContext,
) -> u32 {
    let mut throttled = 0;
    let patience = to.options.patience;
    // It is never closed.
    let Ok(_permit) = to.templates.acquire().await else { return throttled };
    let template = match stacks::template(&client, &stack.id, patience, &mut throttled).await {
        Ok(template) => template,
        // Deleted since it was listed: no longer a live stack.
        Err(failure) if failure.kind == FailureKind::Gone => return throttled,
        Err(failure) => {
            to.tell(to.unread(Some(&stack), failure, false)).await;
            return throttled;
        }
    };
    let given = match given {
        Some(given) => Ok(given),
        None => stacks::describe_one(&client, &stack.id, patience, &mut throttled).await,
    };
    let given = match given {
        Ok(given) => Some(given),
        // What the Region's list was denied is said once and not for every stack.
        Err(failure) if values_denied && stacks::is_denied_values(&failure) => None,
        Err(failure) => {
            to.tell(to.unread(Some(&stack), failure, true)).await;
            None
        }
    };
    let told = match record(&template, &stack, given, &to) {
        Ok(record) => Progress::Judged(Box::new(record)),
        Err(why) => {
            let failure = Failure::new("cloudformation:GetTemplate", FailureKind::Unreadable, &why);
            to.unread(Some(&stack), failure, false)
        }
    };
    to.tell(told).await;
    throttled
}

/// Judges a stack; without what it was given, as far as that goes.
fn record(
    template: &TemplateText,
    stack: &LiveStack,
    given: Option<StackInputs>,
    to: &RegionContext,
) -> Result<StackRecord, String> {
    let RegionContext { region, options, .. } = to;
    let parameters_known = given.is_some();
    let given = given.unwrap_or_default();
    let owner = owner(&given, &options.owner_tags);
    let deployed = deployed(region, stack, given, parameters_known);
    let (kinds, others): (Vec<_>, Vec<_>) = AlternativeKind::beside(&options.policy).into_iter().unzip();
    let judged = judge(&template.text, &deployed, &options.policy, &others, options.today)?;
    let otherwise =
        if judged.resources > 0 { kinds.into_iter().zip(judged.otherwise).collect() } else { BTreeMap::new() };
    let mut notes = judged.notes;
    if !parameters_known {
        notes.push("checked without the values of its parameters, which could not be read".to_owned());
    }
    if !template.processed {
        notes.push("checked as written, because the template after its macros could not be read".to_owned());
    }
    Ok(StackRecord {
        account: account_of(&stack.id).unwrap_or_default().to_owned(),
        region: region.clone(),
        stack: stack.name.clone(),
        stack_id: stack.id.clone(),
        root: stack.root_name().map(str::to_owned),
        owner,
        status: stack.status.clone(),
        changed: stack.changed.clone(),
        partial: !parameters_known,
        resources: judged.resources,
        rules: judged.rules,
        findings: judged.findings,
        more: judged.more,
        otherwise,
        notes,
    })
}

fn owner(given: &StackInputs, owner_tags: &[String]) -> Option<String> {
    let tag = |name: &String| given.tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    owner_tags.iter().find_map(tag).map(|(_, value)| excerpt(value, NAME_CHARS))
}

fn deployed(region: &str, stack: &LiveStack, given: StackInputs, parameters_known: bool) -> DeployedScope {
    let scope = Scope {
        parameters: given.parameters,
        account: account_of(&stack.id).map(str::to_owned),
        region: Some(region.to_owned()),
        partition: Arn::parse(&stack.id).map(|arn| arn.partition.to_owned()),
        stack_name: Some(stack.name.clone()),
        stack_id: Some(stack.id.clone()),
        notification_arns: parameters_known.then_some(given.notification_arns),
        ignore_defaults: !parameters_known,
        ..Scope::default()
    };
    DeployedScope { scope, resolved: given.resolved }
}
