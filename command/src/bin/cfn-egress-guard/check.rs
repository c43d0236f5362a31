//! `check`: checks templates in an editor, before a commit, in a pipeline.

mod deployments;
pub(crate) mod folder;
mod inputs;
mod judge;
mod names;
pub(crate) mod nested;
mod output;
pub(crate) mod parameters;
mod reports;
mod threads;

use std::path::Path;

use anyhow::Context;
use cfn_egress_guard::report::{AppliedPolicy, Baseline, FileError, FileReport, RunSummary, RunTotals};
use cfn_egress_guard_core::check::Defaults;

use crate::args::Check;
use crate::exit::Exit;
use inputs::{Input, Inputs};
use judge::{InputJudge, InputResult};
use output::Outputs;
use parameters::DeclaredParameters;

pub(crate) fn run(arguments: &Check, styled: bool) -> anyhow::Result<Exit> {
    let (paths, overrides) = parameters::separated(&arguments.paths, &arguments.deployed.parameters);
    let given = parameters::read(&overrides)?;
    let choice = crate::policy::choose(&arguments.policy)?;
    let deployments = deployments::read(&arguments.deployments)?;
    let inputs = Inputs::of(&paths, &arguments.exclude, arguments.skip_other_files)?;
    let baseline = arguments.baseline.as_deref().map(|file| baseline(file, &inputs)).transpose()?;
    let nested = nested::NestedFiles::new(&arguments.deployed.nested);
    let judge = InputJudge {
        names: inputs.names(),
        nested: &nested,
        given: &given,
        scope: parameters::scope(&arguments.deployed, &given),
        deployments: &deployments,
        policy: &choice.policy,
        today: choice.today,
        strict: arguments.strict,
        defaults: if arguments.trust_defaults { Defaults::AreValues } else { Defaults::MayChange },
        is_only_input: inputs.found.len() == 1,
    };
    let policy = AppliedPolicy::of(&choice.policy, choice.file.as_deref().map(|file| inputs.name_of(file)));
    let run =
        CheckRun { inputs: &inputs, outputs: Outputs::of(arguments, styled)?, baseline, totals: RunTotals::default() };
    let (summary, declared) = run.report(&judge, policy)?;
    let RunTotals { broken, errors, .. } = summary.totals;
    if broken > 0 {
        return Ok(Exit::CouldNotCheck);
    }
    // An unreadable file might declare the parameter.
    parameters::all_declared(given.names(), &declared)?;
    nested.finish()?;
    Ok(if errors > 0 && arguments.write_baseline.is_none() { Exit::Findings } else { Exit::Clean })
}

/// Reads the findings of an earlier run.
fn baseline(file: &Path, inputs: &Inputs) -> anyhow::Result<Baseline> {
    let text = crate::file::text(file)?;
    Baseline::read(&text, |name| inputs.has(name)).with_context(|| format!("--baseline {}", file.display()))
}

/// A run in progress.
struct CheckRun<'r> {
    inputs: &'r Inputs,
    outputs: Outputs,
    baseline: Option<Baseline>,
    totals: RunTotals,
}

impl CheckRun<'_> {
    fn file(&mut self, mut report: FileReport) {
        if let Some(baseline) = &mut self.baseline {
            baseline.apply(&mut report);
        }
        self.totals.add(&report);
        self.outputs.file(&report);
    }

    /// Reports all inputs in their order, whichever is judged first. Returns the parameters that they declare.
    fn report(
        mut self,
        judge: &InputJudge<'_>,
        policy: AppliedPolicy,
    ) -> anyhow::Result<(RunSummary, DeclaredParameters)> {
        let inputs = self.inputs;
        let mut has_template = vec![false; inputs.arguments.len()];
        let mut has_ignored = vec![false; inputs.arguments.len()];
        let mut ignored = 0;
        let mut declared = DeclaredParameters::default();
        let mut all = reports::CheckReports::default();
        let note = |arguments: &mut [bool], input: &Input| {
            input
                .arguments
                .iter()
                .for_each(|index| arguments.get_mut(*index).into_iter().for_each(|seen| *seen = true));
        };
        let mut take = |input: &Input, judged: InputResult| {
            match judged {
                InputResult::Other => {}
                InputResult::Ignored => {
                    note(&mut has_ignored, input);
                    ignored += 1;
                }
                InputResult::Reports(reports, parameters) => {
                    note(&mut has_template, input);
                    declared.add(parameters);
                    all.add(input.file(), *reports);
                }
            }
            Ok(())
        };
        threads::in_order(&inputs.found, |input| judge.input(input), &mut take)?;
        all.in_order().for_each(|report| self.file(report));
        for ((argument, has_template), has_ignored) in inputs.arguments.iter().zip(has_template).zip(has_ignored) {
            if argument.is_search && !has_template {
                let help = if has_ignored { inputs::IGNORED_HELP } else { inputs::SEARCH_HELP };
                let problem = FileError::new("no CloudFormation template was found", Some(help));
                self.file(FileReport::broken(argument.name.clone(), String::new(), problem));
            }
        }
        let summary = RunSummary { totals: self.totals, policy, ignored };
        self.outputs.end(&summary)?;
        Ok((summary, declared))
    }
}
