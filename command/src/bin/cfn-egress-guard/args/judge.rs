//! Arguments shared by several commands: the policy to judge by, and the account and Region of the deployment.

use std::path::PathBuf;

use cfn_egress_guard_core::rule::Preset;
use cfn_egress_guard_core::rule::policy::Date;
use cfn_egress_guard_core::template::Scope;
use clap::Args;

use super::{parse_account, parse_preset, parse_region, parse_stack_name};

/// By which policy templates are judged.
#[derive(Debug, Args)]
pub(crate) struct PolicyArguments {
    /// The policy file [default: policy.toml in the working directory, or in the nearest parent folder up to the root
    /// of the git repository].
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// Use the published rule and ignore policy.toml.
    #[arg(long, conflicts_with = "policy")]
    pub(crate) no_policy: bool,

    /// The preset that the hook uses: literal (the published rule) or effective (what EC2 opens).
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    pub(crate) preset: Option<Preset>,

    /// The date to use as today, in UTC, to see what happens when exemptions expire [default: today].
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) as_of: Option<Date>,
}

/// Where a template is deployed, as far as that is known.
#[derive(Debug, Args)]
pub(crate) struct StackArguments {
    /// The Region of the deployment (AWS::Region).
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    pub(crate) region: Option<String>,

    /// The account of the deployment (AWS::AccountId).
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    pub(crate) account: Option<String>,

    /// The stack's name (AWS::StackName).
    #[arg(long, value_name = "NAME", value_parser = parse_stack_name)]
    pub(crate) stack_name: Option<String>,
}

impl StackArguments {
    /// Returns the values for a template's pseudo parameters.
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            region: self.region.clone(),
            account: self.account.clone(),
            stack_name: self.stack_name.clone(),
            ..Scope::default()
        }
    }
}
