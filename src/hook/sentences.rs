//! Every user-facing sentence of the hook that is not about an egress rule: invocations, documents, whole templates.

use crate::rule::wording::{LOGICAL_ID_CHARS, line, place, statement};
use crate::rule::{Finding, ID, Port, Protocol, Treatment, excerpt};

/// Returns the message for another resource type, which is allowed.
pub(super) fn other_type(resource_type: &str) -> String {
    format!(
        "Not checked: {} has no egress rules. Rule {ID} applies to AWS::EC2::SecurityGroup and \
         AWS::EC2::SecurityGroupEgress.",
        excerpt(resource_type, LOGICAL_ID_CHARS)
    )
}

/// Returns the message for a deletion, which is allowed.
pub(super) fn deletion() -> String {
    "Not checked: deleting a resource opens no port.".to_owned()
}

/// Returns the message for an import, which is allowed.
pub(super) fn import(unchanged_rules: Treatment) -> String {
    let next = match unchanged_rules {
        Treatment::Block => format!("the next update is checked against rule {ID}"),
        Treatment::Allow => format!(
            "the next update is checked against rule {ID}, but with unchanged_rules = \"allow\" it does not block \
             egress rules that it leaves unchanged, including the ones imported now"
        ),
    };
    format!("Not checked: an import changes nothing; {next}.")
}

/// Returns the message for an invalid configuration of the function.
pub(super) fn broken_configuration(problem: &str) -> String {
    format!(
        "cfn-egress-guard is misconfigured: every check fails until this is fixed: {}. The owners of the guard \
         can restore the previous version with: policy.sh --fast back",
        problem.trim_end_matches(['.', '?'])
    )
}

/// Returns the message for an invocation that is not JSON or has an unreadable shape.
pub(super) fn unreadable_event(problem: &str) -> String {
    format!(
        "cfn-egress-guard could not read the invocation: {}. It expects the JSON object that a CloudFormation Lambda \
         Hook sends. Retry the operation; if this happens again, update cfn-egress-guard.",
        excerpt(problem, 200)
    )
}

/// Returns the message for an invocation without a field that the check needs.
pub(super) fn missing_field(field: &str) -> String {
    format!(
        "cfn-egress-guard could not check the rule: the invocation has no valid {field}. Retry the operation; if this \
         happens again, update cfn-egress-guard."
    )
}

/// Returns the message for an unknown invocation point.
pub(super) fn unknown_invocation_point(point: &str) -> String {
    format!(
        "cfn-egress-guard does not support the invocation point \"{}\". Configure the hook for CREATE and UPDATE, or \
         update cfn-egress-guard.",
        excerpt(point, 64)
    )
}

/// Returns the message for an event without its document, which cannot be explained.
pub(super) fn unsupported_target(target: &str) -> String {
    format!("A {target} invocation does not contain the template. Check the template itself instead.")
}

/// Returns the message for a defect in this program.
pub(super) fn defect() -> String {
    "cfn-egress-guard hit an internal error while checking this resource (a bug), so the check failed. The function's \
     log has the details; please report them. Until this is fixed, the owners of the guard can set its failure mode to \
     WARN."
        .to_owned()
}

/// The number of egress rules of each kind in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct TemplateCounts {
    /// Rules that were judged.
    pub(super) judged: usize,
    /// Confirmed violations.
    pub(super) broken: usize,
    /// Rules that cannot be decided from the template.
    pub(super) undetermined: usize,
    /// Rules that the policy allows.
    pub(super) allowed: usize,
    /// Whether there is anything else that cannot be checked.
    pub(super) open: bool,
}

/// Returns the first sentence about a template or change set.
pub(super) fn headline(what: &str, counts: TemplateCounts) -> String {
    let rules = |count: usize| if count == 1 { "1 egress rule".to_owned() } else { format!("{count} egress rules") };
    if counts.broken > 0 {
        return format!(
            "{what} breaks rule {ID}: {} of {} {} not open exactly one explicit port.",
            counts.broken,
            rules(counts.judged),
            if counts.broken == 1 { "does" } else { "do" }
        );
    }
    let mut text = match counts.judged {
        0 if counts.open => format!("{what} was not checked against rule {ID} here."),
        0 => format!("{what} has no egress rule to check against rule {ID}."),
        judged if counts.undetermined == 0 && !counts.open => {
            format!("{what} follows rule {ID}: {} checked.", rules(judged))
        }
        judged => format!("{what} has no confirmed violation of rule {ID}: {} checked.", rules(judged)),
    };
    if counts.undetermined > 0 {
        text.push_str(&format!(
            " {} cannot be checked with the template alone. The RESOURCE target checks each one with its resolved \
             values.",
            rules(counts.undetermined)
        ));
    }
    if counts.allowed > 0 {
        text.push_str(&format!(" The policy allows {}.", rules(counts.allowed)));
    }
    text
}

