//! How much work a template may cause: functions inside functions, loops inside loops and worlds
//! multiply, so every step is paid for.

use std::cell::Cell;

/// Steps that any template may cause, however small it is.
pub const BASE_STEPS: u64 = 500_000;

/// Steps on top for every value that the template contains.
pub const STEPS_PER_VALUE: u64 = 16;

/// How deep evaluation may go: nested values, conditions that use conditions, loops inside loops.
/// A template that `source` accepts is nested at most 128 deep.
pub const MAX_EVALUATION_DEPTH: usize = 200;

/// Steps that a copied value costs: it takes memory as well.
const STEPS_PER_COPY: u64 = 8;

/// Steps that an unknown costs: it is put into words.
const STEPS_PER_UNKNOWN: u64 = 16;

/// Bytes of text that cost one step.
const BYTES_PER_STEP: usize = 16;

/// Steps that each resource may cause in any case.
const STEPS_PER_RESOURCE: u64 = 2_000;

/// What a template of this many values may cause.
pub(super) const fn allowance(values: u64) -> u64 {
    BASE_STEPS + STEPS_PER_VALUE * values
}

/// What a resource of this many values may cause, whatever the others did.
pub(super) const fn share_of(values: u64) -> u64 {
    STEPS_PER_RESOURCE + STEPS_PER_VALUE * values
}

/// What is left of a template's steps.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<u64>,
    /// What has to be left for others.
    reserve: Cell<u64>,
}

/// There is nothing left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Budget {
    /// What a template of this many values may cause.
    pub(super) const fn for_values(values: u64) -> Self {
        Self { left: Cell::new(allowance(values)), reserve: Cell::new(0) }
    }

    /// Runs something that may spend half of what is left and these steps of its own: none takes
    /// all, and none is left with nothing.
    pub(super) fn share<T>(&self, own: u64, run: impl FnOnce() -> T) -> T {
        let before = self.left.get();
        self.left.set(before.saturating_add(own));
        self.reserve.set(before / 2);
        let result = run();
        self.left.set(self.left.get().min(before));
        self.reserve.set(0);
        result
    }

    /// Runs something that may spend all of this and nothing of what is left for others.
    pub(super) fn apart<T>(&self, steps: u64, run: impl FnOnce() -> T) -> T {
        let before = self.left.replace(steps);
        let result = run();
        self.left.set(before);
        result
    }

    /// Pays for steps.
    pub(super) fn steps(&self, steps: u64) -> Result<(), Exhausted> {
        let reserve = self.reserve.get();
        match self.left.get().checked_sub(steps) {
            Some(left) if left >= reserve => {
                self.left.set(left);
                Ok(())
            }
            Some(_) | None => {
                self.left.set(reserve);
                Err(Exhausted)
            }
        }
    }

    /// Pays for a text that is made.
    pub(super) fn text(&self, bytes: usize) -> Result<(), Exhausted> {
        self.steps(1 + (bytes / BYTES_PER_STEP) as u64)
    }

    /// Pays for saying what is not known.
    pub(super) fn unknown(&self) -> Result<(), Exhausted> {
        self.steps(STEPS_PER_UNKNOWN)
    }

    /// Pays for a copy of a value with this much text of its own.
    pub(super) fn copy(&self, bytes: usize) -> Result<(), Exhausted> {
        self.steps(STEPS_PER_COPY)?;
        self.text(bytes)
    }
}
