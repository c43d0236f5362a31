//! Calls of EC2's API that no hook is asked about, as CloudTrail records them and EventBridge delivers them: the same
//! rule, the same policy, a record of the decision. Nobody waits for an answer, and nothing is changed.
//!
//! One walk: the event is read once into the facts of the [`Call`]; the egress rules that it asks for are put into the
//! shape of CloudFormation's properties and judged on the one path; the [`Decision`] is the one record, from which the
//! log lines are made. Synchronous and total. Knows no hook, no socket, no environment and no clock.
//!
//! Sources: EventBridge User Guide, "Events delivered via AWS CloudTrail"; CloudTrail User Guide, "CloudTrail record
//! contents" and "userIdentity element"; EC2 API Reference, `AuthorizeSecurityGroupEgress`, `ModifySecurityGroupRules`,
//! `CreateSecurityGroup`.

mod asked;
mod call;
mod decision;
mod log;
mod tool;

pub use call::{Call, Direction, Operation};
pub use decision::{Conclusion, Decision};
pub use log::lines;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::check::judge_properties;
use crate::rule::policy::{Case, Date, Policy, Unchanged};
use crate::rule::{Knowledge, wording};
use crate::security_group::ResourceType;
use crate::value::Value;
use asked::Asked;
use call::{detail, place, text};

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// It is decided, and the decision is recorded.
    Decided(Box<Decision>),
    /// There is nothing to record.
    Ignored(Ignored),
}

/// Why a call is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// EC2 refused it, or it was a dry run: nothing was opened.
    Refused,
    /// CloudFormation made it: the hook was asked before.
    ByCloudFormation,
}

/// Decides an event of EventBridge, given as the bytes that Lambda delivered, as of a day (UTC). A defect of this
/// program is a decision, too: no event makes the function fail.
#[must_use]
pub fn decide(event: &[u8], policy: Result<&Policy, &str>, today: Date) -> Watched {
    catch_unwind(AssertUnwindSafe(|| watched(event, policy, today))).unwrap_or_else(|_| {
        let conclusion = Conclusion::InternalFailure(wording::direct::defect());
        Watched::Decided(Box::new(Decision { call: Call::default(), conclusion }))
    })
}

fn watched(event: &[u8], policy: Result<&Policy, &str>, today: Date) -> Watched {
    let decided = |call, conclusion| Watched::Decided(Box::new(Decision { call, conclusion }));
    let event: Value = match serde_json::from_slice(event) {
        Ok(event) => event,
        Err(error) => {
            // Where it stands, never what stands there.
            let problem = format!("line {} column {}", error.line(), error.column());
            return decided(Call::default(), Conclusion::InternalFailure(wording::direct::unreadable_event(&problem)));
        }
    };
    let call = Call::of(&event);
    if call.operation == Operation::Other {
        return decided(call, Conclusion::NotChecked(wording::direct::other_event()));
    }
    if call.by_cloud_formation {
        return Watched::Ignored(Ignored::ByCloudFormation);
    }
    if !text(detail(&event, "errorCode")).is_empty() {
        return Watched::Ignored(Ignored::Refused);
    }
    let conclusion = match (policy, Asked::of(call.operation, &event)) {
        (Err(problem), _) => Conclusion::InternalFailure(problem.to_owned()),
        (Ok(_), None) => Conclusion::NotRead(wording::direct::no_egress_rules(call.operation.name())),
        (Ok(policy), Some(asked)) => {
            let case = Case { context: place(&event), unchanged: &Unchanged::Nothing, today };
            let properties = &asked.properties;
            let judged = judge_properties(ResourceType::SecurityGroup, properties, Knowledge::Final, policy, &case);
            Conclusion::Judged(asked.in_the_call(judged))
        }
    };
    decided(call, conclusion)
}

#[cfg(test)]
mod tests;
