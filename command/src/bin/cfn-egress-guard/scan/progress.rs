//! What a user sees while a scan runs: on standard error, and only on a terminal.

use std::io::{IsTerminal, Write};

use cfn_egress_guard_account::scan::Progress;

use crate::style::CAUTION;

/// A progress bar's width.
const WIDTH: usize = 24;

/// How far a scan is.
pub(crate) struct Meter {
    regions: usize,
    listed: usize,
    stacks: usize,
    done: usize,
    unread: usize,
    shown: bool,
}

impl Meter {
    pub(crate) fn new(regions: usize) -> Self {
        Self { regions, listed: 0, stacks: 0, done: 0, unread: 0, shown: std::io::stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self, progress: &Progress) {
        match progress {
            Progress::Found { stacks } => self.stacks += stacks,
            Progress::Listed => self.listed += 1,
            Progress::Judged(_) => self.done += 1,
            Progress::Unread(unread) => {
                self.unread += 1;
                // What it was stands in the result.
                self.done += usize::from(unread.stack.is_some() && !unread.judged);
            }
            Progress::Slower { region, at_once } => {
                self.clear();
                warn(&format!("{region}: AWS is slow to answer or asks for patience; going on with {at_once} at once"));
            }
        }
        if self.shown {
            let filled = (self.done * WIDTH).checked_div(self.stacks).unwrap_or_default().min(WIDTH);
            let bar = format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled));
            let unread = if self.unread == 0 { String::new() } else { format!(", {} not read", self.unread) };
            let mut err = anstream::stderr();
            let _ = write!(
                err,
                "\r\x1b[2K{bar} {} of {} stacks, {} of {} Regions listed{unread}",
                self.done, self.stacks, self.listed, self.regions
            );
            let _ = err.flush();
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if self.shown {
            let _ = write!(anstream::stderr(), "\r\x1b[2K");
        }
    }
}

/// A word of warning on standard error.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(anstream::stderr(), "{CAUTION}warning{CAUTION:#}: {text}");
}
