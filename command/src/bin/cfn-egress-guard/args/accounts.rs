//! Arguments that select accounts and the role to assume in them.

use cfn_egress_guard_account::accounts::{AccountSelection, READER_ROLE, RoleOptions, SESSION_NAME};
use clap::{ArgGroup, Args};

use super::parse_account;

/// Which accounts to read, and how to access them. Without these options, only the account of the credentials is
/// read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Accounts")]
#[command(group = ArgGroup::new("selection").multiple(true).args(["organization", "accounts", "organizational_units"]))]
pub(crate) struct AccountArguments {
    /// Read every active account of the organization. Run this in the management account or in a delegated
    /// administrator account.
    #[arg(long, conflicts_with_all = ["accounts", "organizational_units"])]
    organization: bool,

    /// Read these accounts, separated by commas.
    #[arg(long, value_name = "ID,…", value_delimiter = ',', value_parser = parse_account)]
    accounts: Vec<String>,

    /// Read the active accounts of these organizational units (or of a root) and of the units below them.
    #[arg(long = "organizational-unit", value_name = "OU,…", value_delimiter = ',', value_parser = unit_id)]
    organizational_units: Vec<String>,

    /// The role to assume in each account except the caller's own [default: cfn-egress-guard-reader, which
    /// deploy/reader-role.yaml creates].
    #[arg(long, value_name = "NAME", value_parser = role_name, requires = "selection")]
    role: Option<String>,

    /// The external ID that the role requires.
    #[arg(long, value_name = "ID", value_parser = external_id, requires = "role")]
    external_id: Option<String>,

    /// The session name in the accounts' CloudTrail events [default: cfn-egress-guard].
    #[arg(long, value_name = "NAME", value_parser = session_name, requires = "selection")]
    role_session_name: Option<String>,

    /// The maximum number of accounts that are read at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) accounts_at_once: u8,
}

impl AccountArguments {
    /// Returns the selected accounts.
    pub(crate) fn selection(&self) -> AccountSelection {
        if self.organization {
            AccountSelection::Organization
        } else if self.accounts.is_empty() && self.organizational_units.is_empty() {
            AccountSelection::Own
        } else {
            let (accounts, units) = (self.accounts.clone(), self.organizational_units.clone());
            AccountSelection::Named { accounts, units }
        }
    }

    /// Returns the role to assume in them.
    pub(crate) fn role(&self) -> RoleOptions {
        RoleOptions {
            name: self.role.clone().unwrap_or_else(|| READER_ROLE.to_owned()),
            external_id: self.external_id.clone(),
            session_name: self.role_session_name.clone().unwrap_or_else(|| SESSION_NAME.to_owned()),
        }
    }
}

/// Parses the ID of an organizational unit or root (AWS Organizations API Reference, `ParentId`).
fn unit_id(text: &str) -> Result<String, String> {
    let name = |text: &str, least: usize| {
        (least..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let is_id = match text.split('-').collect::<Vec<_>>().as_slice() {
        ["r", root] => name(root, 4),
        ["ou", root, unit] => name(root, 4) && name(unit, 8),
        _ => false,
    };
    if is_id {
        Ok(text.to_owned())
    } else {
        Err("not the ID of an organizational unit (such as ou-ab12-cd34ef56) or a root (such as r-ab12)".to_owned())
    }
}

/// Parses a role name with its path (IAM User Guide, "IAM and AWS STS quotas").
fn role_name(text: &str) -> Result<String, String> {
    let name = text.rsplit('/').next().unwrap_or_default();
    let is_name = (1..=64).contains(&name.len())
        && text.len() <= 512
        && !text.starts_with('/')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&byte));
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("not a role name; write its name and not its ARN, such as cfn-egress-guard-reader or path/to/reader"
            .to_owned())
    }
}

/// Parses an external ID (STS API Reference, `AssumeRole`).
fn external_id(text: &str) -> Result<String, String> {
    let is_id = (2..=1224).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte));
    if is_id {
        Ok(text.to_owned())
    } else {
        Err("not an external ID, which has 2 to 1,224 letters, digits, and _+=,.@:/-".to_owned())
    }
}

fn session_name(text: &str) -> Result<String, String> {
    let is_name = (2..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("not a session name, which has 2 to 64 letters, digits, and _+=,.@-".to_owned())
    }
}
