//! A rehearsal of a deployment: plays CloudFormation's part on this machine, with the real function behind a loopback
//! Lambda Runtime API, or with any function behind Lambda's Invoke API.
//!
//! An edge module: it owns sockets, processes and the clock, and does not use an AWS account.

mod deployment;
mod documents;
mod endpoint;
mod event;
mod function;
mod invocation;
mod invoke;
mod nested;
mod plan;
mod planner;
mod properties;
mod runtime_api;
mod status_names;

pub use deployment::{RehearsalEvent, RehearsalOutcome, rehearse};
pub use endpoint::{Endpoint, EndpointError};
pub use event::{HookEvent, HookProgress, StackEvent};
pub use function::Function;
pub use invocation::HookSettings;
pub use invoke::InvokeError;
pub use nested::{FoundTemplate, NestedStack, NestedTemplates, PlanError};
pub use plan::{
    Action, DeploymentPlan, DescribedProperties, FailureMode, NotRehearsed, ResourceOperation, StackToDeploy,
    VerdictAssumption,
};
pub use planner::plan;
pub use runtime_api::{LocalFunction, StartError};
