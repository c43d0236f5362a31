//! The library of the command `cfn-egress-guard`: everything except the program itself.
//!
//! | module | knows | must not know |
//! |---|---|---|
//! | [`report`] | findings → bytes for people and programs | files, the terminal |
//! | [`rehearsal`] | CloudFormation's part on this machine (an edge: sockets, processes, the clock) | AWS |
//! | [`wrapping`] | lines of a width | the terminal |
//! | [`witness`] | the rule's verdict on the template that shows a reason | files, the terminal |
//! | [`schema`] | JSON Schemas of everything that is read and written | |
//!
//! The program (`src/bin/cfn-egress-guard/`) owns arguments, files, the terminal and exit statuses.

pub mod rehearsal;
pub mod report;
pub mod schema;
pub mod witness;
pub mod wrapping;
