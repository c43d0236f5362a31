//! The function's log line about a direct call, and its record.

use serde::Deserialize;

use super::AuditOptions;
use super::record::{DIRECT_PASSED, DirectCall, HookAnnotation, HookRecord, NOT_BLOCKED, text};
use crate::accounts::AccountRegion;
use crate::number::count;
use cfn_egress_guard_core::rule::{ID, excerpt};

/// The event name in the function's log lines about direct calls.
pub(super) const EVENT: &str = "direct-call";

/// The fields that the report uses from a log line about a direct call.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LoggedCall {
    event: String,
    pub(super) event_id: String,
    time: String,
    account: String,
    region: String,
    verdict: String,
    level: String,
    message: String,
    operation: String,
    direction: String,
    group_id: String,
    caller: String,
    role: String,
    service: String,
    source_ip: String,
    tool: String,
    offending_rule_count: usize,
    offending_rules: Vec<LoggedRule>,
    exempted_rules: Vec<LoggedRule>,
}

/// An egress rule in a log line.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LoggedRule {
    at: String,
    reason: String,
    protocol: Option<String>,
    ports: Option<String>,
    destination: Option<String>,
    exemption: Option<LoggedExemption>,
}

/// The exemption of an egress rule in a log line.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LoggedExemption {
    id: String,
    owner: String,
    expires: String,
}

impl LoggedRule {
    /// Returns the place of the rule, the traffic that it opens, and the reason why it breaks the rule.
    fn described(&self) -> String {
        let mut described = format!("{}:", self.at);
        if let Some(protocol) = &self.protocol {
            let is_name = protocol.starts_with(|first: char| first.is_ascii_alphabetic());
            described += if is_name { " " } else { " IpProtocol " };
            described += protocol;
        }
        // The field says `no ports` where there are none.
        let ports = self.ports.iter().filter(|ports| ports.contains(|letter: char| letter.is_ascii_digit()));
        ports.for_each(|ports| described += &format!(" {ports}"));
        if let Some(destination) = &self.destination {
            described += &format!(" to {destination}");
        }
        format!("{described} ({})", self.reason)
    }

    fn failed(&self) -> HookAnnotation {
        annotation("FAILED", Some("MEDIUM"), &self.described())
    }

    fn exempted(&self) -> HookAnnotation {
        let described = self.described();
        let message = match &self.exemption {
            Some(LoggedExemption { id, owner, expires }) => {
                format!("{described}: exempt by {id} ({owner}) until {expires}")
            }
            None => described,
        };
        annotation("SKIPPED", None, &message)
    }
}

fn annotation(status: &str, severity: Option<&str>, message: &str) -> HookAnnotation {
    HookAnnotation {
        name: ID.to_owned(),
        status: status.to_owned(),
        severity: severity.map(str::to_owned),
        message: text(Some(message)),
        remedy: None,
    }
}

impl LoggedCall {
    /// Parses a line; returns nothing for other lines.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line: Self = serde_json::from_str(line).ok()?;
        (line.event == EVENT).then_some(line)
    }

    /// Returns whether the call matches the criteria.
    pub(super) fn is_wanted(&self, options: &AuditOptions) -> bool {
        let status = if self.level == "WARN" { "HOOK_COMPLETE_FAILED" } else { "HOOK_COMPLETE_SUCCEEDED" };
        options.statuses.is_empty() || options.statuses.iter().any(|wanted| wanted == status)
    }

    pub(super) fn record(self, place: &AccountRegion) -> HookRecord {
        HookRecord {
            annotations: self.annotations(),
            account: text(Some(&self.account)).or_else(|| place.account.clone()),
            region: text(Some(&self.region)).unwrap_or_else(|| place.region.clone()),
            id: excerpt(&self.event_id, 128),
            at: excerpt(&self.time, 64),
            status: if self.level == "WARN" { NOT_BLOCKED } else { DIRECT_PASSED }.to_owned(),
            target_type: Some("DIRECT_CALL".to_owned()),
            target_id: text(Some(&self.group_id)),
            target_name: Some("AWS::EC2::SecurityGroup".to_owned()),
            action: text(Some(&self.operation)),
            reason: text(self.message.lines().next()),
            call: Some(DirectCall {
                operation: excerpt(&self.operation, 64),
                direction: excerpt(&self.direction, 64),
                verdict: excerpt(&self.verdict, 64),
                caller: text(Some(&self.caller)),
                role: text(Some(&self.role)),
                service: text(Some(&self.service)),
                source_ip: text(Some(&self.source_ip)),
                tool: text(Some(&self.tool)),
            }),
            ..HookRecord::default()
        }
    }

    /// Returns an annotation for each egress rule in the line. The line lists a limited number of them.
    fn annotations(&self) -> Vec<HookAnnotation> {
        let mut annotations: Vec<HookAnnotation> = self.offending_rules.iter().map(LoggedRule::failed).collect();
        let unlisted = self.offending_rule_count.saturating_sub(self.offending_rules.len());
        if unlisted > 0 {
            let more = format!("{}, which the log only counts", count(unlisted, "more egress rule"));
            annotations.push(annotation("FAILED", Some("MEDIUM"), &more));
        }
        annotations.extend(self.exempted_rules.iter().map(LoggedRule::exempted));
        annotations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"event":"direct-call","eventId":"e1","time":"2026-11-26T08:00:00Z","account":"123456789012",
        "region":"eu-west-1","verdict":"NON_COMPLIANT","level":"WARN","operation":"AuthorizeSecurityGroupEgress",
        "groupId":"sg-1","offendingRuleCount":1,"offendingRules":[{"at":"IpPermissions[0]","reason":"port-range",
        "protocol":"tcp","ports":"80-87","destination":"10.0.0.0/8"}],"exemptedRules":[{"at":"x","exemption":{"id":"a",
        "owner":"o","expires":"2027-01-01"}}]}"#;

    #[test]
    fn a_line_with_a_slip_is_read_or_passed_over() {
        let line = LoggedCall::parse(LINE).unwrap();
        assert_eq!((line.offending_rules.len(), line.exempted_rules.len()), (1, 1));
        for at in 0..LINE.len() {
            let (before, after) = (LINE.get(..at).unwrap(), LINE.get(at + 1..).unwrap());
            assert!(LoggedCall::parse(before).is_none(), "{before}");
            for slip in ["", "\"", "{", "]", ",", "0", "null", "\u{e9}"] {
                if let Some(line) = LoggedCall::parse(&format!("{before}{slip}{after}")) {
                    assert!(line.annotations().len() <= 2);
                }
            }
        }
    }
}
