//! What changed since an earlier scan: which rules were fixed, which are new, by account and owner.
//!
//! A rule is the same if account, Region, stack, logical id, reason and what it opens are: where it is in its list
//! may change. What one of the two scans did not look at, or could not read, is not compared: it is neither fixed
//! nor new.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read};

use super::comparison::{Change, ChangeGroup, Comparison, RuleChange, TrendPoint};
use super::file::{ResultError, ResultRecord, read_records};
use super::record::{RuleOutcome, RuleRecord, ScanHead, StackRecord, Unread};
use super::result::{ScanCompletion, ScanResult};

/// A result's numbers alone.
///
/// # Errors
/// When the text is no result of a scan.
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
/// When the earlier one is no result of a scan, or a record cannot be read back.
pub fn compare<R: Read>(
    now: &mut ScanResult,
    open: impl Fn() -> io::Result<R>,
    mut trend: Vec<TrendPoint>,
) -> Result<Comparison, ResultError> {
    let hash = RandomState::new();
    let mut then = ScanCoverage::default();
    let (head, ending) = read_records(open().map_err(ResultError::Io)?, &mut |record| {
        match record {
            ResultRecord::Stack(stack) => then.stack(&hash, &stack),
            ResultRecord::Unread(unread) => then.unread(&hash, &unread),
        }
        Ok(())
    })?;
    then.end(&head, ending);
    let (mut here, mut blocked) = (ScanCoverage::default(), HashMap::<u64, usize>::new());
    for stack in now.stacks.iter() {
        let stack = stack.map_err(ResultError::Io)?;
        here.stack(&hash, &stack);
        for rule in stack.findings.iter().filter(|rule| rule.fate == RuleOutcome::Blocked) {
            *blocked.entry(key(&hash, &stack, rule)).or_default() += 1;
        }
    }
    for unread in now.unread.iter() {
        here.unread(&hash, &unread.map_err(ResultError::Io)?);
    }
    here.end(&now.head, now.ending);

    let mut changes =
        ComparisonBuilder { comparison: Comparison::default(), accounts: BTreeMap::new(), owners: BTreeMap::new() };
    read_records(open().map_err(ResultError::Io)?, &mut |record| match record {
        ResultRecord::Stack(stack) => changes.earlier(&hash, &here, &mut blocked, &stack),
        ResultRecord::Unread(_) => Ok(()),
    })?;
    for stack in now.stacks.iter() {
        let stack = stack.map_err(ResultError::Io)?;
        changes.later(&hash, &then, &mut blocked, &stack).map_err(ResultError::Io)?;
    }
    trend.push(TrendPoint {
        started: now.head.started.clone(),
        stacks: now.summary.stacks,
        stacks_blocked: now.summary.stacks_blocked,
        rules_blocked: now.summary.tally.blocked,
    });
    trend.sort_by(|one, two| one.started.cmp(&two.started));
    let ComparisonBuilder { mut comparison, accounts, owners } = changes;
    comparison.head.earlier_policy = (head.policy != now.head.policy).then_some(head.policy);
    comparison.head.earlier = head.started;
    comparison.head.trend = trend;
    comparison.head.accounts = most_new_first(accounts);
    comparison.head.owners = most_new_first(owners);
    Ok(comparison)
}

/// The same rule in two scans.
fn key(hash: &RandomState, stack: &StackRecord, rule: &RuleRecord) -> u64 {
    let statement = if rule.rule.is_some() { "" } else { rule.statement.as_str() };
    let opens = rule.rule.as_ref().map(|opens| (&opens.protocol, opens.ports, &opens.destination));
    hash.hash_one((place(hash, stack), &rule.logical_id, &rule.reason, opens, statement))
}

/// The same stack in two scans: one that was deleted and made anew has another ARN.
fn place(hash: &RandomState, stack: &StackRecord) -> u64 {
    hash.hash_one((&stack.account, &stack.region, &stack.stack))
}

/// What a scan looked at.
#[derive(Debug, Default)]
struct ScanCoverage {
    accounts: BTreeSet<String>,
    regions: BTreeSet<(String, String)>,
    named_regions: BTreeSet<String>,
    stacks: HashSet<u64>,
    unread_accounts: BTreeSet<String>,
    unread_regions: BTreeSet<(String, String)>,
    unread_stacks: HashSet<u64>,
    /// Whether a stack that was not read is not there.
    is_whole: bool,
}

impl ScanCoverage {
    fn stack(&mut self, hash: &RandomState, stack: &StackRecord) {
        if !self.accounts.contains(&stack.account) {
            self.accounts.insert(stack.account.clone());
        }
        let region = (stack.account.clone(), stack.region.clone());
        if !self.regions.contains(&region) {
            self.regions.insert(region);
        }
        self.stacks.insert(place(hash, stack));
    }

