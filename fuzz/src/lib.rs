//! The properties that apply to any input: one function for each fuzz target. libFuzzer's programs in `fuzz_targets/`
//! and the test that replays `corpus/` call them. Each function panics if its property is violated.
//!
//! | target | input | property |
//! |---|---|---|
//! | [`source`] | a template's text | it is read or refused in one line |
//! | [`json`] | JSON | it is read as by serde_json, and as the same values written as YAML |
//! | [`template`] | a template's text | it is evaluated to the end |
//! | [`policy`] | a policy, properties, previous properties | no exemption makes more pass than it covers |
//! | [`function`] | an event, a document | it is answered in the protocol's shape, CloudTrail's events with a log line |
//! | [`stack`] | a template and the previous template | what blocks a stack is an error of `check` |
//! | [`change_set`] | a resource after and before the change | a change set and the resource never disagree |
//! | [`ways`] | egress rules as JSON | template, event, and direct call have the same verdict |
//! | [`baseline`] | a report | it is read or refused with an explanation |
//! | [`git_index`] | git's index | it is read or refused with an explanation |

#![forbid(unsafe_code)]

pub mod answer;
pub mod baseline;
pub mod change_set;
pub mod function;
pub mod git_index;
pub mod json;
pub mod policy;
pub mod source;
pub mod stack;
pub mod template;
pub mod ways;

/// A target's name and function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 10] = [
    ("source", source::run),
    ("json", json::run),
    ("template", template::run),
    ("policy", policy::run),
    ("function", function::run),
    ("stack", stack::run),
    ("change_set", change_set::run),
    ("ways", ways::run),
    ("baseline", baseline::run),
    ("git_index", git_index::run),
];
