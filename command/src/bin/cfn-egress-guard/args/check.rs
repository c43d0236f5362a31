//! Arguments of `check`.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command, Error, ValueEnum};

use super::{Deployed, PolicyArguments, parse_max_findings};

/// Check templates, and show the lines that the hook would block.
///
/// Evaluates parameters, conditions, mappings, and functions as far as the templates allow. A value that only AWS
/// knows is a warning: the hook checks the resolved value at deployment.
///
/// Exit status: 0 if there is no error, 1 if there is one, 2 if a file could not be checked.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// Templates, folders, and patterns; - is standard input [default: the working directory].
    ///
    /// In folders, `check` reads the .yaml, .yml, .json, and .template files that contain a template, except
    /// untracked files that git ignores. It skips other files. It reads a folder that you name even if git ignores the
    /// folder, such as cdk.out. A file that you name must be a template.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,

    /// Exclude files and folders by a pattern as in .gitignore (repeatable).
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    #[command(flatten)]
    pub(crate) deployed: Deployed,

    /// A file that maps templates to stacks, accounts, Regions, and parameters (repeatable).
    ///
    /// Accepts a TOML file of [[deployment]] tables (template, stack_name, account, region, parameters),
    /// samconfig.toml or samconfig.yaml, and stack deployment files of CloudFormation's Git sync. Each template
    /// is checked once for each of its deployments. Values of --parameters replace those of the deployments;
    /// --stack-name, --account, and --region apply to deployments that have none.
    #[arg(long, value_name = "FILE")]
    pub(crate) deployments: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) policy: PolicyArguments,

    /// Treat undetermined and unchecked parts as errors.
    #[arg(long)]
    pub(crate) strict: bool,

    /// Treat parameter defaults as their values: report nothing that only other values would break.
    #[arg(long)]
    pub(crate) trust_defaults: bool,

    /// A JSON report of an earlier run: its findings are known debt instead of errors, unless they changed.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Write a JSON report as the baseline for later runs, and exit with 0 regardless of findings.
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub(crate) write_baseline: Option<PathBuf>,

    /// Skip named files that are not templates, as in folders; useful for lists that other programs create.
    #[arg(long)]
    pub(crate) skip_other_files: bool,

    /// The report format, on standard output or in a file (repeatable) [default: human].
    #[arg(short, long, value_parser = OutputParser, value_name = "FORMAT[=FILE]")]
    pub(crate) format: Vec<ReportOutput>,

    /// List what was not checked, instead of counting it.
    #[arg(long)]
    pub(crate) notes: bool,

    /// Show errors only, without warnings, notes, and the summary (human format).
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// The number of findings to show in full, or `all`; the rest is only counted (human format).
    #[arg(long, value_parser = parse_max_findings, default_value = "200", value_name = "NUMBER")]
    pub(crate) max_findings: usize,
}

const EXAMPLES: &str = "\
Examples:
  cfn-egress-guard check                              every template below this folder
  cfn-egress-guard check template.yaml -p Port=443    with the value of a parameter
  cdk synth -q && cfn-egress-guard check cdk.out      what CDK is going to deploy
  cfn-egress-guard check --format github --format sarif=out.sarif
                                                      annotations, and a file for code scanning
  cfn-egress-guard check --write-baseline debt.json   then --baseline debt.json: only what is new fails";

/// Report formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// The source lines, with the offending values underlined.
    Human,
    /// All findings, as defined by schema/report.schema.json.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands: annotations on the lines of a pull request.
    Github,
    /// A Code Quality report, for merge requests.
    Gitlab,
    /// JUnit XML, for test reports.
    Junit,
}

impl ReportFormat {
    /// Returns the names of the formats that contain every finding of a run, no matter how many.
    pub(crate) fn complete() -> Vec<String> {
        let complete = |format: &&Self| match format {
            Self::Human => false,
            Self::Json | Self::Sarif | Self::Github | Self::Gitlab | Self::Junit => true,
        };
        let names = Self::value_variants().iter().filter(complete).filter_map(Self::to_possible_value);
        names.map(|value| value.get_name().to_owned()).collect()
    }
}

/// A format, and the output file; without a file, standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportOutput {
    pub(crate) format: ReportFormat,
    pub(crate) file: Option<PathBuf>,
}

/// A parser for `FORMAT` and `FORMAT=FILE`.
#[derive(Debug, Clone, Copy)]
struct OutputParser;

impl TypedValueParser for OutputParser {
    type Value = ReportOutput;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<ReportOutput, Error> {
        let (name, file) = match value.to_str().and_then(|text| text.split_once('=')) {
            Some((name, file)) if !file.is_empty() => (OsStr::new(name), Some(PathBuf::from(file))),
            _ => (value, None),
        };
        let format = EnumValueParser::<ReportFormat>::new().parse_ref(command, arg, name)?;
        Ok(ReportOutput { format, file })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(ReportFormat::value_variants().iter().filter_map(ReportFormat::to_possible_value)))
    }
}
