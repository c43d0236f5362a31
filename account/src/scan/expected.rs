//! The egress rules that a Region's templates declare, on disk until its live groups are compared with them.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::{StackRecord, account_of};
use crate::spool::Spool;
use cfn_egress_guard_core::check::{Declared, DeclaredGroup};
use cfn_egress_guard_core::security_group::Traffic;

/// The egress rules that a Region's templates declare. Memory contains hashes of names with the places of declarations,
/// and the rules for groups that only CloudFormation knows, equal ones once.
#[derive(Debug, Default)]
pub(super) struct DeclaredEgress {
    declarations: Spool<Declared>,
    places: HashMap<u64, Vec<usize>>,
    listed: HashSet<u64>,
    judged: HashSet<u64>,
    elsewhere: BTreeSet<Traffic>,
    account: Option<String>,
    is_list_incomplete: bool,
    is_lost: bool,
    hash: RandomState,
}

/// The state of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StackKnowledge {
    /// Its template was read.
    Judged,
    /// It exists, but its template could not be read.
    Unread,
    /// It does not exist.
    Gone,
    /// It is unknown whether it exists.
    Unknown,
}

/// Locks the declarations. No modification can panic halfway, so a poisoned lock is still valid.
pub(super) fn locked(expected: &Mutex<DeclaredEgress>) -> MutexGuard<'_, DeclaredEgress> {
    expected.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DeclaredEgress {
    /// Records that a stack exists.
    pub(super) fn listed(&mut self, stack_id: &str) {
        if self.account.is_none() {
            self.account = account_of(stack_id).map(str::to_owned);
        }
        self.listed.insert(self.hash.hash_one(stack_id));
    }

    /// Returns the account of the stacks, if there is one.
    pub(super) fn account(&self) -> Option<String> {
        self.account.clone()
    }

    /// Records that there may be other stacks.
    pub(super) const fn list_is_incomplete(&mut self) {
        self.is_list_incomplete = true;
    }

    /// Adds the declarations of a stack's template.
    pub(super) fn judged(&mut self, record: &StackRecord) {
        self.judged.insert(self.hash.hash_one(record.stack_id.as_str()));
        for declared in &record.declared {
            let place = match &declared.group {
                DeclaredGroup::LogicalId(id) => self.hash.hash_one((record.stack_id.as_str(), id.as_str())),
                DeclaredGroup::GroupId(id) => self.hash.hash_one(id.as_str()),
                DeclaredGroup::Unknown => {
                    self.elsewhere.extend(declared.rules.iter().map(|rule| rule.traffic.clone()));
                    continue;
                }
            };
            match self.declarations.push(declared) {
                Ok(number) => self.places.entry(place).or_default().push(number),
                // The disk is full: without this flag, a missing rule would appear to have been added by someone.
                Err(_) => self.is_lost = true,
            }
        }
    }

    pub(super) fn stack(&self, stack_id: &str) -> StackKnowledge {
        let hash = self.hash.hash_one(stack_id);
        if self.judged.contains(&hash) {
            StackKnowledge::Judged
        } else if self.listed.contains(&hash) {
            StackKnowledge::Unread
        } else if self.is_list_incomplete {
            StackKnowledge::Unknown
        } else {
            StackKnowledge::Gone
        }
    }

    /// Returns the declarations for a group: by its own stack, and by others that know its ID. Returns nothing if they
    /// cannot be read back.
    pub(super) fn of(&mut self, stack_id: &str, logical_id: &str, group: &str) -> Option<Vec<Declared>> {
        if self.is_lost {
            return None;
        }
        let of_stack = self.hash.hash_one((stack_id, logical_id));
        let by_id = self.hash.hash_one(group);
        let numbers: Vec<usize> =
            [of_stack, by_id].iter().filter_map(|place| self.places.get(place)).flatten().copied().collect();
        numbers.into_iter().map(|number| self.declarations.get(number).ok().flatten()).collect()
    }

    /// Returns whether a template may declare the rule for a group that only CloudFormation knows.
    pub(super) fn may_be_elsewhere(&self, live: &Traffic) -> bool {
        self.elsewhere.iter().any(|declared| declared.may_be(live))
    }

    /// Returns whether a stack could not be read, which may declare a rule of any group.
    pub(super) fn is_missing_stacks(&self) -> bool {
        self.is_list_incomplete || self.judged.len() < self.listed.len()
    }
}
