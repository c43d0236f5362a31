//! Integration tests of the core: one binary, without programs or sockets.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read fixtures and source files")]

mod architecture;
mod direct_calls;
mod forms;
mod published_rule;
mod support;
mod words;
