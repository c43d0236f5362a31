//! What an invocation is about: the facts that do not depend on the rule, taken from the request once.

use super::request::Request;
use crate::arn::Arn;
use crate::rule::excerpt;
use crate::rule::policy::{Context, Tag};
use crate::security_group::ResourceType;

/// What CloudFormation asked about (the hook's target operations).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A resource of a stack.
    Resource,
    /// A resource through the Cloud Control API.
    CloudControl,
    /// A whole stack's template.
    Stack,
    /// What a change set would do, before anyone executes it.
    ChangeSet,
}

impl Target {
    /// The target operation's name in the hook's configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "RESOURCE",
            Self::CloudControl => "CLOUD_CONTROL",
            Self::Stack => "STACK",
            Self::ChangeSet => "CHANGE_SET",
        }
    }
}

/// When CloudFormation asks, as `actionInvocationPoint` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvocationPoint {
    /// `CREATE_PRE_PROVISION`.
    Create,
    /// `UPDATE_PRE_PROVISION`.
    Update,
    /// `DELETE_PRE_PROVISION`.
    Delete,
    /// An import, of which the API's models know and the protocol's documentation does not.
    Import,
    /// It is not stated: the documentation shows it for STACK and CHANGE_SET in examples only.
    Unstated,
    /// Something that the protocol does not have.
    Unknown,
}

impl InvocationPoint {
    fn of(text: &str) -> Self {
        match text {
            "CREATE_PRE_PROVISION" => Self::Create,
            "UPDATE_PRE_PROVISION" => Self::Update,
            "DELETE_PRE_PROVISION" => Self::Delete,
            "" => Self::Unstated,
            import if import.starts_with("IMPORT") => Self::Import,
            _ => Self::Unknown,
        }
    }
}

/// The facts of an invocation that are not about the rule, each shortened to what AWS allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The token that the response repeats.
    pub client_request_token: String,
    /// The account's 12 digits.
    pub account: String,
    /// The Region, from the stack's or the function's ARN.
    pub region: String,
    /// The stack's ARN; empty for Cloud Control.
    pub stack_id: String,
    /// The stack's name; empty for Cloud Control.
    pub stack_name: String,
    /// The logical id of the resource; of a STACK invocation the stack's name, of a CHANGE_SET one the change set's ARN.
    pub logical_id: String,
    /// The resource type, `STACK` or `CHANGE_SET`.
    pub resource_type: String,
    /// The target operation.
    pub target: Target,
    /// The invocation point as sent.
    pub invocation_point: String,
    /// The invocation point as the protocol has it.
    pub point: InvocationPoint,
}

impl Invocation {
    /// How much of a field is kept, in characters: the longest documented one is a stack's ARN with a
    /// name of 128 characters. The token is repeated whole up to twice that.
    const FIELD_CHARS: usize = 300;

    /// The facts of a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let field = |text: &str| excerpt(text, Self::FIELD_CHARS);
        let data = request.request_data.as_ref();
        let target_name = data.map_or("", |data| data.target_name.as_str());
        let target_type = data.map_or("", |data| data.target_type.as_str());
        let resource_type = if target_name.is_empty() { target_type } else { target_name };
        let stack_id = request.stack_id.as_str();
        let target = match (target_name, target_type) {
            ("STACK", _) | ("", "STACK") => Target::Stack,
            ("CHANGE_SET", _) | ("", "CHANGE_SET") => Target::ChangeSet,
            _ if stack_id.is_empty() => Target::CloudControl,
            _ => Target::Resource,
        };
        Self {
            client_request_token: excerpt(request.client_request_token.as_str(), 2 * Self::FIELD_CHARS),
            account: field(request.aws_account_id.as_str()),
            region: field(region(request).unwrap_or_default()),
            stack_id: field(stack_id),
            stack_name: field(Arn::parse(stack_id).and_then(|arn| arn.stack_name()).unwrap_or_default()),
            logical_id: field(data.map_or("", |data| data.target_logical_id.as_str())),
            resource_type: field(resource_type),
            target,
            invocation_point: field(request.action_invocation_point.as_str()),
            point: InvocationPoint::of(request.action_invocation_point.as_str()),
        }
    }

    /// The facts of an invocation that could not be read beyond its token.
    #[must_use]
    pub fn unreadable(client_request_token: &str) -> Self {
        Self {
            client_request_token: excerpt(client_request_token, 2 * Self::FIELD_CHARS),
            account: String::new(),
            region: String::new(),
            stack_id: String::new(),
            stack_name: String::new(),
            logical_id: String::new(),
            resource_type: String::new(),
            target: Target::Resource,
            invocation_point: String::new(),
            point: InvocationPoint::Unstated,
        }
    }
}

/// Where a resource is deployed, as the request says it: whole, never shortened, and not at all where a
/// text is longer than AWS has any.
pub(super) fn context<'a>(
    request: &'a Request,
    resource_type: Option<ResourceType>,
    tags: Option<&'a [Tag]>,
) -> Context<'a> {
    const LONGEST: usize = 1_024;
    let known = |text: &'a str| Some(text).filter(|text| (1..=LONGEST).contains(&text.len()));
    let stack_id = request.stack_id.as_str();
    Context {
        account: known(request.aws_account_id.as_str()),
        region: region(request).and_then(known),
        stack_name: Arn::parse(stack_id).and_then(|arn| arn.stack_name()).and_then(known),
        stack_id: known(stack_id),
        logical_id: request.request_data.as_ref().and_then(|data| known(data.target_logical_id.as_str())),
        resource_type: resource_type.map(ResourceType::name),
        tags,
    }
}

/// The Region of the stack, or else of the function.
fn region(request: &Request) -> Option<&str> {
    let function = request.hook_model.as_ref().map_or("", |model| model.lambda_function.as_str());
    let of = |text| Arn::parse(text).and_then(|arn| arn.region());
    of(request.stack_id.as_str()).or_else(|| of(function))
}
