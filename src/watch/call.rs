//! The facts of a call other than its egress rules, read once from CloudTrail's record.

use crate::rule::excerpt;
use crate::rule::policy::Context;
use crate::value::{Kind, Value};

use super::tool::tool;

/// An operation of EC2's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ec2Operation {
    /// Adds egress rules to a group.
    AuthorizeSecurityGroupEgress,
    /// Replaces rules of a group, identified by their ids.
    ModifySecurityGroupRules,
    /// Creates a group, with EC2's default rule.
    CreateSecurityGroup,
    /// An operation that opens no egress rules.
    #[default]
    Other,
}

impl Ec2Operation {
    /// Returns the operation's name in EC2's API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizeSecurityGroupEgress => "AuthorizeSecurityGroupEgress",
            Self::ModifySecurityGroupRules => "ModifySecurityGroupRules",
            Self::CreateSecurityGroup => "CreateSecurityGroup",
            Self::Other => "",
        }
    }

    /// Returns whether the rules of the call are egress rules.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            // The call identifies rules by ids, which do not distinguish ingress from egress rules.
            Self::ModifySecurityGroupRules => Direction::MayBeEgress,
            Self::AuthorizeSecurityGroupEgress | Self::CreateSecurityGroup | Self::Other => Direction::Egress,
        }
    }

    fn of(event: &Value) -> Self {
        let is_call = text(event.get("source")) == "aws.ec2"
            && text(event.get("detail-type")) == "AWS API Call via CloudTrail"
            && text(detail(event, "eventSource")) == "ec2.amazonaws.com";
        let name = text(detail(event, "eventName"));
        let operations =
            [Self::AuthorizeSecurityGroupEgress, Self::ModifySecurityGroupRules, Self::CreateSecurityGroup];
        operations.into_iter().find(|operation| is_call && operation.name() == name).unwrap_or_default()
    }
}

/// Whether the rules of a call are egress rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// They are egress rules.
    Egress,
    /// They are egress or ingress rules: the event does not distinguish them.
    MayBeEgress,
}

impl Direction {
    /// Returns the name in log lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::MayBeEgress => "may be egress",
        }
    }
}

/// The facts of a call that are independent of the rule, each shortened to the length that AWS allows; empty if the
/// event does not contain them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// CloudTrail's id of the call, the same if EventBridge delivers the event again.
    pub event_id: String,
    /// The time of the call, UTC.
    pub time: String,
    pub operation: Ec2Operation,
    /// The account's 12 digits.
    pub account: String,
    pub region: String,
    /// The security group's id.
    pub group_id: String,
    /// The ARN of the caller, or the kind of identity.
    pub caller: String,
    /// The ARN of the role, if the caller is a role session.
    pub role: String,
    /// The AWS service that called on the caller's behalf.
    pub service: String,
    /// The source of the call: an address or a service.
    pub source_ip: String,
    /// The tool: `Terraform`, `AWS CLI`.
    pub tool: String,
    /// The user agent, as sent.
    pub user_agent: String,
    /// Whether CloudFormation made the call, so that the hook was invoked before.
    pub by_cloud_formation: bool,
}

/// CloudFormation's name when it calls on behalf of someone.
const CLOUD_FORMATION: &str = "cloudformation.amazonaws.com";

/// The number of characters kept of a field. The longest ARN of a role session has about 150.
const FIELD_CHARS: usize = 300;

impl Call {
    /// Returns the facts of an event.
    pub(super) fn of(event: &Value) -> Self {
        let field = |value: Option<&Value>| excerpt(&text(value), FIELD_CHARS);
        let or = |one: String, other: &dyn Fn() -> String| if one.is_empty() { other() } else { one };
        let identity = |name| detail(event, "userIdentity").and_then(|identity| identity.get(name));
        let issuer = identity("sessionContext").and_then(|context| context.get("sessionIssuer"));
        let service = field(identity("invokedBy"));
        let source_ip = field(detail(event, "sourceIPAddress"));
        let user_agent = field(detail(event, "userAgent"));
        Self {
            event_id: or(field(detail(event, "eventID")), &|| field(event.get("id"))),
            time: or(field(detail(event, "eventTime")), &|| field(event.get("time"))),
            operation: Ec2Operation::of(event),
            account: or(field(event.get("account")), &|| field(detail(event, "recipientAccountId"))),
            region: or(field(event.get("region")), &|| field(detail(event, "awsRegion"))),
            group_id: excerpt(&group_id(event), FIELD_CHARS),
            caller: or(field(identity("arn")), &|| field(identity("type"))),
            role: field(issuer.and_then(|issuer| issuer.get("arn"))),
            by_cloud_formation: service == CLOUD_FORMATION || source_ip == CLOUD_FORMATION,
            tool: match text(detail(event, "sessionCredentialFromConsole")).as_str() {
                "true" => "AWS console".to_owned(),
                _ => excerpt(tool(&user_agent), 60),
            },
            service,
            source_ip,
            user_agent,
        }
    }
}

/// Returns the group of a call. The id of a new group is only in the response.
fn group_id(event: &Value) -> String {
    let request = detail(event, "requestParameters");
    let wrapped = request.and_then(|request| request.get("ModifySecurityGroupRulesRequest"));
    let answer = detail(event, "responseElements");
    let at = [(request, "groupId"), (wrapped, "GroupId"), (answer, "groupId"), (request, "groupName")];
    at.into_iter()
        .map(|(object, name)| text(object.and_then(|object| object.get(name))))
        .find(|id| !id.is_empty())
        .unwrap_or_default()
}

/// Returns the place of a call for the policy's conditions. Texts are never shortened, and a text longer than AWS
/// allows is omitted. A direct call has no stack, no logical id, no resource type, and no tags.
pub(super) fn place(event: &Value) -> Context<'_> {
    const LONGEST: usize = 64;
    fn known(value: Option<&Value>) -> Option<&str> {
        value.and_then(Value::as_str).filter(|text| (1..=LONGEST).contains(&text.len()))
    }
    Context {
        account: known(event.get("account").or_else(|| detail(event, "recipientAccountId"))),
        region: known(event.get("region").or_else(|| detail(event, "awsRegion"))),
        ..Context::default()
    }
}

/// Returns a field of CloudTrail's record.
pub(super) fn detail<'v>(event: &'v Value, name: &str) -> Option<&'v Value> {
    event.get("detail")?.get(name)
}

/// Returns any value as text: a number becomes its digits, other values an empty text.
pub(super) fn text(value: Option<&Value>) -> String {
    match value.map(|value| &value.kind) {
        Some(Kind::String(text)) => text.clone(),
        Some(Kind::Integer(number)) => number.to_string(),
        _ => String::new(),
    }
}
