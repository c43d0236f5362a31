//! The parts that could not be read, reported once for each reason: a missing permission affects every stack.

use std::collections::{BTreeMap, BTreeSet};

use super::record::Unread;
use crate::failure::{Failure, FailureKind};
use crate::number::{count, grouped};

/// The IAM action that lists the Regions of an account.
const LIST_REGIONS: &str = "account:ListRegions";

/// The maximum number of named stacks, Regions or accounts.
const MAX_NAMED: usize = 5;

/// The parts that could not be read for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadGroup {
    /// The reason, with the message of the first part.
    pub failure: Failure,
    /// Whether they were judged or listed anyway.
    pub judged: bool,
    accounts: BTreeSet<String>,
    regions: BTreeSet<String>,
    /// Whether they are live security groups.
    live: bool,
    /// The number of stacks or groups; zero for a list of Regions or an account.
    stacks: usize,
    /// The first of them by name.
    named: BTreeSet<String>,
}

impl UnreadGroup {
    /// Returns the unread part: an account, a list, a stack's name, or the number of stacks and the first of them.
    #[must_use]
    pub fn what(&self) -> String {
        match self.stacks {
            0 if self.regions.is_empty() && self.failure.action == LIST_REGIONS => "the list of Regions".to_owned(),
            0 if self.regions.is_empty() => "the account".to_owned(),
            0 if self.live => "the list of security groups".to_owned(),
            0 => "the list of stacks".to_owned(),
            1 => first_of(&self.named, 1),
            many => {
                let noun = if self.live { "security group" } else { "stack" };
                format!("{} ({})", count(many, noun), first_of(&self.named, many))
            }
        }
    }

    /// Returns the Regions, or the first of them by name; with `many` accounts, after the accounts.
    #[must_use]
    pub fn place(&self, many: bool) -> String {
        let accounts = if many { first_of(&self.accounts, self.accounts.len()) } else { String::new() };
        let regions = first_of(&self.regions, self.regions.len());
        [accounts, regions].into_iter().filter(|names| !names.is_empty()).collect::<Vec<_>>().join(" in ")
    }
}

/// Groups the unread parts as they are added: those with the same reason, in any Region, lists first.
#[derive(Debug, Default)]
pub(super) struct UnreadGroups(BTreeMap<UnreadKey, UnreadGroup>);

/// Whether it is about live groups, whether it is a stack or a group, whether it is in a Region, whether it was judged
/// anyway, the action, the kind of failure, its code.
type UnreadKey = (bool, bool, bool, bool, String, FailureKind, Option<String>);

impl UnreadGroups {
    pub(super) fn add(&mut self, what: &Unread) {
        let failure = &what.failure;
        let name = what.stack.as_ref().or(what.group.as_ref());
        let is = (what.live, name.is_some(), what.region.is_some(), what.judged);
        let key = (is.0, is.1, is.2, is.3, failure.action.clone(), failure.kind, failure.code.clone());
        let group = self.0.entry(key).or_insert_with(|| UnreadGroup {
            failure: failure.clone(),
            judged: what.judged,
            accounts: BTreeSet::new(),
            regions: BTreeSet::new(),
            live: what.live,
            stacks: 0,
            named: BTreeSet::new(),
        });
        group.accounts.extend(what.account.clone());
        group.regions.extend(what.region.clone());
        if let Some(name) = name {
            group.stacks += 1;
            group.named.insert(name.clone());
            if group.named.len() > MAX_NAMED {
                group.named.pop_last();
            }
        }
    }

    pub(super) fn all(self) -> Vec<UnreadGroup> {
        self.0.into_values().collect()
    }
}

fn first_of(names: &BTreeSet<String>, all: usize) -> String {
    let named: Vec<&str> = names.iter().take(MAX_NAMED).map(String::as_str).collect();
    let described = named.join(", ");
    match all.saturating_sub(named.len()) {
        0 => described,
        more => format!("{described} and {} more", grouped(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_reported_once_with_those_whom_it_concerns() {
        let failure = |message: &str| Failure::new("cloudformation:GetTemplate", FailureKind::AccessDenied, message);
        let one = |region: &str, stack: Option<&str>, failure| Unread {
            account: Some(format!("account-{region}")),
            region: Some(region.to_owned()),
            stack: stack.map(str::to_owned),
            stack_id: None,
            live: false,
            group: None,
            failure,
            judged: false,
        };
        let mut unread: Vec<_> =
            (0..7).rev().map(|number| one("b", Some(&format!("s{number}")), failure("no, not this one"))).collect();
        unread.push(one("a", Some("x"), failure("no")));
        for region in ["b", "a"] {
            unread.push(one(region, None, Failure::new("cloudformation:ListStacks", FailureKind::Throttled, "slow")));
        }
        let mut groups = UnreadGroups::default();
        unread.iter().for_each(|what| groups.add(what));
        let described: Vec<_> = groups.all().iter().map(|group| (group.place(false), group.what())).collect();
        let expected = [("a, b", "the list of stacks"), ("a, b", "8 stacks (s0, s1, s2, s3, s4 and 3 more)")];
        assert_eq!(described, expected.map(|(region, what)| (region.to_owned(), what.to_owned())));
    }
}
