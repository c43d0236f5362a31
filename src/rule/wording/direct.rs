//! Every user-facing sentence about EC2 API calls, for which no hook is invoked.

use super::super::ID;
use super::super::finding::{Assessment, Outcome, Reason};
use super::LOGICAL_ID_CHARS;
use crate::excerpt::excerpt;

/// Returns the first sentences about a judged call: its effect on a group, and the rule's verdict. `certain` states
/// whether its rules are egress rules.
#[must_use]
pub(crate) fn headline(operation: &str, group: &str, certain: bool, assessment: &Assessment) -> String {
    let group = if group.is_empty() { "a security group".to_owned() } else { excerpt(group, LOGICAL_ID_CHARS) };
    let made = assessment.findings.iter().any(|finding| finding.reason == Reason::DefaultEgress);
    let broken = assessment.of(Outcome::NonCompliant).count();
    let exempted = assessment.of(Outcome::Exempted).count();
    match (broken, exempted) {
        (0, 0) if made => format!(
            "{operation} created {group} with EC2's default egress rule, which allows all traffic until someone \
             revokes it. The settings of rule {ID} allow it."
        ),
        (0, 0) => format!("{operation} on {group} follows rule {ID}: {}.", allowed(assessment.judged)),
        (0, _) => format!("{operation} on {group} is exempt from rule {ID}."),
        _ if made => format!(
            "{operation} created {group} with EC2's default egress rule, which allows all traffic until someone \
             revokes it. This breaks rule {ID}. {NOT_BLOCKED}"
        ),
        _ if certain => {
            format!("{operation} on {group} breaks rule {ID}: {}. {NOT_BLOCKED}", open(broken, assessment.judged))
        }
        _ => format!(
            "{operation} on {group} may break rule {ID}: if it changed egress rules, {}. {NOT_BLOCKED}",
            open(broken, assessment.judged)
        ),
    }
}

const NOT_BLOCKED: &str = "The call was not blocked: it went directly to EC2, where CloudFormation hooks do not run.";

fn allowed(judged: usize) -> String {
    if judged == 1 { "the rule is allowed".to_owned() } else { format!("the {judged} rules are allowed") }
}

fn open(broken: usize, judged: usize) -> String {
    let which = match (broken, judged) {
        (_, 1) => "the rule does".to_owned(),
        (1, _) => format!("1 of {judged} rules does"),
        _ => format!("{broken} of {judged} rules do"),
    };
    format!("{which} not open exactly one explicit port")
}

/// Returns who made the call: the caller, the service that called on their behalf, the tool, and the source address.
/// Each may be empty.
#[must_use]
pub fn by([caller, service, tool, source]: &[&str; 4]) -> String {
    let caller = if caller.is_empty() { "an unknown caller" } else { caller };
    if !service.is_empty() {
        return format!("Called by {service} on behalf of {caller}.");
    }
    let from = if source.is_empty() { String::new() } else { format!(" from {source}") };
    let with = if tool.is_empty() { String::new() } else { format!(" ({tool})") };
    format!("Called by {caller}{from}{with}.")
}

/// Returns the message for an event that names no egress rules.
#[must_use]
pub(crate) fn no_egress_rules(operation: &str) -> String {
    format!("{operation} was called, but the event does not name the egress rules. Review the security group.")
}

/// Returns the message for an event about something else.
#[must_use]
pub(crate) fn other_event() -> String {
    "Not checked: the event is not a CloudTrail record of AuthorizeSecurityGroupEgress, ModifySecurityGroupRules, or \
     CreateSecurityGroup."
        .to_owned()
}

/// Returns the message for an event that cannot be read.
#[must_use]
pub(crate) fn unreadable_event(place: &str) -> String {
    format!(
        "cfn-egress-guard could not read an EventBridge event at {place}, so it checked nothing. If this happens \
         again, update cfn-egress-guard."
    )
}

/// Returns the message for a defect in this program.
#[must_use]
pub fn defect() -> String {
    "cfn-egress-guard hit an internal error while reading an EventBridge event (a bug), so it checked nothing. The \
     function's log has the details; please report them."
        .to_owned()
}
