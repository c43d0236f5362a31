//! The rules of a SARIF log: one for each reason, so that code scanning groups findings by reason.

use serde_json::{Value, json};

use super::super::words;
use cfn_egress_guard_core::rule::wording::{self, reason};
use cfn_egress_guard_core::rule::{self, Reason};

/// The rules of a log, in the order of their indices.
#[derive(Debug)]
pub(super) struct SarifRules(Vec<&'static str>);

impl Default for SarifRules {
    fn default() -> Self {
        Self(Reason::ALL.iter().map(|reason| reason.code()).collect())
    }
}

impl SarifRules {
    /// Returns the index of the rule with this code.
    pub(super) fn index(&mut self, code: &'static str) -> usize {
        self.0.iter().position(|known| *known == code).unwrap_or_else(|| {
            self.0.push(code);
            self.0.len() - 1
        })
    }

    /// Returns the rules in SARIF's shape.
    pub(super) fn descriptors(&self) -> Vec<Value> {
        self.0.iter().map(|code| descriptor(code)).collect()
    }
}

fn descriptor(code: &str) -> Value {
    let (title, help, level) = match Reason::ALL.iter().find(|reason| reason.code() == code) {
        Some(Reason::UndeterminedValue) => {
            (reason::title(Reason::UndeterminedValue), reason::help(Reason::UndeterminedValue), "warning")
        }
        Some(found) => (reason::title(*found), reason::help(*found), "error"),
        None => match code {
            words::KEY_TWICE => ("Duplicate key", "Keep one of the two: CloudFormation uses the last one.", "warning"),
            words::NOT_STRICT_JSON => (
                "JSON is not strict",
                "Write JSON without comments and trailing commas: other parsers reject them.",
                "warning",
            ),
            _ => ("Part of the template is not checked", NOT_JUDGED_HELP, "note"),
        },
    };
    let rule = wording::RULE;
    json!({
        "id": code,
        "name": name(code),
        "shortDescription": { "text": title },
        "fullDescription": { "text": format!("{title}. {rule}") },
        "helpUri": rule::URL,
        "help": {
            "text": format!("{rule} {}", help.replace('`', "")),
            "markdown": format!("{rule}\n\n{help}\n\nRule [{}]({}), {}.", rule::ID, rule::URL, rule::CWE),
        },
        "defaultConfiguration": { "level": level },
        "properties": {
            "tags": ["security", format!("external/cwe/{}", rule::CWE.to_lowercase())],
            "precision": "high",
            "problem.severity": if level == "note" { "recommendation" } else { level },
            // The middle of CVSS's Medium range, which is the published rule's severity.
            "security-severity": if level == "note" { "0.0" } else { "5.5" },
            "category": rule::CATEGORY,
            "rule": rule::ID,
            "aliases": rule::ALIASES,
        },
    })
}

const NOT_JUDGED_HELP: &str = "A macro, a module, an include, or another template adds resources that are not in this template. Check that \
     template too.";

/// Converts a code to a SARIF name: `port-range` → `PortRange`.
fn name(code: &str) -> String {
    let mut name = String::with_capacity(code.len());
    for word in code.split('-') {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}
