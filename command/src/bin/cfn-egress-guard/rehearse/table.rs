//! Prints the events of a rehearsal as a table for people.

use std::collections::BTreeSet;
use std::io::Write;

use anstyle::Style;
use cfn_egress_guard::rehearsal::{
    DeploymentPlan, HookProgress, RehearsalEvent, RehearsalOutcome, ResourceOperation, StackEvent, VerdictAssumption,
};
use cfn_egress_guard::wrapping::wrapped;
use cfn_egress_guard_core::rule::excerpt;

use crate::ID_CHARS;
use crate::style::{BAD, BOLD, CAUTION, DIM, GOOD};
use crate::wrap;

/// The length of the longest common status, so that the reasons after it are aligned.
const STATUS_WIDTH: usize = "HOOK_COMPLETE_SUCCEEDED".len();

/// The width at which a hook's long message is wrapped, unless the terminal has another.
const WIDTH: usize = 100;

/// The indentation of each nested stack.
const INDENT: usize = 2;

pub(super) fn title(out: &mut impl Write, plan: &DeploymentPlan, first: bool) -> std::io::Result<()> {
    let gap = if first { "" } else { "\n" };
    let what = if plan.is_update() { "update of stack" } else { "creation of stack" };
    writeln!(out, "{gap}{BOLD}Rehearsal: {what} {}{BOLD:#}", plan.stack_name)?;
    for open in plan.not_judged().iter().filter(|open| open.logical_resource_id.is_none()) {
        let place = if open.stack_name == plan.stack_name { String::new() } else { format!("{}: ", open.stack_name) };
        writeln!(out, "  {CAUTION}not checked: {place}{}{CAUTION:#}", open.reason)?;
    }
    Ok(())
}

/// The hook's answers in a rehearsal, for the conclusion.
#[derive(Debug, Default)]
pub(super) struct HookAnswers {
    /// Whether it was invoked at all.
    asked: bool,
    /// The assumptions of the violations that it found.
    hinges_on: BTreeSet<String>,
}

impl HookAnswers {
    pub(super) fn hear(&mut self, described: &RehearsalEvent<'_>) {
        let Some(hook) = &described.event.hook else { return };
        self.asked = true;
        if hook.hook_status == HookProgress::HookCompleteFailed {
            self.hinges_on.extend(described.operation.iter().flat_map(|operation| operation.hinges_on.iter().cloned()));
        }
    }
}

/// Returns the width of the column of logical IDs.
pub(super) fn width(plan: &DeploymentPlan) -> usize {
    let ids = plan.operations.iter().map(|operation| operation.logical_id.len());
    let inner = plan.operations.iter().filter_map(|operation| Some(INDENT + width(operation.nested.as_deref()?)));
    ids.chain(inner).chain([plan.stack_name.len()]).max().unwrap_or_default()
}

pub(super) fn row(out: &mut impl Write, described: &RehearsalEvent<'_>, width: usize) -> std::io::Result<()> {
    let event = &described.event;
    let (status, note, text) = match &event.hook {
        Some(hook) => (hook.hook_status.name(), hook.hook_type.clone(), hook_text(hook.hook_status, event)),
        // The reason why the hook is not invoked is below.
        None if is_not_asked(described) => (event.resource_status, String::new(), None),
        None => (event.resource_status, event.resource_status_reason.clone().unwrap_or_default(), None),
    };
    let style = style_of(status);
    let indent = INDENT * described.depth;
    let id_width = width.saturating_sub(indent);
    // A template's names come from its author; none may look like a separate line.
    let id = excerpt(&event.logical_resource_id, ID_CHARS);
    write!(out, "  {:indent$}{id:id_width$}  {style}{status}{style:#}", "")?;
    if !note.is_empty() {
        let note = excerpt(&note, usize::MAX);
        write!(out, "{:pad$}  {note}", "", pad = STATUS_WIDTH.saturating_sub(status.len()))?;
    }
    writeln!(out)?;
    let columns = wrap::width().map_or(WIDTH, |width| width.saturating_sub(indent).min(WIDTH)).saturating_sub(6);
    for line in text.iter().flat_map(|text| text.lines()) {
        let hanging = if line.starts_with("- ") { "- ".len() } else { 0 };
        for part in wrapped(line, columns, hanging).split('\n') {
            writeln!(out, "{:indent$}      {part}", "")?;
        }
    }
    let starts = event.hook.is_none()
        && (event.resource_status_reason.is_none() || is_not_asked(described))
        && matches!(event.resource_status, "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS");
    match described.operation {
        Some(operation) if starts => unknowns(out, operation, indent),
        _ => Ok(()),
    }
}

/// Returns whether an event reports that the hook is not invoked.
fn is_not_asked(described: &RehearsalEvent<'_>) -> bool {
    let reason = &described.event.resource_status_reason;
    reason.is_some() && described.operation.and_then(ResourceOperation::not_asked) == *reason
}

