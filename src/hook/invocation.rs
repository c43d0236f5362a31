//! The facts of an invocation that are independent of the rule, read once from the request.

use super::request::Request;
use crate::arn::Arn;
use crate::rule::excerpt;
use crate::rule::policy::{Context, Tag};
use crate::security_group::ResourceType;

/// The target of an invocation (the hook's target operations).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A resource of a stack.
    Resource,
    /// A resource through the Cloud Control API.
    CloudControl,
    /// A whole stack's template.
    Stack,
    /// A change set, before it is executed.
    ChangeSet,
}

impl Target {
    /// Returns the target operation's name in the hook's configuration.
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

/// The operation before which CloudFormation invokes the hook, as in `actionInvocationPoint`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvocationPoint {
    /// `CREATE_PRE_PROVISION`.
    Create,
    /// `UPDATE_PRE_PROVISION`.
    Update,
    /// `DELETE_PRE_PROVISION`.
    Delete,
    /// An import, which is in the API's models but not in the protocol's documentation.
    Import,
    /// Not stated. For STACK and CHANGE_SET, the documentation shows it only in examples.
    Unstated,
    /// A value that the protocol does not define.
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

/// The facts of an invocation that are independent of the rule, each shortened to the length that AWS allows.
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
    /// The logical id of the resource; for STACK the stack's name, for CHANGE_SET the change set's ARN.
    pub logical_id: String,
    /// The resource type, `STACK` or `CHANGE_SET`.
    pub resource_type: String,
    /// The target operation.
    pub target: Target,
    /// The invocation point as sent.
    pub invocation_point: String,
    /// The parsed invocation point.
    pub point: InvocationPoint,
}

impl Invocation {
    /// The number of characters kept of a field. The longest documented field is a stack's ARN with a name of 128
    /// characters.
    const FIELD_CHARS: usize = 300;
    /// The number of characters kept of the token, which the answer repeats. AWS sends UUIDs, of 36 characters.
    const TOKEN_CHARS: usize = 600;

    /// Returns the facts of a request.
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
            client_request_token: excerpt(request.client_request_token.as_str(), Self::TOKEN_CHARS),
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

    /// Returns the facts of an invocation of which only the token could be read.
    #[must_use]
    pub fn unreadable(client_request_token: &str) -> Self {
        Self {
            client_request_token: excerpt(client_request_token, Self::TOKEN_CHARS),
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

/// Returns the place of a resource's deployment for the policy's conditions. Texts are never shortened, and a text
/// longer than AWS allows is omitted.
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

/// Returns the Region of the stack, or else that of the function.
fn region(request: &Request) -> Option<&str> {
    let function = request.hook_model.as_ref().map_or("", |model| model.lambda_function.as_str());
    let of = |text| Arn::parse(text).and_then(|arn| arn.region());
    of(request.stack_id.as_str()).or_else(|| of(function))
}
