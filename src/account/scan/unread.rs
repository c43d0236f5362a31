//! What could not be read, told once for each reason: a permission that is missing concerns every stack.

use std::collections::BTreeMap;

use super::record::Unread;
use crate::account::failure::{Failure, FailureKind};
use crate::account::number::{count, grouped};

/// How many stacks are named.
const MAX_NAMED: usize = 5;

/// What could not be read for one reason in one Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadGroup<'a> {
    /// The Region.
    pub region: &'a str,
    /// The stacks; none, if it is the Region's list.
    pub stacks: Vec<&'a str>,
    /// Why, in the words about the first of them.
    pub failure: &'a Failure,
    /// Whether they were judged or listed all the same.
    pub judged: bool,
}

impl<'a> UnreadGroup<'a> {
    /// Puts together what has the same reason, in the order of Regions, lists first.
    #[must_use]
    pub fn of(unread: &'a [Unread]) -> Vec<Self> {
        type Key<'a> = (&'a str, bool, bool, &'a str, FailureKind, Option<&'a str>);
        let mut groups: BTreeMap<Key<'a>, Self> = BTreeMap::new();
        for what in unread {
            let failure = &what.failure;
            let key = (
                &*what.region,
                what.stack.is_some(),
                what.judged,
                &*failure.action,
                failure.kind,
                failure.code.as_deref(),
            );
            let new = || Self { region: &what.region, stacks: Vec::new(), failure, judged: what.judged };
            let group = groups.entry(key).or_insert_with(new);
            group.stacks.extend(what.stack.as_deref());
        }
        groups
            .into_values()
            .map(|mut group| {
                group.stacks.sort_unstable();
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
            stacks => {
                let named = stacks.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
                let more = stacks.len().saturating_sub(MAX_NAMED);
                let more = if more == 0 { String::new() } else { format!(" and {} more", grouped(more)) };
                format!("{} ({named}{more})", count(stacks.len(), "stack"))
            }
        }
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
        unread.push(one("a", None, Failure::new("cloudformation:ListStacks", FailureKind::Throttled, "slow")));
        let told: Vec<_> =
            UnreadGroup::of(&unread).iter().map(|group| (group.region.to_owned(), group.what())).collect();
        let expected = [("a", "the list of stacks"), ("a", "x"), ("b", "7 stacks (s0, s1, s2, s3, s4 and 2 more)")];
        assert_eq!(told, expected.map(|(region, what)| (region.to_owned(), what.to_owned())));
    }
}
