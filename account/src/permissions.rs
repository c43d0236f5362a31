//! The permissions that each command needs, as an IAM policy.

use serde_json::{Value as Json, json};

/// A permission and its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// The IAM action.
    pub action: &'static str,
    /// Its purpose.
    pub purpose: &'static str,
}

/// The permissions of `scan`.
pub const SCAN: &[Permission] = &[
    Permission { action: "cloudformation:ListStacks", purpose: "the list of stacks" },
    Permission { action: "cloudformation:DescribeStacks", purpose: "values of parameters, owner tags" },
    Permission { action: "cloudformation:GetTemplate", purpose: "the templates, after macros and transforms" },
    Permission { action: "cloudformation:ListResources", purpose: "--live, the list of security groups" },
    Permission { action: "cloudformation:GetResource", purpose: "--live, their egress rules and tags" },
    Permission { action: "ec2:DescribeSecurityGroups", purpose: "--live, called by Cloud Control for both" },
    Permission {
        action: "cloudformation:DescribeStackResources",
        purpose: "--live, the owner of a group without tags",
    },
    Permission {
        action: "cloudformation:ListStackResources",
        purpose: "--live, the same in a stack with more than 100 resources",
    },
    Permission { action: "account:ListRegions", purpose: "--regions all" },
];

/// The permissions of `audit`. Where a customer managed key encrypts results, `kms:Decrypt` on that key is needed too,
/// which a general policy should not allow; the denial names it.
pub const AUDIT: &[Permission] = &[
    Permission { action: "cloudformation:ListAllHookResults", purpose: "the results of all hooks, or of one" },
    Permission { action: "cloudformation:GetHookResult", purpose: "annotations: rule, ports, remedy" },
    Permission { action: "cloudformation:DescribeType", purpose: "the hook's ARN from its alias" },
    Permission { action: "cloudformation:DescribeStackEvents", purpose: "--stack, --events" },
    Permission { action: "cloudformation:ListChangeSets", purpose: "--stack, of a change set that was blocked" },
    Permission { action: "cloudformation:ListHookResults", purpose: "--stack, of a change set that was blocked" },
    Permission {
        action: "cloudformation:BatchDescribeTypeConfigurations",
        purpose: "direct calls: which function the hook calls",
    },
    Permission { action: "lambda:GetFunctionConfiguration", purpose: "direct calls: the function's decision log" },
    Permission { action: "cloudwatch:GetMetricData", purpose: "direct calls: whether there were any" },
    Permission { action: "logs:FilterLogEvents", purpose: "direct calls: who called what" },
    Permission { action: "account:ListRegions", purpose: "--regions all" },
];

/// The permissions of `status`; for a customer managed key, see [`AUDIT`].
pub const STATUS: &[Permission] = &[
    Permission { action: "cloudformation:DescribeType", purpose: "whether the hook exists, and its version" },
    Permission {
        action: "cloudformation:BatchDescribeTypeConfigurations",
        purpose: "whether it is enabled, and its targets",
    },
    Permission { action: "cloudformation:ListAllHookResults", purpose: "recent failures of the hook" },
    Permission { action: "cloudformation:GetHookResult", purpose: "whether its annotations can be read" },
    Permission { action: "lambda:GetFunctionConfiguration", purpose: "the function: state, version, hash, settings" },
    Permission { action: "lambda:GetFunctionConcurrency", purpose: "whether its concurrency is limited" },
    Permission { action: "lambda:GetAlias", purpose: "whether the alias sends calls to another version" },
    Permission { action: "lambda:GetFunction", purpose: "its code, to read program and policy" },
    Permission { action: "cloudformation:DescribeStackResources", purpose: "whether the stack has the active version" },
    Permission { action: "cloudwatch:GetMetricData", purpose: "recent throttles and errors" },
    Permission { action: "events:ListRuleNamesByTarget", purpose: "direct calls: whether a rule sends them" },
    Permission { action: "events:DescribeRule", purpose: "direct calls: whether the rule is enabled" },
    Permission { action: "cloudtrail:DescribeTrails", purpose: "direct calls: the trails" },
    Permission { action: "cloudtrail:GetTrailStatus", purpose: "direct calls: whether the trail is logging" },
    Permission { action: "cloudtrail:GetEventSelectors", purpose: "direct calls: whether it logs management events" },
    Permission { action: "account:ListRegions", purpose: "--regions all" },
];

/// The permissions for reading other accounts, in addition to those of a command: to list the accounts. The role in
/// each of them is assumed with `sts:AssumeRole`.
pub(crate) const ORGANIZATION: &[Permission] = &[
    Permission { action: "organizations:ListAccounts", purpose: "--organization" },
    Permission { action: "organizations:ListRoots", purpose: "--organization, the units of the accounts" },
    Permission {
        action: "organizations:ListOrganizationalUnitsForParent",
        purpose: "--organizational-unit, and the units below",
    },
    Permission { action: "organizations:ListAccountsForParent", purpose: "--organizational-unit" },
    Permission { action: "organizations:DescribeOrganizationalUnit", purpose: "the names of units" },
];

/// The permissions of a role that deploys stacks, so that the CDK shows why the hook blocked a deployment (aws-cdk-cli,
/// pull requests 1768 and 1950).
pub(crate) const DEPLOYER: &[Permission] = &[
    Permission { action: "cloudformation:GetHookResult", purpose: "the rule, the ports, and the fix" },
    Permission { action: "cloudformation:ListHookResults", purpose: "the results of a change set" },
];

/// Returns the permissions of a role in each account of an organization, for every command: `deploy/reader-role.yaml`
/// allows them.
#[must_use]
pub fn reader() -> Vec<Permission> {
    let mut all: Vec<Permission> = [SCAN, AUDIT, STATUS].concat();
    all.sort_unstable_by_key(|permission| permission.action);
    all.dedup_by_key(|permission| permission.action);
    all
}

/// Returns an IAM policy that allows exactly these permissions.
#[must_use]
pub fn policy(permissions: &[Permission]) -> Json {
    json!({"Version": "2012-10-17", "Statement": [statement("CfnEgressGuardReadOnly", permissions)]})
}

/// Returns the IAM policy of a role that deploys.
#[must_use]
pub fn deployer_policy() -> Json {
    json!({"Version": "2012-10-17", "Statement": [statement("ReadWhatHooksSay", DEPLOYER)]})
}

/// Returns the IAM policy of a caller that reads several accounts: a command's own permissions for the account itself,
/// and access to the others. The role in each of the others needs the permissions of [`reader`].
#[must_use]
pub fn caller_policy(permissions: &[Permission], role: &str) -> Json {
    json!({
        "Version": "2012-10-17",
        "Statement": [
            statement("CfnEgressGuardReadOnly", permissions),
            statement("CfnEgressGuardListAccounts", ORGANIZATION),
            {
                "Sid": "CfnEgressGuardEnterAccounts",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": format!("arn:*:iam::*:role/{role}"),
            }
        ]
    })
}

fn statement(sid: &str, permissions: &[Permission]) -> Json {
    let actions: Vec<&str> = permissions.iter().map(|permission| permission.action).collect();
    json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*"})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_only_reads() {
        for permission in [SCAN, AUDIT, STATUS, ORGANIZATION, DEPLOYER].into_iter().flatten() {
            let (_, operation) = permission.action.split_once(':').unwrap();
            assert!(
                ["List", "Get", "Describe", "BatchDescribe", "Filter"].iter().any(|verb| operation.starts_with(verb)),
                "{}",
                permission.action
            );
        }
    }
}
