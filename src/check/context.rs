//! By which policy a template is judged, and what is known of its deployment.

use crate::rule::policy::{Context, Date, Policy, UnchangedRules};

/// By which policy a template is judged, and where it is deployed as far as that is known.
#[derive(Debug, Clone, Copy)]
pub struct CheckContext<'a> {
    /// The settings to judge by, and the exemptions from them.
    pub policy: &'a Policy,
    /// Account, Region and stack; what is about a resource is filled in for each.
    pub context: Context<'a>,
    /// What stood there before. The hook's STACK target compares two templates itself.
    pub unchanged: &'a UnchangedRules,
    /// The day of the decision, UTC.
    pub today: Date,
    /// What the default of a parameter is worth.
    pub defaults: Defaults,
}

/// What the default of a parameter is worth, where no value is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Defaults {
    /// It is the value, as in a deployment that gives no other.
    #[default]
    AreValues,
    /// A deployment may override it: what keeps the rule by it alone is undetermined.
    MayChange,
}

impl<'a> CheckContext<'a> {
    /// The terms of a policy alone: nothing is known of the place, and defaults are values.
    #[must_use]
    pub fn of(policy: &'a Policy, today: Date) -> Self {
        Self {
            policy,
            context: Context::default(),
            unchanged: &UnchangedRules::Nothing,
            today,
            defaults: Defaults::default(),
        }
    }
}
