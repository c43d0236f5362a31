//! Arguments of the commands around the policy file.

use std::path::PathBuf;

use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::Preset;
use cfn_egress_guard_core::rule::policy::{Date, WARNING_DAYS};
use clap::{Args, Subcommand, ValueEnum};

use super::{Deployed, parse_preset};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what a policy file means, and what is to do about its exemptions.
    ///
    /// Exit status: 0 if there is nothing to do; 1 if exemptions have expired, can never match or are drafts;
    /// 2 if the file cannot be used, or an exemption ends later than max_days allows; 3 if nothing but exemptions that
    /// end soon asks for something.
    Check(PolicyCheck),
    /// Say for each egress rule which setting or exemption decides about it.
    ///
    /// Exit status: 0 if nothing is blocked, 1 if something is, 2 if it could not be checked.
    Explain(PolicyExplain),
}

/// Arguments of `policy check`.
#[derive(Debug, Args)]
pub(crate) struct PolicyCheck {
    /// The policy file; - is standard input.
    #[arg(value_name = "FILE", default_value = policy::FILE_NAME)]
    pub(crate) file: PathBuf,

    /// Also ask for action about exemptions that expire within so many days.
    #[arg(long, value_name = "DAYS", default_value_t = u32::try_from(WARNING_DAYS).unwrap_or_default())]
    pub(crate) expiring_within: u32,

    /// The day to look from, in UTC [default: today].
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) as_of: Option<Date>,

    /// How to print the result.
    #[arg(long, value_enum, default_value_t = PolicyFormat::Human, value_name = "FORMAT")]
    pub(crate) format: PolicyFormat,
}

/// How `policy check` prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFormat {
    /// Sentences for people.
    Human,
    /// JSON for programs (`schema/policy-check.schema.json`).
    Json,
}

/// Arguments of `policy explain`.
#[derive(Debug, Args)]
pub(crate) struct PolicyExplain {
    /// An event of the hook, or a template; - is standard input.
    ///
    /// An event says itself what the rest of the arguments says of a template.
    #[arg(required = true, value_name = "EVENT_OR_TEMPLATE")]
    pub(crate) files: Vec<String>,

    /// The policy file [default: policy.toml of this folder, or of the nearest one above it up to the root of the
    /// git repository].
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// Explain the published rule, whatever policy.toml lies here.
    #[arg(long, conflicts_with = "policy")]
    pub(crate) no_policy: bool,

    /// The preset, instead of the policy's.
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    pub(crate) preset: Option<Preset>,

    /// The day to look from, in UTC [default: today].
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) as_of: Option<Date>,

    #[command(flatten)]
    pub(crate) deployed: Deployed,
}
