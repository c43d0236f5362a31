//! # cfn-egress-guard
//!
//! One question: does each egress rule of a security group open exactly one explicit port? It is asked
//! in front of every deployment by the AWS Lambda function behind a CloudFormation Lambda Hook (the
//! program `bootstrap`), and beside it by the command `cfn-egress-guard`. Both decide with the same
//! [`rule`] and cannot disagree.
//!
//! ## Modules, in reading order
//!
//! Dependencies point inward only, from the bottom of this table to its top; a test
//! (`tests/it/architecture.rs`) holds them to it.
//!
//! | module | knows | must not know |
//! |---|---|---|
//! | [`path`] | where something stands | anything else |
//! | [`arn`] | Amazon Resource Names | anything else |
//! | [`rule`] | the rule, its settings, every sentence a user reads | JSON, templates, AWS, clocks |
//! | [`policy`] | the policy file: TOML ↔ the rule's settings and exemptions | files, clocks |
//! | [`value`] | JSON's kinds, and values that only AWS knows | where they come from |
//! | [`security_group`] | AWS's property shapes of the two resource types | templates, the hook |
//! | [`source`] | text → values, and the place of each | rules |
//! | [`template`] | parameters, conditions, functions, loops | text, the hook |
//! | [`check`] | a template's resources in every world → findings and what to point at | text, files, the hook |
//! | [`hook`] | the hook's protocol: bytes in, decision out, total and synchronous | sockets, environment, clock |
//! | `report` | findings → bytes for people and programs (feature `cli`) | files, the terminal |
//! | `schema` | JSON Schemas of all that is read and written (feature `schema`) | |
//! | `rehearsal` | CloudFormation's part on this machine (feature `cli`; an edge: sockets, processes) | AWS |
//! | `account` | live stacks, hook results, hook configuration and function (feature `account`; an edge: the AWS SDK) | the terminal, files |
//!
//! The features are the wall: the core builds with `--no-default-features`.
//!
//! ## From an event to an answer
//!
//! [`hook::decide`] reads the event tolerantly ([`hook::Request`]), takes the properties to egress rules
//! and those to findings ([`security_group::assess`] over [`rule::judge`]), lets the policy turn what is
//! exempted or known into what it is ([`rule::policy::Policy::apply`]), and keeps one record of it all
//! ([`hook::Decision`]). Response, log line and metrics are made from that record.
//!
//! ```
//! use cfn_egress_guard_core::hook::{Config, HookStatus, decide};
//! use cfn_egress_guard_core::rule::policy::Date;
//! let event = br#"{"requestData": {"targetName": "AWS::EC2::SecurityGroup", "targetLogicalId": "Web",
//!     "targetModel": {"resourceProperties": {"SecurityGroupEgress": [
//!         {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "0.0.0.0/0"}]}}},
//!     "actionInvocationPoint": "CREATE_PRE_PROVISION"}"#;
//! let today = Date::new(2027, 6, 15).unwrap(); // the core has no clock
//! let response = decide(event, &Config::read(None, None), today).response();
//! assert_eq!(response.hook_status, HookStatus::Failed);
//! assert!(response.message.contains("tcp 80-87 to 0.0.0.0/0 opens a range of 8 ports"));
//! ```

#![warn(missing_docs)]

pub mod arn;
pub mod check;
pub mod hook;
pub mod path;
pub mod policy;
pub mod rule;
pub mod security_group;
pub mod source;
pub mod template;
pub mod value;
