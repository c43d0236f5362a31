//! Integration tests of the programs: one binary, loopback only.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read fixtures and start programs")]

mod account;
mod check;
mod download;
mod examples;
mod one_path;
mod policy;
mod readme;
mod rehearsal;
mod runtime;
mod schemas;
mod support;
mod witnesses;
