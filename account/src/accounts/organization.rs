//! The accounts of an organization and their organizational units.
//!
//! Sources: AWS Organizations API Reference, `ListAccounts`, `ListRoots`, `ListAccountsForParent`,
//! `ListOrganizationalUnitsForParent`, `DescribeOrganizationalUnit`. `State` replaced the `Status` of an account on
//! September 9, 2026; this code reads both.

use std::collections::BTreeMap;

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::Account;

use super::{AccountSelection, MemberAccount};
use crate::connection::Connection;
use crate::failure::{Failure, FailureKind};
use crate::number::count;
use crate::pace::{RetryPolicy, with_retries};
use crate::pages::each_page;
use cfn_egress_guard_core::rule::excerpt;

const LIST: &str = "organizations:ListAccounts";
const ROOTS: &str = "organizations:ListRoots";
const IN_UNIT: &str = "organizations:ListAccountsForParent";
const UNITS: &str = "organizations:ListOrganizationalUnitsForParent";
const UNIT: &str = "organizations:DescribeOrganizationalUnit";

/// The maximum number of characters of a name.
const NAME_CHARS: usize = 128;

/// The maximum number of organizational units to read; an organization's quota is 2,000.
const MAX_UNITS: usize = 10_000;

/// The maximum number of skipped accounts that are named.
const SHOWN: usize = 5;

/// The accounts of a selection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListedAccounts {
    /// The accounts that are active or were named individually.
    pub accounts: Vec<MemberAccount>,
    /// The accounts that are suspended, being closed or not ready yet.
    pub inactive: Vec<MemberAccount>,
    /// The reason why the accounts' organizational units are unknown.
    pub units_unread: Option<Failure>,
}

impl ListedAccounts {
    /// Returns notes to show before the accounts are read.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.inactive.is_empty() {
            let named: Vec<String> = self.inactive.iter().take(SHOWN).map(MemberAccount::label).collect();
            let more = match self.inactive.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let number = count(self.inactive.len(), "account");
            let are = if self.inactive.len() == 1 { "is" } else { "are" };
            notes.push(format!("Skipped {number} that {are} not active: {}{more}.", named.join(", ")));
        }
        if let Some(failure) = &self.units_unread {
            notes.push(format!("The accounts' organizational units could not be read: {failure}."));
        }
        notes
    }

    fn add(&mut self, account: &Account, unit: Option<&str>) {
        let Some(id) = account.id().filter(|id| !id.is_empty()) else { return };
        let member = MemberAccount {
            account: id.to_owned(),
            name: account.name().filter(|name| !name.is_empty()).map(|name| excerpt(name, NAME_CHARS)),
            organizational_unit: unit.map(str::to_owned),
        };
        if is_active(account) { self.accounts.push(member) } else { self.inactive.push(member) }
    }
}

/// Returns whether an account can be entered at all.
fn is_active(account: &Account) -> bool {
    let status = account.status().map(|status| status.as_str());
    account.state().map(|state| state.as_str()).or(status).is_none_or(|state| state == "ACTIVE")
}

/// Reads the accounts of a selection.
///
/// # Errors
/// When they cannot be listed.
pub(super) async fn listed(
    connection: &Connection,
    selection: &AccountSelection,
    retry_policy: RetryPolicy,
) -> Result<ListedAccounts, Failure> {
    let organization = Organization { client: connection.organizations(), retry_policy };
    match selection {
        AccountSelection::Own => Ok(ListedAccounts::default()),
        AccountSelection::Organization => organization.all().await,
        AccountSelection::Named { accounts, units } => {
            let mut listed = ListedAccounts::default();
            let mut found = Vec::new();
            for unit in units {
                let name = organization.name(unit).await?;
                organization.below(unit, &name, &mut found).await?;
            }
            for (account, unit) in &found {
                listed.add(account, Some(unit));
            }
            let known = |id: &String| listed.accounts.iter().any(|member| member.account == *id);
            let more: Vec<_> = accounts.iter().filter(|id| !known(id)).map(|id| MemberAccount::of_id(id)).collect();
            listed.accounts.extend(more);
            Ok(listed)
        }
    }
}

struct Organization {
    client: Client,
    retry_policy: RetryPolicy,
}

