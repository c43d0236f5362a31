//! An exemption: what may break the rule, why, who answers for it, and until when.

use super::conditions::Conditions;
use crate::rule::applied::{AppliedExemption, ExemptionId, ExemptionReason, Owner};
use crate::rule::date::Date;
use crate::rule::egress::Protocol;

/// An exception from the rule, owned by those who own the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    id: ExemptionId,
    reason: ExemptionReason,
    owner: Owner,
    expires: Date,
    // INVARIANT: it narrows, and does not contradict itself.
    conditions: Conditions,
}

/// Why conditions make no exemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExemptionError {
    /// They cover everything everywhere.
    CoversEverything,
    /// They ask for ports and only for protocols that have none.
    PortsWithoutProtocol,
}

impl Exemption {
    /// An exemption.
    ///
    /// # Errors
    /// When the conditions cover everything or contradict each other.
    pub fn new(
        id: ExemptionId,
        reason: ExemptionReason,
        owner: Owner,
        expires: Date,
        conditions: Conditions,
    ) -> Result<Self, ExemptionError> {
        if !conditions.narrow() {
            return Err(ExemptionError::CoversEverything);
        }
        if !conditions.ports.is_empty()
            && !conditions.protocols.is_empty()
            && !conditions.protocols.iter().any(Protocol::has_ports)
        {
            return Err(ExemptionError::PortsWithoutProtocol);
        }
        Ok(Self { id, reason, owner, expires, conditions })
    }

    /// What the policy file calls it, unique there.
    #[must_use]
    pub const fn id(&self) -> &ExemptionId {
        &self.id
    }

    /// Why it exists.
    #[must_use]
    pub const fn reason(&self) -> &ExemptionReason {
        &self.reason
    }

    /// Who answers for it.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The last day on which it applies, UTC.
    #[must_use]
    pub const fn expires(&self) -> Date {
        self.expires
    }

    /// What it covers.
    #[must_use]
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Its state on a day.
    #[must_use]
    pub fn on(&self, today: Date) -> AppliedExemption {
        AppliedExemption {
            id: self.id.clone(),
            reason: self.reason.clone(),
            owner: self.owner.clone(),
            expires: self.expires,
            days_left: self.expires.days_after(today),
        }
    }
}
