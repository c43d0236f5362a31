//! What was found → bytes for people, programs and the services that show findings.
//!
//! A [`FileReport`] is all that is said of one file; a [`Reporter`] writes them as they come, in the
//! order given, and what sums them up. Knows no file and no terminal.

mod build;
mod entry;
mod fingerprint;
mod github;
mod human;
mod json;
mod junit;
mod pretty;
mod sarif;

pub use entry::{Entry, FileReport, Level, Place, Problem, ResourceName, Totals};
pub use github::GitHub;
pub use human::Human;
pub use json::{Json, JsonReport};
pub use junit::JUnit;
pub use sarif::Sarif;

use std::io::{self, Write};

/// Writes reports of files, one after the other, and an end.
pub trait Reporter {
    /// Takes the report of the next file.
    ///
    /// # Errors
    /// When it cannot be written.
    fn file(&mut self, file: FileReport, out: &mut dyn Write) -> io::Result<()>;

    /// Ends the report.
    ///
    /// # Errors
    /// When it cannot be written.
    fn end(&mut self, totals: &Totals, out: &mut dyn Write) -> io::Result<()>;
}

/// This program's name in reports.
const TOOL: &str = env!("CARGO_PKG_NAME");

/// This program's version in reports.
const VERSION: &str = env!("CARGO_PKG_VERSION");
