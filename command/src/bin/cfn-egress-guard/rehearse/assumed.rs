//! The values of pseudo parameters that a rehearsal assumes, and whether they decide something.

use cfn_egress_guard::rehearsal::{Action, DeploymentPlan};
use cfn_egress_guard_core::template::Scope;

use crate::args::Rehearse;

/// A pseudo parameter whose value is not given.
struct AssumedValue {
    name: &'static str,
    option: &'static str,
    value: Option<String>,
    forget: fn(&mut Scope),
}

/// Returns the assumed values that decide whether a resource follows the rule: without them, the plan has another
/// verdict.
pub(super) fn assumed(
    plan: &DeploymentPlan,
    scope: &Scope,
    arguments: &Rehearse,
    mut planned: impl FnMut(&Scope) -> anyhow::Result<DeploymentPlan>,
) -> Vec<String> {
    let mut assumed = vec![
        AssumedValue {
            name: "AWS::Region",
            option: "--region",
            value: scope.region.clone().filter(|_| arguments.region.is_none()),
            forget: |scope| scope.region = None,
        },
        AssumedValue {
            name: "AWS::AccountId",
            option: "--account",
            value: scope.account.clone().filter(|_| arguments.account.is_none()),
            forget: |scope| scope.account = None,
        },
        AssumedValue {
            name: "AWS::StackName",
            option: "--stack-name",
            value: scope.stack_name.clone().filter(|_| arguments.stack_name.is_none()),
            forget: |scope| scope.stack_name = None,
        },
    ];
    assumed.retain(|it| it.value.is_some());
    let mut decides = |forgotten: &[&AssumedValue]| {
        let mut scope = scope.clone();
        forgotten.iter().for_each(|it| (it.forget)(&mut scope));
        // A deployment that cannot be planned without a value depends on it.
        planned(&scope).map_or(true, |open| verdicts(&open) != verdicts(plan))
    };
    let all: Vec<&AssumedValue> = assumed.iter().collect();
    let mut deciding: Vec<&AssumedValue> = all.iter().copied().filter(|it| decides(&[*it])).collect();
    // Values can decide only together.
    if deciding.is_empty() && all.len() > 1 && decides(&all) {
        deciding = all;
    }
    let described = |it: &AssumedValue| {
        let value = it.value.as_deref().unwrap_or_default();
        format!("`{}` is {value}, because {} is not given", it.name, it.option)
    };
    deciding.into_iter().map(described).collect()
}

/// Returns the operations that break the rule or leave open whether they do, with the reasons.
fn verdicts(plan: &DeploymentPlan) -> Vec<(&str, bool, bool, &[String])> {
    let operations = plan.all_operations().filter(|operation| operation.action != Action::Remove);
    let mut verdicts: Vec<_> = operations
        .map(|it| (it.logical_id.as_str(), it.breaks, it.undetermined.is_some(), it.hinges_on.as_slice()))
        .filter(|(_, breaks, is_open, _)| *breaks || *is_open)
        .collect();
    verdicts.sort_unstable();
    verdicts
}
