//! An exemption: what may break the rule, the reason, the owner, and the last day.

use super::conditions::Conditions;
use crate::rule::applied::{AppliedExemption, ExemptionId, ExemptionReason, Owner};
use crate::rule::date::Date;
use crate::rule::egress::Protocol;

/// An exception to the rule, which the owners of the guard grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    id: ExemptionId,
    reason: ExemptionReason,
    owner: Owner,
    expires: Date,
    // INVARIANT: the conditions narrow the exemption and do not contradict each other.
    conditions: Conditions,
}

/// The reason why conditions do not form an exemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExemptionError {
    /// They cover everything everywhere.
    CoversEverything,
    /// They name ports, but only protocols that have none.
    PortsWithoutProtocol,
}

impl Exemption {
    /// Creates an exemption.
    ///
    /// # Errors
    /// Fails if the conditions cover everything or contradict each other.
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

    /// Returns the exemption's name in the policy file, unique there.
    #[must_use]
    pub const fn id(&self) -> &ExemptionId {
        &self.id
    }

    /// Returns the reason for the exemption.
    #[must_use]
    pub const fn reason(&self) -> &ExemptionReason {
        &self.reason
    }

    /// Returns the owner of the exemption.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Returns the last day on which the exemption applies, UTC.
    #[must_use]
    pub const fn expires(&self) -> Date {
        self.expires
    }

    /// Returns the conditions.
    #[must_use]
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Returns the state of the exemption on a day.
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
