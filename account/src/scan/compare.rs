//! Compares a scan with an earlier one: which violations were fixed and which are new, by account and owner.
//!
//! A rule is the same if account, Region, stack, logical ID, reason and opened traffic are equal; its position in the
//! list may change. Parts that one of the two scans did not cover or could not read are not compared: they are neither
//! fixed nor new.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read};

use super::comparison::{Change, ChangeGroup, Comparison, ComparisonHead, LiveChanges, RuleChange, TrendPoint};
use super::file::{ResultError, ResultRecord, read_records};
use super::live::GroupRecord;
use super::record::{RuleOutcome, RuleRecord, ScanHead, StackRecord, Unread};
use super::result::{ScanCompletion, ScanResult};
use crate::spool::Spool;

/// Reads only the numbers of a result.
///
/// # Errors
/// When the text is not a result of a scan.
pub fn read_trend(text: impl Read) -> Result<TrendPoint, ResultError> {
    let (mut stacks, mut stacks_blocked, mut rules_blocked) = (0, 0, 0);
    let (head, _) = read_records(text, &mut |record| {
        if let ResultRecord::Stack(stack) = record {
            let blocked = stack.tally().blocked;
            stacks += 1;
            stacks_blocked += usize::from(blocked > 0);
            rules_blocked += blocked;
        }
        Ok(())
    })?;
    Ok(TrendPoint { started: head.started, stacks, stacks_blocked, rules_blocked })
}

/// Compares a result with an earlier one, which is read twice.
///
/// # Errors
/// When the earlier one is not a result of a scan, or a record cannot be read back.
pub fn compare<R: Read>(
    now: &mut ScanResult,
    open: impl Fn() -> io::Result<R>,
    mut trend: Vec<TrendPoint>,
) -> Result<Comparison, ResultError> {
    let hash = RandomState::new();
    let mut then = ScanCoverage::default();
    let (head, ending) = read_records(open().map_err(ResultError::Io)?, &mut |record| {
        match record {
            ResultRecord::Stack(stack) => then.subject(&hash, &ComparedResource::of_stack(&stack)),
            ResultRecord::Group(group) => then.subject(&hash, &ComparedResource::of_group(&group)),
            ResultRecord::Unread(unread) => then.unread(&hash, &unread),
        }
        Ok(())
    })?;
    then.end(&head, ending);
    let (mut here, mut blocked) = (ScanCoverage::default(), HashMap::<u64, usize>::new());
    each(now, &mut |subject| {
        here.subject(&hash, subject);
        for rule in subject.blocked() {
            *blocked.entry(subject.key(&hash, rule)).or_default() += 1;
        }
        Ok(())
    })?;
    for unread in now.unread.iter() {
        here.unread(&hash, &unread.map_err(ResultError::Io)?);
    }
    here.end(&now.head, now.ending);

    let mut changes = ComparisonBuilder::default();
    read_records(open().map_err(ResultError::Io)?, &mut |record| match record {
        ResultRecord::Stack(stack) => changes.earlier(&hash, &here, &mut blocked, &ComparedResource::of_stack(&stack)),
        ResultRecord::Group(group) => changes.earlier(&hash, &here, &mut blocked, &ComparedResource::of_group(&group)),
        ResultRecord::Unread(_) => Ok(()),
    })?;
    each(now, &mut |subject| changes.later(&hash, &then, &mut blocked, subject))?;
    trend.push(TrendPoint {
        started: now.head.started.clone(),
        stacks: now.summary.stacks,
        stacks_blocked: now.summary.stacks_blocked,
        rules_blocked: now.summary.tally.blocked,
    });
    trend.sort_by(|one, two| one.started.cmp(&two.started));
    let ComparisonBuilder { rules, stacks, groups } = changes;
    let (of_stacks, of_groups) = (stacks.changes(), groups.changes());
    let earlier_policy = (head.policy != now.head.policy).then_some(head.policy);
    let LiveChanges { fixed, new, remaining, not_compared, accounts, owners, .. } = of_stacks;
    let live = (head.live && now.head.live).then_some(of_groups);
    let earlier = head.started;
    let head =
        ComparisonHead { earlier, earlier_policy, fixed, new, remaining, not_compared, accounts, owners, trend, live };
    Ok(Comparison { head, changes: rules })
}

/// Visits every stack and every live group of a result.
fn each(
    result: &mut ScanResult,
    take: &mut dyn FnMut(&ComparedResource<'_>) -> io::Result<()>,
) -> Result<(), ResultError> {
    for stack in result.stacks.iter() {
        take(&ComparedResource::of_stack(&stack.map_err(ResultError::Io)?)).map_err(ResultError::Io)?;
    }
    for group in result.groups.iter() {
        take(&ComparedResource::of_group(&group.map_err(ResultError::Io)?)).map_err(ResultError::Io)?;
    }
    Ok(())
}

/// A compared resource: a stack by its template, or a live group.
struct ComparedResource<'a> {
    account: &'a str,
    region: &'a str,
    stack: &'a str,
    stack_id: &'a str,
    group: Option<&'a str>,
    owner: Option<&'a str>,
    findings: &'a [RuleRecord],
    /// Whether it is a group that differs from the templates.
    differs: bool,
}

