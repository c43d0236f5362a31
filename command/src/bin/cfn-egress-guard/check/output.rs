//! The reports of a run: each format, and its destination.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use cfn_egress_guard::report::{
    FileReport, GitHubReporter, GitLabReporter, HumanOptions, HumanReporter, JUnitReporter, JsonReporter, Reporter,
    RunSummary, SarifReporter, StepSummaryReporter,
};

use crate::args::{Check, ReportFormat};

/// The buffer size, so that long reports need few writes.
const OUTPUT_BYTES: usize = 64 * 1024;

/// The variable with the file from which GitHub's runner reads the summary of a job step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// All reports of a run.
pub(super) struct Outputs(Vec<Output>);

struct Output {
    reporter: Box<dyn Reporter>,
    out: BufWriter<Box<dyn Write>>,
}

impl Outputs {
    /// Creates the outputs that the arguments request. Without an output for standard output, the report for people
    /// goes there.
    pub(super) fn of(arguments: &Check, styled: bool) -> anyhow::Result<Self> {
        let mut outputs = Vec::new();
        let mut on_stdout = arguments.format.iter().filter(|output| output.file.is_none()).map(|output| output.format);
        let format = on_stdout.next().unwrap_or(ReportFormat::Human);
        if on_stdout.next().is_some() {
            bail!(
                "--format names two formats for standard output; write one of them to a file with --format \
                 FORMAT=FILE"
            );
        }
        let options = HumanOptions {
            styled,
            quiet: arguments.quiet,
            notes: arguments.notes,
            max_findings: arguments.max_findings,
            width: crate::wrap::width(),
            complete_formats: ReportFormat::complete(),
        };
        outputs.push(Output::new(reporter(format, &options), Box::new(io::stdout().lock())));
        for (format, file) in
            arguments.format.iter().filter_map(|output| Some((output.format, output.file.as_deref()?)))
        {
            let options = HumanOptions { styled: false, width: None, ..options.clone() };
            outputs.push(Output::new(reporter(format, &options), Box::new(created(file)?)));
        }
        if let Some(file) = &arguments.write_baseline {
            outputs.push(Output::new(Box::new(JsonReporter::default()), Box::new(created(file)?)));
        }
        let is_github = format == ReportFormat::Github
            || arguments.format.iter().any(|output| output.format == ReportFormat::Github);
        if let Some(file) = std::env::var_os(STEP_SUMMARY).filter(|file| is_github && !file.is_empty()) {
            let file = Path::new(&file);
            let opened = File::options().append(true).create(true).open(file);
            let opened = opened.with_context(|| format!("writing `{}` ({STEP_SUMMARY})", file.display()))?;
            outputs.push(Output::new(Box::new(StepSummaryReporter::new(arguments.notes)), Box::new(opened)));
        }
        Ok(Self(outputs))
    }

    /// Passes the report of a file to each output.
    pub(super) fn file(&mut self, report: &FileReport) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|output| output.reporter.file(report, &mut output.out))
    }

    /// Ends each output.
    pub(super) fn end(&mut self, summary: &RunSummary) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|output| {
            output.reporter.end(summary, &mut output.out)?;
            output.out.flush()
        })
    }
}

impl Output {
    fn new(reporter: Box<dyn Reporter>, out: Box<dyn Write>) -> Self {
        Self { reporter, out: BufWriter::with_capacity(OUTPUT_BYTES, out) }
    }
}

fn created(file: &Path) -> anyhow::Result<File> {
    File::create(file).with_context(|| format!("writing `{}`", file.display()))
}

fn reporter(format: ReportFormat, options: &HumanOptions) -> Box<dyn Reporter> {
    let notes = options.notes;
    match format {
        ReportFormat::Human => Box::new(HumanReporter::new(options.clone())),
        ReportFormat::Json => Box::new(JsonReporter::default()),
        ReportFormat::Sarif => Box::new(SarifReporter::new(notes)),
        ReportFormat::Github => Box::new(GitHubReporter::new(notes)),
        ReportFormat::Gitlab => Box::new(GitLabReporter::new(notes)),
        ReportFormat::Junit => Box::new(JUnitReporter::new(notes)),
    }
}
