//! Finds the stack that owns a security group: by CloudFormation's own tags, or otherwise by calling CloudFormation.

use aws_sdk_cloudformation::Client;

use super::record::Ownership;
use crate::failure::{Failure, FailureKind};
use crate::pace::{RetryPolicy, with_retries};
use crate::pages::PageCursor;
use crate::scan::expected::{DeclaredEgress, StackKnowledge};
use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::rule::policy::Tag;

const RESOURCES: &str = "cloudformation:DescribeStackResources";
const LIST: &str = "cloudformation:ListStackResources";

/// A place in a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StackResource {
    pub(super) stack: String,
    pub(super) stack_id: String,
    pub(super) logical_id: String,
}

/// A group's owner, and its place in the stack that owns it or left it behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupOwner {
    pub(super) by: Ownership,
    pub(super) place: Option<StackResource>,
}

/// Returns the place in CloudFormation's tags. Only AWS can write tags that begin with `aws:` (CloudFormation User
/// Guide, "Resource tags").
pub(super) fn tagged(tags: &[Tag]) -> Option<StackResource> {
    let tag = |name: &str| {
        let key = format!("aws:cloudformation:{name}");
        tags.iter().find(|tag| tag.key == key)?.value.clone()
    };
    let stack_id = tag("stack-id")?;
    let stack = tag("stack-name").or_else(|| Some(Arn::parse(&stack_id)?.stack_name()?.to_owned()))?;
    Some(StackResource { stack, stack_id, logical_id: tag("logical-id")? })
}

/// Returns the place of a group without such tags: the stack with its ID among the resources, or nothing if there is
/// none.
///
/// CloudFormation finds the stack of a resource, but returns at most 100 resources of it, which may not include this
/// one (CloudFormation API Reference, `DescribeStackResources`).
pub(super) async fn asked(
    client: &Client,
    group: &str,
    retry_policy: RetryPolicy,
    throttled: &mut u32,
) -> Result<Option<StackResource>, Failure> {
    let answer = with_retries(retry_policy, throttled, || async {
        let request = client.describe_stack_resources().physical_resource_id(group);
        request.send().await.map_err(|error| Failure::of(RESOURCES, &error))
    })
    .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) if failure.kind == FailureKind::Gone => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let resources = answer.stack_resources();
    let found = resources.iter().find(|resource| resource.physical_resource_id() == Some(group));
    let Some(any) = found.or(resources.first()) else { return Ok(None) };
    let (Some(stack), Some(stack_id)) = (any.stack_name(), any.stack_id()) else {
        return Err(Failure::new(RESOURCES, FailureKind::Unreadable, "a resource has no stack"));
    };
    let logical_id = match found.and_then(|resource| resource.logical_resource_id()) {
        Some(logical_id) => logical_id.to_owned(),
        None => listed(client, stack_id, group, retry_policy, throttled).await?,
    };
    Ok(Some(StackResource { stack: stack.to_owned(), stack_id: stack_id.to_owned(), logical_id }))
}

/// Returns the logical ID of a group in the stack that owns it, from the list of all its resources.
async fn listed(
    client: &Client,
    stack_id: &str,
    group: &str,
    retry_policy: RetryPolicy,
    throttled: &mut u32,
) -> Result<String, Failure> {
    let mut pages = PageCursor::new(LIST);
    while pages.has_page() {
        let page = with_retries(retry_policy, throttled, || async {
            let request = client.list_stack_resources().stack_name(stack_id).set_next_token(pages.token());
            request.send().await.map_err(|error| Failure::of(LIST, &error))
        })
        .await?;
        let mut resources = page.stack_resource_summaries().iter();
        let found = resources.find(|resource| resource.physical_resource_id() == Some(group));
        if let Some(logical_id) = found.and_then(|resource| resource.logical_resource_id()) {
            return Ok(logical_id.to_owned());
        }
        pages.advance(page.next_token())?;
    }
    Err(Failure::new(LIST, FailureKind::Unreadable, "the stack's resources do not include the group"))
}

/// Returns the owner of a group with such a place. A group keeps its tags when its stack is deleted and retains it.
pub(super) fn owned(place: Option<StackResource>, expected: &DeclaredEgress) -> GroupOwner {
    let by = match &place {
        Some(place) if expected.stack(&place.stack_id) == StackKnowledge::Gone => Ownership::None,
        Some(_) => Ownership::Stack,
        None => Ownership::None,
    };
    GroupOwner { by, place }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: Some(value.to_owned()) }
    }

    const ID: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/app/1";

    #[test]
    fn cloudformations_tags_name_the_stack() {
        let tags = [tag("aws:cloudformation:stack-id", ID), tag("aws:cloudformation:logical-id", "Sg")];
        let place = StackResource { stack: "app".to_owned(), stack_id: ID.to_owned(), logical_id: "Sg".to_owned() };
        assert_eq!(tagged(&tags), Some(place));
        assert_eq!(tagged(&[tag("cloudformation:stack-id", ID)]), None);
    }

    #[test]
    fn a_group_whose_stack_is_gone_belongs_to_none() {
        let place = StackResource { stack: "app".to_owned(), stack_id: ID.to_owned(), logical_id: "Sg".to_owned() };
        let by = |expected: &DeclaredEgress| owned(Some(place.clone()), expected).by;
        let mut expected = DeclaredEgress::default();
        assert_eq!(by(&expected), Ownership::None);
        expected.list_is_incomplete();
        assert_eq!(by(&expected), Ownership::Stack, "nobody says that it is gone");
        let mut expected = DeclaredEgress::default();
        expected.listed(ID);
        assert_eq!(by(&expected), Ownership::Stack);
        assert_eq!(owned(None, &expected).by, Ownership::None);
    }
}
