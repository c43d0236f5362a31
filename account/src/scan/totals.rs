//! Adds up the findings of a scan, one stack at a time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::alternative::{Alternative, AlternativeKind};
use super::live::{GroupRecord, LiveTotals};
use super::record::{OutcomeCounts, RuleOutcome, StackRecord, Unread};
use super::summary::{AccountSummary, Readiness, RuleGroup, ScanSummary};
use crate::accounts::MemberAccount;

/// The maximum number of stacks that a group names.
const MAX_EXAMPLES: usize = 3;

/// The totals so far: their size depends on the number of owners and accounts, not on the number of stacks.
#[derive(Debug, Default)]
pub(super) struct ScanTotals {
    sums: ScanSummary,
    causes: BTreeMap<Option<String>, GroupTotals>,
    owners: BTreeMap<Option<String>, GroupTotals>,
    regions: BTreeMap<Option<String>, GroupTotals>,
    accounts: BTreeMap<String, AccountTotals>,
    policies: BTreeMap<AlternativeKind, Alternative>,
    settings: BTreeMap<String, SettingEffect>,
    live: LiveTotals,
}

/// The totals of an account.
#[derive(Debug, Default)]
struct AccountTotals {
    sums: AccountSummary,
    count: GroupTotals,
    live: LiveTotals,
}

/// The rules that one setting, changed alone, would allow.
#[derive(Debug, Default)]
struct SettingEffect {
    /// The number of stacks in which nothing else would be blocked.
    stacks: usize,
    rules: usize,
}

/// The number of rules, the stack, and its account.
type StackExample = (Reverse<usize>, String, String);

/// The totals of a group of rules.
#[derive(Debug, Default)]
struct GroupTotals {
    stacks: usize,
    tally: OutcomeCounts,
    /// The stacks with the most blocked rules.
    examples: Vec<StackExample>,
}

impl GroupTotals {
    fn add(&mut self, record: &StackRecord, tally: OutcomeCounts) {
        self.tally.add_all(tally);
        if tally.blocked == 0 {
            return;
        }
        self.stacks += 1;
        self.example((Reverse(tally.blocked), record.stack.clone(), record.account.clone()));
    }

    fn example(&mut self, example: StackExample) {
        let (rules, stack, account) = &example;
        // Regions may have stacks with the same name.
        match self.examples.iter_mut().find(|(_, known, of)| known == stack && of == account) {
            Some((known, ..)) => *known = (*rules).min(*known),
            None => self.examples.push(example),
        }
        self.examples.sort_unstable();
        self.examples.truncate(MAX_EXAMPLES);
    }

    fn add_all(&mut self, other: &Self) {
        self.tally.add_all(other.tally);
        self.stacks += other.stacks;
        other.examples.iter().for_each(|example| self.example(example.clone()));
    }
}

