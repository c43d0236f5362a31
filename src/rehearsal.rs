//! A rehearsal of a deployment: plays CloudFormation's part on this machine, with the real function
//! behind a loopback Lambda Runtime API, or any function behind Lambda's Invoke API.
//!
//! An edge module: it owns sockets, processes and the clock, and knows no AWS account.

mod function;
mod runtime_api;

pub use function::{Endpoint, EndpointError, Function, InvokeError};
pub use runtime_api::{LocalFunction, StartError};
