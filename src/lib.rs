//! cfn-egress-guard: blocks CloudFormation deployments whose security group egress rules do not open
//! exactly one explicit port.

pub mod path;
pub mod rule;
pub mod source;
pub mod template;
pub mod value;
