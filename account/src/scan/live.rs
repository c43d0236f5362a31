//! Security groups that exist, whoever made them: read through Cloud Control, which has them in CloudFormation's shapes,
//! judged by the same core, and compared with what the templates of their Region declare.
//!
//! A Region's groups are read when its stacks are: which rules a template declares is on disk by then.

mod judge;
mod ownership;
mod read;
mod record;
mod summary;

pub(super) use read::scan_groups;
pub use record::{Difference, DifferenceKind, GroupRecord, Ownership};
pub(super) use summary::LiveTotals;
pub use summary::{LiveCount, LiveSummary};
