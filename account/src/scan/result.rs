//! The findings of a scan, and the answer: the records on disk, the totals in memory.

use std::io;

use super::comparison::Comparison;
use super::live::GroupRecord;
use super::record::{ScanHead, StackRecord, Unread};
use super::summary::ScanSummary;
use super::totals::ScanTotals;
use super::unread::{UnreadGroup, UnreadGroups};
use crate::spool::Spool;

#[derive(Debug)]
pub struct ScanResult {
    /// The scope and settings of the scan.
    pub head: ScanHead,
    /// The stacks that were read, by account, Region and name.
    pub stacks: Spool<StackRecord>,
    /// The security groups that were read, by account, Region and ID; empty if they were not requested.
    pub groups: Spool<GroupRecord>,
    /// The parts that could not be read, in the order of the attempts.
    pub unread: Spool<Unread>,
    /// The parts that could not be read, by reason.
    pub unread_groups: Vec<UnreadGroup>,
    /// The answer.
    pub summary: ScanSummary,
    /// How the scan ended.
    pub ending: ScanCompletion,
    /// The changes since an earlier scan, if it was compared with one.
    pub comparison: Option<Comparison>,
}

/// The end of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanCompletion {
    /// Whether every stack was read or is reported as unread.
    pub complete: bool,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// The findings so far.
#[derive(Debug, Default)]
pub struct ScanRecords {
    stacks: Spool<StackRecord>,
    groups: Spool<GroupRecord>,
    unread: Spool<Unread>,
    unread_groups: UnreadGroups,
    totals: ScanTotals,
}

impl ScanRecords {
    /// Adds a stack; each stack must be added once.
    ///
    /// # Errors
    /// When it cannot be written to disk.
    pub fn stack(&mut self, record: &StackRecord) -> io::Result<()> {
        self.totals.stack(record);
        self.stacks.push(record).map(|_| ())
    }

    /// Adds a live security group; each group must be added once.
    ///
    /// # Errors
    /// When it cannot be written to disk.
    pub fn group(&mut self, record: &GroupRecord) -> io::Result<()> {
        self.totals.group(record);
        self.groups.push(record).map(|_| ())
    }

    /// Adds a part that could not be read.
    ///
    /// # Errors
    /// When it cannot be written to disk.
    pub fn unread(&mut self, what: &Unread) -> io::Result<()> {
        self.totals.unread(what);
        self.unread_groups.add(what);
        self.unread.push(what).map(|_| ())
    }

    /// Returns whether no stack was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    /// Returns whether everything could be read.
    #[must_use]
    pub fn is_all_read(&self) -> bool {
        self.unread.is_empty()
    }

    /// Returns the result. AWS returned the stacks in any order; here they are sorted, so that the order is always the
    /// same.
    ///
    /// # Errors
    /// When the records cannot be read back.
    pub fn result(mut self, head: ScanHead, ending: ScanCompletion) -> io::Result<ScanResult> {
        self.stacks.sort_by_key(|record| (record.account, record.region, record.stack))?;
        self.groups.sort_by_key(|record| (record.account, record.region, record.group))?;
        let summary = self.totals.summary(ending.complete, &head.accounts, head.live);
        Ok(ScanResult {
            head,
            stacks: self.stacks,
            groups: self.groups,
            unread: self.unread,
            unread_groups: self.unread_groups.all(),
            summary,
            ending,
            comparison: None,
        })
    }
}
