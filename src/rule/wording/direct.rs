//! Every sentence about calls of EC2's API that no hook is asked about.

use super::super::ID;
use super::super::finding::{Assessment, Outcome, Reason};
use super::super::text::excerpt;
use super::LOGICAL_ID_CHARS;

/// The first sentences about a call that was judged: what it did to which group, and what the rule says. `certain` is
/// whether its rules are egress rules.
#[must_use]
pub(crate) fn headline(operation: &str, group: &str, certain: bool, assessment: &Assessment) -> String {
    let group = if group.is_empty() { "a security group".to_owned() } else { excerpt(group, LOGICAL_ID_CHARS) };
    let made = assessment.findings.iter().any(|finding| finding.reason == Reason::DefaultEgress);
    let broken = assessment.of(Outcome::NonCompliant).count();
    let exempted = assessment.of(Outcome::Exempted).count();
    match (broken, exempted) {
        (0, 0) if made => format!(
            "{operation} made {group} with EC2's default egress rule, which allows all traffic until someone revokes \
             it. The settings of rule {ID} allow it."
        ),
        (0, 0) => format!("{operation} on {group} follows rule {ID}: {}.", allowed(assessment.judged)),
        (0, _) => format!("{operation} on {group} is exempted from rule {ID}."),
        _ if made => format!(
            "{operation} made {group} with EC2's default egress rule, which allows all traffic until someone revokes \
             it and breaks rule {ID}. {NOT_BLOCKED}"
        ),
        _ if certain => {
            format!("{operation} on {group} breaks rule {ID}: {}. {NOT_BLOCKED}", open(broken, assessment.judged))
        }
        _ => format!(
            "{operation} on {group} may break rule {ID}: if egress rules were changed, {}. {NOT_BLOCKED}",
            open(broken, assessment.judged)
        ),
    }
}

const NOT_BLOCKED: &str = "It was not blocked: the call went to EC2 directly, where no hook is asked.";

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

/// Who called: the caller, the service that called on behalf of them, the tool, and where it came from; each may be
/// empty.
#[must_use]
pub fn by([caller, service, tool, source]: &[&str; 4]) -> String {
    let caller = if caller.is_empty() { "someone whom the event does not name" } else { caller };
    if !service.is_empty() {
        return format!("Called by {service} on behalf of {caller}.");
    }
    let from = if source.is_empty() { String::new() } else { format!(" from {source}") };
    let with = if tool.is_empty() { String::new() } else { format!(" ({tool})") };
    format!("Called by {caller}{from}{with}.")
}

/// The event names no egress rules.
#[must_use]
pub(crate) fn no_egress_rules(operation: &str) -> String {
    format!("{operation} was called, and the event does not say for which egress rules: look at the security group.")
}

/// The event is about something else.
#[must_use]
pub(crate) fn other_event() -> String {
    "Not checked: the event is no call of AuthorizeSecurityGroupEgress, ModifySecurityGroupRules or \
     CreateSecurityGroup that CloudTrail reports."
        .to_owned()
}

/// The event cannot be read.
#[must_use]
pub(crate) fn unreadable_event(place: &str) -> String {
    format!(
        "cfn-egress-guard could not read an event of EventBridge at {place}, and nothing was checked. If this comes \
         back, update cfn-egress-guard."
    )
}

/// The program failed: a defect.
#[must_use]
pub fn defect() -> String {
    "cfn-egress-guard failed inside while reading an event of EventBridge, which is a defect: nothing was checked. The \
     function's log has the details; please report it."
        .to_owned()
}
