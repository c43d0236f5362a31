//! A rehearsal of a deployment: plays CloudFormation's part on this machine, with the real function
//! behind a loopback Lambda Runtime API, or any function behind Lambda's Invoke API.
//!
//! An edge module: it owns sockets, processes and the clock, and knows no AWS account.

mod deployment;
mod event;
mod function;
mod plan;
mod planner;
mod runtime_api;

pub use deployment::{Ending, Hook, rehearse};
pub use event::{HookEvent, HookProgress, StackEvent};
pub use function::{Endpoint, EndpointError, Function, InvokeError};
pub use plan::{Action, FailureMode, Operation, Plan};
pub use planner::plan;
pub use runtime_api::{LocalFunction, StartError};
