//! The stacks of one Region of an account: read in parallel, fewer at a time when AWS throttles the calls.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client;

use super::Progress;
use super::alternative::AlternativeKind;
use super::context::{RegionClients, RegionContext};
use super::expected::locked;
use super::judge::{DeployedScope, DeployedTemplate};
use super::live::scan_groups;
use super::paced::{PacedSource, StartedWork, work};
use super::record::{NAME_CHARS, StackRecord, account_of};
use super::stacks::{self, ListedStack, LiveStack, LiveStacks, StackInputs, TemplateText};
use crate::failure::{Failure, FailureKind};
use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::template::Scope;

/// Scans a Region completely: its stacks, and then its security groups if requested. Returns nothing if the receiver is
/// closed.
pub(super) async fn scan_region(clients: RegionClients, to: &RegionContext) -> Option<()> {
    let cloudformation = &clients.cloudformation;
    let options = &to.options;
    let stacks = LiveStacks::list(cloudformation, &options.stacks, options.retry_policy).await;
    work(&mut StackSource { client: cloudformation, stacks, to }, to).await?;
    match &to.expected {
        Some(expected) => scan_groups(&clients, expected, to).await,
        None => Some(()),
    }
}

/// The stacks of a Region, to be read and judged.
struct StackSource<'a> {
    client: &'a Client,
    stacks: LiveStacks<'a>,
    to: &'a RegionContext,
}

impl PacedSource for StackSource<'_> {
    type Item = ListedStack;
    type Name = LiveStack;

    fn found(&mut self) -> Option<Progress> {
        let stacks = std::mem::take(&mut self.stacks.found);
        (stacks > 0).then_some(Progress::Found { stacks })
    }

    async fn next(&mut self) -> Option<Vec<ListedStack>> {
        self.stacks.next().await
    }

    fn throttled(&mut self) -> u32 {
        std::mem::take(&mut self.stacks.throttled)
    }

    fn name((stack, _): &ListedStack) -> LiveStack {
        stack.clone()
    }

    fn lost(&self, stack: LiveStack, failure: Failure) -> Progress {
        self.to.unread(Some(&stack), failure, false)
    }

    fn start(&mut self, (stack, given): ListedStack) -> StartedWork {
        let to = self.to;
        if let Some(expected) = &to.expected {
            locked(expected).listed(&stack.id);
        }
        if let Some(known) = to.options.known.stack(&stack.id).filter(|known| is_unchanged(known, &stack)) {
            to.expect(&known);
            return StartedWork::Known(Box::new(Progress::Judged(Box::new(known))));
        }
        let values_denied = self.stacks.failures.iter().any(stacks::is_denied_values);
        StartedWork::Running(Box::pin(scan_stack(self.client.clone(), stack, given, values_denied, to.clone())))
    }

    /// Reports why the lists are incomplete.
    fn ended(&mut self) -> Vec<Progress> {
        let failures = std::mem::take(&mut self.stacks.failures);
        // One of the two lists is enough to find every stack.
        let judged = failures.len() < stacks::LISTS;
        if let (Some(expected), false) = (&self.to.expected, judged) {
            locked(expected).list_is_incomplete();
        }
        let unread = failures.into_iter().map(|failure| self.to.unread(None, failure, judged));
        unread.chain([Progress::Listed]).collect()
    }
}

fn is_unchanged(known: &StackRecord, stack: &LiveStack) -> bool {
    let settled = !known.partial && !stack.status.ends_with("IN_PROGRESS");
    settled && known.changed == stack.changed && known.status == stack.status
}

/// Reads, judges and reports a stack. Returns how often AWS throttled requests.
async fn scan_stack(
    client: Client,
    stack: LiveStack,
    given: Option<StackInputs>,
    values_denied: bool,
    to: RegionContext,
) -> u32 {
    let mut throttled = 0;
    let retry_policy = to.options.retry_policy;
    // The semaphore is never closed.
    let Ok(_permit) = to.templates.acquire().await else { return throttled };
    let template = match stacks::template(&client, &stack.id, retry_policy, &mut throttled).await {
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
        None => stacks::describe_one(&client, &stack.id, retry_policy, &mut throttled).await,
    };
    let given = match given {
        Ok(given) => Some(given),
        // A denial that already applies to the Region's list is reported once, not for every stack.
        Err(failure) if values_denied && stacks::is_denied_values(&failure) => None,
        Err(failure) => {
            to.tell(to.unread(Some(&stack), failure, true)).await;
            None
        }
    };
    let described = match record(&template, &stack, given, &to) {
        Ok(record) => {
            to.expect(&record);
            Progress::Judged(Box::new(record))
        }
        Err(why) => {
            let failure = Failure::new("cloudformation:GetTemplate", FailureKind::Unreadable, &why);
            to.unread(Some(&stack), failure, false)
        }
    };
    to.tell(described).await;
    throttled
}

/// Judges a stack; without its inputs, as far as possible.
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
    let parsed = DeployedTemplate::parse(&template.text, deployed)?;
    let (kinds, others): (Vec<_>, Vec<_>) = AlternativeKind::beside(&options.policy).into_iter().unzip();
    let judged = parsed.judge(&options.policy, &others, options.today)?;
    let declared = if options.live && judged.resources > 0 { parsed.declared()? } else { Vec::new() };
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
        declared,
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
