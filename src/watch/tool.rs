//! Determines the tool of a call from its user agent.

/// Parts of user agents, and the names of their tools. The first match wins, because the user agents of Terraform and
/// Pulumi also name the SDK that they use.
const TOOLS: [(&str, &str); 11] = [
    ("Terraform/", "Terraform"),
    ("OpenTofu/", "OpenTofu"),
    ("Pulumi/", "Pulumi"),
    ("ansible", "Ansible"),
    ("aws-cli/", "AWS CLI"),
    ("AWSPowerShell", "AWS Tools for PowerShell"),
    ("Boto3/", "Boto3"),
    ("console.amazonaws.com", "AWS console"),
    ("AWS-Console", "AWS console"),
    ("signin.amazonaws.com", "AWS console"),
    ("AWS Internal", "AWS Internal"),
];

/// Returns the name for a user agent: the tool, or the first product in it.
pub(super) fn tool(user_agent: &str) -> &str {
    let known = TOOLS.into_iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| name);
    known.or_else(|| user_agent.split([' ', '[', ']']).find(|product| !product.is_empty())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_recognized_by_their_user_agents() {
        for (user_agent, expected) in [
            (
                "aws-sdk-go/1.29.7 (go1.13.7; darwin; amd64) APN/1.0 HashiCorp/1.0 Terraform/0.12.24 (+https://www.terraform.io)",
                "Terraform",
            ),
            ("aws-cli/2.15.0 Python/3.11.6 Linux/5.10 exe/x86_64 prompt/off command/ec2.authorize", "AWS CLI"),
            ("Boto3/1.26.90 Python/3.10.6 Linux/5.15 Botocore/1.29.90", "Boto3"),
            ("console.amazonaws.com", "AWS console"),
            ("AWS Internal", "AWS Internal"),
            ("eks.amazonaws.com", "eks.amazonaws.com"),
            ("[aws-sdk-java/2.17 Linux]", "aws-sdk-java/2.17"),
            ("", ""),
        ] {
            assert_eq!(tool(user_agent), expected, "{user_agent}");
        }
    }
}
