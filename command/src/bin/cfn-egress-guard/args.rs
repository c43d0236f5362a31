//! The command line.

use std::path::PathBuf;

#[cfg(feature = "account")]
pub(crate) use account::{
    AccountFormat, Audit, AuditStatus, Aws, PolicyFor, Scan, Status, StatusFormat, StatusFunction,
};
pub(crate) use check::{Check, ReportFormat};
pub(crate) use deployed::Deployed;
pub(crate) use judge::{PolicyArguments, StackArguments};
pub(crate) use policy::{PolicyCheck, PolicyCommand, PolicyExplain, PolicyFormat};

use cfn_egress_guard::rehearsal::FailureMode;
use cfn_egress_guard_core::hook::Target;
use cfn_egress_guard_core::region;
use cfn_egress_guard_core::rule::Preset;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

#[cfg(feature = "account")]
mod account;
#[cfg(feature = "account")]
mod accounts;
mod check;
mod deployed;
mod judge;
mod policy;
mod reason;

/// Check that each security group egress rule opens exactly one explicit port: the rule that the CloudFormation hook
/// applies.
#[derive(Debug, Parser)]
#[command(name = "cfn-egress-guard", version, propagate_version = true, max_term_width = 100)]
#[cfg_attr(not(feature = "account"), command(after_help = WITHOUT_ACCOUNT))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colors.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

#[cfg(not(feature = "account"))]
const WITHOUT_ACCOUNT: &str = "this build has no `scan`, `audit`, and `status`, because it excludes the AWS SDK. To \
                               install them:\n  cargo install --locked --path command";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Rehearse(Rehearse),
    /// Check a policy file, and explain what it decides.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print shell completions.
    #[command(
        after_help = "For example:\n  cfn-egress-guard completions bash > /etc/bash_completion.d/cfn-egress-guard"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// List the live stacks that enforcement would block.
    ///
    /// Reads the templates of live stacks, including nested stacks, and reports what the rule would block at the next
    /// change of their security groups, and how the result changes with other settings.
    ///
    /// Exit status: 0 if nothing would be blocked, 1 if something would be blocked (with --live, also if a live group
    /// breaks the rule or differs from its template), 2 if something could not be read.
    #[cfg(feature = "account")]
    Scan(Box<Scan>),
    /// List blocked and warned deployments, with reasons.
    ///
    /// Reads the hook results that CloudFormation keeps for 90 days: resources, stacks, change sets, and Cloud
    /// Control requests.
    ///
    /// Exit status: 0 if nothing was blocked or warned about, 1 if something was, 2 if something could not be read.
    #[cfg(feature = "account")]
    Audit(Box<Audit>),
    /// Check that enforcement is on in every Region.
    ///
    /// Checks that the hook exists, is activated, enabled, and blocking, and that its filters exclude only what you
    /// expect; and that its function exists, has the expected code and policy, and was not throttled and did not fail
    /// recently.
    ///
    /// Exit status: 0 if enforced, 1 if there is a gap, 2 if it could not be determined.
    #[cfg(feature = "account")]
    Status(Box<Status>),
    /// Print the JSON Schema of an input or output file.
    Schema {
        /// The schema.
        #[arg(value_parser = PossibleValuesParser::new(cfn_egress_guard::schema::all().into_iter().map(|(name, _)| name)))]
        name: String,
    },
}

impl Command {
    /// Returns whether the output is text for people that may be wrapped to any width. `check` wraps its own output,
    /// and output for machines is never wrapped.
    pub(crate) fn is_for_people(&self) -> bool {
        match self {
            Self::Rehearse(arguments) => arguments.format == EventFormat::Human,
            Self::Policy(PolicyCommand::Check(arguments)) => arguments.format == PolicyFormat::Human,
            Self::Policy(PolicyCommand::Explain(_)) => true,
            Self::Check(_) | Self::Completions { .. } | Self::Schema { .. } => false,
            #[cfg(feature = "account")]
            Self::Scan(arguments) => {
                arguments.aws.print_iam_policy.is_none() && arguments.format == AccountFormat::Human
            }
            #[cfg(feature = "account")]
            Self::Audit(arguments) => {
                arguments.aws.print_iam_policy.is_none() && arguments.format == AccountFormat::Human
            }
            #[cfg(feature = "account")]
            Self::Status(arguments) => {
                arguments.aws.print_iam_policy.is_none() && arguments.format == StatusFormat::Human
            }
        }
    }
}

