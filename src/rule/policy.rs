//! The policy: which settings decide, what may break the rule until when, and what becomes of egress rules that were
//! there before.
//!
//! It belongs to those who own the hook. Nothing that the deployer of a stack writes can widen it: what
//! is unknown, ambiguous or stated twice matches no condition.
//!
//! Knows no file format and no clock: today is an argument.

mod breadth;
mod conditions;
mod exemption;
mod glob;
mod review;

pub use super::applied::{
    AppliedExemption, ExemptionId, ExemptionReason, InvalidIdError, InvalidLineError, Line, Owner, WARNING_DAYS,
};
pub use super::date::{Date, InvalidDateError};
pub use breadth::Breadth;
pub use conditions::{
    Conditions, Context, ContextCondition, DestinationRange, DestinationRangeError, PortRange, PortRangeError, Tag,
    TagCondition,
};
pub use exemption::{Exemption, ExemptionError};
pub use glob::{Glob, GlobError};
pub(crate) use review::LONG_DAYS;
pub use review::{DeployerChoice, Placeholder, Remark, RemarkLevel};

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::egress::{EgressRule, Origins, Protocol};
use super::finding::{Assessment, Finding, FindingSubject, Outcome};
use super::port::Port;
use super::settings::{Preset, Setting, Settings, Treatment};
use crate::path::PropertyPath;

/// What decides. The default is the published rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The named settings that single ones differ from.
    pub preset: Preset,
    /// Settings that are set on their own.
    pub overrides: Vec<(Setting, Treatment)>,
    /// How an egress rule is treated on an update that leaves it as it was.
    pub unchanged_rules: Treatment,
    /// Whom to ask about what is blocked.
    pub contact: Option<Owner>,
    /// How many days ahead an exemption may end at most.
    pub max_days: Option<u32>,
    /// What may break the rule, in the order written. No two have the same id.
    pub exemptions: Vec<Exemption>,
}

impl Default for Policy {
    fn default() -> Self {
        Self::from(Preset::default())
    }
}

impl From<Preset> for Policy {
    fn from(preset: Preset) -> Self {
        Self {
            preset,
            overrides: Vec::new(),
            unchanged_rules: Treatment::Block,
            contact: None,
            max_days: None,
            exemptions: Vec::new(),
        }
    }
}

impl From<Settings> for Policy {
    fn from(settings: Settings) -> Self {
        let preset = Settings::of(Preset::default());
        let own = |setting: &&Setting| settings.get(**setting) != preset.get(**setting);
        let overrides = Setting::ALL.iter().filter(own).map(|setting| (*setting, settings.get(*setting))).collect();
        Self { overrides, ..Self::default() }
    }
}

/// Which of the proposed egress rules stood there before, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UnchangedRules {
    /// None: a creation, or nothing is known of before.
    #[default]
    Nothing,
    /// The entries at these paths.
    Entries(BTreeSet<PropertyPath>),
    /// All properties, whatever they are.
    Everything,
}

impl UnchangedRules {
    fn contains(&self, path: &PropertyPath) -> bool {
        match self {
            Self::Nothing => false,
            Self::Entries(paths) => paths.contains(path),
            Self::Everything => true,
        }
    }
}

/// What a policy has to know of a resource beside its egress rules.
#[derive(Debug, Clone, Copy)]
pub struct ResourceContext<'a> {
    /// Where the resource is.
    pub context: Context<'a>,
    /// What stood there before.
    pub unchanged: &'a UnchangedRules,
    /// The day of the decision, UTC.
    pub today: Date,
}

/// An exemption that covers an egress rule if its place is as it asks, which is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearlyExempted<'a> {
    /// All its conditions but those about the place hold for the rule.
    pub exemption: &'a Exemption,
    /// What it asks of what is not known; one of the texts must match.
    pub asked: Vec<(ContextCondition, &'a [Glob])>,
}

impl Policy {
    /// The settings to judge by.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.overrides
            .iter()
            .fold(Settings::of(self.preset), |settings, (setting, treatment)| settings.with(*setting, *treatment))
    }

    /// Whether an exemption rests on the tags of a group.
    #[must_use]
    pub(crate) fn looks_at_tags(&self) -> bool {
        self.exemptions.iter().any(|exemption| !exemption.conditions().tags.is_empty())
    }

    /// Turns what is exempted, or known and tolerated, into what it is.
    ///
    /// Never makes a verdict worse, and touches nothing that does not break the rule: without
    /// exemptions and with `unchanged_rules` at `block` the assessment comes back as it was.
    #[must_use]
    pub fn apply(&self, mut assessment: Assessment, case: &ResourceContext<'_>) -> Assessment {
        // The place is the same for all egress rules: asked once, since there may be many of both.
        let here: Vec<&Exemption> =
            self.exemptions.iter().filter(|exemption| exemption.conditions().match_context(&case.context)).collect();
        for finding in &mut assessment.findings {
            if let Outcome::NonCompliant | Outcome::Undetermined = finding.outcome {
                self.apply_to(finding, &here, case);
            }
        }
        assessment
    }

    /// The exemption that would cover an egress rule if what is not known of its place were as the exemption
    /// asks, and what it asks.
    #[must_use]
    pub fn nearly_exempted(&self, rule: &EgressRule, case: &ResourceContext<'_>) -> Option<NearlyExempted<'_>> {
        self.exemptions.iter().filter(|exemption| exemption.on(case.today).holds()).find_map(|exemption| {
            let asked = exemption.conditions().asked_of_unknown(&case.context);
            (!asked.is_empty() && exemption.conditions().match_egress(rule))
                .then_some(NearlyExempted { exemption, asked })
        })
    }

    fn apply_to(&self, finding: &mut Finding, here: &[&Exemption], case: &ResourceContext<'_>) {
        if let Some(exemption) = egress_rule(finding).and_then(|rule| longest(here, &rule)) {
            let exemption = exemption.on(case.today);
            if exemption.holds() {
                finding.outcome = Outcome::Exempted;
            }
            finding.exemption = Some(Box::new(exemption));
        }
        if finding.outcome == Outcome::NonCompliant
            && self.unchanged_rules == Treatment::Allow
            && case.unchanged.contains(&finding.path)
        {
            finding.outcome = Outcome::KnownDebt;
        }
        if finding.outcome == Outcome::NonCompliant {
            finding.contact.clone_from(&self.contact);
        }
    }
}

/// The exemption that covers an egress rule: of several, the one that lasts longest, or expired last.
fn longest<'a>(here: &[&'a Exemption], rule: &EgressRule) -> Option<&'a Exemption> {
    let covering = here.iter().copied().filter(|exemption| exemption.conditions().match_egress(rule));
    // Of equal ones the first in the file: `max_by_key` would give the last.
    covering.rev().max_by_key(|exemption| exemption.expires())
}

/// The egress rule that a finding is about. A group without one gets EC2's default rule: everything, to
/// everywhere, which lies within no destination.
fn egress_rule(finding: &Finding) -> Option<Cow<'_, EgressRule>> {
    match &finding.subject {
        FindingSubject::Rule(rule) => Some(Cow::Borrowed(rule)),
        FindingSubject::Nothing => Some(Cow::Owned(EgressRule {
            path: finding.path.clone(),
            protocol: Protocol::All,
            from: Port::Absent,
            to: Port::Absent,
            destinations: Vec::new(),
            origins: Origins::default(),
        })),
        FindingSubject::NoRule(_) | FindingSubject::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests;
