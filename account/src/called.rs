//! The function that a hook's configuration names, and its settings.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;

use super::failure::Failure;
use super::pace::{RetryPolicy, with_retries};
use cfn_egress_guard_core::arn::Arn;

/// The IAM action that reads a function's settings.
pub(crate) const CONFIGURATION: &str = "lambda:GetFunctionConfiguration";

/// The parts of a hook's function name. A name that is not an ARN refers to the hook's account and Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CalledFunction {
    pub(crate) region: Option<String>,
    pub(crate) account: Option<String>,
    /// The ARN or name without a version or alias.
    pub(crate) function: String,
    /// The name alone.
    pub(crate) name: String,
    /// The version or alias.
    pub(crate) qualifier: Option<String>,
}

impl CalledFunction {
    /// Parses `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]` and its shorter forms (source: Lambda API
    /// Reference, `GetFunctionConfiguration`, "Name formats").
    pub(crate) fn parse(text: &str) -> Self {
        let owned = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let arn = Arn::parse(text).filter(|arn| arn.service == "lambda");
        let parts: Vec<&str> = arn.map_or(text, |arn| arn.resource).split(':').collect();
        let (account, name, qualifier) = match parts.as_slice() {
            ["function", name, rest @ ..] if arn.is_some() => (None, *name, rest.first()),
            [account, "function", name, rest @ ..] => (owned(account), *name, rest.first()),
            [name, rest @ ..] => (None, *name, rest.first()),
            [] => (None, text, None),
        };
        let region = arn.and_then(|arn| arn.region()).map(str::to_owned);
        let account = arn.and_then(|arn| arn.account()).map(str::to_owned).or(account);
        let qualifier = qualifier.and_then(|qualifier| owned(qualifier));
        let behind = qualifier.as_ref().map_or(0, |qualifier| qualifier.len() + 1);
        let function = text.get(..text.len() - behind).unwrap_or(text).to_owned();
        Self { region, account, function, name: name.to_owned(), qualifier }
    }

    /// Returns the function's settings.
    ///
    /// # Errors
    /// When they cannot be read; the failure is `Gone` if there is no such function.
    pub(crate) async fn configuration(
        &self,
        client: &Client,
        retry_policy: RetryPolicy,
    ) -> Result<GetFunctionConfigurationOutput, Failure> {
        with_retries(retry_policy, &mut 0, || async {
            let request = client.get_function_configuration().function_name(&self.function);
            let request = request.set_qualifier(self.qualifier.clone());
            request.send().await.map_err(|error| Failure::of(CONFIGURATION, &error))
        })
        .await
    }

    /// Returns the alias; a version is a number.
    pub(crate) fn alias(&self) -> Option<&str> {
        let qualifier = self.qualifier.as_deref()?;
        let version = qualifier.starts_with('$') || qualifier.bytes().all(|byte| byte.is_ascii_digit());
        (!version).then_some(qualifier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_name_is_taken_apart() {
        let arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:guard";
        for (text, region, account, function, qualifier) in [
            (format!("{arn}:live"), Some("cn-north-1"), Some("123456789012"), arn, Some("live")),
            (arn.to_owned(), Some("cn-north-1"), Some("123456789012"), arn, None),
            (
                "123456789012:function:guard:7".to_owned(),
                None,
                Some("123456789012"),
                "123456789012:function:guard",
                Some("7"),
            ),
            ("guard".to_owned(), None, None, "guard", None),
            ("guard:$LATEST".to_owned(), None, None, "guard", Some("$LATEST")),
            ("guard:".to_owned(), None, None, "guard:", None),
        ] {
            let called = CalledFunction::parse(&text);
            assert_eq!(
                (called.region.as_deref(), called.account.as_deref(), called.qualifier.as_deref()),
                (region, account, qualifier),
                "{text}"
            );
            assert_eq!((called.function.as_str(), called.name.as_str()), (function, "guard"), "{text}");
        }
        assert_eq!(CalledFunction::parse("guard:live").alias(), Some("live"));
        assert_eq!(CalledFunction::parse("guard:7").alias(), None);
        assert_eq!(CalledFunction::parse("guard:$LATEST").alias(), None);
    }
}
