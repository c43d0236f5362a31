//! The sentences and codes of the reports that are not about an egress rule.

use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::wording::LOGICAL_ID_CHARS;

/// The message for a file that could not be checked.
pub(super) const FILE_NOT_CHECKED: &str = "The file could not be checked.";

/// The code of an entry about a part of a template that cannot be judged.
pub(super) const NOT_JUDGED: &str = "not-judged";

/// The code of an entry about a resource that could be judged only in part.
pub(super) const NOT_WHOLLY_JUDGED: &str = "not-wholly-judged";

/// The code of an entry about a key that is written twice.
pub(super) const KEY_TWICE: &str = "key-twice";

/// The code of an entry about JSON that strict parsers reject.
pub(super) const NOT_STRICT_JSON: &str = "not-strict-json";

/// The code of an entry about a value for a parameter that no template declares.
pub(super) const UNDECLARED_PARAMETER: &str = "undeclared-parameter";

/// The code of an entry about values that a template passes to another one that does not accept them.
pub(super) const REFUSED_PARAMETERS: &str = "refused-parameters";

/// Returns the message for a resource that could not be judged under every condition.
pub(super) fn not_wholly_judged(logical_id: &str, why: &str) -> String {
    format!("not all of `{}` could be checked: {why}", excerpt(logical_id, LOGICAL_ID_CHARS))
}
