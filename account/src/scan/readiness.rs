//! The answer of a scan, in sentences: whether enforcement can be enabled, and whom to contact first.

use super::alternative::AlternativeKind;
use super::record::Cause;
use super::result::ScanResult;
use super::summary::{Readiness, RuleGroup, ScanSummary};
use crate::number::{count, grouped};
use crate::regions::regions_assumed;

/// The maximum number of Regions or accounts in a sentence.
const SHOWN: usize = 5;

impl ScanSummary {
    /// Returns the answer in sentences, the most important first. A scan that is limited to stacks with certain names
    /// ([`ScanHead::only_stacks`](super::ScanHead::only_stacks)) answers only for those.
    #[must_use]
    pub fn sentences(&self, only: &[String]) -> Vec<String> {
        let mut said = vec![self.verdict(only.is_empty())];
        if !only.is_empty() {
            let those = if self.accounts.len() > 1 { "accounts" } else { "account" };
            said.push(format!("This covers only stacks named {}, not the others in the {those}.", only.join(", ")));
        }
        said.extend(self.lower_bound());
        if self.accounts.len() > 1 {
            said.extend(self.account_by_account(only.is_empty()));
        }
        said.extend(self.first_to_talk_to());
        said.extend(self.other_policies(only.is_empty()));
        said
    }

    fn verdict(&self, is_of_all: bool) -> String {
        let those = if is_of_all { "the stacks that are deployed" } else { "these stacks" };
        match self.answer {
            // No stack was read, so nothing is known.
            Readiness::Yes if self.stacks == 0 && !is_of_all => "Unknown: no stack matches these names.".to_owned(),
            Readiness::Yes if self.stacks == 0 => "Yes: there is no stack that FAIL could block.".to_owned(),
            Readiness::Yes if self.stacks_with_rules == 0 => {
                format!("Yes: none of {those} has a security group.")
            }
            Readiness::Yes if self.tally.exempted + self.tally.known_debt > 0 => format!(
                "Yes: FAIL would block none of {those}; the policy allows {} that break the rule.",
                count(self.tally.exempted + self.tally.known_debt, "egress rule")
            ),
            Readiness::Yes => format!("Yes: FAIL would block none of {those}."),
            Readiness::Probably => format!(
                "Probably: FAIL would block none of {those} as far as their templates show; {} cannot be determined \
                 before a deployment.",
                count(self.tally.undetermined, "egress rule")
            ),
            Readiness::No => format!(
                "Not yet: with FAIL, {} of the {} with security groups would be blocked at the next change of those \
                 groups ({}).",
                grouped(self.stacks_blocked),
                count(self.stacks_with_rules, "stack"),
                count(self.tally.blocked, "egress rule")
            ),
            Readiness::Unknown => {
                "Unknown: not everything could be read, and nothing that was read would be blocked.".to_owned()
            }
        }
    }

    /// Returns what is missing from the numbers.
    fn lower_bound(&self) -> Option<String> {
        let mut missing = Vec::new();
        let first = |names: &[String]| listed(names.get(..SHOWN).unwrap_or(names), names.len());
        if !self.accounts_unread.is_empty() {
            let accounts = count(self.accounts_unread.len(), "account");
            missing.push(format!("{accounts} could not be accessed ({})", first(&self.accounts_unread)));
        }
        if !self.accounts_in_part.is_empty() {
            let accounts = count(self.accounts_in_part.len(), "account");
            missing.push(format!("only the Regions that are enabled by default were read in {accounts}"));
        }
        if self.unread > 0 {
            missing.push(format!("{} could not be read", count(self.unread, "stack")));
        }
        if !self.regions_unread.is_empty() {
            let accounts = self.accounts.iter().filter(|account| !account.regions_unread.is_empty()).count();
            let of = match accounts {
                _ if self.accounts.len() < 2 => String::new(),
                accounts => format!(" in {}", count(accounts, "account")),
            };
            missing.push(format!("not every stack of {} could be listed{of}", first(&self.regions_unread)));
        }
        (!missing.is_empty()).then(|| format!("This is a lower bound: {}.", missing.join(", and ")))
    }

