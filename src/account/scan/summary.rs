//! What a scan found, added up: by cause, by owner, by Region, and under other policies.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::{Fate, StackRecord, Tally, Unread};
use crate::rule::policy::Policy;
use crate::rule::{Preset, Treatment};

/// How many stacks a group names.
const MAX_EXAMPLES: usize = 3;

/// What a scan found, added up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Whether the failure mode can be FAIL.
    pub answer: Answer,
    /// Stacks that were judged.
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
    /// Rules by what kind of rule they are, those with the most blocked rules first.
    pub causes: Vec<Group>,
    /// Rules by owner, the one with the most blocked stacks first.
    pub owners: Vec<Group>,
    /// Rules by Region, the one with the most blocked stacks first.
    pub regions: Vec<Group>,
    /// How the answer would change under another policy.
    pub alternatives: Vec<Alternative>,
    /// Stacks that could not be judged.
    pub unread: usize,
    /// Regions whose stacks could not all be listed.
    pub regions_unread: Vec<String>,
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

/// Rules with something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What they have in common; nothing for stacks without an owner.
    pub name: Option<String>,
    /// Stacks with rules that would be blocked.
    pub stacks: usize,
    /// What would happen to the rules.
    #[serde(flatten)]
    pub tally: Tally,
    /// Some of those stacks, the ones with the most blocked rules.
    pub examples: Vec<String>,
}

/// How it would look under another policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// What would be different.
    pub name: String,
    /// What it is: `published`, `unchanged-allowed`, `effective`, or `setting` for a single one.
    pub kind: AlternativeKind,
    /// Stacks with blocked rules.
    pub stacks_blocked: usize,
    /// Blocked rules.
    pub rules_blocked: usize,
    /// Rules that could not be judged.
    pub rules_undetermined: usize,
}

/// Which other policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlternativeKind {
    /// The published rule to the letter, without exemptions: what a draft policy is compared with.
    Published,
    /// Rules that an update leaves as they were pass.
    UnchangedAllowed,
    /// The preset `effective` in place of preset and settings.
    Effective,
    /// One setting at `allow`.
    Setting,
}

impl AlternativeKind {
    /// Those that are a policy as a whole.
    const WHOLE: [Self; 3] = [Self::Published, Self::UnchangedAllowed, Self::Effective];

    /// The other policies to compare one with: those that are not the same as it.
    pub(super) fn beside(policy: &Policy) -> Vec<(Self, Policy)> {
        let effective = Policy { preset: Preset::Effective, overrides: Vec::new(), ..policy.clone() };
        let unchanged_allowed = Policy { unchanged_rules: Treatment::Allow, ..policy.clone() };
        let mut others = vec![
            (Self::Published, Policy::default()),
            (Self::UnchangedAllowed, unchanged_allowed),
            (Self::Effective, effective),
        ];
        others.retain(|(_, other)| other != policy);
        others
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Published => "the published rule alone",
            Self::UnchangedAllowed => "unchanged_rules = \"allow\"",
            Self::Effective => "preset = \"effective\"",
            Self::Setting => "a setting",
        }
    }
}

/// What the rules of a group share, while they are counted.
#[derive(Default)]
struct Count<'a> {
    blocked: BTreeMap<&'a str, (usize, &'a str)>,
    tally: Tally,
}

impl<'a> Count<'a> {
    fn add(&mut self, record: &'a StackRecord, tally: Tally) {
        self.tally.add_all(tally);
        if tally.blocked > 0 {
            self.blocked.entry(&record.stack_id).or_insert((0, &record.stack)).0 += tally.blocked;
        }
    }
}

impl Summary {
    /// Adds up what was read and what was not.
    #[must_use]
    pub fn of(records: &[StackRecord], unread: &[Unread], complete: bool) -> Self {
        let mut summary = Self { stacks: records.len(), ..Self::default() };
        let mut causes: BTreeMap<Option<&str>, Count<'_>> = BTreeMap::new();
        let mut owners: BTreeMap<Option<&str>, Count<'_>> = BTreeMap::new();
        let mut regions: BTreeMap<Option<&str>, Count<'_>> = BTreeMap::new();
        for record in records {
            let tally = record.tally();
            summary.rules += record.rules;
            summary.stacks_with_rules += usize::from(record.resources > 0);
            summary.stacks_blocked += usize::from(tally.blocked > 0);
            summary.stacks_undetermined += usize::from(tally.blocked == 0 && tally.undetermined > 0);
            summary.tally.add_all(tally);
            if tally != Tally::default() {
                owners.entry(record.owner.as_deref()).or_default().add(record, tally);
                regions.entry(Some(&record.region)).or_default().add(record, tally);
            }
            for rule in &record.findings {
                causes.entry(Some(rule.cause.label())).or_default().add(record, rule.fate.tally());
            }
            if record.more != Tally::default() {
                causes.entry(Some("not listed one by one")).or_default().add(record, record.more);
            }
        }
        for what in unread.iter().filter(|what| !what.judged) {
            if what.stack.is_some() {
                summary.unread += 1;
            } else if !summary.regions_unread.contains(&what.region) {
                summary.regions_unread.push(what.region.clone());
            }
        }
        summary.answer = summary.answered(complete);
        summary.causes = largest_first(causes, |group| (group.tally.blocked, group.stacks));
        summary.owners = largest_first(owners, |group| (group.stacks, group.tally.blocked));
        summary.regions = largest_first(regions, |group| (group.stacks, group.tally.blocked));
        summary.alternatives = alternatives(records, &summary);
        summary
    }

