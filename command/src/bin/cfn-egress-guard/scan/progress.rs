//! The progress display of a scan: on standard error, and only on a terminal.

use std::io::{IsTerminal, Write};

use cfn_egress_guard_account::scan::Progress;

use crate::account::warn;

/// A progress bar's width.
const WIDTH: usize = 24;

/// The progress of a scan in all accounts together.
pub(crate) struct Meter {
    accounts: usize,
    left: usize,
    regions: usize,
    listed: usize,
    stacks: usize,
    done: usize,
    unread: usize,
    slower: usize,
    groups: usize,
    groups_done: usize,
    shown: bool,
}

impl Meter {
    pub(crate) fn new(accounts: usize) -> Self {
        let shown = std::io::stderr().is_terminal();
        Self {
            accounts,
            left: 0,
            regions: 0,
            listed: 0,
            stacks: 0,
            done: 0,
            unread: 0,
            slower: 0,
            groups: 0,
            groups_done: 0,
            shown,
        }
    }

    pub(crate) fn show(&mut self, progress: &Progress) {
        match progress {
            Progress::Entered { regions } => self.regions += regions,
            Progress::Left => self.left += 1,
            Progress::Found { stacks } => self.stacks += stacks,
            Progress::Listed => self.listed += 1,
            Progress::Judged(_) => self.done += 1,
            Progress::FoundGroups { groups } => self.groups += groups,
            Progress::Group(_) => self.groups_done += 1,
            Progress::Unread(unread) => {
                self.unread += 1;
                self.groups_done += usize::from(unread.group.is_some() && !unread.judged);
                // The result contains the details.
                self.done += usize::from(unread.stack.is_some() && !unread.judged);
            }
            Progress::Slower { region, at_once, .. } if self.accounts < 2 => {
                self.clear();
                warn(&format!("{region}: AWS is throttling requests; reducing to {at_once} concurrent requests"));
            }
            // One line for each Region of each account would not be a progress display.
            Progress::Slower { .. } => self.slower += 1,
        }
        if self.shown {
            let filled = ((self.done + self.groups_done) * WIDTH)
                .checked_div(self.stacks + self.groups)
                .unwrap_or_default()
                .min(WIDTH);
            let bar = format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled));
            let mut err = anstream::stderr();
            let _ = write!(err, "\r\x1b[2K{bar} {}", self.described());
            let _ = err.flush();
        }
    }

    fn described(&self) -> String {
        let mut described = format!("{} of {} stacks, ", self.done, self.stacks);
        if self.groups > 0 {
            described.push_str(&format!("{} of {} security groups, ", self.groups_done, self.groups));
        }
        if self.accounts > 1 {
            described.push_str(&format!("{} of {} accounts, ", self.left, self.accounts));
        }
        described.push_str(&format!("{} of {} Regions listed", self.listed, self.regions));
        if self.unread > 0 {
            described.push_str(&format!(", {} not read", self.unread));
        }
        if self.slower > 0 {
            described.push_str(&format!(", throttled {} times", self.slower));
        }
        described
    }

    /// Erases the bar.
    pub(crate) fn clear(&self) {
        if self.shown {
            let _ = write!(anstream::stderr(), "\r\x1b[2K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_counts_what_all_accounts_have_done() {
        let mut meter = Meter { shown: false, ..Meter::new(40) };
        for progress in [
            Progress::Entered { regions: 3 },
            Progress::Found { stacks: 10 },
            Progress::Listed,
            Progress::FoundGroups { groups: 7 },
            Progress::Slower { account: None, region: "eu-west-1".to_owned(), at_once: 2 },
            Progress::Left,
        ] {
            meter.show(&progress);
        }
        assert_eq!(
            meter.described(),
            "0 of 10 stacks, 0 of 7 security groups, 1 of 40 accounts, 1 of 3 Regions listed, throttled 1 times"
        );
        let mut one = Meter { shown: false, ..Meter::new(1) };
        one.show(&Progress::Entered { regions: 2 });
        assert_eq!(one.described(), "0 of 0 stacks, 0 of 2 Regions listed");
    }
}
