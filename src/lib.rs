//! # cfn-egress-guard
//!
//! This package answers one question: does each egress rule of a security group open exactly one explicit port? The AWS
//! Lambda function behind a CloudFormation Lambda Hook (the program `bootstrap`) asks it before every deployment. The
//! command `cfn-egress-guard` answers it for everyone who works with the hook. Both use this package for the decision,
//! so they cannot disagree.
//!
//! ## Modules, in reading order
//!
//! Dependencies point only from the bottom of this table to the top; `tests/it/architecture.rs` checks that.
//!
//! | module | knows | must not know |
//! |---|---|---|
//! | [`arn`] | Amazon Resource Names | anything else |
//! | `excerpt` | text of a template's author, safe to show | anything else |
//! | [`path`] | a property path, a place in a text | anything else |
//! | [`fingerprint`] | a hash that is the same in every version | what is hashed |
//! | [`rule`] | the rule, its settings and exemptions, its messages | JSON, templates, AWS's services, clocks |
//! | [`value`] | JSON's kinds, and values that only AWS knows | the source of a value |
//! | [`security_group`] | AWS's property shapes of the two resource types | templates, the hook |
//! | [`template`] | parameters, conditions, functions, loops | text, the hook |
//! | [`source`] | parsing text into values and their places, as CloudFormation does | rules |
//! | [`policy`] | the policy file: TOML ↔ settings and exemptions | files, clocks |
//! | [`check`] | **the one path** from a resource to its assessment under the policy | text, files, the hook |
//! | [`log`] | the common parts of all decisions' log lines | the sender of an event |
//! | [`hook`] | the hook's protocol: from bytes to a decision, synchronous, never fails | sockets, environment, clock |
//! | [`watch`] | CloudTrail's events of direct EC2 calls: from bytes to a decision, the same way | the hook |
//! | [`event`] | the sender of an event: CloudFormation or EventBridge | the content of the event |
//!
//! Two other packages use this one: the command (`command/`: arguments, files, the terminal, report formats,
//! rehearsals) and the account library (`account/`: live stacks, hook results, and configuration, through the AWS SDK).
//! The crate boundary enforces the separation: this package compiles no command line and no AWS SDK.
//!
//! ## From an event to an answer
//!
//! [`hook::plan`] reads the event tolerantly ([`hook::Request`]) into the facts of an [`hook::Invocation`]. A resource
//! is judged from the event; a stack or change set needs the document that the program downloads. Both use [`check`]:
//! the properties become egress rules, the rules become findings ([`rule::judge`]), and the policy applies exemptions
//! and known debt. The answer and the log are derived from one record, the [`hook::Decision`].
//!
//! ## Use it as a library
//!
//! Judge the properties of a resource, given as a `serde_json::Value`:
//!
//! ```
//! use cfn_egress_guard_core::check::judge_properties;
//! use cfn_egress_guard_core::rule::policy::{Context, Date, Policy, ResourceContext, UnchangedRules};
//! use cfn_egress_guard_core::rule::{Knowledge, Verdict, wording};
//! use cfn_egress_guard_core::security_group::ResourceType;
//! use cfn_egress_guard_core::value::Value;
//!
//! let json = serde_json::json!({
//!     "SecurityGroupEgress": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "0.0.0.0/0"}]
//! });
//! let properties: Value = serde_json::from_value(json)?;
//!
//! let policy = Policy::default(); // the published rule
//! let today = Date::new(2027, 6, 15).unwrap(); // the core has no clock
//! let case = ResourceContext { context: Context::default(), unchanged: &UnchangedRules::Nothing, today };
//! let assessment = judge_properties(ResourceType::SecurityGroup, &properties, Knowledge::Final, &policy, &case);
//!
//! assert_eq!(assessment.verdict(), Verdict::NonCompliant);
//! assert_eq!(wording::statement(&assessment.findings[0]), "tcp 80-87 to 0.0.0.0/0 opens a range of 8 ports");
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Check a template in every case that its conditions allow:
//!
//! ```
//! use cfn_egress_guard_core::check::{CheckContext, Defaults, check};
//! use cfn_egress_guard_core::rule::Verdict;
//! use cfn_egress_guard_core::rule::policy::{Date, Policy};
//! use cfn_egress_guard_core::{source, template::Scope};
//!
//! let document = source::parse(
//!     "
//! Parameters:
//!   To: {Type: Number, Default: 443}
//! Resources:
//!   ToServer:
//!     Type: AWS::EC2::SecurityGroupEgress
//!     Properties: {IpProtocol: tcp, FromPort: 443, ToPort: !Ref To, CidrIp: 10.0.0.0/16}
//! ",
//! )
//! .unwrap();
//!
//! let policy = Policy::default();
//! let context = CheckContext::of(&policy, Date::new(2027, 6, 15).unwrap());
//! assert_eq!(check(&document.root, &Scope::default(), &context)?.verdict(), Verdict::Compliant);
//!
//! // A deployment may override the default of a parameter.
//! let open = CheckContext { defaults: Defaults::MayChange, ..context };
//! assert_eq!(check(&document.root, &Scope::default(), &open)?.verdict(), Verdict::Undetermined);
//! # Ok::<(), cfn_egress_guard_core::template::TemplateError>(())
//! ```
//!
//! Answer an event of the hook:
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

#[warn(missing_docs)]
pub mod arn;
#[warn(missing_docs)]
pub mod check;
pub mod event;
mod excerpt;
#[warn(missing_docs)]
pub mod fingerprint;
#[warn(missing_docs)]
pub mod hook;
pub mod log;
#[warn(missing_docs)]
pub mod path;
#[warn(missing_docs)]
pub mod policy;
#[warn(missing_docs)]
pub mod region;
#[warn(missing_docs)]
pub mod rule;
#[warn(missing_docs)]
pub mod security_group;
pub mod source;
pub mod template;
#[warn(missing_docs)]
pub mod value;
pub mod watch;
