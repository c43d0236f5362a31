//! The account around the hook, through the AWS SDK: what the rule would block among the live stacks ([`scan`]), who
//! was blocked and why ([`audit`]), and whether enforcement is really on ([`status`]).
//!
//! An edge module: it uses sockets and AWS's API, but no terminal, and no files except unnamed temporary ones for data
//! that would fill the memory. The SDK handles credentials, profiles, Regions, retries and endpoints as AWS users know
//! them. Every command requests as little as possible, names the missing permission ([`Failure`]), and continues with
//! what it can read.

pub mod accounts;
mod asff;
pub mod audit;
mod called;
mod connection;
mod credentials;
mod failure;
mod hook_results;
mod number;
mod pace;
mod page;
mod pages;
pub mod permissions;
mod regions;
mod registration;
pub mod scan;
mod spool;
pub mod status;
mod tasks;

pub use cfn_egress_guard_core::rule::policy::Glob;
pub use connection::{Connection, ConnectionOptions};
pub use credentials::NoCredentials;
pub use failure::{Failure, FailureKind};
pub use number::{count, grouped};
pub use pace::RetryPolicy;
pub use regions::{AccountRegions, all_regions, regions_assumed};
pub use spool::Spool;
