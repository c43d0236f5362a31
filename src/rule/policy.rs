//! The policy: the settings, the exemptions, and the treatment of existing egress rules on an update.
//!
//! It belongs to the owners of the guard. Nothing that the deployer of a stack writes can widen it: a value that is
//! unknown, ambiguous, or stated twice matches no condition.
//!
//! This module knows no file format and no clock: today is an argument.

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

/// The policy. The default is the published rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The preset that the overrides change.
    pub preset: Preset,
    /// Settings that differ from the preset.
    pub overrides: Vec<(Setting, Treatment)>,
    /// The treatment of an egress rule on an update that does not change it.
    pub unchanged_rules: Treatment,
    /// The contact for questions about blocked deployments.
    pub contact: Option<Owner>,
    /// The maximum number of days from today until an exemption ends.
    pub max_days: Option<u32>,
    /// The exemptions, in the order written. Their ids are unique.
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

/// The proposed egress rules that already existed before the update.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UnchangedRules {
    /// None: this is a creation, or the previous state is unknown.
    #[default]
    Nothing,
    /// The entries at these paths.
    Entries(BTreeSet<PropertyPath>),
    /// All properties.
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

/// The facts about a resource that a policy needs in addition to its egress rules.
#[derive(Debug, Clone, Copy)]
pub struct ResourceContext<'a> {
    /// The place of the resource.
    pub context: Context<'a>,
    /// The egress rules that already existed.
    pub unchanged: &'a UnchangedRules,
    /// The day of the decision, UTC.
    pub today: Date,
}

/// An exemption that would cover an egress rule if the unknown parts of its place matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearlyExempted<'a> {
    /// The exemption. All its conditions match, except those about unknown parts of the place.
    pub exemption: &'a Exemption,
    /// The conditions on the unknown parts; for each, one of the patterns must match.
    pub asked: Vec<(ContextCondition, &'a [Glob])>,
}

impl Policy {
    /// Returns the settings to judge by.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.overrides
            .iter()
            .fold(Settings::of(self.preset), |settings, (setting, treatment)| settings.with(*setting, *treatment))
    }

    /// Returns whether an exemption depends on the tags of a group.
    #[must_use]
    pub(crate) fn looks_at_tags(&self) -> bool {
        self.exemptions.iter().any(|exemption| !exemption.conditions().tags.is_empty())
    }

    /// Marks findings as exempted or as known debt.
    ///
    /// It never makes a verdict worse and changes only findings that break the rule. Without exemptions and with
    /// `unchanged_rules` at `block`, it returns the assessment unchanged.
    #[must_use]
    pub fn apply(&self, mut assessment: Assessment, case: &ResourceContext<'_>) -> Assessment {
        // The place is the same for all egress rules. Match it once, because there may be many rules and exemptions.
        let here: Vec<&Exemption> =
            self.exemptions.iter().filter(|exemption| exemption.conditions().match_context(&case.context)).collect();
        for finding in &mut assessment.findings {
            if let Outcome::NonCompliant | Outcome::Undetermined = finding.outcome {
                self.apply_to(finding, &here, case);
            }
        }
        assessment
    }

    /// Returns the exemption that would cover an egress rule if the unknown parts of its place matched, and the
    /// conditions on these parts.
    #[must_use]
    pub fn nearly_exempted(&self, rule: &EgressRule, case: &ResourceContext<'_>) -> Option<NearlyExempted<'_>> {
        self.exemptions.iter().filter(|exemption| exemption.on(case.today).is_active()).find_map(|exemption| {
            let asked = exemption.conditions().asked_of_unknown(&case.context);
            (!asked.is_empty() && exemption.conditions().match_egress(rule))
                .then_some(NearlyExempted { exemption, asked })
        })
    }

    fn apply_to(&self, finding: &mut Finding, here: &[&Exemption], case: &ResourceContext<'_>) {
        if let Some(exemption) = egress_rule(finding).and_then(|rule| longest(here, &rule)) {
            let exemption = exemption.on(case.today);
            if exemption.is_active() {
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

/// Returns the exemption that covers an egress rule; of several, the one with the latest end.
fn longest<'a>(here: &[&'a Exemption], rule: &EgressRule) -> Option<&'a Exemption> {
    let covering = here.iter().copied().filter(|exemption| exemption.conditions().match_egress(rule));
    // `max_by_key` returns the last of equal elements; the first one in the file is wanted.
    covering.rev().max_by_key(|exemption| exemption.expires())
}

/// Returns the egress rule of a finding. For a group without one, this is EC2's default rule: all traffic to
/// everywhere, which no destination condition contains.
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