    /// Returns where FAIL is possible today, and where most stacks prevent it.
    fn account_by_account(&self, is_of_all: bool) -> Vec<String> {
        let ready = self.accounts.iter().filter(|account| account.answer == Readiness::Yes).count();
        let mut said = Vec::new();
        if ready > 0 && ready < self.accounts.len() && is_of_all {
            said.push(format!(
                "FAIL is possible today in {} of {}: it would block nothing that is deployed there, except possibly a \
                 rollback that restores an old group.",
                grouped(ready),
                count(self.accounts.len(), "account")
            ));
        }
        // They are sorted, those with the most blocked stacks first.
        if let Some(worst) = self.accounts.first().filter(|account| account.stacks_blocked > 0) {
            let unit = worst.account.organizational_unit.as_ref();
            let unit = unit.map_or_else(String::new, |unit| format!(" in {unit}"));
            said.push(format!(
                "Account {}{unit} has the most: {}, {}.",
                worst.account.label(),
                count(worst.stacks_blocked, "stack"),
                count(worst.tally.blocked, "egress rule")
            ));
        }
        said
    }

    fn first_to_talk_to(&self) -> Vec<String> {
        let blocked = || self.owners.iter().filter(|group| group.stacks > 0);
        let named = blocked().find_map(|group| Some((group.name.as_deref()?, group)));
        let nobody = blocked().find(|group| group.name.is_none());
        let size = |group: &RuleGroup| {
            format!("{}, {}", count(group.stacks, "stack"), count(group.tally.blocked, "egress rule"))
        };
        let mut said = Vec::new();
        if let Some((owner, group)) = named {
            said.push(format!("Contact {owner} first: {} ({}).", size(group), listed(&group.examples, group.stacks)));
        }
        if let Some(group) = nobody {
            let first = if named.is_some() { "" } else { " first" };
            said.push(format!(
                "Find the owners of these{first}: {} without an owner tag ({}).",
                size(group),
                listed(&group.examples, group.stacks)
            ));
        }
        said
    }

    fn other_policies(&self, is_of_all: bool) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(published) = self.alternative(AlternativeKind::Published) {
            said.push(format!(
                "The published rule alone would block {} ({}).",
                count(published.stacks_blocked, "stack"),
                count(published.rules_blocked, "egress rule")
            ));
        }
        let better = self.alternatives.iter().filter(|other| {
            matches!(other.kind, AlternativeKind::Effective | AlternativeKind::Setting)
                && other.stacks_blocked < self.stacks_blocked
        });
        if let Some(best) = better.min_by_key(|other| (other.stacks_blocked, other.rules_blocked)) {
            said.push(match best.stacks_blocked {
                0 => format!("With {}, nothing would be blocked.", best.name),
                stacks => format!("With {}, {} would be blocked.", best.name, count(stacks, "stack")),
            });
        }
        if let Some(unchanged) = self.alternative(AlternativeKind::UnchangedAllowed)
            && unchanged.stacks_blocked == 0
            && self.tally.blocked > 0
        {
            let so = if is_of_all { ROLLBACKS_APART } else { "" };
            said.push(format!(
                "With {}, none of them is blocked until it adds or widens an egress rule{so}.",
                unchanged.name
            ));
        }
        said
    }
}

/// The conclusion if no stack would be blocked, and its limits.
const ROLLBACKS_APART: &str = ": until then FAIL blocks none of them, except possibly a rollback that restores an old \
                               group, because AWS does not document whether hooks run on rollbacks";

impl ScanResult {
    /// Returns the caveats of the answer.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(why) = &self.head.regions_assumed {
            said.push(regions_assumed(why));
        }
        if self.ending.interrupted {
            said.push(
                "The scan was interrupted; these are the results so far. To continue, pass its JSON result to \
                 --resume."
                    .to_owned(),
            );
        }
        said
    }

    /// Returns the account of the stacks that were read, or the number of accounts.
    #[must_use]
    pub(crate) fn accounts_described(&self) -> Option<String> {
        match self.summary.accounts.as_slice() {
            [] => None,
            [one] => Some(format!("account {}", one.account.label())),
            accounts => Some(count(accounts.len(), "account")),
        }
    }

    /// Returns what the scan covers: the account or the number of accounts, and the Regions.
    #[must_use]
    pub fn place(&self) -> String {
        let regions = match self.head.regions.as_slice() {
            [] => "every Region that is enabled there".to_owned(),
            regions => regions.join(", "),
        };
        self.accounts_described().into_iter().chain([regions]).collect::<Vec<_>>().join(", ")
    }

    /// Returns whether the result covers several accounts.
    #[must_use]
    pub const fn is_of_many(&self) -> bool {
        self.summary.accounts.len() > 1
    }
}

