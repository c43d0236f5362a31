//! The rule: its name, its decisions, and its messages.
//!
//! The specification is the text of the published rule: "Resources missing these properties, or where `FromPort` does
//! not equal `ToPort`, will be flagged." [`Preset::Literal`] implements exactly that text; [`Preset::Effective`]
//! decides by what EC2 actually opens. Each line of the table on which they differ is a [`Setting`].
//!
#![doc = include_str!("rule/decision-table.md")]
//! This module knows no JSON, no templates, no AWS API, and no clock.

mod applied;
mod date;
mod egress;
mod finding;
mod judge;
mod number_form;
pub mod policy;
mod port;
mod settings;
mod witness;
pub mod wording;

pub use crate::excerpt::excerpt;
pub use egress::{Destination, EgressRule, Origins, Protocol};
pub use finding::{
    Assessment, DecidedBy, ExplainedRule, Finding, FindingSubject, Judgement, Outcome, Reason, Severity, Verdict,
};
pub use judge::{Knowledge, judge};
pub use number_form::NumberForm;
pub use port::{InvalidPort, InvalidPortProblem, Port, PortNumber, Unknown, UnknownFacts};
pub use settings::{Preset, Setting, Settings, Treatment, UnknownPresetError};
pub use witness::{Witness, witness};

/// The published rule's id (Datadog Code Security, Infrastructure as Code).
pub const ID: &str = "cloudformation-aws-security-group-egress-with-port-range";
/// The published rule's title.
pub const TITLE: &str = "Security group egress with port range";
/// The published rule's page.
pub const URL: &str = "https://docs.datadoghq.com/security/code_security/iac_security/iac_rules/cloudformation-aws-security-group-egress-with-port-range/";
/// The published rule's category.
pub const CATEGORY: &str = "Networking and Firewall";
/// The weakness that the rule guards against: CWE-668, exposure of resource to wrong sphere.
pub const CWE: &str = "CWE-668";
/// The ids of the same rule elsewhere: Checkmarx KICS, `cfn_nag`, AWS Guard rules registry.
pub const ALIASES: [&str; 3] = ["dae9c373-8287-462f-8746-6f93dad93610", "W29", "SECURITY_GROUP_EGRESS_PORT_RANGE_RULE"];

#[cfg(test)]
mod tests;
