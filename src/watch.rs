//! Checks calls to the EC2 API, which invoke no hook, as CloudTrail records them and EventBridge delivers them. It uses
//! the same rule and the same policy, and records the decision. Nobody waits for an answer, and nothing is changed.
//!
//! The event is read once into the facts of the [`Call`]. The requested egress rules are converted to CloudFormation's
//! properties and judged by the common code path. The [`CallDecision`] is the only record, and the log lines are
//! derived from it. The module is synchronous and never fails. It knows no hook, no sockets, no environment, and no
//! clock.
//!
//! Sources: EventBridge User Guide, "Events delivered via AWS CloudTrail"; CloudTrail User Guide, "CloudTrail record
//! contents" and "userIdentity element"; EC2 API Reference, `AuthorizeSecurityGroupEgress`, `ModifySecurityGroupRules`,
//! `CreateSecurityGroup`.

mod call;
mod decision;
mod log;
mod requested;
mod tool;

pub use call::{Call, Direction, Ec2Operation};
pub use decision::{CallConclusion, CallDecision};
pub use log::lines;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::check::judge_properties;
use crate::rule::policy::{Date, Policy, ResourceContext, UnchangedRules};
use crate::rule::{Knowledge, wording};
use crate::security_group::ResourceType;
use crate::value::Value;
use call::{detail, place, text};
use requested::RequestedRules;

/// The outcome of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchOutcome {
    /// The call was decided, and the decision is recorded.
    Decided(Box<CallDecision>),
    /// There is nothing to record.
    Ignored(IgnoredCall),
}

/// The reason why a call is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoredCall {
    /// EC2 refused it, or it was a dry run, so it opened nothing.
    Refused,
    /// CloudFormation made it, so the hook was invoked before.
    ByCloudFormation,
}

/// Decides an EventBridge event, given as the bytes that Lambda delivered, as of a day (UTC). A defect in this program
/// becomes a decision too, so that no event makes the function fail.
#[must_use]
pub fn decide(event: &[u8], policy: Result<&Policy, &str>, today: Date) -> WatchOutcome {
    catch_unwind(AssertUnwindSafe(|| watched(event, policy, today))).unwrap_or_else(|_| {
        let conclusion = CallConclusion::InternalFailure(wording::direct::defect());
        WatchOutcome::Decided(Box::new(CallDecision { call: Call::default(), conclusion }))
    })
}

fn watched(event: &[u8], policy: Result<&Policy, &str>, today: Date) -> WatchOutcome {
    let decided = |call, conclusion| WatchOutcome::Decided(Box::new(CallDecision { call, conclusion }));
    let event: Value = match serde_json::from_slice(event) {
        Ok(event) => event,
        Err(error) => {
            // The place, but never the value there.
            let problem = format!("line {} column {}", error.line(), error.column());
            return decided(
                Call::default(),
                CallConclusion::InternalFailure(wording::direct::unreadable_event(&problem)),
            );
        }
    };
    let call = Call::of(&event);
    if call.operation == Ec2Operation::Other {
        return decided(call, CallConclusion::NotChecked(wording::direct::other_event()));
    }
    if call.by_cloud_formation {
        return WatchOutcome::Ignored(IgnoredCall::ByCloudFormation);
    }
    if !text(detail(&event, "errorCode")).is_empty() {
        return WatchOutcome::Ignored(IgnoredCall::Refused);
    }
    let conclusion = match (policy, RequestedRules::of(call.operation, &event)) {
        (Err(problem), _) => CallConclusion::InternalFailure(problem.to_owned()),
        (Ok(_), None) => CallConclusion::NotRead(wording::direct::no_egress_rules(call.operation.name())),
        (Ok(policy), Some(asked)) => {
            let case = ResourceContext { context: place(&event), unchanged: &UnchangedRules::Nothing, today };
            let properties = &asked.properties;
            let judged = judge_properties(ResourceType::SecurityGroup, properties, Knowledge::Final, policy, &case);
            CallConclusion::Judged(asked.in_the_call(judged))
        }
    };
    decided(call, conclusion)
}

#[cfg(test)]
mod tests;
