//! Integration tests: one binary, the real programs, loopback only.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read fixtures and start programs")]

mod account;
mod architecture;
mod check;
mod download;
mod forms;
mod policy;
mod published_rule;
mod readme;
mod rehearsal;
mod runtime;
mod schemas;
mod support;
