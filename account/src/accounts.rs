//! The accounts to read, the way to enter each, and their Regions.
//!
//! The caller's own account needs no role. In every other account, a role with the same name is assumed; the SDK renews
//! its credentials before they expire, for the duration of a run.

mod organization;
mod side_by_side;
mod visit;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::connection::Connection;
pub use super::credentials::RoleOptions;
use super::failure::Failure;
use super::pace::RetryPolicy;
use super::regions::{AccountRegions, all_regions};
pub use organization::ListedAccounts;
pub(super) use side_by_side::side_by_side;
pub use visit::VisitProgress;
pub(super) use visit::{AccountRegion, VisitEvent, visit};

/// The role that `deploy/reader-role.yaml` creates.
pub const READER_ROLE: &str = "cfn-egress-guard-reader";

/// The session name of an assumed role in the accounts' trails.
pub const SESSION_NAME: &str = "cfn-egress-guard";

/// An account to read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberAccount {
    /// The account's ID.
    pub account: String,
    /// Its name in the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The names of its organizational units, the outermost first: `Root/Workloads/Production`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
}

impl MemberAccount {
    /// Creates an account with only its ID.
    #[must_use]
    pub(crate) fn of_id(account: &str) -> Self {
        Self { account: account.to_owned(), ..Self::default() }
    }

    /// Returns the account formatted for people: `123456789012 (web-production)`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.account),
            None => self.account.clone(),
        }
    }
}

/// Returns an account's label, by its ID.
#[must_use]
pub fn account_label(accounts: &[MemberAccount], id: &str) -> String {
    accounts.iter().find(|member| member.account == id).map_or_else(|| id.to_owned(), MemberAccount::label)
}

/// The accounts to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSelection {
    /// The account of the credentials.
    Own,
    /// Every active account of the organization.
    Organization,
    /// Named accounts, and the active accounts of organizational units and the units below them.
    Named {
        /// Account IDs.
        accounts: Vec<String>,
        /// IDs of organizational units or of a root.
        units: Vec<String>,
    },
}

/// The Regions of an account to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionSelection {
    /// The named Regions.
    Named(Vec<String>),
    /// The Regions that are enabled in the account.
    Enabled,
}

/// The accounts to read.
#[derive(Debug, Clone)]
pub struct Accounts {
    connection: Connection,
    role: Option<AssumableRole>,
    /// The accounts, by ID. Without a role, this is the caller's own account, or empty if it is unknown.
    pub members: Vec<MemberAccount>,
    /// The Regions of each.
    pub regions: RegionSelection,
    /// The number of accounts read in parallel.
    pub at_once: usize,
    /// Notes on what is unknown about the organization, and on the accounts that are left out.
    pub notes: Vec<String>,
}

/// The role that is assumed in other accounts.
#[derive(Debug, Clone)]
struct AssumableRole {
    options: RoleOptions,
    partition: String,
    own: String,
}

/// An account that was entered.
#[derive(Debug, Clone)]
pub(super) struct EnteredAccount {
    pub(super) connection: Connection,
    pub(super) regions: Vec<String>,
    /// The reason why the account's Regions could not be listed; `regions` then contains those that every account has.
    pub(super) regions_assumed: Option<Failure>,
}

impl Accounts {
    /// Selects only the caller's own account. Its ID is useful but not required.
    pub async fn own(connection: Connection, regions: Vec<String>) -> Self {
        let members = connection.caller_if_known().await.map(|caller| MemberAccount::of_id(&caller.account));
        Self {
            connection,
            role: None,
            members: members.into_iter().collect(),
            regions: RegionSelection::Named(regions),
            at_once: 1,
            notes: Vec::new(),
        }
    }

    /// Selects accounts that are entered with a role.
    ///
    /// # Errors
    /// When the caller or the organization's accounts cannot be read.
    pub async fn with_role(
        connection: Connection,
        selection: &AccountSelection,
        role: RoleOptions,
        regions: RegionSelection,
        at_once: usize,
        retry_policy: RetryPolicy,
    ) -> Result<Self, Failure> {
        let caller = connection.caller(retry_policy).await?;
        let mut listed = organization::listed(&connection, selection, retry_policy).await?;
        if *selection == AccountSelection::Own {
            listed.accounts.push(MemberAccount::of_id(&caller.account));
        }
        let notes = listed.notes();
        let mut members = listed.accounts;
        members.sort_by(|one, two| one.account.cmp(&two.account));
        members.dedup_by(|one, two| one.account == two.account);
        let role = Some(AssumableRole { options: role, partition: caller.partition, own: caller.account });
        Ok(Self { connection, role, members, regions, at_once: at_once.max(1), notes })
    }

    /// Returns the connection to the caller's own account.
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Enters the only account.
    ///
    /// # Errors
    /// When its role cannot be assumed.
    pub(super) async fn enter_first(&self, retry_policy: RetryPolicy) -> Result<Connection, Failure> {
        Ok(self.enter(self.members.first(), retry_policy).await?.connection)
    }

    /// Returns the caller's own account, if known.
    pub(super) fn own_account(&self) -> Option<&str> {
        match &self.role {
            Some(role) => Some(&role.own),
            None => self.members.first().map(|member| member.account.as_str()),
        }
    }

    /// Returns whether other accounts may be included: results then name the account of each item.
    #[must_use]
    pub(crate) const fn are_many(&self) -> bool {
        self.role.is_some()
    }

    /// Returns the accounts to read; nothing in place of the caller's own account if its ID is unknown.
    pub(super) fn targets(&self) -> Vec<Option<MemberAccount>> {
        if self.are_many() {
            self.members.iter().cloned().map(Some).collect()
        } else {
            vec![self.members.first().cloned()]
        }
    }

    /// Enters an account and returns the Regions to read.
    ///
    /// # Errors
    /// When its role cannot be assumed.
    pub(super) async fn enter(
        &self,
        target: Option<&MemberAccount>,
        retry_policy: RetryPolicy,
    ) -> Result<EnteredAccount, Failure> {
        let connection = match (target, &self.role) {
            (Some(member), Some(role)) if member.account != role.own => {
                let AssumableRole { options, partition, .. } = role;
                let arn = format!("arn:{partition}:iam::{}:role/{}", member.account, options.name);
                self.connection.in_role(&member.account, &arn, options, retry_policy).await?
            }
            _ => self.connection.clone(),
        };
        let (regions, regions_assumed) = match &self.regions {
            RegionSelection::Named(regions) => (regions.clone(), None),
            RegionSelection::Enabled => {
                let AccountRegions { regions, assumed } = all_regions(&connection, retry_policy).await;
                (regions, assumed)
            }
        };
        Ok(EnteredAccount { connection, regions, regions_assumed })
    }
}
