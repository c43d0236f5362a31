//! The account around the hook, through the AWS SDK: what the rule would block among the live stacks
//! ([`scan`]), who was blocked and why ([`audit`]), whether enforcement is really on ([`status`]).
//!
//! An edge module: it knows sockets and AWS's API, no terminal, and no files but those without a name
//! in which it keeps what would fill the memory. Credentials, profiles, Regions, retries and endpoints
//! are the SDK's business and behave as AWS users know them. Every command asks for as little as it can,
//! names the permission that is missing ([`Failure`]), and goes on with what it can read.

pub mod accounts;
mod asff;
pub mod audit;
mod called;
pub mod connection;
mod credentials;
mod failure;
mod hook_results;
mod number;
mod pace;
mod page;
mod pages;
pub mod permissions;
pub mod scan;
mod spool;
pub mod status;

pub use cfn_egress_guard_core::rule::policy::Glob;
pub use connection::{Connection, ConnectionOptions};
pub use credentials::NoCredentials;
pub use failure::{Failure, FailureKind};
pub use number::{count, grouped};
pub use pace::RetryPolicy;
pub use spool::Spool;