/// Returns the place of a resource in a template.
pub(super) fn resource(logical_id: &str, template_line: Option<u32>) -> String {
    let id = excerpt(logical_id, LOGICAL_ID_CHARS);
    template_line.map_or_else(|| id.clone(), |line| format!("{id} (template line {line})"))
}

/// Returns one finding of a template on one line.
pub(super) fn finding_line(resource: &str, finding: &Finding) -> String {
    format!("{resource}, {}", line(finding))
}

/// Returns what cannot be decided from a template, and why that does not block.
pub(super) fn undetermined(finding: &Finding) -> String {
    let place = place(finding);
    let said = match &finding.when {
        // It breaks or may break the rule under a condition that the template does not decide.
        Some(when) => format!("{} {when}, which the template does not determine", statement(finding)),
        None => format!("not checked here: {}", statement(finding)),
    };
    format!("{place}: {said}. The RESOURCE target checks it with resolved values.")
}

/// The condition for a violation that depends on the defaults of parameters.
pub(super) const BY_DEFAULT: &str = "while the parameters keep their defaults";

/// Returns the same condition with the names of the undecided values, if the finding without the defaults has any.
pub(super) fn by_default(finding: &Finding) -> Option<String> {
    let rule = finding.rule()?;
    let protocol = if let Protocol::Unknown(unknown) = &rule.protocol { Some(unknown) } else { None };
    let ports = [&rule.from, &rule.to].map(Port::unknown);
    let mut names: Vec<&str> =
        [protocol].into_iter().chain(ports).flatten().map(|unknown| unknown.shown_as.as_str()).collect();
    names.dedup();
    let keep = if names.len() == 1 { "keeps its default" } else { "keep their defaults" };
    (!names.is_empty()).then(|| format!("while {} {keep}", names.join(" and ")))
}

/// Returns the remark on a resource that could not be checked under all of its conditions.
pub(super) fn not_wholly_judged(logical_id: &str, why: &str) -> String {
    format!("{} could not be checked under all of its conditions: {why}", excerpt(logical_id, LOGICAL_ID_CHARS))
}

/// The sentence after everything that STACK and CHANGE_SET cannot decide.
const RESOURCE_JUDGES: &str = "The RESOURCE target checks each security group when CloudFormation deploys it.";

/// Returns the message for a document that does not follow the protocol.
pub(super) fn unreadable_document(problem: &str) -> String {
    format!(
        "not checked: cfn-egress-guard could not read the document of this invocation: {}. {RESOURCE_JUDGES}",
        excerpt(problem, 200)
    )
}

/// Returns the message for a document without the content to check.
pub(super) fn empty_document(field: &str) -> String {
    unreadable_document(&format!("it has no {field}"))
}

/// Returns the message for a template that cannot be read.
pub(super) fn unreadable_template(problem: &str, place: Option<(u32, u32)>) -> String {
    let place = place.map_or_else(String::new, |(line, column)| format!(" (line {line}, column {column})"));
    format!(
        "not checked: cfn-egress-guard could not read the template{place}: {}. {RESOURCE_JUDGES} `cfn-egress-guard \
         check` shows the place.",
        excerpt(problem, 300)
    )
}

/// Returns the message for a deployed template that cannot be read.
pub(super) fn unreadable_previous_template(problem: &str) -> String {
    format!(
        "the previous template could not be read, so no egress rule counts as known debt: {}",
        excerpt(problem, 200)
    )
}

/// Returns the remark on a changed resource that cannot be read.
pub(super) fn unreadable_change(logical_id: &str) -> String {
    let id = excerpt(logical_id, LOGICAL_ID_CHARS);
    format!("{id} was not checked: the change set does not contain its new properties. {RESOURCE_JUDGES}")
}

/// Returns the remark on a changed resource without a type.
pub(super) fn untyped_change(logical_id: &str) -> String {
    let id = excerpt(logical_id, LOGICAL_ID_CHARS);
    format!("{id} was not checked: the change set does not name its type. {RESOURCE_JUDGES}")
}

/// Returns the message for an invocation with a URL that is refused.
pub(super) fn refused_url(problem: &str) -> String {
    format!(
        "cfn-egress-guard did not download the document of this invocation: {problem}. It expects a presigned https \
         URL of Amazon S3. If this happens again, report it, and remove STACK and CHANGE_SET from the hook's target \
         operations."
    )
}

/// Returns the message for a failed download from S3. The URL is a credential and is not shown.
pub(super) fn failed_download(host: &str, problem: &str) -> String {
    format!(
        "cfn-egress-guard could not download the document of this invocation from {}: {}. Retry the operation. The \
         function's log has the details.",
        excerpt(host, 100),
        excerpt(problem, 200)
    )
}