    fn answered(&self, complete: bool) -> Answer {
        if self.tally.blocked > 0 {
            Answer::No
        } else if !complete || self.unread > 0 || !self.regions_unread.is_empty() {
            Answer::Unknown
        } else if self.tally.undetermined > 0 {
            Answer::Probably
        } else {
            Answer::Yes
        }
    }

    /// One of the other policies.
    #[must_use]
    pub fn alternative(&self, kind: AlternativeKind) -> Option<&Alternative> {
        self.alternatives.iter().find(|alternative| alternative.kind == kind)
    }
}

impl Alternative {
    fn of(name: &str, kind: AlternativeKind, tallies: impl Iterator<Item = Tally>) -> Self {
        let mut alternative =
            Self { name: name.to_owned(), kind, stacks_blocked: 0, rules_blocked: 0, rules_undetermined: 0 };
        for tally in tallies {
            alternative.stacks_blocked += usize::from(tally.blocked > 0);
            alternative.rules_blocked += tally.blocked;
            alternative.rules_undetermined += tally.undetermined;
        }
        alternative
    }
}

fn alternatives(records: &[StackRecord], summary: &Summary) -> Vec<Alternative> {
    let mut alternatives = Vec::new();
    for kind in AlternativeKind::WHOLE {
        let tallies: Vec<Tally> = records.iter().filter_map(|record| record.otherwise.get(&kind).copied()).collect();
        if !tallies.is_empty() {
            alternatives.push(Alternative::of(kind.name(), kind, tallies.into_iter()));
        }
    }
    for (setting, (stacks, rules)) in settings(records) {
        alternatives.push(Alternative {
            name: format!("{setting} = \"allow\""),
            kind: AlternativeKind::Setting,
            stacks_blocked: summary.stacks_blocked.saturating_sub(stacks),
            rules_blocked: summary.tally.blocked.saturating_sub(rules),
            rules_undetermined: summary.tally.undetermined,
        });
    }
    alternatives
}

/// How many stacks each setting, changed alone, would wholly let through, and how many rules.
fn settings(records: &[StackRecord]) -> BTreeMap<&str, (usize, usize)> {
    let mut settings: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for record in records {
        let blocked = || record.findings.iter().filter(|rule| rule.fate == Fate::Blocked);
        let names: BTreeSet<&str> = blocked().flat_map(|rule| &rule.settings).map(String::as_str).collect();
        for name in names {
            let rules = blocked().filter(|rule| rule.settings.iter().any(|setting| setting == name)).count();
            let (stacks, all_rules) = settings.entry(name).or_default();
            *stacks += usize::from(rules == blocked().count() && record.more.blocked == 0);
            *all_rules += rules;
        }
    }
    settings
}

fn largest_first(groups: BTreeMap<Option<&str>, Count<'_>>, size: impl Fn(&Group) -> (usize, usize)) -> Vec<Group> {
    let group = |(name, count): (Option<&str>, Count<'_>)| {
        let mut stacks: Vec<(usize, &str)> = count.blocked.into_values().collect();
        let number = stacks.len();
        stacks.sort_by_key(|(rules, name)| (Reverse(*rules), *name));
        // Regions may have stacks of the same name.
        stacks.dedup_by_key(|(_, name)| *name);
        let examples = stacks.into_iter().take(MAX_EXAMPLES).map(|(_, name)| name.to_owned()).collect();
        Group { name: name.map(str::to_owned), stacks: number, tally: count.tally, examples }
    };
    let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| Reverse((size(group), group.tally.undetermined, group.tally.exempted)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::scan::{Cause, RuleRecord};
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
            partial: false,
            resources: 1,
            rules: rules.len(),
            findings: rules.iter().map(rule).collect(),
            more: Tally::default(),
            otherwise: [AlternativeKind::UnchangedAllowed, AlternativeKind::Effective]
                .map(|kind| (kind, Tally::default()))
                .into(),
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
        let first = |groups: &[Group]| (groups[0].name.clone(), groups[0].stacks, groups[0].tally.blocked);
        assert_eq!(first(&summary.owners), (Some("web".to_owned()), 2, 3));
        assert_eq!(first(&summary.causes), (Some("port range".to_owned()), 2, 4));
        assert_eq!(summary.causes[0].examples, ["c", "b"], "the stack with the most first");
        let undetermined: Vec<_> = summary.owners.iter().map(|owner| owner.tally.undetermined).collect();
        assert_eq!(undetermined, [0, 0, 1], "who has nothing but open questions comes last");
        let setting = summary.alternatives.iter().find(|other| other.name.starts_with("no_traffic")).unwrap();
        assert_eq!((setting.stacks_blocked, setting.rules_blocked), (2, 4), "only stack a is wholly let through");
        insta::assert_snapshot!(summary.sentences(&[]).join("\n"), @r#"
        Not yet: with FAIL, 3 of the 5 stacks with security groups would be blocked at the next change of those groups (6 egress rules).
        Talk to web first: 2 stacks, 3 egress rules (b, a).
        Find out whose these are: 1 stack, 3 egress rules without an owner tag (c).
        With preset = "effective" nothing would be blocked.
        With unchanged_rules = "allow" none of them is blocked until it adds or widens an egress rule: FAIL is possible today.
        "#);
    }

    #[test]
    fn a_policy_is_compared_with_those_that_are_not_the_same() {
        let kinds =
            |policy: &Policy| AlternativeKind::beside(policy).into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        let [published, unchanged, effective] = AlternativeKind::WHOLE;
        assert_eq!(kinds(&Policy::default()), [unchanged, effective]);
        assert_eq!(kinds(&Policy::from(Preset::Effective)), [published, unchanged]);
        let tolerant = Policy { unchanged_rules: Treatment::Allow, ..Policy::default() };
        assert_eq!(kinds(&tolerant), [published, effective]);
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
