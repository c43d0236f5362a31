//! The function that a hook's configuration names.

use cfn_egress_guard_core::arn::Arn;

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

    /// Returns the alias; a version is a number.
    pub(crate) fn alias(&self) -> Option<&str> {
        let qualifier = self.qualifier.as_deref()?;
        let version = qualifier.starts_with('$') || qualifier.bytes().all(|byte| byte.is_ascii_digit());
        (!version).then_some(qualifier)
    }
}
