//! Existing security groups, whoever created them. They are read through Cloud Control, which returns CloudFormation's
//! shapes, judged by the same core, and compared with the templates of their Region.
//!
//! A Region's groups are read after its stacks: by then, the rules that its templates declare are on disk.

mod judge;
mod ownership;
mod read;
mod record;
mod summary;

pub(super) use read::scan_groups;
pub use record::{Difference, DifferenceKind, GroupRecord, Ownership};
pub(super) use summary::LiveTotals;
pub use summary::{LiveCount, LiveSummary};