impl<'a> ComparedResource<'a> {
    fn of_stack(stack: &'a StackRecord) -> Self {
        let StackRecord { account, region, stack: name, stack_id, owner, findings, .. } = stack;
        Self { account, region, stack: name, stack_id, group: None, owner: owner.as_deref(), findings, differs: false }
    }

    fn of_group(group: &'a GroupRecord) -> Self {
        let GroupRecord { account, region, group: id, owner, findings, stack, stack_id, differences, .. } = group;
        let differs = !differences.is_empty();
        let (stack, stack_id) = (stack.as_deref().unwrap_or_default(), stack_id.as_deref().unwrap_or_default());
        Self { account, region, stack, stack_id, group: Some(id), owner: owner.as_deref(), findings, differs }
    }

    fn blocked(&self) -> impl Iterator<Item = &'a RuleRecord> {
        self.findings.iter().filter(|rule| rule.fate == RuleOutcome::Blocked)
    }

    /// Returns a key that is equal for the same rule in two scans.
    fn key(&self, hash: &RandomState, rule: &RuleRecord) -> u64 {
        let statement = if rule.rule.is_some() { "" } else { rule.statement.as_str() };
        let opens = rule.rule.as_ref().map(|opens| (&opens.protocol, opens.ports, &opens.destination));
        hash.hash_one((self.place(hash), &rule.logical_id, &rule.reason, opens, statement))
    }

    /// Returns a key that is equal for the same stack in two scans, even if it was deleted and created again with
    /// another ARN; or for the same group, whichever stack owns it.
    fn place(&self, hash: &RandomState) -> u64 {
        match self.group {
            Some(group) => place_of_group(hash, self.account, self.region, group),
            None => place_of_stack(hash, self.account, self.region, self.stack),
        }
    }
}

fn place_of_stack(hash: &RandomState, account: &str, region: &str, stack: &str) -> u64 {
    hash.hash_one((account, region, stack))
}

fn place_of_group(hash: &RandomState, account: &str, region: &str, group: &str) -> u64 {
    hash.hash_one((account, region, "security-group", group))
}

/// The coverage of a scan.
#[derive(Debug, Default)]
struct ScanCoverage {
    accounts: BTreeSet<String>,
    regions: BTreeSet<(String, String)>,
    named_regions: BTreeSet<String>,
    /// Stacks and groups.
    places: HashSet<u64>,
    unread_accounts: BTreeSet<String>,
    unread_regions: BTreeSet<(String, String)>,
    /// The Regions whose groups were not all listed.
    unread_live: BTreeSet<(String, String)>,
    unread_places: HashSet<u64>,
    /// The groups that differ from the templates.
    changed: HashSet<u64>,
    /// Whether a stack that was not read does not exist.
    is_whole: bool,
    /// Whether live groups were read.
    live: bool,
}

impl ScanCoverage {
    fn subject(&mut self, hash: &RandomState, subject: &ComparedResource<'_>) {
        if !self.accounts.contains(subject.account) {
            self.accounts.insert(subject.account.to_owned());
        }
        let region = (subject.account.to_owned(), subject.region.to_owned());
        if !self.regions.contains(&region) {
            self.regions.insert(region);
        }
        self.places.insert(subject.place(hash));
        if subject.differs {
            self.changed.insert(subject.place(hash));
        }
    }

    fn unread(&mut self, hash: &RandomState, unread: &Unread) {
        if unread.judged {
            return;
        }
        let account = unread.account.clone().unwrap_or_default();
        match (&unread.region, &unread.stack, &unread.group) {
            (Some(region), Some(stack), _) => {
                self.unread_places.insert(place_of_stack(hash, &account, region, stack));
            }
            (Some(region), None, Some(group)) => {
                self.unread_places.insert(place_of_group(hash, &account, region, group));
            }
            (Some(region), None, None) => {
                let regions = if unread.live { &mut self.unread_live } else { &mut self.unread_regions };
                regions.insert((account, region.clone()));
            }
            (None, ..) => {
                self.unread_accounts.insert(account);
            }
        }
    }

    fn end(&mut self, head: &ScanHead, ending: ScanCompletion) {
        self.accounts.extend(head.accounts.iter().map(|member| member.account.clone()));
        self.named_regions.extend(head.regions.iter().cloned());
        self.is_whole = ending.complete && !ending.interrupted && head.only_stacks.is_empty();
        self.live = head.live;
    }

