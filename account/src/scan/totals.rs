//! Adding up what a scan finds, one stack at a time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::record::{Fate, StackRecord, Tally, Unread};
use super::summary::{Alternative, AlternativeKind, Group, Summary};

/// How many stacks a group names.
const MAX_EXAMPLES: usize = 3;

/// What was found so far, added up: it grows with the number of owners and not with that of stacks.
#[derive(Debug, Default)]
pub(super) struct Totals {
    sums: Summary,
    causes: BTreeMap<Option<String>, Count>,
    owners: BTreeMap<Option<String>, Count>,
    regions: BTreeMap<Option<String>, Count>,
    policies: BTreeMap<AlternativeKind, Alternative>,
    settings: BTreeMap<String, Spared>,
}

/// What a setting, changed alone, would let through.
#[derive(Debug, Default)]
struct Spared {
    /// Stacks of which nothing else would be blocked.
    stacks: usize,
    rules: usize,
}

/// What the rules of a group share.
#[derive(Debug, Default)]
struct Count {
    stacks: usize,
    tally: Tally,
    /// The stacks with the most blocked rules.
    examples: Vec<(Reverse<usize>, String)>,
}

impl Count {
    fn add(&mut self, stack: &str, tally: Tally) {
        self.tally.add_all(tally);
        if tally.blocked == 0 {
            return;
        }
        self.stacks += 1;
        let rules = Reverse(tally.blocked);
        // Regions may have stacks of the same name.
        match self.examples.iter_mut().find(|(_, name)| name == stack) {
            Some((known, _)) => *known = rules.min(*known),
            None => self.examples.push((rules, stack.to_owned())),
        }
        self.examples.sort_unstable();
        self.examples.truncate(MAX_EXAMPLES);
    }
}

impl Totals {
    /// Adds a stack; each stack once.
    pub(super) fn stack(&mut self, record: &StackRecord) {
        let tally = record.tally();
        self.sums.stacks += 1;
        self.sums.rules += record.rules;
        self.sums.stacks_with_rules += usize::from(record.resources > 0);
        self.sums.stacks_blocked += usize::from(tally.blocked > 0);
        self.sums.stacks_undetermined += usize::from(tally.blocked == 0 && tally.undetermined > 0);
        self.sums.tally.add_all(tally);
        if tally != Tally::default() {
            self.owners.entry(record.owner.clone()).or_default().add(&record.stack, tally);
            self.regions.entry(Some(record.region.clone())).or_default().add(&record.stack, tally);
        }
        for (cause, tally) in causes(record) {
            self.causes.entry(Some(cause.to_owned())).or_default().add(&record.stack, tally);
        }
        for (kind, tally) in &record.otherwise {
            let policy = self.policies.entry(*kind).or_insert_with(|| Alternative::new(kind.name(), *kind));
            policy.stacks_blocked += usize::from(tally.blocked > 0);
            policy.rules_blocked += tally.blocked;
            policy.rules_undetermined += tally.undetermined;
        }
        for (setting, rules) in settings(record) {
            let spared = self.settings.entry(setting.to_owned()).or_default();
            spared.stacks += usize::from(rules == tally.blocked);
            spared.rules += rules;
        }
    }

    /// Adds what could not be read.
    pub(super) fn unread(&mut self, what: &Unread) {
        if what.judged {
            return;
        }
        if what.stack.is_some() {
            self.sums.unread += 1;
        } else if !self.sums.regions_unread.contains(&what.region) {
            self.sums.regions_unread.push(what.region.clone());
        }
    }

    /// What it comes to; `complete` says whether everything was looked at.
    pub(super) fn summary(self, complete: bool) -> Summary {
        let mut summary = self.sums;
        summary.regions_unread.sort_unstable();
        summary.answer = summary.answered(complete);
        summary.causes = largest_first(self.causes, |group| (group.tally.blocked, group.stacks));
        summary.owners = largest_first(self.owners, |group| (group.stacks, group.tally.blocked));
        summary.regions = largest_first(self.regions, |group| (group.stacks, group.tally.blocked));
        summary.alternatives = self.policies.into_values().collect();
        for (setting, spared) in self.settings {
            summary.alternatives.push(Alternative {
                stacks_blocked: summary.stacks_blocked.saturating_sub(spared.stacks),
                rules_blocked: summary.tally.blocked.saturating_sub(spared.rules),
                rules_undetermined: summary.tally.undetermined,
                ..Alternative::new(&format!("{setting} = \"allow\""), AlternativeKind::Setting)
            });
        }
        summary
    }
}