impl RuleGroup {
    /// Returns its numbers: `12 rules in 3 stacks, 1 undetermined`.
    #[must_use]
    pub fn described(&self) -> String {
        let mut said = Vec::new();
        if self.tally.blocked > 0 {
            said.push(format!("{} in {}", count(self.tally.blocked, "rule"), count(self.stacks, "stack")));
        }
        for (number, what) in [
            (self.tally.undetermined, "undetermined"),
            (self.tally.exempted, "exempted"),
            (self.tally.known_debt, "known debt"),
        ] {
            if number > 0 {
                said.push(format!("{} {what}", grouped(number)));
            }
        }
        said.join(", ")
    }
}

/// A policy and what it would block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyImpact {
    /// The policy.
    pub name: String,
    /// An explanation of the policy.
    pub note: &'static str,
    /// The number of stacks that would be blocked.
    pub stacks: usize,
    /// The number of egress rules that would be blocked.
    pub rules: usize,
}

/// Returns the impact of the scan's policy, then of the others.
#[must_use]
pub fn alternatives_described(summary: &ScanSummary) -> Vec<PolicyImpact> {
    let as_scanned = PolicyImpact {
        name: "as scanned".to_owned(),
        note: "",
        stacks: summary.stacks_blocked,
        rules: summary.tally.blocked,
    };
    let others = summary.alternatives.iter().map(|other| PolicyImpact {
        name: other.name.clone(),
        note: match other.kind {
            AlternativeKind::Published => "exactly as written, without exemptions",
            AlternativeKind::UnchangedAllowed => "rules that an update does not change pass",
            AlternativeKind::Effective => "judged by what EC2 actually opens",
            AlternativeKind::Setting => "only this setting",
        },
        stacks: other.stacks_blocked,
        rules: other.rules_blocked,
    });
    std::iter::once(as_scanned).chain(others).collect()
}

/// Returns what to do about the rules of a cause, in one sentence.
#[must_use]
pub const fn advice(cause: Cause) -> &'static str {
    match cause {
        Cause::AllTraffic => {
            "name the protocol and one port per rule; in CDK, allowAllOutbound: false and explicit rules"
        }
        Cause::PortRange => "one rule per port, or an exemption where a range is needed (ephemeral ports)",
        Cause::Icmp => "the preset effective allows one ICMP type",
        Cause::NoTraffic => "these open nothing: the preset effective, or its setting, allows them",
        Cause::MissingPorts => "set FromPort and ToPort",
        Cause::DefaultEgress => "list the egress rules that the group needs",
        Cause::Invalid => "write a valid egress rule",
        Cause::UnknownValue => "write the port itself",
    }
}

/// Returns the first names of a list of `all` entries.
fn listed(names: &[String], all: usize) -> String {
    let more = all.saturating_sub(names.len());
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {} more", grouped(more)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_advice() {
        for cause in Cause::ALL {
            assert!(advice(*cause).len() > 10, "{}", cause.label());
        }
    }

    #[test]
    fn the_first_unread_regions_are_named_and_the_others_counted() {
        let unread = |count: usize| {
            let regions_unread = (0..count).map(|number| format!("r-{number}")).collect();
            ScanSummary { regions_unread, ..ScanSummary::default() }.lower_bound().unwrap()
        };
        assert_eq!(unread(2), "This is a lower bound: not every stack of r-0, r-1 could be listed.");
        assert!(unread(7).contains("r-3, r-4 and 2 more could be listed"), "{}", unread(7));
    }
}
