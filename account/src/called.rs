//! The function that a hook's configuration names.

/// What a hook calls, taken apart. A name that is no ARN lies in the hook's account and Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CalledFunction {
    pub(crate) region: Option<String>,
    pub(crate) account: Option<String>,
    /// Its ARN or name, without version or alias.
    pub(crate) function: String,
    /// Its name alone.
    pub(crate) name: String,
    /// The version or alias.
    pub(crate) qualifier: Option<String>,
}

impl CalledFunction {
    /// Takes `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]` and its shorter forms apart
    /// (source: Lambda API Reference, `GetFunctionConfiguration`, "Name formats").
    pub(crate) fn parse(text: &str) -> Self {
        let owned = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let parts: Vec<&str> = text.split(':').collect();
        let (region, account, name, qualifier) = match parts.as_slice() {
            ["arn", _, "lambda", region, account, "function", name, rest @ ..] => {
                (owned(region), owned(account), *name, rest.first())
            }
            [account, "function", name, rest @ ..] => (None, owned(account), *name, rest.first()),
            [name, rest @ ..] => (None, None, *name, rest.first()),
            [] => (None, None, text, None),
        };
        let qualifier = qualifier.and_then(|qualifier| owned(qualifier));
        let behind = qualifier.as_ref().map_or(0, |qualifier| qualifier.len() + 1);
        let function = text.get(..text.len() - behind).unwrap_or(text).to_owned();
        Self { region, account, function, name: name.to_owned(), qualifier }
    }

    /// The alias behind it; a version is a number.
    pub(crate) fn alias(&self) -> Option<&str> {
        let qualifier = self.qualifier.as_deref()?;
        let version = qualifier.starts_with('$') || qualifier.bytes().all(|byte| byte.is_ascii_digit());
        (!version).then_some(qualifier)
    }
}
