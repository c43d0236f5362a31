//! Findings for AWS Security Hub: AWS Security Finding Format, in batches that `BatchImportFindings` accepts.
//!
//! Source: Security Hub User Guide, "AWS Security Finding Format (ASFF)" and "BatchImportFindings for finding
//! providers": at most 100 findings in a call, and with the default product all from the account and Region that makes
//! the call. A finding with a known ID is an update.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use cfn_egress_guard_core::arn::Arn;
use cfn_egress_guard_core::rule::{ID, URL, excerpt};

/// The number of findings that one call of `BatchImportFindings` accepts.
const BATCH: usize = 100;

/// The type of the findings (ASFF types taxonomy).
const TYPE: &str = "Software and Configuration Checks/AWS Security Best Practices/Network Reachability";

/// The maximum lengths of texts (Security Hub API Reference, `AwsSecurityFinding`).
const DESCRIPTION_CHARS: usize = 1_024;
const REMEDY_CHARS: usize = 512;
const ID_CHARS: usize = 512;
const FIELD_CHARS: usize = 1_024;

/// Whether a resource complies with the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Compliance {
    /// It complies now: the finding is resolved.
    Passed,
    /// Unknown before a deployment, or the policy allows the violation.
    Warning,
    /// It does not comply.
    Failed,
}

/// The finding on one resource.
#[derive(Debug, Clone)]
pub(super) struct ResourceFinding<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    /// The stack's name; nothing for a Cloud Control request.
    pub(super) stack: Option<&'a str>,
    /// The stack's ARN.
    pub(super) stack_id: Option<&'a str>,
    /// The resource's logical ID or its equivalent.
    pub(super) resource: &'a str,
    pub(super) resource_type: &'a str,
    pub(super) owner: Option<&'a str>,
    pub(super) compliance: Compliance,
    /// Whether it has the severity MEDIUM instead of INFORMATIONAL.
    pub(super) is_medium: bool,
    /// The times of the first and the last observation, in UTC.
    pub(super) created: &'a str,
    pub(super) updated: &'a str,
    /// Sentences that describe the problem.
    pub(super) said: Vec<String>,
    pub(super) remedy: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<'a> {
    findings: &'a [Json],
}

/// Writes batches, one a line, each the input of one call.
pub(super) struct Batches<'a> {
    out: &'a mut dyn Write,
    place: (String, String),
    findings: Vec<Json>,
}

impl<'a> Batches<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, place: (String::new(), String::new()), findings: Vec::new() }
    }

    /// Adds a finding; those of the same account and Region must be consecutive.
    pub(super) fn push(&mut self, finding: &ResourceFinding<'_>) -> io::Result<()> {
        let place = (finding.account.to_owned(), finding.region.to_owned());
        if self.findings.len() >= BATCH || self.place != place {
            self.flush()?;
            self.place = place;
        }
        self.findings.push(finding.json());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.findings.is_empty() {
            serde_json::to_writer(&mut *self.out, &Batch { findings: &self.findings })?;
            writeln!(self.out)?;
            self.findings.clear();
        }
        Ok(())
    }

    /// Writes the remaining findings.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.flush()?;
        self.out.flush()
    }
}

impl ResourceFinding<'_> {
    /// Returns one ID for each rule, account and resource, whatever is found and however often.
    fn id(&self) -> String {
        let Self { account, region, resource, .. } = self;
        // A security group is the same whichever stack is named; no logical ID contains a hyphen.
        let stack = self.stack.filter(|_| !resource.starts_with("sg-")).unwrap_or("(no stack)");
        excerpt(&format!("cfn-egress-guard/{ID}/{account}/{region}/{stack}/{resource}"), ID_CHARS)
    }

    fn json(&self) -> Json {
        let Self { account, region, .. } = self;
        let partition = self.stack_id.and_then(Arn::parse).map_or_else(|| partition(region), |arn| arn.partition);
        let (status, label) = match (self.compliance, self.is_medium) {
            (Compliance::Passed, _) => ("PASSED", "INFORMATIONAL"),
            (Compliance::Warning, true) => ("WARNING", "MEDIUM"),
            (Compliance::Warning, false) => ("WARNING", "INFORMATIONAL"),
            (Compliance::Failed, _) => ("FAILED", "MEDIUM"),
        };
        let resource = self.resource;
        let subject = match self.stack {
            Some(stack) => format!("{} {resource} in stack {stack}", self.resource_type),
            None => format!("{} {resource}", self.resource_type),
        };
        let said = match self.compliance {
            Compliance::Passed => {
                "Each egress rule now opens one explicit port, or the resource no longer exists.".to_owned()
            }
            _ => self.said.join(". "),
        };
        let mut fields = Map::new();
        for (name, value) in [
            ("cfn-egress-guard/Stack", self.stack),
            ("cfn-egress-guard/LogicalId", Some(resource)),
            ("cfn-egress-guard/ResourceType", Some(self.resource_type)),
            ("cfn-egress-guard/Owner", self.owner),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                fields.insert(name.to_owned(), excerpt(value, FIELD_CHARS).into());
            }
        }
        let remedy = self.remedy.unwrap_or("Open exactly one explicit port in each egress rule.");
        json!({
            "SchemaVersion": "2018-10-08",
            "Id": self.id(),
            "ProductArn": format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default"),
            "ProductName": "cfn-egress-guard",
            "GeneratorId": ID,
            "AwsAccountId": account,
            "Region": region,
            "Types": [TYPE],
            "CreatedAt": self.created,
            "UpdatedAt": self.updated,
            "Severity": {"Label": label, "Original": label},
            "Title": "Egress rules of a security group open more than one port",
            "Description": excerpt(&format!("{subject}: {said}"), DESCRIPTION_CHARS),
            "Remediation": {"Recommendation": {"Text": excerpt(remedy, REMEDY_CHARS), "Url": URL}},
            "ProductFields": fields,
            "Resources": self.resources(partition),
            "Compliance": {"Status": status},
            "RecordState": if self.compliance == Compliance::Passed { "ARCHIVED" } else { "ACTIVE" },
        })
    }

    /// Returns the resource by its place in the stack, because a template does not contain its physical ID, and the
    /// stack.
    fn resources(&self, partition: &str) -> Json {
        let of = |kind: &str, id: &str| json!({"Type": kind, "Id": excerpt(id, ID_CHARS), "Partition": partition, "Region": self.region});
        let stack_id = self.stack_id.unwrap_or_default();
        let Self { account, region, resource, .. } = self;
        let mut resources = vec![if resource.starts_with("sg-") {
            of("AwsEc2SecurityGroup", &format!("arn:{partition}:ec2:{region}:{account}:security-group/{resource}"))
        } else if stack_id.is_empty() {
            of("Other", &self.id())
        } else {
            of("Other", &format!("{stack_id}/{resource}"))
        }];
        if let (Some(name), false) = (self.stack, stack_id.is_empty()) {
            let mut stack = of("AwsCloudFormationStack", stack_id);
            let details = json!({"AwsCloudFormationStack": {"StackName": name, "StackId": stack_id}});
            stack.as_object_mut().map(|stack| stack.insert("Details".to_owned(), details));
            resources.push(stack);
        }
        Json::Array(resources)
    }
}

/// Returns the partition of a Region for which no ARN is known.
fn partition(region: &str) -> &'static str {
    match region.split('-').take(2).collect::<Vec<_>>().as_slice() {
        ["cn", ..] => "aws-cn",
        ["us", "gov"] => "aws-us-gov",
        ["eusc", ..] => "aws-eusc",
        _ => "aws",
    }
}