impl Alternative {
    fn new(name: &str, kind: AlternativeKind) -> Self {
        Self { name: name.to_owned(), kind, stacks_blocked: 0, rules_blocked: 0, rules_undetermined: 0 }
    }
}

/// A stack's rules by what kind of rule they are.
fn causes(record: &StackRecord) -> BTreeMap<&'static str, Tally> {
    let mut causes: BTreeMap<&str, Tally> = BTreeMap::new();
    for rule in &record.findings {
        causes.entry(rule.cause.label()).or_default().add_all(rule.fate.tally());
    }
    if record.more != Tally::default() {
        causes.insert("not listed one by one", record.more);
    }
    causes
}

/// How many of a stack's blocked rules each setting, changed alone, would let through.
fn settings(record: &StackRecord) -> BTreeMap<&str, usize> {
    let mut settings = BTreeMap::new();
    for rule in record.findings.iter().filter(|rule| rule.fate == Fate::Blocked) {
        for setting in &rule.settings {
            *settings.entry(setting.as_str()).or_default() += 1;
        }
    }
    settings
}

fn largest_first(groups: BTreeMap<Option<String>, Count>, size: impl Fn(&Group) -> (usize, usize)) -> Vec<Group> {
    let group = |(name, count): (Option<String>, Count)| {
        let examples = count.examples.into_iter().map(|(_, stack)| stack).collect();
        Group { name, stacks: count.stacks, tally: count.tally, examples }
    };
    let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| Reverse((size(group), group.tally.undetermined, group.tally.exempted)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Answer, Cause, RuleRecord};
    use crate::{Failure, FailureKind};

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

    fn summary(stacks: &[StackRecord], unread: &[Unread], complete: bool) -> Summary {
        let mut totals = Totals::default();
        stacks.iter().for_each(|record| totals.stack(record));
        unread.iter().for_each(|what| totals.unread(what));
        totals.summary(complete)
    }

    #[test]
    fn the_answer_names_the_owner_with_most_stacks_and_what_a_setting_would_change() {
        let stacks = [
            stack("a", Some("web"), &[PLACEHOLDER]),
            stack("b", Some("web"), &[RANGE, PLACEHOLDER]),
            stack("c", None, &[RANGE, RANGE, RANGE]),
            stack("d", Some("data"), &[OPEN]),
            stack("e", None, &[]),
        ];
        let summary = summary(&stacks, &[], true);
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
        With unchanged_rules = "allow" none of them is blocked until it adds or widens an egress rule: FAIL blocks none of them until then, except perhaps a rollback that brings an old group back, since AWS does not say whether hooks run on rollbacks.
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
            assert_eq!(summary(&stacks, &unread, complete).answer, answer);
        }
    }

    /// Of the many stacks of a group only the worst are kept, in whichever order they come.
    #[test]
    fn examples_are_the_stacks_with_the_most_rules_whatever_came_first() {
        let rules = |name: &str, rules: usize| (name.to_owned(), rules);
        let mut stacks: Vec<_> = (0..9).map(|number| rules(&format!("s{number}"), number % 7 + 1)).collect();
        stacks.push(rules("s6", 1));
        for turned in 0..stacks.len() {
            stacks.rotate_left(turned);
            let mut count = Count::default();
            for (name, blocked) in &stacks {
                count.add(name, Tally { blocked: *blocked, ..Tally::default() });
            }
            let examples: Vec<_> = count.examples.iter().map(|(_, name)| name.as_str()).collect();
            assert_eq!((count.stacks, examples), (10, vec!["s6", "s5", "s4"]));
        }
    }
}
