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

use cfn_egress_guard::report::{
    FileReport, GitHub, Human, HumanOptions, JUnit, Json, Level, Problem, Reporter, Sarif, Totals,
};
use cfn_egress_guard_core::check::{Defaults, Terms, check_each};
use cfn_egress_guard_core::rule::policy::{Context, Date, Policy};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::{Scope, is_template};

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
        defaults: if arguments.trust_defaults { Defaults::AreValues } else { Defaults::MayChange },
        is_only_input: inputs.found.len() == 1,
        form: Form { format: arguments.format, styled, quiet: arguments.quiet, max_findings: arguments.max_findings },
    };
    let mut out = BufWriter::with_capacity(OUTPUT_BYTES, std::io::stdout().lock());
    let totals = report(&inputs, &judge, judge.form.reporter().as_mut(), &mut out)?;
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
    let mut take = |input: &Input, told: Option<Told>| {
        let Some(told) = told else { return Ok(()) };
        if let Some(seen) = has_template.get_mut(input.argument) {
            *seen = true;
        }
        match told {
            Told::Report(report) => {
                totals.add(&report);
                reporter.file(report, out)
            }
            Told::Written(sums, written) => {
                totals += sums;
                out.write_all(&written)
            }
        }
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

const UNDECLARED: &str = cfn_egress_guard_core::rule::wording::UNDECLARED_PARAMETER;

/// How many reports are handed over at once, at most: threads that wake each other for every small file
/// would do little else.
const MAX_BATCH: usize = 16;

/// Judges inputs on as many threads as there are processors and hands their reports over in order.
fn judge_all(
    inputs: &[Input],
    judge: &Judge<'_>,
    take: &mut dyn FnMut(&Input, Option<Told>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    // Of a single input, nobody asks the system how many processors there are.
    let processors = if inputs.len() > 1 { processors().min(inputs.len()) } else { 1 };
    if processors <= 1 {
        return inputs.iter().try_for_each(|input| take(input, judge.report(input).map(Told::Report)));
    }
    let batches: Vec<&[Input]> = inputs.chunks((inputs.len() / (8 * processors)).clamp(1, MAX_BATCH)).collect();
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..processors {
            let (sender, next, stop, batches) = (sender.clone(), &next, &stop, &batches);
            let work = move || {
                let mut reporter = judge.form.reporter();
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(batch) = batches.get(index) else { break };
                    let reports: Vec<_> = batch.iter().map(|input| judge.told(input, reporter.as_mut())).collect();
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

/// How a run is reported.
#[derive(Clone, Copy)]
struct Form {
    format: ReportFormat,
    styled: bool,
    quiet: bool,
    max_findings: usize,
}

impl Form {
    fn reporter(self) -> Box<dyn Reporter> {
        match self.format {
            ReportFormat::Human => Box::new(Human::new(HumanOptions {
                styled: self.styled,
                quiet: self.quiet,
                max_findings: self.max_findings,
                complete_formats: ReportFormat::complete(),
            })),
            ReportFormat::Json => Box::new(Json::default()),
            ReportFormat::Sarif => Box::new(Sarif::default()),
            ReportFormat::Github => Box::new(GitHub),
            ReportFormat::Junit => Box::new(JUnit::default()),
        }
    }

    /// Whether what is written of a file depends on no other.
    const fn is_file_by_file(self) -> bool {
        match self.format {
            ReportFormat::Github => true,
            // People see a number of findings of all files together.
            ReportFormat::Human => false,
            ReportFormat::Json | ReportFormat::Sarif | ReportFormat::Junit => false,
        }
    }
}

/// What there is to tell of an input.
enum Told {
    Report(FileReport),
    /// The report as it is written, and its sums: each thread writes its own, and takes apart what it made.
    Written(Totals, Vec<u8>),
}

/// What all templates of a run are judged by.
struct Judge<'a> {
    /// The files that are checked.
    files: &'a HashSet<PathBuf>,
    scope: Scope,
    policy: Policy,
    today: Date,
    strict: bool,
    defaults: Defaults,
    is_only_input: bool,
    form: Form,
}

impl Judge<'_> {
    /// What there is to tell of an input, written as far as possible.
    fn told(&self, input: &Input, reporter: &mut dyn Reporter) -> Option<Told> {
        let report = self.report(input)?;
        if !self.form.is_file_by_file() {
            return Some(Told::Report(report));
        }
        let (mut sums, mut written) = (Totals::default(), Vec::new());
        sums.add(&report);
        // Writing to a vector cannot fail.
        let _ = reporter.file(report, &mut written);
        Some(Told::Written(sums, written))
    }

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
        let terms = Terms { context, defaults: self.defaults, ..Terms::of(&self.policy, self.today) };
        let mut report = FileReport::of(name, text, &document, self.strict, |take| {
            let mut notes = check_each(&document.root, &self.scope, &terms, take)?;
            notes.extend(nested::notes(&document.root, Path::new(&input.name), self.files));
            Ok(notes)
        });
        if self.is_only_input {
            // The process is about to end: taking a large tree apart first would be a tenth of the run.
            std::mem::forget(document);
        } else {
            // One set of parameters for many templates: not every one declares them all.
            report.entries.retain(|entry| entry.level > Level::Note || entry.code != UNDECLARED);
        }
        Some(report)
    }
}
