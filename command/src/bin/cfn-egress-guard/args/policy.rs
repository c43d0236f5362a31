//! Arguments of the `policy` commands.

use std::path::PathBuf;

use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::policy::{Date, WARNING_DAYS};
use clap::{Args, Subcommand, ValueEnum};

use super::reason::parse_reason;
use super::{Deployed, PolicyArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a policy file: print what it means, and list exemptions that need action.
    ///
    /// Exit status: 0 if nothing needs action; 1 if exemptions have expired, can never match, or are drafts; 2 if the
    /// file is not valid, or an exemption lasts longer than max_days; 3 if the only action is to renew exemptions
    /// that expire soon.
    Check(PolicyCheck),
    /// Show for each egress rule which setting or exemption decides its verdict.
    ///
    /// Exit status: 0 if nothing is blocked, 1 if something is blocked, 2 if it could not be checked.
    Explain(PolicyExplain),
}

/// Arguments of `policy check`.
#[derive(Debug, Args)]
pub(crate) struct PolicyCheck {
    /// The policy file; - is standard input.
    #[arg(value_name = "FILE", default_value = policy::FILE_NAME)]
    pub(crate) file: PathBuf,

    /// Also require action for exemptions that expire within this number of days.
    #[arg(long, value_name = "DAYS", default_value_t = u32::try_from(WARNING_DAYS).unwrap_or_default())]
    pub(crate) expiring_within: u32,

    /// The date to use as today, in UTC [default: today].
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
    /// A hook event or a template; - is standard input.
    ///
    /// The other arguments about the deployment are for a template; an event contains its own.
    #[arg(required_unless_present = "reason", value_name = "EVENT_OR_TEMPLATE")]
    pub(crate) files: Vec<String>,

    /// Explain a reason instead: the smallest template that shows it, and its compliant form.
    #[arg(long, value_name = "NAME", value_parser = parse_reason(), exclusive = true)]
    pub(crate) reason: Option<cfn_egress_guard_core::rule::Reason>,

    #[command(flatten)]
    pub(crate) policy: PolicyArguments,

    #[command(flatten)]
    pub(crate) deployed: Deployed,
}