impl ScanTotals {
    /// Adds a stack; each stack must be added once.
    pub(super) fn stack(&mut self, record: &StackRecord) {
        let tally = record.tally();
        self.sums.stacks += 1;
        self.sums.rules += record.rules;
        self.sums.stacks_with_rules += usize::from(record.resources > 0);
        self.sums.stacks_blocked += usize::from(tally.blocked > 0);
        self.sums.stacks_undetermined += usize::from(tally.blocked == 0 && tally.undetermined > 0);
        self.sums.tally.add_all(tally);
        if tally != OutcomeCounts::default() {
            self.owners.entry(record.owner.clone()).or_default().add(record, tally);
            self.regions.entry(Some(record.region.clone())).or_default().add(record, tally);
        }
        self.account(&record.account).stack(record, tally);
        for (cause, tally) in causes(record) {
            self.causes.entry(Some(cause.to_owned())).or_default().add(record, tally);
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

    fn account(&mut self, id: &str) -> &mut AccountTotals {
        self.accounts.entry(id.to_owned()).or_default()
    }

    /// Adds a live security group; each group must be added once.
    pub(super) fn group(&mut self, record: &GroupRecord) {
        self.live.group(record);
        self.account(&record.account).live.group(record);
    }

    /// Adds a part that could not be read.
    pub(super) fn unread(&mut self, what: &Unread) {
        if what.live {
            self.live.unread(what);
            if let Some(account) = &what.account {
                self.account(account).live.unread(what);
            }
            return;
        }
        let sums = &mut self.sums;
        match (&what.stack, &what.region) {
            (_, Some(_)) if what.judged => return,
            (Some(_), _) => sums.unread += 1,
            (None, Some(region)) => insert(&mut sums.regions_unread, region),
            (None, None) => {
                let accounts = if what.judged { &mut sums.accounts_in_part } else { &mut sums.accounts_unread };
                insert(accounts, what.account.as_deref().unwrap_or_default());
            }
        }
        if let Some(account) = &what.account {
            self.account(account).unread(what);
        }
    }

    /// Returns the summary. `complete` is whether everything was read, `accounts` contains the known accounts, and
    /// `live` is whether live security groups were read, too.
    pub(super) fn summary(self, complete: bool, accounts: &[MemberAccount], live: bool) -> ScanSummary {
        let mut summary = self.sums;
        summary.regions_unread.sort_unstable();
        summary.accounts_unread.sort_unstable();
        summary.accounts_in_part.sort_unstable();
        (summary.accounts, summary.organizational_units) = by_account(self.accounts, accounts, complete, live);
        summary.answer = summary.answered(complete);
        let many = summary.accounts.len() > 1;
        summary.live = live.then(|| self.live.summary(many));
        summary.causes = largest_first(self.causes, many, |group| (group.tally.blocked, group.stacks));
        summary.owners = largest_first(self.owners, many, |group| (group.stacks, group.tally.blocked));
        summary.regions = largest_first(self.regions, many, |group| (group.stacks, group.tally.blocked));
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

/// Counts a stack's rules by cause.
fn causes(record: &StackRecord) -> BTreeMap<&'static str, OutcomeCounts> {
    let mut causes: BTreeMap<&str, OutcomeCounts> = BTreeMap::new();
    for rule in &record.findings {
        causes.entry(rule.cause.label()).or_default().add_all(rule.fate.tally());
    }
    if record.more != OutcomeCounts::default() {
        causes.insert("not listed individually", record.more);
    }
    causes
}

/// Counts the blocked rules of a stack that each setting, changed alone, would allow.
fn settings(record: &StackRecord) -> BTreeMap<&str, usize> {
    let mut settings = BTreeMap::new();
    for rule in record.findings.iter().filter(|rule| rule.fate == RuleOutcome::Blocked) {
        for setting in &rule.settings {
            *settings.entry(setting.as_str()).or_default() += 1;
        }
    }
    settings
}

impl AccountTotals {
    fn stack(&mut self, record: &StackRecord, tally: OutcomeCounts) {
        self.sums.stacks += 1;
        self.sums.rules += record.rules;
        self.sums.stacks_with_rules += usize::from(record.resources > 0);
        self.sums.stacks_blocked += usize::from(tally.blocked > 0);
        self.sums.tally.add_all(tally);
        self.count.add(record, tally);
    }

    fn unread(&mut self, what: &Unread) {
        match (&what.stack, &what.region) {
            (Some(_), _) => self.sums.unread += 1,
            (None, Some(region)) => insert(&mut self.sums.regions_unread, region),
            (None, None) => self.sums.failure = Some(what.failure.clone()),
        }
    }
}

/// Returns each account that was requested or has something to report, and the rules by organizational unit.
fn by_account(
    mut totals: BTreeMap<String, AccountTotals>,
    accounts: &[MemberAccount],
    complete: bool,
    live: bool,
) -> (Vec<AccountSummary>, Vec<RuleGroup>) {
    for member in accounts {
        totals.entry(member.account.clone()).or_default().sums.account = member.clone();
    }
    let mut units: BTreeMap<Option<String>, GroupTotals> = BTreeMap::new();
    let mut summaries = Vec::with_capacity(totals.len());
    for (id, AccountTotals { mut sums, count, live: groups }) in totals {
        sums.account.account = id;
        sums.live = live.then(|| groups.summary(false));
        sums.regions_unread.sort_unstable();
        sums.answer = sums.answered(complete);
        if count.tally != OutcomeCounts::default() && sums.account.organizational_unit.is_some() {
            units.entry(sums.account.organizational_unit.clone()).or_default().add_all(&count);
        }
        summaries.push(sums);
    }
    let rank = |answer| match answer {
        Readiness::No => 0,
        Readiness::Unknown => 1,
        Readiness::Probably => 2,
        Readiness::Yes => 3,
    };
    let breaking = |one: &AccountSummary| one.live.as_ref().map_or(0, |live| live.all.breaking);
    summaries.sort_by_key(|one| (rank(one.answer), Reverse((one.stacks_blocked, one.tally.blocked, breaking(one)))));
    (summaries, largest_first(units, true, |group| (group.stacks, group.tally.blocked)))
}

/// Adds a name that is not in the list yet.
fn insert(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

/// Returns the groups, the largest first; with `many` accounts, the examples include the account.
fn largest_first(
    groups: BTreeMap<Option<String>, GroupTotals>,
    many: bool,
    size: impl Fn(&RuleGroup) -> (usize, usize),
) -> Vec<RuleGroup> {
    let example = |(_, stack, account): StackExample| if many { format!("{stack} in {account}") } else { stack };
    let group = |(name, count): (Option<String>, GroupTotals)| {
        let examples = count.examples.into_iter().map(example).collect();
        RuleGroup { name, stacks: count.stacks, tally: count.tally, examples }
    };
    let mut groups: Vec<RuleGroup> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| Reverse((size(group), group.tally.undetermined, group.tally.exempted)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Cause, Readiness, RuleRecord};
    use crate::{Failure, FailureKind};

    fn stack(name: &str, owner: Option<&str>, rules: &[(RuleOutcome, Cause, &[&str])]) -> StackRecord {
        let rule = |(fate, cause, settings): &(RuleOutcome, Cause, &[&str])| RuleRecord {
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
            account: "123456789012".to_owned(),
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
            more: OutcomeCounts::default(),
            otherwise: [AlternativeKind::UnchangedAllowed, AlternativeKind::Effective]
                .map(|kind| (kind, OutcomeCounts::default()))
                .into(),
            notes: Vec::new(),
            declared: Vec::new(),
        }
    }

    const PLACEHOLDER: (RuleOutcome, Cause, &[&str]) =
        (RuleOutcome::Blocked, Cause::NoTraffic, &["no_traffic_placeholder"]);
    const RANGE: (RuleOutcome, Cause, &[&str]) = (RuleOutcome::Blocked, Cause::PortRange, &[]);
    const OPEN: (RuleOutcome, Cause, &[&str]) = (RuleOutcome::Undetermined, Cause::UnknownValue, &[]);

    fn summary(stacks: &[StackRecord], unread: &[Unread], complete: bool) -> ScanSummary {
        let mut totals = ScanTotals::default();
        stacks.iter().for_each(|record| totals.stack(record));
        unread.iter().for_each(|what| totals.unread(what));
        totals.summary(complete, &[], false)
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
        assert_eq!((summary.answer, summary.stacks_blocked, summary.stacks_undetermined), (Readiness::No, 3, 1));
        assert_eq!(summary.tally, OutcomeCounts { blocked: 6, undetermined: 1, ..OutcomeCounts::default() });
        let first = |groups: &[RuleGroup]| (groups[0].name.clone(), groups[0].stacks, groups[0].tally.blocked);
        assert_eq!(first(&summary.owners), (Some("web".to_owned()), 2, 3));
        assert_eq!(first(&summary.causes), (Some("port range".to_owned()), 2, 4));
        assert_eq!(summary.causes[0].examples, ["c", "b"], "the stack with the most first");
        let undetermined: Vec<_> = summary.owners.iter().map(|owner| owner.tally.undetermined).collect();
        assert_eq!(undetermined, [0, 0, 1], "who has nothing but open questions comes last");
        let setting = summary.alternatives.iter().find(|other| other.name.starts_with("no_traffic")).unwrap();
        assert_eq!((setting.stacks_blocked, setting.rules_blocked), (2, 4), "only stack a is wholly let through");
        insta::assert_snapshot!(summary.sentences(&[]).join("\n"), @r#"
        Not yet: with FAIL, 3 of the 5 stacks with security groups would be blocked at the next change of those groups (6 egress rules).
        Contact web first: 2 stacks, 3 egress rules (b, a).
        Find the owners of these: 1 stack, 3 egress rules without an owner tag (c).
        With preset = "effective", nothing would be blocked.
        With unchanged_rules = "allow", none of them is blocked until it adds or widens an egress rule: until then FAIL blocks none of them, except possibly a rollback that restores an old group, because AWS does not document whether hooks run on rollbacks.
        "#);
    }

    #[test]
    fn what_was_not_read_is_never_a_yes() {
        let unread = Unread {
            account: None,
            region: Some("eu-west-1".to_owned()),
            stack: None,
            stack_id: None,
            live: false,
            group: None,
            failure: Failure::new("cloudformation:ListStacks", FailureKind::AccessDenied, "no"),
            judged: false,
        };
        for (stacks, unread, complete, answer) in [
            (vec![stack("a", None, &[])], vec![], true, Readiness::Yes),
            (vec![stack("a", None, &[])], vec![], false, Readiness::Unknown),
            (vec![stack("a", None, &[])], vec![unread.clone()], true, Readiness::Unknown),
            (vec![stack("a", None, &[OPEN])], vec![], true, Readiness::Probably),
            (vec![stack("a", None, &[RANGE])], vec![unread], false, Readiness::No),
        ] {
            assert_eq!(summary(&stacks, &unread, complete).answer, answer);
        }
    }

    /// A group keeps only its worst stacks, in whatever order they are added.
    #[test]
    fn examples_are_the_stacks_with_the_most_rules_whatever_came_first() {
        let rules = |name: &str, rules: usize| (name.to_owned(), rules);
        let mut stacks: Vec<_> = (0..9).map(|number| rules(&format!("s{number}"), number % 7 + 1)).collect();
        stacks.push(rules("s6", 1));
        for turned in 0..stacks.len() {
            stacks.rotate_left(turned);
            let mut count = GroupTotals::default();
            for (name, blocked) in &stacks {
                count.add(&stack(name, None, &[]), OutcomeCounts { blocked: *blocked, ..OutcomeCounts::default() });
            }
            let examples: Vec<_> = count.examples.iter().map(|(_, name, _)| name.as_str()).collect();
            assert_eq!((count.stacks, examples), (10, vec!["s6", "s5", "s4"]));
        }
    }
}
