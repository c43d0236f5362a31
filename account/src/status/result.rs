//! The state of enforcement in every Region of every account.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::StatusOptions;
use super::record::{Enforcement, RegionStatus, StatusNote};
use crate::accounts::MemberAccount;
use crate::failure::Failure;

/// The version of the format. Within a version, fields may be added; none is removed or changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// The state of enforcement in all accounts and Regions that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusResult {
    /// The version of the format. Within a version, fields may be added; none is removed or changes its meaning.
    pub version: u32,
    /// The hook's alias.
    pub hook: String,
    /// The account, if there is one: from the credentials, or from the hooks' ARNs.
    pub account: Option<String>,
    /// Whether enforcement is on in all of them, as in the exit status.
    pub verdict: Enforcement,
    /// The reason why the account's Regions could not be listed; those that every account has were read.
    pub regions_assumed: Option<String>,
    /// The accounts, those with problems first; empty if the only account is the caller's own and its ID is unknown.
    pub accounts: Vec<AccountStatus>,
    /// The Regions: those of accounts with problems first, and within an account those with problems first.
    pub regions: Vec<RegionStatus>,
    /// Notes on several Regions together.
    pub notes: Vec<StatusNote>,
    /// Failures that do not belong to a Region.
    pub unread: Vec<Failure>,
}

/// Enforcement in one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The account.
    #[serde(flatten)]
    pub account: MemberAccount,
    /// Whether enforcement is on in all its Regions.
    pub verdict: Enforcement,
    /// The number of its Regions that are enforced without a gap.
    pub regions_enforced: usize,
    /// The number of its Regions with a gap.
    #[serde(rename = "regionsWithHoles")] // the name in format 1
    pub regions_with_gaps: usize,
    /// The number of its Regions that could not be judged.
    pub regions_unknown: usize,
    /// The reason why it could not be accessed.
    pub failure: Option<Failure>,
    /// The reason why its Regions could not be listed; those that every account has were read.
    pub regions_assumed: Option<Failure>,
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct StatusRecords {
    pub(super) regions: Vec<RegionStatus>,
    /// Accounts that could not be entered.
    pub(super) not_entered: Vec<(String, Failure)>,
    /// Accounts whose Regions could not be listed.
    pub(super) regions_assumed: Vec<(String, Failure)>,
    /// Failures that do not belong to an account.
    pub(super) lost: Vec<Failure>,
}

impl StatusResult {
    pub(super) fn new(
        options: &StatusOptions,
        members: &[MemberAccount],
        found: StatusRecords,
        notes: Vec<StatusNote>,
    ) -> Self {
        let StatusRecords { mut regions, not_entered, regions_assumed, lost } = found;
        for region in &mut regions {
            region.gaps.sort_by_key(|gap| gap.severity);
            region.verdict = region.judged();
        }
        let account = match members {
            [member] => Some(member.account.clone()),
            [] => regions.iter().find_map(|region| region.account.clone()),
            _ => None,
        };
        let mut accounts: Vec<AccountStatus> =
            members.iter().map(|member| AccountStatus::of(member, &regions)).collect();
        for account in &mut accounts {
            let of = |list: &[(String, Failure)]| {
                list.iter().find(|(id, _)| *id == account.account.account).map(|(_, failure)| failure.clone())
            };
            account.failure = of(&not_entered);
            account.regions_assumed = of(&regions_assumed);
            let is_unknown = account.failure.is_some() || account.regions_assumed.is_some();
            if is_unknown && account.verdict == Enforcement::Enforced {
                account.verdict = Enforcement::Unknown;
            }
        }
        // The rank of the worst Region of each account.
        let mut worst: BTreeMap<Option<String>, _> = BTreeMap::new();
        for region in &regions {
            let rank = worst.entry(region.account.clone()).or_insert_with(|| region.rank());
            *rank = (*rank).min(region.rank());
        }
        let rank = |account: &Option<String>| worst.get(account).copied();
        // An account that could not be entered comes after those with a gap, and before those without.
        const UNKNOWN: (u8, usize) = (3, 0);
        accounts.sort_by_key(|account| {
            let of_regions = rank(&Some(account.account.account.clone()));
            let own = if account.verdict == Enforcement::Unknown { Some(UNKNOWN) } else { None };
            (own.into_iter().chain(of_regions).min(), account.account.account.clone())
        });
        regions.sort_by(|one, two| {
            let key = |region: &RegionStatus| (rank(&region.account), region.account.clone(), region.rank());
            (key(one), &one.region).cmp(&(key(two), &two.region))
        });
        let any = |verdict| {
            regions.iter().any(|region| region.verdict == verdict)
                || accounts.iter().any(|account| account.verdict == verdict)
        };
        let verdict = if any(Enforcement::Gap) {
            Enforcement::Gap
        } else if any(Enforcement::Unknown) || !lost.is_empty() || options.regions_assumed.is_some() {
            Enforcement::Unknown
        } else {
            Enforcement::Enforced
        };
        Self {
            version: FORMAT_VERSION,
            hook: options.alias.clone(),
            account,
            verdict,
            regions_assumed: options.regions_assumed.clone(),
            accounts,
            regions,
            notes,
            unread: lost,
        }
    }

    /// Returns the number of Regions with a verdict.
    #[must_use]
    pub fn count(&self, verdict: Enforcement) -> usize {
        self.regions.iter().filter(|region| region.verdict == verdict).count()
    }

    /// Returns whether the result covers several accounts.
    #[must_use]
    pub const fn is_of_many(&self) -> bool {
        self.accounts.len() > 1
    }
}

impl AccountStatus {
    fn of(member: &MemberAccount, regions: &[RegionStatus]) -> Self {
        let own = || regions.iter().filter(|region| region.account.as_ref() == Some(&member.account));
        let count = |verdict| own().filter(|region| region.verdict == verdict).count();
        let [regions_enforced, regions_with_gaps, regions_unknown] =
            [Enforcement::Enforced, Enforcement::Gap, Enforcement::Unknown].map(count);
        let verdict = match (regions_with_gaps, regions_unknown, regions_enforced) {
            (0, 0, 0) => Enforcement::Unknown,
            (0, 0, _) => Enforcement::Enforced,
            (0, ..) => Enforcement::Unknown,
            _ => Enforcement::Gap,
        };
        Self {
            account: member.clone(),
            verdict,
            regions_enforced,
            regions_with_gaps,
            regions_unknown,
            failure: None,
            regions_assumed: None,
        }
    }
}
