//! The command's exit statuses: the table in docs/pipelines.md.

use std::process::{ExitCode, Termination};

/// The result of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Nothing was found; the rehearsed deployments succeed.
    Clean = 0,
    /// Something was found; a rehearsed deployment is blocked.
    Findings = 1,
    /// It could not be checked: wrong usage, unreadable input, no function.
    CouldNotCheck = 2,
    /// Nothing is wrong yet, but exemptions end soon (`policy check`).
    ExpiresSoon = 3,
    /// The reader of the output closed it early: the status that a shell reports for `SIGPIPE`.
    CutOff = 141,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
