//! The findings of an earlier scan, which a resumed one reuses.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::live::GroupRecord;
use super::record::StackRecord;
use crate::spool::Spool;

/// The findings of an earlier scan with the same policy, on disk.
#[derive(Debug, Default)]
pub struct KnownStacks {
    stacks: KeptRecords<StackRecord>,
    groups: KeptRecords<GroupRecord>,
}

/// Records by name, on disk. Memory contains a hash of each name and the record's position. If two names have the same
/// hash, the later one is kept, and the other is read again.
#[derive(Debug)]
struct KeptRecords<T> {
    records: Mutex<Spool<T>>,
    numbers: HashMap<u64, usize>,
    hash: RandomState,
}

impl<T: Serialize + DeserializeOwned> Default for KeptRecords<T> {
    fn default() -> Self {
        Self { records: Mutex::new(Spool::new()), numbers: HashMap::new(), hash: RandomState::new() }
    }
}

impl<T: Serialize + DeserializeOwned> KeptRecords<T> {
    fn add(&mut self, name: &str, record: &T) -> io::Result<()> {
        let records = self.records.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.numbers.insert(self.hash.hash_one(name), records.push(record)?);
        Ok(())
    }

    /// A record that cannot be read back counts as unknown: its resource is read again.
    fn get(&self, name: &str) -> Option<T> {
        let number = *self.numbers.get(&self.hash.hash_one(name))?;
        self.records.lock().unwrap_or_else(PoisonError::into_inner).get(number).ok().flatten()
    }
}

impl KnownStacks {
    /// Adds a stack; the last record for it counts.
    ///
    /// # Errors
    /// When it cannot be written to disk.
    pub fn add(&mut self, record: &StackRecord) -> io::Result<()> {
        self.stacks.add(&record.stack_id, record)
    }

    /// Adds a security group; the last record for it counts.
    ///
    /// # Errors
    /// When it cannot be written to disk.
    pub fn add_group(&mut self, record: &GroupRecord) -> io::Result<()> {
        self.groups.add(&name(&record.region, &record.group), record)
    }

    /// Returns the record of a stack, by its ARN.
    pub(super) fn stack(&self, stack_id: &str) -> Option<StackRecord> {
        self.stacks.get(stack_id).filter(|record| record.stack_id == stack_id)
    }

    /// Returns the record of a Region's security group; IDs are unique across accounts.
    pub(super) fn group(&self, region: &str, group: &str) -> Option<GroupRecord> {
        let known = self.groups.get(&name(region, group));
        known.filter(|record| record.region == region && record.group == group)
    }
}

fn name(region: &str, group: &str) -> String {
    format!("{region}/{group}")
}
