//! Selects the policy that a command applies.

use std::path::{Path, PathBuf};

use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::policy::{Date, Policy};

use crate::args::PolicyArguments;
use crate::git::Repository;

/// A policy and its file.
pub(crate) struct ChosenPolicy {
    pub(crate) policy: Policy,
    /// Nothing for the published rule.
    pub(crate) file: Option<PathBuf>,
    /// The date on which its exemptions are judged.
    pub(crate) today: Date,
}

/// Returns the policy of the named file; without a name, the nearest policy file or the published rule. A preset in the
/// arguments replaces the policy's.
pub(crate) fn choose(arguments: &PolicyArguments) -> anyhow::Result<ChosenPolicy> {
    let file = if arguments.no_policy { None } else { arguments.policy.clone().or_else(nearest) };
    let policy = file.as_deref().map(super::read).transpose()?.unwrap_or_default();
    let policy = Policy { preset: arguments.preset.unwrap_or(policy.preset), ..policy };
    Ok(ChosenPolicy { policy, file, today: arguments.as_of.unwrap_or_else(super::today) })
}

/// Returns the policy file of the working directory, or of the nearest folder above it up to the root of the git
/// repository.
pub(crate) fn nearest() -> Option<PathBuf> {
    let here = Path::new(policy::FILE_NAME);
    if here.is_file() {
        return Some(here.to_owned());
    }
    let directory = std::env::current_dir().and_then(std::fs::canonicalize).ok()?;
    let repository = Repository::around(&directory)?;
    let above = directory.ancestors().skip(1).take_while(|folder| folder.starts_with(repository.root()));
    let mut up = PathBuf::new();
    for folder in above {
        up.push("..");
        if folder.join(policy::FILE_NAME).is_file() {
            return Some(up.join(policy::FILE_NAME));
        }
    }
    None
}
