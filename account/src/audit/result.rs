//! The result of an audit: the invocations on disk, sorted by time, and their counts in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::record::{AuditUnread, HookRecord};
use super::region::{RegionResults, account};
use crate::accounts::{Accounts, MemberAccount, RegionSelection};
use crate::number::{count, grouped};
use crate::registration::TYPE;
use crate::spool::Spool;

/// The version of the format.
const FORMAT_VERSION: u32 = 1;

/// The maximum number of accounts named in one line.
const SHOWN: usize = 5;

/// The criteria of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditHead {
    /// The version of the format.
    pub version: u32,
    /// The hook's alias.
    pub hook: String,
    /// The account, if there is one: from the credentials, or from the ARNs of the hook and the stacks.
    pub account: Option<String>,
    /// The requested accounts; empty if the only account is the caller's own and its ID is unknown.
    pub accounts: Vec<MemberAccount>,
    /// The requested Regions; empty if they are the Regions that are enabled in each account.
    pub regions: Vec<String>,
    /// The reason why the account's Regions could not be listed; `regions` then contains those that every account has.
    pub regions_assumed: Option<String>,
    /// The requested statuses, as CloudFormation names them; empty for all.
    pub statuses: Vec<String>,
    /// The reason why direct calls could not be read; the results then contain only the hook's.
    pub direct_calls_unread: Option<String>,
}

/// The result of an audit, as its JSON holds it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditResult")]
#[serde(rename_all = "camelCase")]
pub struct AuditFile {
    /// The criteria.
    #[serde(flatten)]
    pub head: AuditHead,
    /// The invocations, the newest first.
    pub results: Vec<HookRecord>,
    /// The parts that could not be read, and why.
    pub unread: Vec<AuditUnread>,
}

/// The result of an audit.
#[derive(Debug)]
pub struct AuditResult {
    /// The criteria of the audit.
    pub head: AuditHead,
    /// The invocations, the newest first.
    pub results: Spool<HookRecord>,
    /// The parts that could not be read, and why.
    pub unread: Spool<AuditUnread>,
    fates: BTreeMap<&'static str, usize>,
    failed: usize,
    is_list_unread: bool,
    unread_reasons: BTreeMap<String, UnreadReason>,
}

/// The parts that could not be read for the same reason.
#[derive(Debug, Default)]
struct UnreadReason {
    accounts: BTreeSet<String>,
    regions: BTreeSet<String>,
    results: usize,
    /// The first result.
    id: Option<String>,
}

impl AuditResult {
    pub(super) fn new(hook: &str, accounts: &Accounts, statuses: &[String]) -> Self {
        let regions = match &accounts.regions {
            RegionSelection::Named(regions) => regions.clone(),
            RegionSelection::Enabled => Vec::new(),
        };
        let account = match accounts.members.as_slice() {
            [member] => Some(member.account.clone()),
            _ => None,
        };
        let head = AuditHead {
            version: FORMAT_VERSION,
            hook: hook.to_owned(),
            account,
            accounts: accounts.members.clone(),
            regions,
            regions_assumed: None,
            statuses: statuses.to_vec(),
            direct_calls_unread: None,
        };
        Self {
            head,
            results: Spool::new(),
            unread: Spool::new(),
            fates: BTreeMap::new(),
            failed: 0,
            is_list_unread: false,
            unread_reasons: BTreeMap::new(),
        }
    }

    /// Adds the results of a Region.
    ///
    /// # Errors
    /// When they cannot be written to disk.
    pub(super) fn take(&mut self, found: RegionResults) -> io::Result<()> {
        for record in &found.records {
            self.result(record)?;
        }
        if let (None, Some(failure)) = (&self.head.direct_calls_unread, found.direct_calls_unread) {
            self.head.direct_calls_unread = Some(failure.to_string());
        }
        found.unread.into_iter().try_for_each(|unread| self.unread(unread))
    }

    pub(super) fn result(&mut self, record: &HookRecord) -> io::Result<()> {
        *self.fates.entry(record.fate()).or_default() += 1;
        self.failed += usize::from(record.is_failed());
        if self.head.accounts.len() < 2 && self.head.account.is_none() {
            self.head.account =
                record.account.clone().or_else(|| account(record.execution_target.as_deref().unwrap_or_default()));
        }
        self.results.push(record).map(|_| ())
    }