    /// Returns whether the scan would have found the rules of a stack or a group.
    fn saw(&self, hash: &RandomState, subject: &ComparedResource<'_>) -> bool {
        let place = subject.place(hash);
        if self.places.contains(&place) {
            return true;
        }
        let region = (subject.account.to_owned(), subject.region.to_owned());
        let is_looked_at = self.regions.contains(&region)
            || (self.accounts.contains(subject.account)
                && (self.named_regions.is_empty() || self.named_regions.contains(subject.region)));
        let unread_lists = if subject.group.is_some() { &self.unread_live } else { &self.unread_regions };
        let is_unread = self.unread_places.contains(&place)
            || unread_lists.contains(&region)
            || self.unread_accounts.contains(subject.account);
        let is_kind_looked_at = subject.group.is_none() || self.live;
        self.is_whole && is_kind_looked_at && is_looked_at && !is_unread
    }
}

/// Collects the changes.
#[derive(Default)]
struct ComparisonBuilder {
    rules: Spool<RuleChange>,
    stacks: ChangeCounts,
    groups: ChangeCounts,
}

/// The numbers of changes.
#[derive(Default)]
struct ChangeCounts {
    all: ChangeGroup,
    not_compared: usize,
    changed: usize,
    restored: usize,
    accounts: BTreeMap<Option<String>, ChangeGroup>,
    owners: BTreeMap<Option<String>, ChangeGroup>,
}

impl ChangeCounts {
    fn add(&mut self, subject: &ComparedResource<'_>, add: impl Fn(&mut ChangeGroup)) {
        add(&mut self.all);
        add(self.accounts.entry(Some(subject.account.to_owned())).or_default());
        add(self.owners.entry(subject.owner.map(str::to_owned)).or_default());
    }

    fn changes(self) -> LiveChanges {
        LiveChanges {
            fixed: self.all.fixed,
            new: self.all.new,
            remaining: self.all.remaining,
            not_compared: self.not_compared,
            groups_changed: self.changed,
            groups_restored: self.restored,
            accounts: most_new_first(self.accounts),
            owners: most_new_first(self.owners),
        }
    }
}

impl ComparisonBuilder {
    const fn counts(&mut self, subject: &ComparedResource<'_>) -> &mut ChangeCounts {
        if subject.group.is_some() { &mut self.groups } else { &mut self.stacks }
    }

    /// Compares a stack or a group of the earlier scan: removes the remaining rules from `blocked`.
    fn earlier(
        &mut self,
        hash: &RandomState,
        now: &ScanCoverage,
        blocked: &mut HashMap<u64, usize>,
        subject: &ComparedResource<'_>,
    ) -> io::Result<()> {
        let seen = now.saw(hash, subject);
        let is_restored = subject.differs && seen && !now.changed.contains(&subject.place(hash));
        self.groups.restored += usize::from(is_restored);
        for rule in subject.blocked() {
            match blocked.get_mut(&subject.key(hash, rule)).filter(|number| **number > 0) {
                Some(number) => {
                    *number -= 1;
                    self.counts(subject).add(subject, |group| group.remaining += 1);
                }
                None if seen => {
                    self.counts(subject).add(subject, |group| group.fixed += 1);
                    self.push(Change::Fixed, subject, rule)?;
                }
                None => self.counts(subject).not_compared += 1,
            }
        }
        Ok(())
    }

    /// Adds a stack or a group of this scan: the rules still in `blocked` are new.
    fn later(
        &mut self,
        hash: &RandomState,
        then: &ScanCoverage,
        blocked: &mut HashMap<u64, usize>,
        subject: &ComparedResource<'_>,
    ) -> io::Result<()> {
        let seen = then.saw(hash, subject);
        let is_changed = subject.differs && seen && !then.changed.contains(&subject.place(hash));
        self.groups.changed += usize::from(is_changed);
        for rule in subject.blocked() {
            let Some(number) = blocked.get_mut(&subject.key(hash, rule)).filter(|number| **number > 0) else {
                continue;
            };
            *number -= 1;
            if seen {
                self.counts(subject).add(subject, |group| group.new += 1);
                self.push(Change::New, subject, rule)?;
            } else {
                self.counts(subject).not_compared += 1;
            }
        }
        Ok(())
    }

    fn push(&mut self, change: Change, subject: &ComparedResource<'_>, rule: &RuleRecord) -> io::Result<()> {
        let change = RuleChange {
            change,
            account: subject.account.to_owned(),
            region: subject.region.to_owned(),
            stack: subject.stack.to_owned(),
            stack_id: subject.stack_id.to_owned(),
            owner: subject.owner.map(str::to_owned),
            logical_id: rule.logical_id.clone(),
            resource_type: rule.resource_type.clone(),
            group: subject.group.map(str::to_owned),
            statement: rule.statement.clone(),
        };
        self.rules.push(&change).map(|_| ())
    }
}

fn most_new_first(groups: BTreeMap<Option<String>, ChangeGroup>) -> Vec<ChangeGroup> {
    let named = |(name, group): (Option<String>, ChangeGroup)| ChangeGroup { name, ..group };
    let mut groups: Vec<ChangeGroup> = groups.into_iter().map(named).collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.new, group.remaining, group.fixed)));
    groups
}
