//! The tables of a policy file, and their conversion to a policy.

use std::collections::BTreeSet;

use super::diagnostic::PolicyDiagnostics;
use super::kinds::{Account, Days, LogicalId, Region, SettingsTable, StackId, StackName, Tags};
use super::read::{AtSpan, OneOrMore, Tables, table};
use crate::rule::policy::{
    Conditions, Date, DestinationRange, Exemption, ExemptionId, ExemptionReason, Glob, Owner, Policy, PortRange,
};
use crate::rule::{Preset, Protocol, Treatment, wording};
use crate::security_group::ResourceType;

table! {
    /// The policy for egress rules: settings and exemptions with an end date.
    struct PolicyFile {
        /// The preset to start from: literal (the default) is the text of the published rule; effective is what EC2
        /// actually opens. The environment variable EGRESS_PRESET overrides it.
        preset: Option<Preset>,
        /// The treatment of an egress rule that breaks the rule and that an update does not change: block (the
        /// default), or allow, which allows it as known debt.
        unchanged_rules: Option<Treatment>,
        /// Single settings that differ from the preset.
        settings: Option<SettingsTable>,
        /// The contact for questions about blocked deployments: one line, at most 80 characters. Messages name it.
        contact: Option<Owner>,
        /// The maximum number of days from today until an exemption ends. policy check reports an error for one that
        /// ends later.
        max_days: Option<Days>,
        /// The exemptions: what may break the rule, the reason, the owner, and the last day.
        exemption: Option<Tables<ExemptionTable>>,
    }
}

table! {
    /// An exemption. All conditions must match, and at least one is required. A list matches if one of its entries
    /// does. An unknown value does not match.
    struct ExemptionTable {
        /// The name in messages, logs, and reports: lowercase letters, digits, and hyphens, at most 64.
        id: AtSpan<ExemptionId>,
        /// The reason: one line, at most 160 characters.
        reason: ExemptionReason,
        /// The owner: one line, at most 80 characters.
        owner: Owner,
        /// The last day on which it applies (UTC).
        expires: Date,
        /// The account (glob). In globs, * matches any number of characters, ? matches one, and the whole text must
        /// match.
        account: Option<OneOrMore<Account>>,
        /// The Region (glob).
        region: Option<OneOrMore<Region>>,
        /// The stack's name (glob). The deployer of the stack chooses it.
        stack_name: Option<OneOrMore<StackName>>,
        /// The stack's ARN (glob). It contains the stack's name.
        stack_id: Option<OneOrMore<StackId>>,
        /// The resource's logical id (glob). The author of the template chooses it.
        logical_id: Option<OneOrMore<LogicalId>>,
        /// The resource type.
        resource_type: Option<OneOrMore<ResourceType>>,
        /// The protocol, an exact match: -1 covers only an egress rule with -1.
        protocol: Option<OneOrMore<Protocol>>,
        /// The tcp or udp ports: the range must contain the egress rule's whole range.
        ports: Option<OneOrMore<PortRange>>,
        /// The destination: a CIDR block that contains the egress rule's whole block, or the id of a prefix list or
        /// security group (glob).
        destination: Option<OneOrMore<DestinationRange>>,
        /// The tags that the group must have, all of them (the keys are exact, the values are globs). The author of the
        /// template chooses them.
        tags: Option<Tags>,
    }
}

impl PolicyFile {
    /// Converts the file to a policy. Parts that contradict each other are mistakes.
    pub(super) fn into_policy(self, problems: &mut PolicyDiagnostics<'_>) -> Policy {
        let mut ids: BTreeSet<ExemptionId> = BTreeSet::new();
        let mut exemptions = Vec::new();
        for table in self.exemption.map_or_else(Vec::new, |tables| tables.0) {
            let AtSpan { at, value: id } = &table.id;
            if !ids.insert(id.clone()) {
                problems.add(
                    at.clone(),
                    format!("`id` is \"{id}\", which an earlier exemption already uses"),
                    "give each exemption a unique id",
                );
            }
            exemptions.extend(table.into_exemption(problems));
        }
        Policy {
            preset: self.preset.unwrap_or_default(),
            overrides: self.settings.unwrap_or_default().0,
            unchanged_rules: self.unchanged_rules.unwrap_or(Treatment::Block),
            contact: self.contact,
            max_days: self.max_days.map(|days| days.0),
            exemptions,
        }
    }
}

impl ExemptionTable {
    fn into_exemption(self, problems: &mut PolicyDiagnostics<'_>) -> Option<Exemption> {
        let resource_types = list(self.resource_type);
        let tags = self.tags.map_or_else(Vec::new, |tags| tags.0);
        if !tags.is_empty() && !resource_types.is_empty() && !resource_types.contains(&ResourceType::SecurityGroup) {
            problems.add(
                self.id.at.clone(),
                "the exemption requires tags, but its resource type has no tags, so it can never match",
                "remove tags or resource_type",
            );
        }
        let conditions = Conditions {
            accounts: globs(self.account, |glob| glob.0),
            regions: globs(self.region, |glob| glob.0),
            stack_names: globs(self.stack_name, |glob| glob.0),
            stack_ids: globs(self.stack_id, |glob| glob.0),
            logical_ids: globs(self.logical_id, |glob| glob.0),
            resource_types: resource_types.into_iter().map(|kind| kind.name().to_owned()).collect(),
            protocols: list(self.protocol),
            ports: list(self.ports),
            destinations: list(self.destination),
            tags,
        };
        let AtSpan { at, value: id } = self.id;
        let exemption = Exemption::new(id, self.reason, self.owner, self.expires, conditions);
        exemption
            .map_err(|error| {
                let (message, help) = wording::policy::exemption_error(error);
                problems.add(at, message, help);
            })
            .ok()
    }
}

fn list<T>(values: Option<OneOrMore<T>>) -> Vec<T> {
    values.map_or_else(Vec::new, |values| values.0)
}

fn globs<T>(values: Option<OneOrMore<T>>, glob: impl Fn(T) -> Glob) -> Vec<Glob> {
    list(values).into_iter().map(glob).collect()
}
