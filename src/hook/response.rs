//! The answer that CloudFormation accepts, within its limits.
//!
//! Sources: CloudFormation Hooks User Guide, "Create a Lambda function to evaluate resources" (response);
//! `HookStatusReason` and `Annotation` in the CloudFormation API model (lengths).

use serde::Serialize;

use crate::rule::{Severity, excerpt};

/// The longest message that every reader gets whole: CloudFormation keeps 4,096 characters, Cloud Control
/// and the API's `HookStatusReason` 1,024.
pub const MESSAGE_CHARS: usize = 1_024;

/// How many annotations an answer carries at the most. CloudFormation documents no limit; Lambda's answer
/// may have 6 MB, and nobody reads more.
pub const MAX_ANNOTATIONS: usize = 100;

/// An answer to CloudFormation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[cfg_attr(feature = "schema", schemars(extend(
    "if" = { "properties": { "hookStatus": { "const": "FAILED" } } },
    "then" = { "required": ["errorCode"] },
    "else" = { "not": { "required": ["errorCode"] } },
)))]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// Whether the operation may go on.
    pub hook_status: HookStatus,
    /// Why not; only with `FAILED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "ErrorCode"))]
    pub error_code: Option<ErrorCode>,
    /// What the user reads in the stack's events: 1 to 1,024 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub message: String,
    /// The invocation's token, repeated.
    pub client_request_token: String,
    /// What the user reads in the hook's results, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 100)))]
    pub annotations: Vec<Annotation>,
}

/// Whether the operation may go on. `IN_PROGRESS` is never answered: the decision takes microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HookStatus {
    /// It may.
    Success,
    /// It may not (under FailureMode `WARN` it goes on with a warning).
    Failed,
}

/// Why an operation may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ErrorCode {
    /// The resource breaks the rule.
    NonCompliant,
    /// The rule could not be checked.
    InternalFailure,
}

/// One line of the hook's results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields))]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// The rule's id.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1024)))]
    pub annotation_name: String,
    /// What the check came to.
    pub status: AnnotationStatus,
    /// What was found.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 400)))]
    pub status_message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 400)))]
    pub remediation_message: String,
    /// The page of the published rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1, max = 5120)))]
    pub remediation_link: Option<&'static str>,
    /// How bad it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "SeverityLevel"))]
    pub severity_level: Option<SeverityLevel>,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AnnotationStatus {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It does not count: nothing was checked, or the policy lets it through.
    Skipped,
}

/// The severities of CloudFormation that this rule uses (it also knows `LOW`, `HIGH` and `CRITICAL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SeverityLevel {
    /// Nothing to do.
    Informational,
    /// The published rule's severity.
    Medium,
}

impl From<Severity> for SeverityLevel {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Informational => Self::Informational,
            Severity::Medium => Self::Medium,
        }
    }
}

/// Joins a headline and the first of so many lines below it within [`MESSAGE_CHARS`]: whole lines while they
/// fit, then how many there are besides.
pub(super) fn message(headline: &str, lines: &[String], all: usize, and_more: impl Fn(usize) -> String) -> String {
    let mut message = excerpt(headline, MESSAGE_CHARS - 1);
    let mut length = message.chars().count();
    for (position, line) in lines.iter().enumerate() {
        let left = all.saturating_sub(position);
        let reserve = if left > 1 { and_more(left - 1).chars().count() + 1 } else { 0 };
        let line_chars = line.chars().count() + 3;
        if length + line_chars + reserve <= MESSAGE_CHARS {
            message.push_str("\n- ");
            message.push_str(line);
            length += line_chars;
            continue;
        }
        // The first line is worth more cut than left out.
        if position == 0 {
            let room = MESSAGE_CHARS.saturating_sub(length + reserve + 4);
            message.push_str("\n- ");
            message.push_str(&excerpt(line, room));
        }
        let rest = if position == 0 { left - 1 } else { left };
        if rest > 0 {
            message.push('\n');
            message.push_str(&and_more(rest));
        }
        break;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn more(count: usize) -> String {
        format!("… and {count} more.")
    }

    #[test]
    fn whole_lines_while_they_fit_then_how_many_more() {
        for count in 0..40 {
            for width in [1, 10, 90, 300, 990, 2_000] {
                let lines: Vec<String> = (0..count).map(|_| "x".repeat(width)).collect();
                let text = message("headline", &lines, lines.len(), more);
                assert!(text.chars().count() <= MESSAGE_CHARS, "{count} lines of {width}");
                let shown = text.lines().filter(|line| line.starts_with("- ")).count();
                let rest = text.lines().find_map(|line| line.strip_prefix("… and ")?.split(' ').next()?.parse().ok());
                assert_eq!(shown + rest.unwrap_or(0), count, "{count} lines of {width}:\n{text}");
                assert!(shown > 0 || count == 0, "the first line is always shown");
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        let text = message("headline", &["é".repeat(5_000), "b".to_owned()], 2, more);
        assert_eq!(text.chars().count(), MESSAGE_CHARS);
        assert!(text.ends_with("…\n… and 1 more."));
    }
}
