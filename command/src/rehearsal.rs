//! A rehearsal of a deployment: plays CloudFormation's part on this machine, with the real function
//! behind a loopback Lambda Runtime API, or any function behind Lambda's Invoke API.
//!
//! An edge module: it owns sockets, processes and the clock, and knows no AWS account.

mod deployment;
mod documents;
mod event;
mod function;
mod invocation;
mod nested;
mod plan;
mod planner;
mod properties;
mod runtime_api;
mod words;

pub use deployment::{Ending, Hook, Told, rehearse};
pub use event::{HookEvent, HookProgress, StackEvent};
pub use function::{Endpoint, EndpointError, Function, InvokeError};
pub use nested::{FoundTemplate, MAX_NESTED_STACKS, NestedStack, NestedTemplates, PlanError};
pub use plan::{Action, Assumed, Described, FailureMode, NotJudged, Operation, Plan};
pub use planner::{Stack, plan};
pub use runtime_api::{LocalFunction, StartError};
