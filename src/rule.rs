//! The rule.
mod port;

pub use port::{InvalidPort, InvalidPortProblem, Port, PortNumber, Unknown};
