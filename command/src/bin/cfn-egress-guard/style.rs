//! The styles of the commands' reports for people.

use anstyle::{AnsiColor, Style};

/// For what readers look for first: names and totals.
pub(crate) const BOLD: Style = Style::new().bold();
/// For details that only some readers need.
pub(crate) const DIM: Style = Style::new().dimmed();
/// For a good result.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// For something blocked or broken.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// For something allowed or undecided that needs attention.
pub(crate) const CAUTION: Style = AnsiColor::Yellow.on_default();
