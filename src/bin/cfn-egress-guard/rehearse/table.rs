//! The events of a rehearsal as a table for people.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use cfn_egress_guard::rehearsal::{Ending, HookProgress, Operation, Plan, StackEvent, Told};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAUTION: Style = AnsiColor::Yellow.on_default();

/// The longest status that is usual, so that the reasons behind it stand below each other.
const STATUS_WIDTH: usize = "HOOK_COMPLETE_SUCCEEDED".len();

/// The longest message of a hook is wrapped at this many columns.
const WIDTH: usize = 100;

/// How far each stack within another is indented.
const INDENT: usize = 2;

pub(super) fn title(out: &mut impl Write, plan: &Plan, first: bool) -> std::io::Result<()> {
    let gap = if first { "" } else { "\n" };
    let what = if plan.is_update() { "update of stack" } else { "creation of stack" };
    writeln!(out, "{gap}{BOLD}Rehearsal: {what} {}{BOLD:#}", plan.stack_name)
}

/// The width of the column of logical ids.
pub(super) fn width(plan: &Plan) -> usize {
    let ids = plan.operations.iter().map(|operation| operation.logical_id.len());
    let inner = plan.operations.iter().filter_map(|operation| Some(INDENT + width(operation.nested.as_deref()?)));
    ids.chain(inner).chain([plan.stack_name.len()]).max().unwrap_or_default()
}

pub(super) fn row(out: &mut impl Write, told: &Told<'_>, width: usize) -> std::io::Result<()> {
    let event = &told.event;
    let (status, note, text) = match &event.hook {
        Some(hook) => (hook.hook_status.name(), hook.hook_type.clone(), hook_text(hook.hook_status, event)),
        None => (event.resource_status, event.resource_status_reason.clone().unwrap_or_default(), None),
    };
    let style = style_of(status);
    let indent = INDENT * told.depth;
    let id_width = width.saturating_sub(indent);
    write!(out, "  {:indent$}{:id_width$}  {style}{status}{style:#}", "", event.logical_resource_id)?;
    if !note.is_empty() {
        write!(out, "{:pad$}  {note}", "", pad = STATUS_WIDTH.saturating_sub(status.len()))?;
    }
    writeln!(out)?;
    for line in text.iter().flat_map(|text| text.lines()).flat_map(|line| wrapped(line, WIDTH - 6)) {
        writeln!(out, "{:indent$}      {line}", "")?;
    }
    let starts = event.hook.is_none()
        && event.resource_status_reason.is_none()
        && matches!(event.resource_status, "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS");
    match told.operation {
        Some(operation) if starts => unknowns(out, operation, indent),
        _ => Ok(()),
    }
}

/// What a rehearsal cannot know of a resource.
fn unknowns(out: &mut impl Write, operation: &Operation, indent: usize) -> std::io::Result<()> {
    if let Some(why) = &operation.undetermined {
        writeln!(out, "{:indent$}      {CAUTION}the hook is not asked: {why}{CAUTION:#}", "")?;
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

/// A line broken at spaces so that it fits a width, in characters.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in line.split(' ') {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            Some(_) if line.starts_with("- ") => lines.push(format!("  {word}")),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

pub(super) fn conclusion(out: &mut impl Write, plan: &Plan, ending: Ending) -> std::io::Result<()> {
    let name = &plan.stack_name;
    let undetermined = plan.all_operations().filter(|operation| operation.undetermined.is_some()).count();
    match ending {
        Ending::Complete if undetermined == 0 => {
            writeln!(out, "{GOOD}=> {name} is deployed: the hook lets it pass.{GOOD:#}")
        }
        Ending::Complete => writeln!(
            out,
            "{CAUTION}=> {name} would be deployed if the values that are not known here keep the rule \
             ({undetermined} not judged).{CAUTION:#}"
        ),
        Ending::CompleteWithWarnings => writeln!(
            out,
            "{CAUTION}=> {name} is deployed with a warning; under failure mode FAIL the hook would block it.{CAUTION:#}"
        ),
        Ending::RolledBack if plan.is_update() => {
            writeln!(out, "{BAD}=> the update of {name} is blocked: the stack stays as it was.{BAD:#}")
        }
        Ending::ChangeSetFailed => {
            writeln!(out, "{BAD}=> the change set of {name} is blocked: nothing was touched.{BAD:#}")
        }
        Ending::RolledBack => writeln!(out, "{BAD}=> {name} is blocked: nothing of it is left behind.{BAD:#}"),
    }
}
