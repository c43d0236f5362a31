//! What the command's exit status says: the table of docs/pipelines.md.

use std::process::{ExitCode, Termination};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Nothing was found; the rehearsed deployments go through.
    Clean = 0,
    /// Something was found; a rehearsed deployment is blocked.
    Findings = 1,
    /// It could not be checked: wrong usage, unreadable input, no function.
    CouldNotCheck = 2,
    /// Nothing is wrong yet, but exemptions end soon (`policy check`).
    ExpiresSoon = 3,
    /// Whoever reads the output went away before its end: as a shell says it of `SIGPIPE`.
    CutOff = 141,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