    fn unread(&mut self, hash: &RandomState, unread: &Unread) {
        if unread.judged {
            return;
        }
        let account = unread.account.clone().unwrap_or_default();
        match (&unread.region, &unread.stack) {
            (Some(region), Some(stack)) => {
                self.unread_stacks.insert(hash.hash_one((&account, region, stack)));
            }
            (Some(region), None) => {
                self.unread_regions.insert((account, region.clone()));
            }
            (None, _) => {
                self.unread_accounts.insert(account);
            }
        }
    }

    fn end(&mut self, head: &ScanHead, ending: ScanCompletion) {
        self.accounts.extend(head.accounts.iter().map(|member| member.account.clone()));
        self.named_regions.extend(head.regions.iter().cloned());
        self.is_whole = ending.complete && !ending.interrupted && head.only_stacks.is_empty();
    }

    /// Whether it would have seen the rules of a stack.
    fn saw(&self, hash: &RandomState, stack: &StackRecord) -> bool {
        let place = place(hash, stack);
        if self.stacks.contains(&place) {
            return true;
        }
        let region = (stack.account.clone(), stack.region.clone());
        let is_looked_at = self.regions.contains(&region)
            || (self.accounts.contains(&stack.account)
                && (self.named_regions.is_empty() || self.named_regions.contains(&stack.region)));
        let is_unread = self.unread_stacks.contains(&place)
            || self.unread_regions.contains(&region)
            || self.unread_accounts.contains(&stack.account);
        self.is_whole && is_looked_at && !is_unread
    }
}

/// The changes while they are found.
struct ComparisonBuilder {
    comparison: Comparison,
    accounts: BTreeMap<Option<String>, ChangeGroup>,
    owners: BTreeMap<Option<String>, ChangeGroup>,
}

impl ComparisonBuilder {
    /// A stack of the earlier scan: what of it remains is taken out of `blocked`.
    fn earlier(
        &mut self,
        hash: &RandomState,
        now: &ScanCoverage,
        blocked: &mut HashMap<u64, usize>,
        stack: &StackRecord,
    ) -> io::Result<()> {
        let seen = now.saw(hash, stack);
        for rule in stack.findings.iter().filter(|rule| rule.fate == RuleOutcome::Blocked) {
            match blocked.get_mut(&key(hash, stack, rule)).filter(|number| **number > 0) {
                Some(number) => {
                    *number -= 1;
                    self.comparison.head.remaining += 1;
                    self.groups(stack).into_iter().for_each(|group| group.remaining += 1);
                }
                None if seen => {
                    self.comparison.head.fixed += 1;
                    self.groups(stack).into_iter().for_each(|group| group.fixed += 1);
                    self.push(Change::Fixed, stack, rule)?;
                }
                None => self.comparison.head.not_compared += 1,
            }
        }
        Ok(())
    }

    /// A stack of this scan: what is still in `blocked` is new.
    fn later(
        &mut self,
        hash: &RandomState,
        then: &ScanCoverage,
        blocked: &mut HashMap<u64, usize>,
        stack: &StackRecord,
    ) -> io::Result<()> {
        let seen = then.saw(hash, stack);
        for rule in stack.findings.iter().filter(|rule| rule.fate == RuleOutcome::Blocked) {
            let Some(number) = blocked.get_mut(&key(hash, stack, rule)).filter(|number| **number > 0) else { continue };
            *number -= 1;
            if seen {
                self.comparison.head.new += 1;
                self.groups(stack).into_iter().for_each(|group| group.new += 1);
                self.push(Change::New, stack, rule)?;
            } else {
                self.comparison.head.not_compared += 1;
            }
        }
        Ok(())
    }

    fn groups(&mut self, stack: &StackRecord) -> [&mut ChangeGroup; 2] {
        let account = Some(stack.account.clone());
        [self.accounts.entry(account).or_default(), self.owners.entry(stack.owner.clone()).or_default()]
    }

    fn push(&mut self, change: Change, stack: &StackRecord, rule: &RuleRecord) -> io::Result<()> {
        let change = RuleChange {
            change,
            account: stack.account.clone(),
            region: stack.region.clone(),
            stack: stack.stack.clone(),
            stack_id: stack.stack_id.clone(),
            owner: stack.owner.clone(),
            logical_id: rule.logical_id.clone(),
            resource_type: rule.resource_type.clone(),
            statement: rule.statement.clone(),
        };
        self.comparison.changes.push(&change).map(|_| ())
    }
}

fn most_new_first(groups: BTreeMap<Option<String>, ChangeGroup>) -> Vec<ChangeGroup> {
    let named = |(name, group): (Option<String>, ChangeGroup)| ChangeGroup { name, ..group };
    let mut groups: Vec<ChangeGroup> = groups.into_iter().map(named).collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.new, group.remaining, group.fixed)));
    groups
}
