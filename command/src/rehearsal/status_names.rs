//! The statuses of a stack and its resources.

/// The statuses of an operation.
pub(super) struct StatusNames {
    pub(super) in_progress: &'static str,
    pub(super) complete: &'static str,
    pub(super) failed: &'static str,
}

impl StatusNames {
    pub(super) const fn of(is_update: bool) -> Self {
        if is_update {
            Self { in_progress: "UPDATE_IN_PROGRESS", complete: "UPDATE_COMPLETE", failed: "UPDATE_FAILED" }
        } else {
            Self { in_progress: "CREATE_IN_PROGRESS", complete: "CREATE_COMPLETE", failed: "CREATE_FAILED" }
        }
    }
}
