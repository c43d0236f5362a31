//! cfn-egress-guard: blocks CloudFormation deployments whose security group egress rules do not open
//! exactly one explicit port.

pub mod check;
pub mod hook;
pub mod path;
#[cfg(feature = "cli")]
pub mod rehearsal;
#[cfg(feature = "cli")]
pub mod report;
pub mod rule;
#[cfg(feature = "schema")]
pub mod schema;
pub mod security_group;
pub mod source;
pub mod template;
pub mod value;
