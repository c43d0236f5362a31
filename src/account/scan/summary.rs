//! The answer that a scan gives: can enforcement be switched on, and whom to talk to first.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::html::count;
use super::record::{Cause, Fate, StackRecord, Tally, Unread};

/// What a scan found, added up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Whether the failure mode can be FAIL.
    pub answer: Answer,
    /// Stacks that were read.
    pub stacks: usize,
    /// Stacks with security groups or egress rules.
    pub stacks_with_rules: usize,
    /// Stacks with at least one rule that would be blocked.
    pub stacks_blocked: usize,
    /// Stacks without such a rule, but with one that cannot be judged.
    pub stacks_undetermined: usize,
    /// Egress rules in all of them.
    pub rules: usize,
    /// What would happen to the rules.
    pub tally: Tally,
    /// Blocked rules by what kind of rule they are, the most frequent first.
    pub causes: Vec<Group>,
    /// Blocked rules by owner, the one with the most stacks first.
    pub owners: Vec<Group>,
    /// Blocked rules by Region.
    pub regions: Vec<Group>,
    /// How the answer would change.
    pub alternatives: Vec<Alternative>,
    /// Stacks and lists that could not be read.
    pub unread: usize,
}

/// Whether the failure mode can be FAIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Nothing that is deployed breaks the rule.
    Yes,
    /// Nothing certainly does, and some of it cannot be judged here.
    Probably,
    /// Something does.
    No,
    /// Not enough could be read.
    #[default]
    Unknown,
}

/// Blocked rules with something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What they have in common; nothing for stacks without an owner.
    pub name: Option<String>,
    /// Stacks with such rules.
    pub stacks: usize,
    /// Such rules.
    pub rules: usize,
}

/// How it would look under another policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// What would be different.
    pub name: String,
    /// Stacks with blocked rules.
    pub stacks_blocked: usize,
    /// Blocked rules.
    pub rules_blocked: usize,
    /// Rules that could not be judged.
    pub rules_undetermined: usize,
}

/// What the rules of a group share, while they are counted.
#[derive(Default)]
struct Count<'a> {
    stacks: BTreeSet<&'a str>,
    rules: usize,
}

impl Summary {
    /// Adds up what was read and what was not.
    #[must_use]
    pub fn of(records: &[StackRecord], unread: &[Unread], complete: bool) -> Self {
        let mut summary = Self { stacks: records.len(), unread: unread.len(), ..Self::default() };
        let mut causes: BTreeMap<Option<String>, Count<'_>> = BTreeMap::new();
        let mut owners: BTreeMap<Option<String>, Count<'_>> = BTreeMap::new();
        let mut regions: BTreeMap<Option<String>, Count<'_>> = BTreeMap::new();
        let mut settings: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
        let mut effective = Alternative::named("preset = \"effective\"");
        for record in records {
            let tally = record.tally();
            summary.rules += record.rules;
            summary.stacks_with_rules += usize::from(record.resources > 0);
            summary.stacks_blocked += usize::from(tally.blocked > 0);
            summary.stacks_undetermined += usize::from(tally.blocked == 0 && tally.undetermined > 0);
            summary.tally.blocked += tally.blocked;
            summary.tally.undetermined += tally.undetermined;
            summary.tally.exempted += tally.exempted;
            summary.tally.known_debt += tally.known_debt;
            effective.stacks_blocked += usize::from(record.effective.blocked > 0);
            effective.rules_blocked += record.effective.blocked;
            effective.rules_undetermined += record.effective.undetermined;
            if tally.blocked == 0 {
                continue;
            }
            for (groups, name) in [(&mut owners, record.owner.clone()), (&mut regions, Some(record.region.clone()))] {
                let group = groups.entry(name).or_default();
                group.stacks.insert(&record.stack_id);
                group.rules += tally.blocked;
            }
            for rule in record.findings.iter().filter(|rule| rule.fate == Fate::Blocked) {
                let group = causes.entry(Some(rule.cause.label().to_owned())).or_default();
                group.stacks.insert(&record.stack_id);
                group.rules += 1;
                for setting in &rule.settings {
                    let (stacks, rules) = settings.entry(setting).or_default();
                    stacks.insert(&record.stack_id);
                    *rules += 1;
                }
            }
        }
        summary.answer = summary.answered(complete);
        summary.causes = largest_first(causes);
        summary.owners = largest_first(owners);
        summary.regions = largest_first(regions);
        summary.alternatives = summary.alternatives(records, effective, &settings);
        summary
    }

