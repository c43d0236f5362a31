//! `check`: templates in an editor, before a commit, in a pipeline.

mod inputs;
mod nested;
pub(crate) mod parameters;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use cfn_egress_guard::check::{Terms, check};
use cfn_egress_guard::report::{FileReport, GitHub, Human, JUnit, Json, Level, Problem, Reporter, Sarif, Totals};
use cfn_egress_guard::rule::policy::{Context, Date, Policy};
use cfn_egress_guard::source;
use cfn_egress_guard::template::{Scope, is_template};

use crate::args::{Check, ReportFormat};
use crate::exit::Exit;
use inputs::{Input, Inputs};

/// Deep templates on threads: as much as a main thread has.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Long reports in few writes.
const OUTPUT_BYTES: usize = 64 * 1024;

pub(crate) fn run(arguments: &Check, styled: bool) -> anyhow::Result<Exit> {
    let (paths, overrides) = parameters::told_apart(&arguments.paths, &arguments.parameters);
    let inputs = Inputs::of(&paths, arguments.skip_other_files);
    let judge = Judge {
        files: &inputs.files,
        scope: Scope {
            parameters: parameters::read(&overrides)?,
            account: arguments.account.clone(),
            region: arguments.region.clone(),
            stack_name: arguments.stack_name.clone(),
            ..Scope::default()
        },
        policy: policy_of(arguments)?,
        today: crate::policy::today(),
        strict: arguments.strict,
        is_only_input: inputs.found.len() == 1,
    };
    let mut reporter: Box<dyn Reporter> = match arguments.format {
        ReportFormat::Human => Box::new(Human::new(styled, arguments.quiet)),
        ReportFormat::Json => Box::new(Json::default()),
        ReportFormat::Sarif => Box::new(Sarif::default()),
        ReportFormat::Github => Box::new(GitHub),
        ReportFormat::Junit => Box::new(JUnit::default()),
    };
    let mut out = BufWriter::with_capacity(OUTPUT_BYTES, std::io::stdout().lock());
    let totals = report(&inputs, &judge, reporter.as_mut(), &mut out)?;
    out.flush()?;
    Ok(if totals.broken > 0 {
        Exit::CouldNotCheck
    } else if totals.errors > 0 {
        Exit::Findings
    } else {
        Exit::Clean
    })
}

/// Reports all inputs in their order, whichever is judged first.
fn report(
    inputs: &Inputs,
    judge: &Judge<'_>,
    reporter: &mut dyn Reporter,
    out: &mut dyn Write,
) -> std::io::Result<Totals> {
    let mut totals = Totals::default();
    let mut has_template = vec![false; inputs.arguments.len()];
    let several = inputs.found.len() > 1;
    let mut take = |input: &Input, report: Option<FileReport>| {
        let Some(mut report) = report else { return Ok(()) };
        if several {
            // One set of parameters for many templates: not every one declares them all.
            report.entries.retain(|entry| entry.level > Level::Note || entry.code != UNDECLARED);
        }
        if let Some(seen) = has_template.get_mut(input.argument) {
            *seen = true;
        }
        totals.add(&report);
        reporter.file(report, out)
    };
    judge_all(&inputs.found, judge, &mut take)?;
    let searched = inputs.arguments.iter().zip(has_template).filter(|(argument, seen)| argument.is_search && !seen);
    for (argument, _) in searched {
        let problem = Problem::new("there is no CloudFormation template here", Some(inputs::SEARCH_HELP));
        let report = FileReport::broken(argument.name.clone(), String::new(), problem);
        totals.add(&report);
        reporter.file(report, out)?;
    }
    reporter.end(&totals, out)?;
    Ok(totals)
}

const UNDECLARED: &str = cfn_egress_guard::rule::wording::UNDECLARED_PARAMETER;

/// How many reports are handed over at once, at most: threads that wake each other for every small file
/// would do little else.
const MAX_BATCH: usize = 16;