/// Writes what a rehearsal cannot know about a resource.
fn unknowns(out: &mut impl Write, operation: &ResourceOperation, indent: usize) -> std::io::Result<()> {
    if let Some(not_asked) = operation.not_asked() {
        writeln!(out, "{:indent$}      {CAUTION}{not_asked}{CAUTION:#}", "")?;
    }
    for unknown in &operation.unknown {
        writeln!(out, "{:indent$}      {DIM}not known here: {unknown}{DIM:#}", "")?;
    }
    Ok(())
}

fn hook_text(status: HookProgress, event: &StackEvent) -> Option<String> {
    let reason = event.hook.as_ref().map(|hook| hook.hook_status_reason.clone());
    reason.filter(|_| status != HookProgress::HookInProgress)
}

fn style_of(status: &str) -> Style {
    if status.contains("FAILED") || status.contains("ROLLBACK") {
        BAD
    } else if status.ends_with("IN_PROGRESS") {
        DIM
    } else {
        GOOD
    }
}

pub(super) fn conclusion(
    out: &mut impl Write,
    plan: &DeploymentPlan,
    ending: RehearsalOutcome,
    heard: &HookAnswers,
) -> std::io::Result<()> {
    let name = &plan.stack_name;
    let not_judged = plan.not_judged().len();
    let hinges_on = hinges_on(plan, ending, heard);
    let only_if = only_if(&hinges_on);
    let (style, sentence) = match ending {
        RehearsalOutcome::NothingToUpdate => {
            (CAUTION, format!("there is nothing to update in {name}: CloudFormation does not call the hook."))
        }
        RehearsalOutcome::Complete if not_judged > 0 => (
            CAUTION,
            format!(
                "{name} would be deployed if the parts that are not known here follow the rule ({not_judged} not \
                     checked)."
            ),
        ),
        RehearsalOutcome::Complete if heard.asked => (GOOD, format!("{name} would be deployed: the hook allows it.")),
        RehearsalOutcome::Complete if !plan.switched_off.is_empty() => (
            GOOD,
            format!(
                "{name} would be deployed without a call to the hook: with these parameters it creates no {}.",
                list(&plan.switched_off)
            ),
        ),
        RehearsalOutcome::Complete if plan.is_update() => (
            GOOD,
            format!(
                "{name} would be updated without a call to the hook: no security group and no egress \
                            rule changes."
            ),
        ),
        RehearsalOutcome::Complete => (
            GOOD,
            format!(
                "{name} would be deployed without a call to the hook: it has no security group and no egress \
                            rule."
            ),
        ),
        RehearsalOutcome::CompleteWithWarnings => (
            CAUTION,
            format!(
                "{name} would be deployed with a warning; with failure mode FAIL, the hook would block it{}.",
                only_if
            ),
        ),
        RehearsalOutcome::RolledBack if plan.is_update() => {
            (BAD, format!("the update of {name} would be blocked{only_if}: the stack would not change."))
        }
        RehearsalOutcome::LeftAsItIs => (
            BAD,
            format!(
                "{name} would be blocked{only_if}. Rollback is disabled: resources that were already created or \
                 updated would remain, and the stack would be in a failed state. Then deploy a corrected template, or roll the stack \
                 back."
            ),
        ),
        RehearsalOutcome::ChangeSetFailed => {
            (BAD, format!("the change set of {name} would be blocked{only_if}: nothing would change."))
        }
        RehearsalOutcome::RolledBack => (BAD, format!("{name} would be blocked{only_if}: no resource would remain.")),
    };
    writeln!(out, "{style}=> {sentence}{style:#}")?;
    if ending == RehearsalOutcome::RolledBack && plan.is_update() {
        writeln!(out, "   Assumed: {}.", VerdictAssumption::NO_HOOK_ON_ROLLBACK)?;
    }
    for assumed in &plan.assumed_values {
        writeln!(out, "   Assumed: {assumed}.")?;
    }
    if ending == RehearsalOutcome::CompleteWithWarnings && not_judged > 0 {
        writeln!(out, "   {not_judged} not checked: see above.")?;
    }
    if !hinges_on.is_empty() {
        writeln!(out, "   Only the deployment can determine this: it depends on a value that AWS provides.")?;
    }
    Ok(())
}

/// Formats `A, B or C`.
fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| excerpt(name, ID_CHARS)).collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        names => names.join(""),
    }
}

/// Returns the assumptions that the hook's answer depends on.
fn hinges_on(plan: &DeploymentPlan, ending: RehearsalOutcome, heard: &HookAnswers) -> BTreeSet<String> {
    if ending != RehearsalOutcome::ChangeSetFailed {
        return heard.hinges_on.clone();
    }
    // For a change set, the answer covers all changes: one certain violation makes it independent of assumptions.
    let breaking = || plan.all_operations().filter(|operation| operation.breaks);
    if breaking().any(|operation| operation.hinges_on.is_empty()) {
        return BTreeSet::new();
    }
    breaking().flat_map(|operation| operation.hinges_on.iter().cloned()).collect()
}

/// Formats ` if `A` is true and `B` is not true` where the hook's answer depends on assumptions.
fn only_if(assumptions: &BTreeSet<String>) -> String {
    let assumptions: Vec<&str> = assumptions.iter().map(String::as_str).collect();
    if assumptions.is_empty() { String::new() } else { format!(" if {}", assumptions.join(" and ")) }
}
