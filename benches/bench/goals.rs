//! The goals, and whether they were reached.

use std::fmt::Write as _;

/// The goals of this run.
#[derive(Default)]
pub(crate) struct Goals {
    lines: String,
    met: usize,
    all: usize,
}

/// A measurement.
#[derive(Clone, Copy)]
pub(crate) enum Measured {
    Exactly(f64),
    /// The run was stopped, so the value is higher than this.
    MoreThan(f64),
}

impl Goals {
    /// Adds a goal: at most this limit.
    pub(crate) fn at_most(&mut self, what: &str, limit: f64, measured: f64, unit: &str) {
        self.add(what, &format!("<= {limit} {unit}"), &format!("{measured:.2} {unit}"), measured <= limit);
    }

    /// Adds a goal: at least this factor.
    pub(crate) fn at_least(&mut self, what: &str, limit: f64, measured: Measured) {
        let (least, sign) = match measured {
            Measured::Exactly(times) => (times, ""),
            Measured::MoreThan(times) => (times, "> "),
        };
        let digits = if least < 10.0 { 1 } else { 0 };
        self.add(what, &format!(">= {limit} x"), &format!("{sign}{least:.digits$} x"), least >= limit);
    }

    fn add(&mut self, what: &str, goal: &str, measured: &str, met: bool) {
        self.all += 1;
        self.met += usize::from(met);
        let verdict = if met { "met" } else { "MISSED" };
        let _ = writeln!(self.lines, "{what:<74} {goal:>12} {measured:>14}  {verdict}");
    }

    pub(crate) fn print(&self) {
        println!("\n{:<74} {:>12} {:>14}", "Goals", "goal", "measured");
        print!("{}", self.lines);
        println!("{} of {} met", self.met, self.all);
    }
}
