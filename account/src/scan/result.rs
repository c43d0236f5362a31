//! What a scan found, and the answer: the records on disk, the sums in memory.

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
    /// What it was made with.
    pub head: ScanHead,
    /// The stacks that were read, by account, Region and name.
    pub stacks: Spool<StackRecord>,
    /// The security groups that were read, by account, Region and id; none if they were not asked for.
    pub groups: Spool<GroupRecord>,
    /// What could not be read, in the order it was tried.
    pub unread: Spool<Unread>,
    /// What could not be read, by reason.
    pub unread_groups: Vec<UnreadGroup>,
    /// The answer.
    pub summary: ScanSummary,
    /// How the scan ended.
    pub ending: ScanCompletion,
    /// What changed since an earlier scan, if it was compared with one.
    pub comparison: Option<Comparison>,
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanCompletion {
    /// Whether every stack was read or is reported as unread.
    pub complete: bool,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct ScanRecords {
    stacks: Spool<StackRecord>,
    groups: Spool<GroupRecord>,
    unread: Spool<Unread>,
    unread_groups: UnreadGroups,
    totals: ScanTotals,
}

impl ScanRecords {
    /// Takes up a stack; each stack once.
    ///
    /// # Errors
    /// When it cannot be written to the disk.
    pub fn stack(&mut self, record: &StackRecord) -> io::Result<()> {
        self.totals.stack(record);
        self.stacks.push(record).map(|_| ())
    }

    /// Takes up a live security group; each group once.
    ///
    /// # Errors
    /// When it cannot be written to the disk.
    pub fn group(&mut self, record: &GroupRecord) -> io::Result<()> {
        self.totals.group(record);
        self.groups.push(record).map(|_| ())
    }

    /// Takes up what could not be read.
    ///
    /// # Errors
    /// When it cannot be written to the disk.
    pub fn unread(&mut self, what: &Unread) -> io::Result<()> {
        self.totals.unread(what);
        self.unread_groups.add(what);
        self.unread.push(what).map(|_| ())
    }

    /// Whether no stack was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    /// Whether everything could be read.
    #[must_use]
    pub fn is_all_read(&self) -> bool {
        self.unread.is_empty()
    }

    /// The result. Stacks were found in the order of AWS's answers; they are reported in one that is the same every
    /// time.
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