/// Judges inputs on as many threads as there are processors and hands their reports over in order.
fn judge_all(
    inputs: &[Input],
    judge: &Judge<'_>,
    take: &mut dyn FnMut(&Input, Option<FileReport>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let processors = processors().min(inputs.len());
    if processors <= 1 {
        return inputs.iter().try_for_each(|input| take(input, judge.report(input)));
    }
    let batches: Vec<&[Input]> = inputs.chunks((inputs.len() / (8 * processors)).clamp(1, MAX_BATCH)).collect();
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..processors {
            let (sender, next, stop, batches) = (sender.clone(), &next, &stop, &batches);
            let work = move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(batch) = batches.get(index) else { break };
                    let reports: Vec<_> = batch.iter().map(|input| judge.report(input)).collect();
                    if sender.send((index, reports)).is_err() {
                        break;
                    }
                }
            };
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work)?;
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut wanted = batches.iter().enumerate();
        let mut current = wanted.next();
        for (index, reports) in receiver {
            waiting.insert(index, reports);
            while let Some((index, batch)) = current
                && let Some(reports) = waiting.remove(&index)
            {
                let mut both = batch.iter().zip(reports);
                both.try_for_each(|(input, report)| take(input, report))
                    .inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                current = wanted.next();
            }
        }
        Ok(())
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The policy to judge by: the file named, or that of the current folder, or the published rule.
fn policy_of(arguments: &Check) -> anyhow::Result<Policy> {
    let policy = crate::policy::read_or_default(arguments.policy.as_deref())?;
    Ok(Policy { preset: arguments.preset.unwrap_or(policy.preset), ..policy })
}

/// What all templates of a run are judged by.
struct Judge<'a> {
    /// The files that are checked.
    files: &'a HashSet<PathBuf>,
    scope: Scope,
    policy: Policy,
    today: Date,
    strict: bool,
    is_only_input: bool,
}

impl Judge<'_> {
    /// The report of an input; nothing if it was found in a folder and is no template.
    fn report(&self, input: &Input) -> Option<FileReport> {
        let name = input.name.clone();
        let text = match input.text() {
            Ok(text) => text?,
            Err(problem) => return Some(FileReport::broken(name, String::new(), problem)),
        };
        // One template that this program stumbles over must not hide what is found in the others.
        catch_unwind(AssertUnwindSafe(|| self.judged(input, text))).unwrap_or_else(|_| {
            let problem = Problem::new(
                "this program failed inside while checking the file, which is a defect",
                Some("please report it, with the template if you can"),
            );
            Some(FileReport::broken(name, String::new(), problem))
        })
    }

    fn judged(&self, input: &Input, text: String) -> Option<FileReport> {
        let name = input.name.clone();
        let document = match source::parse(&text) {
            Ok(document) => document,
            Err(_) if !input.must_be_template && !inputs::is_likely_template(&text) => return None,
            Err(error) => return Some(FileReport::broken(name, text, error.into())),
        };
        if !is_template(&document.root) {
            let help = "a template has a `Resources` section whose entries have a `Type`";
            let problem = || Problem::new("this is no CloudFormation template", Some(help));
            return input.must_be_template.then(|| FileReport::broken(name, text, problem()));
        }
        let context = Context {
            account: self.scope.account.as_deref(),
            region: self.scope.region.as_deref(),
            stack_name: self.scope.stack_name.as_deref(),
            ..Context::default()
        };
        let terms = Terms { context, ..Terms::of(&self.policy, self.today) };
        let mut checked = check(&document.root, &self.scope, &terms);
        if let Ok(checked) = &mut checked {
            checked.notes.extend(nested::notes(&document.root, Path::new(&name), self.files));
        }
        let report = FileReport::of(name, text, &document, checked, self.strict);
        if self.is_only_input {
            // The process is about to end: taking a large tree apart first would be a tenth of the run.
            std::mem::forget(document);
        }
        Some(report)
    }
}
