//! Limits the work that a template causes. Nested functions, nested loops, and worlds multiply, so every step is
//! charged.

use std::cell::Cell;

/// The number of steps that any template may cause, regardless of its size.
pub const BASE_STEPS: u64 = 500_000;

/// The number of additional steps for each value in the template.
pub const STEPS_PER_VALUE: u64 = 16;

/// The maximum depth of an evaluation: nested values, conditions that use conditions, nested loops. A template that
/// `source` accepts is at most 128 levels deep.
pub const MAX_EVALUATION_DEPTH: usize = 200;

/// The number of steps for copying a value, which also takes memory.
const STEPS_PER_COPY: u64 = 8;

/// The number of steps for describing an unknown.
const STEPS_PER_UNKNOWN: u64 = 16;

/// The number of bytes of text that cost one step.
const BYTES_PER_STEP: usize = 16;

/// The number of steps that each resource may always cause.
const STEPS_PER_RESOURCE: u64 = 2_000;

/// Returns the number of steps for a template with this many values.
pub(super) const fn allowance(values: u64) -> u64 {
    BASE_STEPS + STEPS_PER_VALUE * values
}

/// Returns the number of steps for a resource with this many values, regardless of other resources.
pub(super) const fn share_of(values: u64) -> u64 {
    STEPS_PER_RESOURCE + STEPS_PER_VALUE * values
}

/// The remaining steps of a template.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<u64>,
    /// The steps reserved for others.
    reserve: Cell<u64>,
}

/// The error for an exhausted budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Budget {
    /// Creates the budget of a template with this many values.
    pub(super) const fn for_values(values: u64) -> Self {
        Self { left: Cell::new(allowance(values)), reserve: Cell::new(0) }
    }

    /// Runs `run` with half of the remaining steps and `own` additional steps, so that no caller can use up the budget
    /// and each one has some steps.
    pub(super) fn share<T>(&self, own: u64, run: impl FnOnce() -> T) -> T {
        let before = self.left.get();
        self.left.set(before.saturating_add(own));
        self.reserve.set(before / 2);
        let result = run();
        self.left.set(self.left.get().min(before));
        self.reserve.set(0);
        result
    }

    /// Runs `run` with exactly this many steps, without using the remaining ones.
    pub(super) fn apart<T>(&self, steps: u64, run: impl FnOnce() -> T) -> T {
        let before = self.left.replace(steps);
        let result = run();
        self.left.set(before);
        result
    }

    /// Charges steps.
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

    /// Charges for creating a text.
    pub(super) fn text(&self, bytes: usize) -> Result<(), Exhausted> {
        self.steps(1 + (bytes / BYTES_PER_STEP) as u64)
    }

    /// Charges for describing an unknown.
    pub(super) fn unknown(&self) -> Result<(), Exhausted> {
        self.steps(STEPS_PER_UNKNOWN)
    }

    /// Charges for copying a value that directly contains this much text.
    pub(super) fn copy(&self, bytes: usize) -> Result<(), Exhausted> {
        self.steps(STEPS_PER_COPY)?;
        self.text(bytes)
    }
}
