//! What an earlier scan found, for one that takes it up.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::record::StackRecord;
use super::spool::Spool;

/// Stacks that are known from an earlier scan with the same policy, by ARN: on disk.
#[derive(Debug, Default)]
pub struct Known {
    stacks: Mutex<Spool<StackRecord>>,
    numbers: HashMap<Box<str>, usize>,
}

impl Known {
    /// Adds a stack; the last word about it counts.
    ///
    /// # Errors
    /// When it cannot be written to the disk.
    pub fn add(&mut self, record: &StackRecord) -> io::Result<()> {
        let stacks = self.stacks.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.numbers.insert(record.stack_id.as_str().into(), stacks.push(record)?);
        Ok(())
    }

    /// What is known of a stack. One that cannot be read back is not known: it is looked at again.
    pub(super) fn get(&self, stack_id: &str) -> Option<StackRecord> {
        let number = *self.numbers.get(stack_id)?;
        self.stacks.lock().unwrap_or_else(PoisonError::into_inner).get(number).ok().flatten()
    }
}
