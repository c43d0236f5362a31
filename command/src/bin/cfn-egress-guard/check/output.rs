//! The reports of a run: each format, and its destination.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::bail;
use cfn_egress_guard::report::{
    FileReport, GitHubReporter, GitLabReporter, HumanOptions, HumanReporter, JUnitReporter, JsonReporter, Reporter,
    RunSummary, SarifReporter, StepSummaryReporter,
};

use crate::args::{Check, ReportFormat};

/// The buffer size, so that long reports need few writes.
const OUTPUT_BYTES: usize = 64 * 1024;

/// The variable with the file from which GitHub's runner reads the summary of a job step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// All reports of a run. A report that cannot be written does not stop the others.
pub(super) struct Outputs {
    outputs: Vec<Output>,
    /// The errors in writing, one for each report.
    failed: Vec<anyhow::Error>,
}

struct Output {
    reporter: Box<dyn Reporter>,
    out: BufWriter<Box<dyn Write>>,
    /// Its file; `None` is standard output.
    file: Option<String>,
}

impl Outputs {
    /// Creates the outputs that the arguments request. Without an output for standard output, the report for people
    /// goes there.
    pub(super) fn of(arguments: &Check, styled: bool) -> anyhow::Result<Self> {
        let mut all = Self { outputs: Vec::new(), failed: Vec::new() };
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
        let (out, file) = (Box::new(io::stdout().lock()), None);
        all.outputs.push(Output { out: buffered(out), reporter: reporter(format, &options), file });
        for (format, file) in
            arguments.format.iter().filter_map(|output| Some((output.format, output.file.as_deref()?)))
        {
            let options = HumanOptions { styled: false, width: None, ..options.clone() };
            all.add(reporter(format, &options), format!("`{}`", file.display()), File::create(file));
        }
        if let Some(file) = &arguments.write_baseline {
            all.add(Box::new(JsonReporter::default()), format!("`{}`", file.display()), File::create(file));
        }
        let is_github = format == ReportFormat::Github
            || arguments.format.iter().any(|output| output.format == ReportFormat::Github);
        if let Some(file) = std::env::var_os(STEP_SUMMARY).filter(|file| is_github && !file.is_empty()) {
            let file = Path::new(&file);
            let opened = File::options().append(true).create(true).open(file);
            let reporter = Box::new(StepSummaryReporter::new(arguments.notes));
            all.add(reporter, format!("`{}` ({STEP_SUMMARY})", file.display()), opened);
        }
        Ok(all)
    }

    /// Adds the output to a file, if the file could be opened.
    fn add(&mut self, reporter: Box<dyn Reporter>, file: String, opened: io::Result<File>) {
        match opened {
            Ok(opened) => self.outputs.push(Output { reporter, out: buffered(Box::new(opened)), file: Some(file) }),
            Err(error) => self.failed.push(failure(Some(&file), error)),
        }
    }

    /// Passes the report of a file to each output.
    pub(super) fn file(&mut self, report: &FileReport) {
        self.each(|output| output.reporter.file(report, &mut output.out));
    }

    /// Ends each output.
    ///
    /// # Errors
    ///
    /// The errors in writing, after every other output is complete.
    pub(super) fn end(mut self, summary: &RunSummary) -> anyhow::Result<()> {
        self.each(|output| {
            output.reporter.end(summary, &mut output.out)?;
            output.out.flush()
        });
        let mut failed = self.failed.into_iter();
        match (failed.next(), failed.len()) {
            (None, _) => Ok(()),
            (Some(only), 0) => Err(only),
            (Some(first), _) => {
                let all = std::iter::once(first).chain(failed).map(|error| format!("{error:#}"));
                bail!(all.collect::<Vec<_>>().join("\n"))
            }
        }
    }

    /// Writes to each output, and drops those that fail.
    fn each(&mut self, write: impl Fn(&mut Output) -> io::Result<()>) {
        let failed = &mut self.failed;
        self.outputs.retain_mut(|output| match write(output) {
            Ok(()) => true,
            Err(error) => {
                failed.push(failure(output.file.as_deref(), error));
                false
            }
        });
    }
}

fn failure(file: Option<&str>, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("writing {}", file.unwrap_or("to standard output")))
}

fn buffered(out: Box<dyn Write>) -> BufWriter<Box<dyn Write>> {
    BufWriter::with_capacity(OUTPUT_BYTES, out)
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
