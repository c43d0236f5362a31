//! Reads live stacks: their list, their inputs and their templates.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{StackStatus, TemplateStage};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use crate::failure::{Failure, FailureKind};
use crate::pace::{RetryPolicy, with_retries};
use crate::pages::{MAX_PAGES, following};
use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::rule::policy::Glob;

const LIST: &str = "cloudformation:ListStacks";
const DESCRIBE: &str = "cloudformation:DescribeStacks";
const TEMPLATE: &str = "cloudformation:GetTemplate";

/// The number of lists that contain the stacks.
pub(super) const LISTS: usize = 2;

/// Returns whether reading the values of parameters is denied.
pub(super) fn is_denied_values(failure: &Failure) -> bool {
    failure.kind == FailureKind::AccessDenied && failure.action == DESCRIBE
}

/// A live stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LiveStack {
    /// Its ARN.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) status: String,
    /// The time of the last update, or of the creation, in UTC.
    pub(super) changed: String,
    /// The ARN of the outermost stack, if it is nested.
    pub(super) root: Option<String>,
}

impl LiveStack {
    fn new(id: &str, name: Option<&str>, status: Option<&StackStatus>, changed: String, root: Option<&str>) -> Self {
        Self {
            id: id.to_owned(),
            name: name.unwrap_or_default().to_owned(),
            status: status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            changed,
            root: root.filter(|root| *root != id && !root.is_empty()).map(str::to_owned),
        }
    }

    /// Returns the name of the outermost stack, if this one is nested, from that stack's ARN
    /// (`arn:aws:cloudformation:us-east-1:123456789012:stack/NAME/ID`).
    pub(super) fn root_name(&self) -> Option<&str> {
        Arn::parse(self.root.as_deref()?)?.stack_name()
    }

    fn is_wanted(&self, globs: &[Glob]) -> bool {
        let root = self.root_name();
        globs.is_empty()
            || globs.iter().any(|glob| glob.matches(&self.name) || root.is_some_and(|root| glob.matches(root)))
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct StackInputs {
    /// The values of parameters.
    pub(super) parameters: BTreeMap<String, String>,
    /// The parameters with a value from Systems Manager.
    pub(super) resolved: BTreeSet<String>,
    /// The tags in CloudFormation's order.
    pub(super) tags: Vec<(String, String)>,
    /// `AWS::NotificationARNs`.
    pub(super) notification_arns: Vec<String>,
}

/// Returns whether a stack has resources that can be updated.
fn is_live(status: &StackStatus) -> bool {
    !matches!(
        status,
        // In review: nothing exists yet. Rolled back: it can only be deleted.
        StackStatus::DeleteComplete
            | StackStatus::DeleteInProgress
            | StackStatus::ReviewInProgress
            | StackStatus::RollbackComplete
    )
}

fn time(updated: Option<&DateTime>, created: Option<&DateTime>) -> String {
    updated.or(created).and_then(|time| time.fmt(Format::DateTime).ok()).unwrap_or_default()
}

/// The stacks of a Region. Two lists contain them, and if one is denied or fails midway, the other replaces it:
/// `ListStacks` is read first and kept, without the stacks' inputs; `DescribeStacks` has the inputs and is read a page
/// at a time.
#[derive(Debug)]
pub(super) struct LiveStacks<'a> {
    client: &'a Client,
    /// Only stacks with these names, or nested in one with such a name; if empty, all.
    wanted: &'a [Glob],
    retry_policy: RetryPolicy,
    /// The known stacks, by ARN; nothing in place of one that was already returned.
    known: BTreeMap<String, Option<LiveStack>>,
    pages: StackPages,
    /// The number of stacks found since it was last read.
    pub(super) found: usize,
    /// The reasons why a list is incomplete.
    pub(super) failures: Vec<Failure>,
    /// How often AWS throttled requests.
    pub(super) throttled: u32,
}

/// The progress of reading `DescribeStacks`.
#[derive(Debug)]
enum StackPages {
    Next { token: Option<String>, number: usize },
    Ended,
}

/// A stack, and its inputs if the list contains them.
pub(super) type ListedStack = (LiveStack, Option<StackInputs>);

impl<'a> LiveStacks<'a> {
    /// Reads the first list.
    pub(super) async fn list(client: &'a Client, wanted: &'a [Glob], retry_policy: RetryPolicy) -> Self {
        let mut stacks = Self {
            client,
            wanted,
            retry_policy,
            known: BTreeMap::new(),
            pages: StackPages::Next { token: None, number: 0 },
            found: 0,
            failures: Vec::new(),
            throttled: 0,
        };
        if let Err(failure) = stacks.read_list().await {
            stacks.failures.push(failure);
        }
        stacks
    }

    async fn read_list(&mut self) -> Result<(), Failure> {
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = with_retries(self.retry_policy, &mut self.throttled, || async {
                let answer = self.client.list_stacks().set_next_token(token.clone()).send().await;
                answer.map_err(|error| Failure::of(LIST, &error))
            })
            .await?;
            for stack in page.stack_summaries() {
                let Some(id) = stack.stack_id().filter(|id| !id.is_empty()) else { continue };
                if stack.stack_status().is_none_or(is_live) {
                    let changed = time(stack.last_updated_time(), stack.creation_time());
                    self.find(LiveStack::new(id, stack.stack_name(), stack.stack_status(), changed, stack.root_id()));
                }
            }
            match following(page.next_token(), token.as_deref(), LIST)? {
                Some(next) => token = Some(next),
                None => return Ok(()),
            }
        }
        Err(Failure::new(LIST, FailureKind::Unreadable, "the list has too many pages"))
    }

