//! The function that answers the invocations of a rehearsal: a local program or a Lambda Invoke endpoint.

use bytes::Bytes;

use super::endpoint::Endpoint;
use super::invoke::{ANSWER_TIMEOUT, InvokeError};
use super::runtime_api::LocalFunction;

/// A function that can be invoked.
#[derive(Debug)]
pub enum Function {
    /// A program behind a Runtime API in this process.
    Local(LocalFunction),
    /// A function behind an external Invoke API.
    Endpoint(Endpoint),
}

impl Function {
    /// Invokes the function and waits for its answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Bytes, InvokeError> {
        match self {
            Self::Local(function) => function.invoke(event).await,
            Self::Endpoint(endpoint) => {
                tokio::time::timeout(ANSWER_TIMEOUT, endpoint.invoke(event)).await.unwrap_or(Err(InvokeError::TimedOut))
            }
        }
    }
}
