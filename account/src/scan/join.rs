//! Joins several results of separate scans of accounts or Regions.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read};

use super::file::{ResultError, ResultRecord, read_records};
use super::record::ScanHead;
use super::result::{ScanCompletion, ScanRecords, ScanResult};

/// Joined results, added newest first: for a stack in several results, the newest record counts.
#[derive(Debug, Default)]
pub struct JoinedResults {
    found: ScanRecords,
    head: Option<ScanHead>,
    ending: Option<ScanCompletion>,
    /// Hashes of the ARNs of known stacks.
    seen: HashSet<u64>,
    hash: RandomState,
}

/// The reason why results cannot be joined.
#[derive(Debug)]
pub enum JoinError {
    /// One of them cannot be read.
    Unreadable(ResultError),
    /// They were made with different policies or options.
    Different {
        /// The settings of one result.
        one: String,
        /// The settings of the other.
        other: String,
    },
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Different { one, other } => write!(
                f,
                "it was made with {one}, but another result with {other}: results that are joined must have the same \
                 policy, program version, stack names, and --live"
            ),
        }
    }
}

impl std::error::Error for JoinError {}

impl JoinedResults {
    /// Adds a result; it must be older than those before it.
    ///
    /// # Errors
    /// When it cannot be read, or cannot be joined with those before it.
    pub fn add(&mut self, text: impl Read) -> Result<(), JoinError> {
        let Self { found, seen, hash, .. } = self;
        let mut own = HashSet::new();
        let (head, ending) = read_records(text, &mut |record| match record {
            ResultRecord::Stack(stack) => {
                let stack_id = hash.hash_one(stack.stack_id.as_str());
                if seen.contains(&stack_id) {
                    return Ok(());
                }
                own.insert(stack_id);
                found.stack(&stack)
            }
            ResultRecord::Group(group) => {
                let id = hash.hash_one((group.region.as_str(), group.group.as_str()));
                if seen.contains(&id) {
                    return Ok(());
                }
                own.insert(id);
                found.group(&group)
            }
            ResultRecord::Unread(unread) => {
                let stack = unread.stack_id.as_ref().map(|stack_id| hash.hash_one(stack_id.as_str()));
                let group = unread.group.as_ref().zip(unread.region.as_ref());
                let group = group.map(|(group, region)| hash.hash_one((region.as_str(), group.as_str())));
                match stack.or(group) {
                    // A newer result contains it.
                    Some(id) if seen.contains(&id) => Ok(()),
                    _ => found.unread(&unread),
                }
            }
        })
        .map_err(JoinError::Unreadable)?;
        self.seen.extend(own);
        match &mut self.head {
            Some(known) => join(known, head)?,
            None => self.head = Some(head),
        }
        let before = self.ending.unwrap_or(ScanCompletion { complete: true, interrupted: false });
        self.ending = Some(ScanCompletion {
            complete: before.complete && ending.complete,
            interrupted: before.interrupted || ending.interrupted,
        });
        Ok(())
    }

    /// Returns the joined result, or nothing if none was added.
    ///
    /// # Errors
    /// When the records cannot be read back.
    pub fn result(self) -> io::Result<Option<ScanResult>> {
        let Some((head, ending)) = self.head.zip(self.ending) else { return Ok(None) };
        self.found.result(head, ending).map(Some)
    }
}

/// Returns the settings of a result, in words.
fn made_with(head: &ScanHead) -> String {
    let only = &head.only_stacks;
    let only = if only.is_empty() { String::new() } else { format!(", for stacks named {}", only.join(", ")) };
    let live = if head.live { ", with --live" } else { "" };
    format!("{} by version {}{only}{live}", head.policy, head.program)
}

/// Adds the accounts and Regions of an older result.
fn join(known: &mut ScanHead, older: ScanHead) -> Result<(), JoinError> {
    let (one, other) = (made_with(&older), made_with(known));
    if one != other {
        return Err(JoinError::Different { one, other });
    }
    for member in older.accounts {
        match known.accounts.iter_mut().find(|known| known.account == member.account) {
            Some(known) if known.name.is_none() => *known = member,
            Some(_) => {}
            None => known.accounts.push(member),
        }
    }
    known.accounts.sort_by(|one, two| one.account.cmp(&two.account));
    // An empty list of Regions means all that are enabled.
    if known.regions.is_empty() || older.regions.is_empty() {
        known.regions.clear();
    } else {
        known.regions.extend(older.regions);
        known.regions.sort();
        known.regions.dedup();
    }
    known.regions_assumed = known.regions_assumed.take().or(older.regions_assumed);
    Ok(())
}