    const fn answered(&self, complete: bool) -> Answer {
        if self.tally.blocked > 0 {
            Answer::No
        } else if !complete || self.unread > 0 {
            Answer::Unknown
        } else if self.tally.undetermined > 0 {
            Answer::Probably
        } else {
            Answer::Yes
        }
    }

    fn alternatives(
        &self,
        records: &[StackRecord],
        effective: Alternative,
        settings: &BTreeMap<&str, (BTreeSet<&str>, usize)>,
    ) -> Vec<Alternative> {
        let mut alternatives = vec![
            // What is deployed stands there before its next update.
            Alternative::named("unchanged_rules = \"allow\""),
            effective,
        ];
        for (setting, (stacks, rules)) in settings {
            let wholly = records.iter().filter(|record| {
                let blocked: Vec<_> = record.findings.iter().filter(|rule| rule.fate == Fate::Blocked).collect();
                stacks.contains(record.stack_id.as_str())
                    && record.more.blocked == 0
                    && blocked.iter().all(|rule| rule.settings.iter().any(|name| name == setting))
            });
            alternatives.push(Alternative {
                name: format!("{setting} = \"allow\""),
                stacks_blocked: self.stacks_blocked.saturating_sub(wholly.count()),
                rules_blocked: self.tally.blocked.saturating_sub(*rules),
                rules_undetermined: self.tally.undetermined,
            });
        }
        alternatives
    }

    /// The answer in sentences: can the failure mode be FAIL, and whom to talk to first.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut said = vec![match self.answer {
            Answer::Yes => "Yes: FAIL would block none of the stacks that are deployed.".to_owned(),
            Answer::Probably => format!(
                "Probably: FAIL would block none of the stacks as far as their templates tell; {} cannot be judged \
                 before a deployment.",
                count(self.tally.undetermined, "rule")
            ),
            Answer::No => format!(
                "Not yet: with FAIL, {} of the {} with security groups would be blocked at the next change of those \
                 groups ({}).",
                self.stacks_blocked,
                count(self.stacks_with_rules, "stack"),
                count(self.tally.blocked, "rule")
            ),
            Answer::Unknown => "Nobody can say: not everything could be read, and nothing of what was read would be \
                                blocked."
                .to_owned(),
        }];
        if self.answer == Answer::No && self.unread > 0 {
            said.push(format!("That is a lower bound: {} could not be read.", count(self.unread, "stack")));
        }
        if let Some(first) = self.owners.first() {
            let stacks = count(first.stacks, "stack");
            said.push(match &first.name {
                Some(owner) => format!("Talk to {owner} first: {stacks}, {}.", count(first.rules, "rule")),
                None => format!("Find out first who owns {stacks} without an owner tag."),
            });
        }
        let best =
            self.alternatives.iter().filter(|other| other.stacks_blocked > 0 || other.name.starts_with("preset"));
        if let Some(best) = best.min_by_key(|other| (other.stacks_blocked, other.rules_blocked))
            && best.stacks_blocked < self.stacks_blocked
        {
            let stacks = count(best.stacks_blocked, "stack");
            said.push(format!("With {} it would be {stacks}.", best.name));
        }
        if self.tally.blocked > 0 {
            said.push(
                "With unchanged_rules = \"allow\" none of them is blocked until it adds or changes a rule.".to_owned(),
            );
        }
        said
    }
}

impl Alternative {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), stacks_blocked: 0, rules_blocked: 0, rules_undetermined: 0 }
    }
}

fn largest_first(groups: BTreeMap<Option<String>, Count<'_>>) -> Vec<Group> {
    let mut groups: Vec<Group> = groups
        .into_iter()
        .map(|(name, count)| Group { name, stacks: count.stacks.len(), rules: count.rules })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.stacks, group.rules)));
    groups
}

