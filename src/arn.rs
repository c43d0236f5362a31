//! Amazon Resource Names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
//! (source: IAM User Guide, "Identify AWS resources with Amazon Resource Names").

/// An ARN split into its parts, borrowed from the text. A part that the ARN leaves empty is an empty string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov` and so on.
    pub partition: &'a str,
    /// The service, for example `cloudformation`.
    pub service: &'a str,
    /// The Region; empty for global services.
    pub region: &'a str,
    /// The account's 12 digits; empty for resources without one.
    pub account: &'a str,
    /// Everything after the account, for example `stack/NAME/UUID`. Can contain colons.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Parses an ARN. Returns `None` if the text does not start with `arn:` or lacks a part.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }

    /// Returns the stack name of a stack's ARN (`stack/NAME/UUID`).
    #[must_use]
    pub fn stack_name(&self) -> Option<&'a str> {
        self.resource.strip_prefix("stack/")?.split('/').next().filter(|name| !name.is_empty())
    }

    /// Returns the Region, unless it is empty.
    #[must_use]
    pub fn region(&self) -> Option<&'a str> {
        Some(self.region).filter(|region| !region.is_empty())
    }

    /// Returns the account, unless it is empty.
    #[must_use]
    pub fn account(&self) -> Option<&'a str> {
        Some(self.account).filter(|account| !account.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_taken_apart() {
        let text = "arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/web/1a2b";
        let arn = Arn::parse(text).unwrap();
        assert_eq!((arn.partition, arn.service), ("aws-cn", "cloudformation"));
        assert_eq!(
            (arn.region(), arn.account(), arn.stack_name()),
            (Some("cn-north-1"), Some("123456789012"), Some("web"))
        );
        let function = Arn::parse("arn:aws:lambda:us-west-2:123456789012:function:Guard:live").unwrap();
        assert_eq!((function.resource, function.stack_name()), ("function:Guard:live", None));
        let role = Arn::parse("arn:aws:iam::123456789012:role/x").unwrap();
        assert_eq!((role.region(), role.account()), (None, Some("123456789012")));
        for wrong in ["", "arn", "arn:aws:s3", "aws:cloudformation:x:y:z", "1a2b-uuid"] {
            assert_eq!(Arn::parse(wrong), None, "{wrong}");
        }
    }
}
