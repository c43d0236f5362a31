//! The output of `policy check --format json`: the meaning of a policy file, and what to do about it
//! (`schema/policy-check.schema.json`).

use std::collections::BTreeMap;
use std::io::{self, Write};

use cfn_egress_guard_core::policy::PolicyError;
use cfn_egress_guard_core::rule::Setting;
use cfn_egress_guard_core::rule::policy::{Date, Exemption, Policy};
use cfn_egress_guard_core::rule::wording::policy as wording;
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the shape. It increases by one when something is removed or changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// The output of `cfn-egress-guard policy check --format json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "cfn-egress-guard policy check", deny_unknown_fields)]
pub struct PolicyReport {
    /// The version of this shape. It increases by one when something is removed or changes its meaning.
    #[schemars(range(min = 1, max = 1))]
    format_version: u32,
    /// The policy file, as named in the arguments.
    file: String,
    /// The date used as today, in UTC (YYYY-MM-DD).
    as_of: String,
    /// The policy's meaning; nothing if the file is not a valid policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyMeaning>,
    /// The errors in the file, in the order of the lines.
    problems: Vec<PolicyProblem>,
    /// The remarks on exemptions; each one covers all exemptions that it applies to.
    remarks: Vec<PolicyRemark>,
}

/// The meaning of a policy.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct PolicyMeaning {
    /// The preset that it starts from.
    preset: &'static str,
    /// The value of every setting, by name: `allow` or `block`.
    settings: BTreeMap<&'static str, &'static str>,
    /// The treatment of a violation that an update leaves unchanged: `allow` or `block`.
    unchanged_rules: &'static str,
    /// The contact that messages name.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    /// The maximum number of days until an exemption's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_days: Option<u32>,
    /// The exemptions, in the order of the file.
    exemptions: Vec<PolicyExemption>,
}

/// An exemption.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct PolicyExemption {
    id: String,
    /// Its reason.
    reason: String,
    /// Its owner.
    owner: String,
    /// The last day on which it applies (YYYY-MM-DD).
    expires: String,
    /// The number of days for which it still applies, from the date used as today; negative after it has expired.
    days_left: i64,
    /// What it covers, in words.
    covers: String,
}

/// An error in a policy file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct PolicyProblem {
    /// The line, from 1.
    line: u32,
    /// The column, from 1, in characters.
    column: u32,
    /// The problem.
    message: String,
    /// The fix; may be empty.
    help: String,
}

/// A remark on one or more exemptions.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct PolicyRemark {
    /// `note`: good to know. `warning`: possibly a mistake. `soon` and `action`: action is needed soon, or now.
    /// `error`: the policy's own limits reject it.
    level: &'static str,
    /// The remark's code.
    code: &'static str,
    /// The exemptions that it applies to.
    exemptions: Vec<String>,
    /// The remark, and what to do about it.
    message: String,
}

impl PolicyReport {
    /// Creates the report on a valid policy file.
    #[must_use]
    pub fn of_policy(file: String, policy: &Policy, remarks: &[wording::GroupedRemark], as_of: Date) -> Self {
        let remark = |remark: &wording::GroupedRemark| PolicyRemark {
            level: remark.level.name(),
            code: remark.code,
            exemptions: remark.exemptions.iter().map(ToString::to_string).collect(),
            message: remark.message.clone(),
        };
        Self {
            policy: Some(PolicyMeaning::of(policy, as_of)),
            remarks: remarks.iter().map(remark).collect(),
            ..Self::of(file, as_of)
        }
    }

    /// Creates the report on a file that is not a policy.
    #[must_use]
    pub fn of_problems(file: String, error: &PolicyError, as_of: Date) -> Self {
        let problems = error.problems().map(|problem| PolicyProblem {
            line: problem.span.line,
            column: problem.span.column,
            message: problem.message.clone(),
            help: problem.help.clone(),
        });
        Self { problems: problems.collect(), ..Self::of(file, as_of) }
    }

    fn of(file: String, as_of: Date) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            file,
            as_of: as_of.to_string(),
            policy: None,
            problems: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        super::write_json(self, out)
    }
}

impl PolicyMeaning {
    fn of(policy: &Policy, as_of: Date) -> Self {
        let settings = policy.settings();
        let exemption = |exemption: &Exemption| PolicyExemption {
            id: exemption.id().to_string(),
            reason: exemption.reason().to_string(),
            owner: exemption.owner().to_string(),
            expires: exemption.expires().to_string(),
            days_left: exemption.on(as_of).days_left,
            covers: wording::covered(exemption.conditions()),
        };
        Self {
            preset: policy.preset.name(),
            settings: Setting::ALL.iter().map(|setting| (setting.name(), settings.get(*setting).name())).collect(),
            unchanged_rules: policy.unchanged_rules.name(),
            contact: policy.contact.as_ref().map(ToString::to_string),
            max_days: policy.max_days,
            exemptions: policy.exemptions.iter().map(exemption).collect(),
        }
    }
}
