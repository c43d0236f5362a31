//! The policy for checking a template, and the known facts about its deployment.

use crate::rule::policy::{Context, Date, Policy, UnchangedRules};

/// The policy for checking a template, and the place of its deployment as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct CheckContext<'a> {
    /// The policy: settings and exemptions.
    pub policy: &'a Policy,
    /// The account, Region, and stack. Facts about a resource are filled in for each one.
    pub context: Context<'a>,
    /// The egress rules that existed before. The hook's STACK target compares two templates itself.
    pub unchanged: &'a UnchangedRules,
    /// The day of the decision, UTC.
    pub today: Date,
    /// The meaning of a parameter's default.
    pub defaults: Defaults,
}

/// The meaning of a parameter's default if no value is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Defaults {
    /// The default is the value, as in a deployment that does not override it.
    #[default]
    AreValues,
    /// A deployment may override the default. A resource that complies only because of it is undetermined.
    MayChange,
}

impl<'a> CheckContext<'a> {
    /// Returns the context for a policy alone: nothing is known about the place, and defaults are values.
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