    /// Returns the stacks of the next page, including those that the first list missed; at the end, those that this
    /// list missed. Returns each stack once, and nothing after the last one.
    pub(super) async fn next(&mut self) -> Option<Vec<ListedStack>> {
        if let StackPages::Next { token, number } = std::mem::replace(&mut self.pages, StackPages::Ended) {
            match self.describe(token.as_deref(), number).await {
                Ok((described, next)) => {
                    if let Some(next) = next {
                        self.pages = StackPages::Next { token: Some(next), number: number + 1 };
                    }
                    return Some(described);
                }
                Err(failure) => self.failures.push(failure),
            }
        }
        let rest: Vec<ListedStack> =
            std::mem::take(&mut self.known).into_values().flatten().map(|one| (one, None)).collect();
        (!rest.is_empty()).then_some(rest)
    }

    async fn describe(
        &mut self,
        token: Option<&str>,
        number: usize,
    ) -> Result<(Vec<ListedStack>, Option<String>), Failure> {
        if number >= MAX_PAGES {
            return Err(Failure::new(DESCRIBE, FailureKind::Unreadable, "the list has too many pages"));
        }
        let page = with_retries(self.retry_policy, &mut self.throttled, || async {
            let answer = self.client.describe_stacks().set_next_token(token.map(str::to_owned)).send().await;
            answer.map_err(|error| Failure::of(DESCRIBE, &error))
        })
        .await?;
        // A page is valid even if the next one cannot be requested.
        let next = match following(page.next_token(), token, DESCRIBE) {
            Ok(next) => next,
            Err(failure) => {
                self.failures.push(failure);
                None
            }
        };
        let mut described = Vec::new();
        for stack in page.stacks() {
            let Some(id) = stack.stack_id().filter(|id| !id.is_empty()) else { continue };
            if stack.stack_status().is_none_or(is_live) {
                let changed = time(stack.last_updated_time(), stack.creation_time());
                self.find(LiveStack::new(id, stack.stack_name(), stack.stack_status(), changed, stack.root_id()));
            }
            if let Some(found) = self.known.get_mut(id).and_then(Option::take) {
                described.push((found, Some(given(stack))));
            }
        }
        Ok((described, next))
    }

    /// Adds a stack, unless it is known or not wanted.
    fn find(&mut self, stack: LiveStack) {
        if !self.known.contains_key(&stack.id) && stack.is_wanted(self.wanted) {
            self.known.insert(stack.id.clone(), Some(stack));
            self.found += 1;
        }
    }
}

fn given(stack: &aws_sdk_cloudformation::types::Stack) -> StackInputs {
    let parameters = stack.parameters().iter().filter_map(|parameter| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some((owned(parameter.parameter_key())?, owned(parameter.parameter_value()), owned(parameter.resolved_value())))
    });
    let (parameters, resolved) = known_values(parameters);
    let tag = |tag: &aws_sdk_cloudformation::types::Tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()));
    StackInputs {
        parameters,
        resolved,
        tags: stack.tags().iter().filter_map(tag).collect(),
        notification_arns: stack.notification_arns().to_vec(),
    }
}

/// Returns the values of parameters in CloudFormation's answer: a `NoEcho` value is `****`.
pub(super) fn known_values(
    parameters: impl Iterator<Item = (String, Option<String>, Option<String>)>,
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let mut values = BTreeMap::new();
    let mut resolved = BTreeSet::new();
    for (name, value, from_systems_manager) in parameters {
        if let Some(value) = from_systems_manager {
            resolved.insert(name.clone());
            values.insert(name, value);
        } else if let Some(value) = value {
            values.insert(name, value);
        }
    }
    (values, resolved)
}

/// Returns the inputs of one stack, if the list does not contain them.
pub(super) async fn describe_one(
    client: &Client,
    id: &str,
    retry_policy: RetryPolicy,
    throttled: &mut u32,
) -> Result<StackInputs, Failure> {
    let page = with_retries(retry_policy, throttled, || async {
        client.describe_stacks().stack_name(id).send().await.map_err(|error| Failure::of(DESCRIBE, &error))
    })
    .await?;
    page.stacks().first().map(given).ok_or_else(|| {
        Failure::new(
            DESCRIBE,
            FailureKind::Gone,
            "the stack no longer \
        exists",
        )
    })
}

/// A stack's template, and whether its macros and transforms are expanded.
#[derive(Debug)]
pub(super) struct TemplateText {
    pub(super) text: String,
    pub(super) processed: bool,
}

/// Returns the template after its macros and transforms, or as written if it has none.
pub(super) async fn template(
    client: &Client,
    id: &str,
    retry_policy: RetryPolicy,
    throttled: &mut u32,
) -> Result<TemplateText, Failure> {
    let processed = get_template(client, id, TemplateStage::Processed, retry_policy, throttled).await;
    match processed {
        Ok(Some(text)) => return Ok(TemplateText { text, processed: true }),
        Err(failure) if failure.kind != FailureKind::Refused => return Err(failure),
        Ok(None) | Err(_) => {}
    }
    match get_template(client, id, TemplateStage::Original, retry_policy, throttled).await? {
        Some(text) => Ok(TemplateText { text, processed: false }),
        None => Err(Failure::new(TEMPLATE, FailureKind::Unreadable, "the answer has no template")),
    }
}

async fn get_template(
    client: &Client,
    id: &str,
    stage: TemplateStage,
    retry_policy: RetryPolicy,
    throttled: &mut u32,
) -> Result<Option<String>, Failure> {
    let answer = with_retries(retry_policy, throttled, || async {
        let request = client.get_template().stack_name(id).template_stage(stage.clone());
        request.send().await.map_err(|error| Failure::of(TEMPLATE, &error))
    })
    .await?;
    Ok(answer.template_body.filter(|text| !text.trim().is_empty()))
}