/// Rehearse deployments on this machine with the real hook function.
///
/// Simulates CloudFormation: goes through each template's resources in dependency order, including nested stacks,
/// sends the hook the invocations that CloudFormation would send, and prints the stack's events.
///
/// Exit status: 0 if every deployment succeeds, 1 if the hook blocks one, 2 if one could not be rehearsed.
#[derive(Debug, Args)]
#[command(after_help = REHEARSE_EXAMPLES)]
pub(crate) struct Rehearse {
    /// Templates, YAML or JSON; each one is deployed as a separate stack named after the file. Use - for standard
    /// input.
    #[arg(required = true, value_name = "TEMPLATE")]
    pub(crate) templates: Vec<PathBuf>,

    /// The template that is already deployed; rehearses an update from it.
    #[arg(long, value_name = "OLD_TEMPLATE")]
    pub(crate) update_from: Option<PathBuf>,

    /// The stack's name, for one template [default: the file's name].
    #[arg(long, value_name = "NAME", value_parser = parse_stack_name)]
    pub(crate) stack_name: Option<String>,

    /// Parameter values: Key=Value or a parameter file, in the forms that `check` accepts (repeatable).
    #[arg(short, long, value_name = "KEY=VALUE|FILE")]
    pub(crate) parameters: Vec<String>,

    /// The deployed stack's parameter values, in the same forms [default: the defaults of OLD_TEMPLATE] (repeatable).
    ///
    /// A parameter with UsePreviousValue keeps its value. A parameter without a default in OLD_TEMPLATE and without a
    /// value here has the new value.
    #[arg(long, value_name = "KEY=VALUE|FILE", requires = "update_from")]
    pub(crate) previous_parameters: Vec<String>,

    /// The template file of a nested stack, if it is not where TemplateURL or the CDK's metadata says (repeatable).
    /// Write a nested stack within another one as Outer/Inner.
    #[arg(long, value_name = "LOGICAL_ID=FILE", value_parser = parse_nested)]
    pub(crate) nested: Vec<(String, PathBuf)>,

    /// What the hook checks: RESOURCE (each security group and rule), STACK (the template, before anything is
    /// created), CHANGE_SET (the changes, before they are executed). Always name RESOURCE: only it decides with
    /// resolved values.
    ///
    /// The documents of STACK and CHANGE_SET are on this machine. A function behind --endpoint accepts them only with
    /// EGRESS_LOOPBACK_PAYLOADS=1 in its environment.
    #[arg(long, value_delimiter = ',', value_parser = parse_target(), default_value = "RESOURCE", value_name = "TARGETS")]
    pub(crate) target_operations: Vec<Target>,

    /// What a failed check does: FAIL stops the deployment, WARN continues it.
    #[arg(long, value_parser = parse_failure_mode(), default_value = "FAIL", value_name = "MODE")]
    pub(crate) failure_mode: FailureMode,

    /// Do not roll back a deployment that fails, as with DisableRollback, `cdk deploy --no-rollback`,
    /// `cdk deploy --express`, and `sam deploy --disable-rollback`.
    #[arg(long, visible_alias = "express")]
    pub(crate) disable_rollback: bool,

    /// The preset for the function: literal or effective.
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    pub(crate) preset: Option<Preset>,

    /// The policy file for the function [default: policy.toml in the working directory, or in the nearest parent
    /// folder up to the root of the git repository].
    ///
    /// A function behind --endpoint uses its own.
    #[arg(long, value_name = "FILE", conflicts_with = "endpoint")]
    pub(crate) policy: Option<PathBuf>,

    /// Use the published rule and ignore policy.toml.
    #[arg(long, conflicts_with = "policy")]
    pub(crate) no_policy: bool,

