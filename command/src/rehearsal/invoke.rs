//! The timeout of an invocation, and the reasons why it may have no answer.

use std::fmt;
use std::time::Duration;

/// The time that CloudFormation waits for a hook's answer (source: Hooks User Guide, "30-second timeout").
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The reason why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvokeError {
    /// The function reported an error instead of an answer.
    Function(String),
    /// The function's process ended.
    Ended(String),
    /// No answer within the time that CloudFormation waits.
    TimedOut,
    /// The function no longer accepts events.
    Unreachable,
    /// The documents of STACK and CHANGE_SET invocations cannot be served on this machine.
    Documents(String),
    /// The endpoint could not be reached, or answered with an error.
    Endpoint(String),
}

impl fmt::Display for InvokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(report) => write!(f, "the function reported an error: {report}"),
            Self::Ended(status) => write!(f, "the function ended: {status}"),
            Self::TimedOut => write!(f, "no answer within {} seconds", ANSWER_TIMEOUT.as_secs()),
            Self::Unreachable => f.write_str("the function no longer accepts events"),
            Self::Documents(problem) => write!(f, "no port on the loopback address could be opened: {problem}"),
            Self::Endpoint(problem) => write!(f, "the endpoint failed: {problem}"),
        }
    }
}

impl std::error::Error for InvokeError {}
