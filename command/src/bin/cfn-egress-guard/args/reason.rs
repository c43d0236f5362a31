//! A reason as an argument.

use cfn_egress_guard_core::rule::Reason;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Parses a reason from its code.
pub(super) fn parse_reason() -> impl TypedValueParser<Value = Reason> {
    PossibleValuesParser::new(Reason::ALL.iter().map(|reason| reason.code()))
        .try_map(|code| Reason::ALL.iter().copied().find(|reason| reason.code() == code).ok_or("not a reason"))
}
