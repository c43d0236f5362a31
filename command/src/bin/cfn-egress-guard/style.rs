//! What the commands' reports for people are drawn with.

use anstyle::{AnsiColor, Style};

/// What the eye goes to first: names and sums.
pub(crate) const BOLD: Style = Style::new().bold();
/// What only some readers need.
pub(crate) const DIM: Style = Style::new().dimmed();
/// All is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// It was blocked, or is broken.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// It was allowed or not decided, and somebody should look.
pub(crate) const CAUTION: Style = AnsiColor::Yellow.on_default();