    /// How to print the events: a table, or JSON in the form of DescribeStackEvents (newest first) with what was not
    /// checked (NotJudged) and the assumptions behind the verdict (Assumed).
    #[arg(long, value_enum, default_value_t = EventFormat::Human, value_name = "FORMAT")]
    pub(crate) format: EventFormat,

    /// Use a Lambda Invoke endpoint instead, such as http://127.0.0.1:8080.
    #[arg(long, value_name = "URL", conflicts_with_all = ["bootstrap", "preset"])]
    pub(crate) endpoint: Option<String>,

    /// The function's name at the endpoint.
    #[arg(long, default_value = "function", value_name = "NAME", requires = "endpoint")]
    pub(crate) function_name: String,

    /// The hook's function program [default: the `bootstrap` next to this program, or the one installed with it].
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) bootstrap: Option<PathBuf>,

    /// The hook's name in the events.
    #[arg(long, default_value = "Security::Egress::SinglePort", value_name = "ALIAS")]
    pub(crate) hook_alias: String,

    /// The account of the deployment [default: 123456789012].
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    pub(crate) account: Option<String>,

    /// The Region of the deployment [default: us-east-1].
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    pub(crate) region: Option<String>,
}

impl Rehearse {
    /// Returns the account of the deployment.
    pub(crate) fn account(&self) -> String {
        self.account.clone().unwrap_or_else(|| "123456789012".to_owned())
    }

    /// Returns the Region of the deployment.
    pub(crate) fn region(&self) -> String {
        self.region.clone().unwrap_or_else(|| "us-east-1".to_owned())
    }
}

const REHEARSE_EXAMPLES: &str = "\
Examples:
  cfn-egress-guard rehearse template.yaml -p Port=443          a creation, with the value of a parameter
  cfn-egress-guard rehearse --update-from old.yaml new.yaml    an update
  cfn-egress-guard rehearse cdk.out/App.template.json          with the nested stacks that CDK wrote beside it
  cfn-egress-guard rehearse --target-operations CHANGE_SET,STACK,RESOURCE template.yaml";

/// When to use colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to print stack events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventFormat {
    /// A table for people.
    Human,
    /// The form of DescribeStackEvents.
    Json,
}

pub(crate) fn parse_preset() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(Preset::ALL.map(Preset::name)).try_map(|name| name.parse::<Preset>())
}

fn parse_max_findings(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(usize::MAX),
        number => number.parse().map_err(|_| "write a number, or `all`".to_owned()),
    }
}

/// Parses a target that a deployment can be rehearsed for; Cloud Control has no template.
fn parse_target() -> impl TypedValueParser<Value = Target> {
    const TARGETS: [Target; 3] = [Target::Resource, Target::Stack, Target::ChangeSet];
    PossibleValuesParser::new(TARGETS.map(Target::name))
        .map(|name| TARGETS.into_iter().find(|target| target.name() == name).unwrap_or(Target::Resource))
}

/// Parses a stack name (API Reference, `CreateStack`).
fn parse_stack_name(name: &str) -> Result<String, String> {
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_name { Ok(name.to_owned()) } else { Err("write a letter, then letters, digits and hyphens".to_owned()) }
}

/// Parses an account ID (AWS Account Management Reference Guide, "View AWS account identifiers").
fn parse_account(text: &str) -> Result<String, String> {
    let is_id = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { Ok(text.to_owned()) } else { Err("not an account ID, which has 12 digits".to_owned()) }
}

/// Parses the name of a Region.
fn parse_region(text: &str) -> Result<String, String> {
    if region::is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(format!("not a Region name; an example is {}", region::EXAMPLE))
    }
}

fn parse_nested(argument: &str) -> Result<(String, PathBuf), String> {
    match argument.split_once('=') {
        Some((path, file)) if !path.is_empty() && !file.is_empty() => Ok((path.to_owned(), PathBuf::from(file))),
        _ => Err("write LOGICAL_ID=FILE, for example Network=network.yaml".to_owned()),
    }
}

fn parse_failure_mode() -> impl TypedValueParser<Value = FailureMode> {
    PossibleValuesParser::new(["FAIL", "WARN"])
        .map(|name| if name == "WARN" { FailureMode::Warn } else { FailureMode::Fail })
}
