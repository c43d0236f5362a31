//! What an earlier scan found, for one that takes it up.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::{Mutex, PoisonError};

use super::record::StackRecord;
use crate::spool::Spool;

/// Stacks that are known from an earlier scan with the same policy, by ARN: on disk. In memory is a hash of the
/// ARN and where the stack is; of two ARNs with one hash the later is known, and the other is read again.
#[derive(Debug, Default)]
pub struct KnownStacks {
    stacks: Mutex<Spool<StackRecord>>,
    numbers: HashMap<u64, usize>,
    hash: RandomState,
}

impl KnownStacks {
    /// Adds a stack; the last word about it counts.
    ///
    /// # Errors
    /// When it cannot be written to the disk.
    pub fn add(&mut self, record: &StackRecord) -> io::Result<()> {
        let stacks = self.stacks.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.numbers.insert(self.hash.hash_one(record.stack_id.as_str()), stacks.push(record)?);
        Ok(())
    }

    /// What is known of a stack. One that cannot be read back is not known: it is looked at again.
    pub(super) fn get(&self, stack_id: &str) -> Option<StackRecord> {
        let number = *self.numbers.get(&self.hash.hash_one(stack_id))?;
        let record = self.stacks.lock().unwrap_or_else(PoisonError::into_inner).get(number).ok().flatten()?;
        (record.stack_id == stack_id).then_some(record)
    }
}