impl Organization {
    /// Returns every account, with its organizational unit if that can be read.
    async fn all(&self) -> Result<ListedAccounts, Failure> {
        let mut accounts = Vec::new();
        each_page(LIST, async |token| {
            let page = with_retries(self.retry_policy, &mut 0, || async {
                let answer = self.client.list_accounts().set_next_token(token.clone()).send().await;
                answer.map_err(|error| Failure::of(LIST, &error))
            })
            .await?;
            accounts.extend(page.accounts.unwrap_or_default());
            Ok(page.next_token)
        })
        .await?;
        let mut listed = ListedAccounts::default();
        let units = match self.units().await {
            Ok(units) => units,
            Err(failure) => {
                listed.units_unread = Some(failure);
                BTreeMap::new()
            }
        };
        for account in &accounts {
            listed.add(account, account.id().and_then(|id| units.get(id)).map(String::as_str));
        }
        Ok(listed)
    }

    /// Returns the organizational unit of each account.
    async fn units(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut found = Vec::new();
        let mut roots = Vec::new();
        each_page(ROOTS, async |token| {
            let page = with_retries(self.retry_policy, &mut 0, || async {
                let answer = self.client.list_roots().set_next_token(token.clone()).send().await;
                answer.map_err(|error| Failure::of(ROOTS, &error))
            })
            .await?;
            roots.extend(page.roots.unwrap_or_default());
            Ok(page.next_token)
        })
        .await?;
        for root in &roots {
            let Some(id) = root.id() else { continue };
            self.below(id, root.name().unwrap_or(id), &mut found).await?;
        }
        Ok(found.into_iter().filter_map(|(account, unit)| Some((account.id?, unit))).collect())
    }

    /// Collects the accounts of a unit and the units below it, each with the path of its unit.
    async fn below(&self, unit: &str, name: &str, found: &mut Vec<(Account, String)>) -> Result<(), Failure> {
        let mut waiting = vec![(unit.to_owned(), excerpt(name, NAME_CHARS))];
        for _ in 0..MAX_UNITS {
            let Some((unit, path)) = waiting.pop() else { return Ok(()) };
            self.accounts(&unit, &path, found).await?;
            self.children(&unit, &path, &mut waiting).await?;
        }
        Err(Failure::new(UNITS, FailureKind::Unreadable, "the list has too many pages"))
    }

    async fn accounts(&self, unit: &str, path: &str, found: &mut Vec<(Account, String)>) -> Result<(), Failure> {
        each_page(IN_UNIT, async |token| {
            let page = with_retries(self.retry_policy, &mut 0, || async {
                let request = self.client.list_accounts_for_parent().parent_id(unit).set_next_token(token.clone());
                request.send().await.map_err(|error| Failure::of(IN_UNIT, &error))
            })
            .await?;
            found.extend(page.accounts.unwrap_or_default().into_iter().map(|account| (account, path.to_owned())));
            Ok(page.next_token)
        })
        .await
    }

    async fn children(&self, unit: &str, path: &str, waiting: &mut Vec<(String, String)>) -> Result<(), Failure> {
        each_page(UNITS, async |token| {
            let page = with_retries(self.retry_policy, &mut 0, || async {
                let request = self.client.list_organizational_units_for_parent().parent_id(unit);
                let answer = request.set_next_token(token.clone()).send().await;
                answer.map_err(|error| Failure::of(UNITS, &error))
            })
            .await?;
            for child in page.organizational_units() {
                let Some(id) = child.id() else { continue };
                let name = excerpt(child.name().unwrap_or(id), NAME_CHARS);
                waiting.push((id.to_owned(), format!("{path}/{name}")));
            }
            Ok(page.next_token)
        })
        .await
    }

    /// Returns the name of a unit; for a root, its ID.
    async fn name(&self, unit: &str) -> Result<String, Failure> {
        if unit.starts_with("r-") {
            return Ok(unit.to_owned());
        }
        let answer = with_retries(self.retry_policy, &mut 0, || async {
            let request = self.client.describe_organizational_unit().organizational_unit_id(unit);
            request.send().await.map_err(|error| Failure::of(UNIT, &error))
        })
        .await?;
        let name = answer.organizational_unit().and_then(|unit| unit.name());
        Ok(name.unwrap_or(unit).to_owned())
    }
}
