//! The command line.

use std::path::PathBuf;

#[cfg(feature = "account")]
pub(crate) use account::{Audit, AuditStatus, Aws, ReportFormat, Scan, Status, StatusFormat};

use cfn_egress_guard::rehearsal::FailureMode;
use cfn_egress_guard::rule::Preset;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::policy::PolicyCommand;
#[cfg(feature = "account")]
mod account;

/// Checks that security group egress rules open exactly one explicit port, as the CloudFormation hook of
/// the same name does.
#[derive(Debug, Parser)]
#[command(name = "cfn-egress-guard", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Rehearse deployments on this machine, with the real hook function behind a loopback Lambda.
    Rehearse(Rehearse),
    /// Say what a policy file means, and what decides under it.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Say what would be blocked among the live stacks of an account if the rule were enforced.
    #[cfg(feature = "account")]
    Scan(Box<Scan>),
    /// Tell who was blocked or warned, when and why.
    #[cfg(feature = "account")]
    Audit(Box<Audit>),
    /// Say whether enforcement is really on in every Region.
    #[cfg(feature = "account")]
    Status(Box<Status>),
    /// Print the JSON Schema of something that the programs read or write.
    Schema {
        /// Which schema.
        #[arg(value_parser = PossibleValuesParser::new(cfn_egress_guard::schema::all().into_iter().map(|(name, _)| name)))]
        name: String,
    },
}

/// Plays CloudFormation's part: walks each template's resources in dependency order, sends the hook the
/// invocation that CloudFormation would send, and prints the stack's events.
///
/// Exit status: 0 if every deployment goes through, 1 if the hook blocks one, 2 if it could not be rehearsed.
#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// Templates, YAML or JSON; each is deployed as a stack of its own, named after the file.
    #[arg(required = true, value_name = "TEMPLATE")]
    pub(crate) templates: Vec<PathBuf>,

    /// The template that is deployed already: rehearses an update of it.
    #[arg(long, value_name = "OLD_TEMPLATE")]
    pub(crate) update_from: Option<PathBuf>,

    /// What a failed hook means: FAIL stops the deployment, WARN lets it go on.
    #[arg(long, value_parser = parse_failure_mode(), default_value = "FAIL", value_name = "MODE")]
    pub(crate) failure_mode: FailureMode,

    /// The preset that the function is given: literal or effective.
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    pub(crate) preset: Option<Preset>,

    /// The policy file that the function is given [default: the one beside the function, if there is one].
    #[arg(long, value_name = "FILE", conflicts_with = "endpoint")]
    pub(crate) policy: Option<PathBuf>,

    /// How to print the events: a table, or JSON in the shape of DescribeStackEvents (newest first).
    #[arg(long, value_enum, default_value_t = EventFormat::Human, value_name = "FORMAT")]
    pub(crate) format: EventFormat,

    /// Rehearse against a Lambda Invoke endpoint instead, such as http://127.0.0.1:8080.
    #[arg(long, value_name = "URL", conflicts_with_all = ["bootstrap", "preset"])]
    pub(crate) endpoint: Option<String>,

    /// The function's name at the endpoint.
    #[arg(long, default_value = "function", value_name = "NAME", requires = "endpoint")]
    pub(crate) function_name: String,

    /// The hook's function program [default: the `bootstrap` beside this program].
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) bootstrap: Option<PathBuf>,

    /// The hook's name in the events.
    #[arg(long, default_value = "Security::Egress::SinglePort", value_name = "ALIAS")]
    pub(crate) hook_alias: String,

    /// The account that the stack is deployed to.
    #[arg(long, default_value = "123456789012", value_name = "ID")]
    pub(crate) account: String,

    /// The Region that the stack is deployed to.
    #[arg(long, default_value = "us-east-1", value_name = "REGION")]
    pub(crate) region: String,
}

/// When to use colours.
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
    /// The shape of DescribeStackEvents.
    Json,
}

pub(crate) fn parse_preset() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(Preset::ALL.map(Preset::name)).try_map(|name| name.parse::<Preset>())
}

fn parse_failure_mode() -> impl TypedValueParser<Value = FailureMode> {
    PossibleValuesParser::new(["FAIL", "WARN"])
        .map(|name| if name == "WARN" { FailureMode::Warn } else { FailureMode::Fail })
}