    pub(super) fn unread(&mut self, unread: AuditUnread) -> io::Result<()> {
        self.is_list_unread |= unread.id.is_none() && unread.failure.action != TYPE;
        let reason = self.unread_reasons.entry(unread.failure.to_string()).or_default();
        reason.accounts.extend(unread.account.clone());
        reason.regions.extend(unread.region.clone());
        reason.results += usize::from(unread.id.is_some());
        if reason.id.is_none() {
            reason.id.clone_from(&unread.id);
        }
        self.unread.push(&unread).map(|_| ())
    }

    /// Sorts the results, the newest first, and the unread parts by place.
    pub(super) fn finish(mut self) -> io::Result<Self> {
        self.unread.sort_by_key(|one| (one.account, one.region, one.id))?;
        self.results.sort_by_key(|one| (Reverse(one.at), one.account, one.region, one.id))?;
        Ok(self)
    }

    /// Returns the number of results by outcome; omits outcomes that were not requested.
    #[must_use]
    pub fn counts(&self) -> Vec<(usize, &'static str)> {
        let statuses = &self.head.statuses;
        let asked = |status: &str| statuses.is_empty() || statuses.iter().any(|asked| asked == status);
        let (completed, broken) = (asked("HOOK_COMPLETE_FAILED"), asked("HOOK_FAILED"));
        [
            ("blocked", "blocked", completed),
            ("warned", "warned", completed || broken),
            ("not blocked", "not blocked", completed && self.fates.contains_key("not blocked")),
            ("hook error", "hook errors", broken),
            ("passed", "passed", asked("HOOK_COMPLETE_SUCCEEDED")),
        ]
        .into_iter()
        .filter(|(_, _, asked)| *asked)
        .map(|(fate, label, _)| (self.fates.get(fate).copied().unwrap_or_default(), label))
        .collect()
    }

    /// Returns whether the hook blocked or warned about something, or failed.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        self.failed > 0
    }

    /// Returns whether everything could be read.
    #[must_use]
    pub fn is_all_read(&self) -> bool {
        self.unread.is_empty() && self.head.regions_assumed.is_none()
    }

    /// Returns whether a list of results could not be read: counts are then lower bounds, and zero means nothing.
    #[must_use]
    pub const fn is_lower_bound(&self) -> bool {
        self.head.regions_assumed.is_some() || self.is_list_unread
    }

    /// Returns a message that direct calls are missing, and why.
    #[must_use]
    pub fn direct_calls_unread(&self) -> Option<String> {
        let why = self.head.direct_calls_unread.as_ref()?;
        Some(format!("These results exclude direct EC2 API calls, which hooks do not see: {why}."))
    }

    /// Returns whether the result covers several accounts.
    #[must_use]
    pub const fn is_of_many(&self) -> bool {
        self.head.accounts.len() > 1
    }

    /// Returns what the audit covers: the account or the number of accounts, and the Regions.
    #[must_use]
    pub fn place(&self) -> String {
        let account = match (self.head.accounts.as_slice(), &self.head.account) {
            ([_, _, ..], _) => Some(count(self.head.accounts.len(), "account")),
            ([member], _) => Some(format!("account {}", member.label())),
            ([], account) => account.as_ref().map(|account| format!("account {account}")),
        };
        let regions = match self.head.regions.as_slice() {
            [] => "every Region that is enabled there".to_owned(),
            regions => regions.join(", "),
        };
        account.into_iter().chain([regions]).collect::<Vec<_>>().join(", ")
    }

    /// Returns the parts that could not be read, each reason once: the place with the result or the number of results,
    /// and the reason.
    #[must_use]
    pub fn unread_described(&self) -> Vec<(String, String)> {
        let described = self.unread_reasons.iter().map(|(failure, reason)| {
            let what = match (reason.results, &reason.id) {
                (0, _) => String::new(),
                (1, Some(id)) => format!(" result {id}:"),
                (results, _) => format!(" {}:", count(results, "result")),
            };
            let accounts = if self.is_of_many() { first_of(&reason.accounts) } else { String::new() };
            let regions = reason.regions.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let places = [accounts, regions];
            let places: Vec<String> = places.into_iter().filter(|names| !names.is_empty()).collect();
            (format!("{}{what}", places.join(" in ")), failure.clone())
        });
        described.collect()
    }
}

/// Returns the first names and the number of the others.
fn first_of(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more)),
    }
}