/// What to do about the rules of a cause, in one sentence.
#[must_use]
pub const fn advice(cause: Cause) -> &'static str {
    match cause {
        Cause::AllTraffic => {
            "name the protocol and one port per rule; in CDK, allowAllOutbound: false and explicit rules"
        }
        Cause::PortRange => "one rule per port, or an exemption where a range is needed (ephemeral ports)",
        Cause::Icmp => "the preset effective lets one ICMP type pass",
        Cause::NoTraffic => "nothing gets out through these: the preset effective, or its one setting, lets them pass",
        Cause::MissingPorts => "state FromPort and ToPort",
        Cause::DefaultEgress => "list the egress rules that the group needs",
        Cause::Invalid => "write a valid egress rule",
        Cause::UnknownValue => "write the port itself",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::scan::RuleRecord;
    use crate::account::{Failure, FailureKind};

    fn stack(name: &str, owner: Option<&str>, rules: &[(Fate, Cause, &[&str])]) -> StackRecord {
        let rule = |(fate, cause, settings): &(Fate, Cause, &[&str])| RuleRecord {
            logical_id: "Sg".to_owned(),
            resource_type: "AWS::EC2::SecurityGroup".to_owned(),
            path: "SecurityGroupEgress[0]".to_owned(),
            fate: *fate,
            cause: *cause,
            reason: "x".to_owned(),
            statement: "x".to_owned(),
            remedy: "x".to_owned(),
            rule: None,
            exemption: None,
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
        };
        StackRecord {
            region: "eu-west-1".to_owned(),
            stack: name.to_owned(),
            stack_id: name.to_owned(),
            root: None,
            owner: owner.map(str::to_owned),
            status: "CREATE_COMPLETE".to_owned(),
            changed: String::new(),
            resources: 1,
            rules: rules.len(),
            findings: rules.iter().map(rule).collect(),
            more: Tally::default(),
            effective: Tally::default(),
            notes: Vec::new(),
        }
    }

    const PLACEHOLDER: (Fate, Cause, &[&str]) = (Fate::Blocked, Cause::NoTraffic, &["no_traffic_placeholder"]);
    const RANGE: (Fate, Cause, &[&str]) = (Fate::Blocked, Cause::PortRange, &[]);
    const OPEN: (Fate, Cause, &[&str]) = (Fate::Undetermined, Cause::UnknownValue, &[]);

    #[test]
    fn the_answer_names_the_owner_with_most_stacks_and_what_a_setting_would_change() {
        let stacks = [
            stack("a", Some("web"), &[PLACEHOLDER]),
            stack("b", Some("web"), &[RANGE, PLACEHOLDER]),
            stack("c", None, &[RANGE, RANGE, RANGE]),
            stack("d", Some("data"), &[OPEN]),
            stack("e", None, &[]),
        ];
        let summary = Summary::of(&stacks, &[], true);
        assert_eq!((summary.answer, summary.stacks_blocked, summary.stacks_undetermined), (Answer::No, 3, 1));
        assert_eq!(summary.tally, Tally { blocked: 6, undetermined: 1, ..Tally::default() });
        assert_eq!(summary.owners[0], Group { name: Some("web".to_owned()), stacks: 2, rules: 3 });
        assert_eq!(summary.causes[0], Group { name: Some("port range".to_owned()), stacks: 2, rules: 4 });
        let setting = summary.alternatives.iter().find(|other| other.name.starts_with("no_traffic")).unwrap();
        assert_eq!((setting.stacks_blocked, setting.rules_blocked), (2, 4), "only stack a is wholly let through");
        insta::assert_snapshot!(summary.sentences().join("\n"), @r#"
        Not yet: with FAIL, 3 of the 5 stacks with security groups would be blocked at the next change of those groups (6 rules).
        Talk to web first: 2 stacks, 3 rules.
        With preset = "effective" it would be 0 stacks.
        With unchanged_rules = "allow" none of them is blocked until it adds or changes a rule.
        "#);
    }

    #[test]
    fn what_was_not_read_is_never_a_yes() {
        let unread = Unread {
            region: "eu-west-1".to_owned(),
            stack: None,
            stack_id: None,
            failure: Failure::new("cloudformation:ListStacks", FailureKind::AccessDenied, "no"),
            judged: false,
        };
        for (stacks, unread, complete, answer) in [
            (vec![stack("a", None, &[])], vec![], true, Answer::Yes),
            (vec![stack("a", None, &[])], vec![], false, Answer::Unknown),
            (vec![stack("a", None, &[])], vec![unread.clone()], true, Answer::Unknown),
            (vec![stack("a", None, &[OPEN])], vec![], true, Answer::Probably),
            (vec![stack("a", None, &[RANGE])], vec![unread], false, Answer::No),
        ] {
            assert_eq!(Summary::of(&stacks, &unread, complete).answer, answer);
        }
    }
}
