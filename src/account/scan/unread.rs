//! What could not be read, told once for each reason: a permission that is missing concerns every stack.

use std::collections::BTreeMap;

use super::record::Unread;
use crate::account::failure::{Failure, FailureKind};
use crate::account::number::{count, grouped};

/// How many stacks or Regions are named.
const MAX_NAMED: usize = 5;

/// What could not be read for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadGroup<'a> {
    /// The Regions.
    pub regions: Vec<&'a str>,
    /// The stacks; none, if it is the Regions' list.
    pub stacks: Vec<&'a str>,
    /// Why, in the words about the first of them.
    pub failure: &'a Failure,
    /// Whether they were judged or listed all the same.
    pub judged: bool,
}

impl<'a> UnreadGroup<'a> {
    /// Puts together what has the same reason, in whichever Region, lists first.
    #[must_use]
    pub fn of(unread: &'a [Unread]) -> Vec<Self> {
        type Key<'a> = (bool, bool, &'a str, FailureKind, Option<&'a str>);
        let mut groups: BTreeMap<Key<'a>, Self> = BTreeMap::new();
        for what in unread {
            let failure = &what.failure;
            let key = (what.stack.is_some(), what.judged, &*failure.action, failure.kind, failure.code.as_deref());
            let new = || Self { regions: Vec::new(), stacks: Vec::new(), failure, judged: what.judged };
            let group = groups.entry(key).or_insert_with(new);
            group.regions.push(&what.region);
            group.stacks.extend(what.stack.as_deref());
        }
        groups
            .into_values()
            .map(|mut group| {
                group.stacks.sort_unstable();
                group.regions.sort_unstable();
                group.regions.dedup();
                group
            })
            .collect()
    }

    /// What it is: a list, a stack's name, or how many stacks and the first of them.
    #[must_use]
    pub fn what(&self) -> String {
        match self.stacks.as_slice() {
            [] => "the list of stacks".to_owned(),
            [stack] => (*stack).to_owned(),
            stacks => format!("{} ({})", count(stacks.len(), "stack"), first_of(stacks)),
        }
    }

    /// The Regions, the first of them by name.
    #[must_use]
    pub fn place(&self) -> String {
        first_of(&self.regions)
    }
}

fn first_of(names: &[&str]) -> String {
    let named = names.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_NAMED) {
        0 => named,
        more => format!("{named} and {} more", grouped(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once_with_those_whom_it_concerns() {
        let failure = |message: &str| Failure::new("cloudformation:GetTemplate", FailureKind::AccessDenied, message);
        let one = |region: &str, stack: Option<&str>, failure| Unread {
            region: region.to_owned(),
            stack: stack.map(str::to_owned),
            stack_id: None,
            failure,
            judged: false,
        };
        let mut unread: Vec<_> =
            (0..7).rev().map(|number| one("b", Some(&format!("s{number}")), failure("no, not this one"))).collect();
        unread.push(one("a", Some("x"), failure("no")));
        for region in ["b", "a"] {
            unread.push(one(region, None, Failure::new("cloudformation:ListStacks", FailureKind::Throttled, "slow")));
        }
        let told: Vec<_> = UnreadGroup::of(&unread).iter().map(|group| (group.place(), group.what())).collect();
        let expected = [("a, b", "the list of stacks"), ("a, b", "8 stacks (s0, s1, s2, s3, s4 and 3 more)")];
        assert_eq!(told, expected.map(|(region, what)| (region.to_owned(), what.to_owned())));
    }
}
