//! cfn-egress-guard: blocks CloudFormation deployments whose security group egress rules do not open
//! exactly one explicit port.

#[cfg(feature = "account")]
pub mod account;
pub mod hook;
pub mod path;
#[cfg(feature = "cli")]
pub mod rehearsal;
pub mod rule;
#[cfg(feature = "schema")]
pub mod schema;
pub mod security_group;
pub mod source;
pub mod template;
pub mod value;
