//! Every sentence about an invocation, a file or a template that is not about its egress rules.

use super::super::ID;
use super::super::settings::Treatment;
use super::super::text::excerpt;
use super::LOGICAL_ID_CHARS;

/// Another resource type is let through.
#[must_use]
pub fn other_type(resource_type: &str) -> String {
    format!(
        "Not checked: {} has no egress rules; rule {ID} is about AWS::EC2::SecurityGroup and \
         AWS::EC2::SecurityGroupEgress.",
        excerpt(resource_type, LOGICAL_ID_CHARS)
    )
}

/// A deletion is let through.
#[must_use]
pub fn deletion() -> String {
    "Not checked: a deletion opens nothing.".to_owned()
}

/// An import is let through.
#[must_use]
pub fn import(unchanged_rules: Treatment) -> String {
    let next = match unchanged_rules {
        Treatment::Block => format!("the next update is checked against rule {ID}"),
        Treatment::Allow => format!(
            "the next update is checked against rule {ID}, but unchanged_rules = \"allow\" lets egress rules pass that \
             it leaves as they are, those that are imported now included"
        ),
    };
    format!("Not checked: an import changes nothing; {next}.")
}

/// The function's configuration cannot be used.
#[must_use]
pub fn broken_configuration(problem: &str) -> String {
    format!(
        "cfn-egress-guard is misconfigured and checks nothing until that is put right: {problem}. Correct the hook's \
         stack and deploy it again."
    )
}

/// The invocation is no JSON, or not of the shape that can be read.
#[must_use]
pub fn unreadable_event(problem: &str) -> String {
    format!(
        "cfn-egress-guard could not read the invocation: {}. It expects the JSON object that a CloudFormation Lambda \
         Hook sends; retry the operation, and if this comes back, update cfn-egress-guard.",
        excerpt(problem, 200)
    )
}

/// The invocation lacks a field without which nothing can be checked.
#[must_use]
pub fn missing_field(field: &str) -> String {
    format!(
        "cfn-egress-guard could not check the rule: the invocation has no usable {field}. Retry the operation; if this \
         comes back, update cfn-egress-guard."
    )
}

/// The invocation point is none that is known.
#[must_use]
pub fn unknown_invocation_point(point: &str) -> String {
    format!(
        "cfn-egress-guard does not know the invocation point \"{}\" and so cannot tell what it would let through. \
         Configure the hook for CREATE and UPDATE, or update cfn-egress-guard.",
        excerpt(point, 64)
    )
}

/// An event without its document cannot be explained.
#[must_use]
pub fn unsupported_target(target: &str) -> String {
    format!("A {target} invocation is about a document that is not in it: check the template instead.")
}

/// The program failed: a defect.
#[must_use]
pub fn defect() -> String {
    "cfn-egress-guard failed inside while checking this resource, which is a defect: nothing was checked. The \
     function's log has the details; please report it. To deploy meanwhile, the owners of the hook can set its failure \
     mode to WARN."
        .to_owned()
}

/// The rule in one sentence.
pub const RULE: &str = "An egress rule of a security group opens exactly one explicit port: rules without FromPort or \
                        ToPort, or where they differ, are flagged.";

/// What to do about it in general.
pub const RULE_REMEDY: &str = "Write one egress rule per port, with the same number as FromPort and ToPort.";

/// What is said of a file that could not be checked.
pub const FILE_NOT_CHECKED: &str = "The file could not be checked.";

/// The code of an entry about a part of a template that cannot be judged.
pub const NOT_JUDGED: &str = "not-judged";

/// The code of an entry about a resource that could be judged in part only.
pub const NOT_WHOLLY_JUDGED: &str = "not-wholly-judged";

/// The code of an entry about a key that is written twice.
pub const KEY_TWICE: &str = "key-twice";

/// The code of an entry about JSON that strict readers refuse.
pub const NOT_STRICT_JSON: &str = "not-strict-json";

/// The code of an entry about a value that was given for nothing.
pub const UNDECLARED_PARAMETER: &str = "undeclared-parameter";

/// A resource could not be looked at under every condition.
#[must_use]
pub fn not_wholly_judged(logical_id: &str, why: &str) -> String {
    format!("not all of `{}` could be judged: {why}", excerpt(logical_id, LOGICAL_ID_CHARS))
}
