//! Parameter values, in the forms that the AWS CLI and CloudFormation's services accept.
//!
//! No message of this module repeats a value: it may be a secret. (sources: AWS CLI, `cloudformation create-stack
//! --parameters` and `deploy --parameter-overrides`; CodePipeline, "template configuration file")

mod declared;
mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::Scope;
use cfn_egress_guard_core::value::{Kind, Map, Value};

use crate::args::Deployed;
use crate::file;
use declared::SHOWN_CHARS;
pub(crate) use declared::{DeclaredParameters, ParameterError, all_declared, allowed, default_of, has_default};
pub(crate) use known::{declared_only, nested_scope};

/// Separates paths from parameters: the AWS CLI accepts several values after one `--parameters`; this parser takes all
/// but the first as paths.
pub(crate) fn separated(paths: &[String], parameters: &[String]) -> (Vec<String>, Vec<String>) {
    let is_parameter =
        |argument: &&String| !parameters.is_empty() && assignment(argument).is_some() && !Path::new(argument).exists();
    let (more, paths): (Vec<_>, Vec<_>) = paths.iter().partition(is_parameter);
    (paths.into_iter().cloned().collect(), parameters.iter().chain(more).cloned().collect())
}

/// The parameter values from a command line or a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ParameterValues {
    /// The values, by parameter name.
    pub(crate) values: BTreeMap<String, String>,
    /// The parameters that keep the value of the deployed stack (`UsePreviousValue`).
    pub(crate) previous: BTreeSet<String>,
}

impl ParameterValues {
    /// Sets a parameter to a value, or to the value of the deployed stack; the last one counts.
    fn set(&mut self, name: &str, value: Option<String>) {
        match value {
            Some(value) => {
                self.previous.remove(name);
                self.values.insert(name.to_owned(), value);
            }
            None => {
                self.values.remove(name);
                self.previous.insert(name.to_owned());
            }
        }
    }

    /// Adds other values, which take precedence.
    pub(crate) fn add(&mut self, other: Self) {
        other.values.into_iter().for_each(|(name, value)| self.set(&name, Some(value)));
        other.previous.iter().for_each(|name| self.set(name, None));
    }

    /// Returns the names of all parameters with a value or a previous value.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys().chain(&self.previous)
    }
}

/// Returns the scope that a command line gives for the deployment of its templates.
pub(crate) fn scope(deployed: &Deployed, given: &ParameterValues) -> Scope {
    Scope { parameters: given.values.clone(), open: given.previous.clone(), ..deployed.stack.scope() }
}

/// Reads the values in these arguments; later ones take precedence.
pub(crate) fn read(arguments: &[String]) -> anyhow::Result<ParameterValues> {
    let mut given = ParameterValues::default();
    for (position, argument) in arguments.iter().enumerate() {
        let position = position + 1;
        if argument.starts_with(['[', '{']) {
            texts(argument, &mut given).with_context(|| format!("value {position} of --parameters"))?;
        } else if argument.starts_with("ParameterKey=")
            || argument.starts_with("ParameterValue=")
            || argument.starts_with("UsePreviousValue=")
        {
            let fields = shorthand(argument).with_context(|| format!("value {position} of --parameters"))?;
            let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            let key =
                field("ParameterKey").ok_or_else(|| anyhow!("value {position} of --parameters has no ParameterKey"))?;
            let previous = field("UsePreviousValue").is_some_and(|value| value.eq_ignore_ascii_case("true"));
            let value = value_or_previous(&key, field("ParameterValue"), previous)
                .with_context(|| format!("value {position} of --parameters"))?;
            given.set(&key, value);
        } else if let Some((key, value)) = assignment(argument).filter(|_| !argument.starts_with("file://")) {
            given.set(key, Some(value.to_owned()));
        } else {
            // Unreadable text may be a value instead of a path.
            let path = Path::new(argument.strip_prefix("file://").unwrap_or(argument));
            std::fs::metadata(path).with_context(|| {
                format!("value {position} of --parameters is neither Key=Value nor a readable parameter file")
            })?;
            file(path, &mut given)?;
        }
    }
    Ok(given)
}

/// Reads a parameter file.
pub(crate) fn file(path: &Path, given: &mut ParameterValues) -> anyhow::Result<()> {
    let text = file::text(path)?;
    texts(&text, given).with_context(|| format!("parameter file `{}`", path.display()))
}

/// Rejects the creation of a stack with a parameter without a value, as CloudFormation does.
pub(crate) fn all_given(scope: &Scope, root: &Value) -> anyhow::Result<()> {
    match without_value(scope, root).as_slice() {
        [] => Ok(()),
        [only] => bail!("parameter {only} has no default and no value; pass one with -p Key=Value"),
        several => {
            bail!("parameters {} have no default and no value; pass each one with -p Key=Value", several.join(", "))
        }
    }
}

/// Rejects the creation of a nested stack with a parameter without a value, as CloudFormation does.
pub(crate) fn all_passed(scope: &Scope, root: &Value) -> anyhow::Result<()> {
    match without_value(scope, root).as_slice() {
        [] => Ok(()),
        names => bail!("no value is passed for {}, without a default", names.join(", ")),
    }
}

/// Returns the parameters without a value or a default.
fn without_value(scope: &Scope, root: &Value) -> Vec<String> {
    let has_value = |name: &String| {
        scope.parameters.contains_key(name) || scope.defaults.contains_key(name) || scope.open.contains(name)
    };
    let declared = root.get("Parameters").and_then(Value::as_map).into_iter().flat_map(Map::iter);
    let missing = declared.filter(|(key, declaration)| {
        declaration.as_map().is_some() && declaration.get("Default").is_none() && !has_value(&key.name)
    });
    missing.map(|(key, _)| format!("`{}`", excerpt(&key.name, SHOWN_CHARS))).collect()
}

/// Returns a value, or nothing for the value of the deployed stack.
fn value_or_previous(key: &str, value: Option<String>, previous: bool) -> anyhow::Result<Option<String>> {
    match (value, previous) {
        (Some(_), true) => bail!("`{key}` has both a value and UsePreviousValue; pass only one of them"),
        (None, false) => bail!("`{key}` has no value; pass ParameterValue, or UsePreviousValue=true"),
        (value, _) => Ok(value),
    }
}

/// Parses `Key=Value`, where the key is a valid parameter name in CloudFormation.
fn assignment(argument: &str) -> Option<(&str, &str)> {
    let (key, value) = argument.split_once('=')?;
    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some((key, value))
}

/// Parses the AWS CLI's shorthand: `Key=value,Key="quoted, value",Key=escaped\, value`.
fn shorthand(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    let mut characters = text.chars().peekable();
    while characters.peek().is_some() {
        let key: String = characters.by_ref().take_while(|c| *c != '=').collect();
        let mut value = String::new();
        let quote = characters.next_if(|c| matches!(c, '"' | '\''));
        loop {
            match (characters.next(), quote) {
                (Some('\\'), _) => value.extend(characters.next()),
                (Some(c), Some(quote)) if c == quote => {
                    if !matches!(characters.next(), None | Some(',')) {
                        bail!("there is text after the closing quote of {key}");
                    }
                    break;
                }
                (Some(','), None) | (None, None) => break,
                (None, Some(_)) => bail!("the closing quote of {key} is missing"),
                (Some(c), _) => value.push(c),
            }
        }
        fields.push((key, value));
    }
    Ok(fields)
}

/// Reads the text of a parameter file, in any of its published forms.
fn texts(text: &str, given: &mut ParameterValues) -> anyhow::Result<()> {
    let document =
        source::parse(text).map_err(|error| anyhow!("{}it is neither JSON nor YAML", file::place(error.span)))?;
    let parameters = document.root.get("Parameters").unwrap_or(&document.root);
    match &parameters.kind {
        Kind::List(list) => list
            .iter()
            .enumerate()
            .try_for_each(|(index, entry)| listed(entry, given).with_context(|| format!("entry {}", index + 1))),
        Kind::Map(map) if document.root.get("Parameters").is_some() => assigned(map, given),
        _ => bail!(
            "it has no parameters: write a list of {{\"ParameterKey\": …, \"ParameterValue\": …}}, a list of \
             \"Key=Value\", or {{\"Parameters\": {{\"Key\": \"Value\"}}}}"
        ),
    }
}

fn listed(entry: &Value, given: &mut ParameterValues) -> anyhow::Result<()> {
    if let Some(text) = entry.as_str() {
        let (key, value) = assignment(text).ok_or_else(|| anyhow!("it does not have the form Key=Value"))?;
        given.set(key, Some(value.to_owned()));
        return Ok(());
    }
    let key = entry.get("ParameterKey").and_then(Value::as_str).ok_or_else(|| anyhow!("it has no ParameterKey"))?;
    let previous = match entry.get("UsePreviousValue").map(|value| &value.kind) {
        Some(Kind::Bool(previous)) => *previous,
        Some(Kind::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let value = entry.get("ParameterValue").map(|value| scalar(key, value)).transpose()?.flatten();
    given.set(key, value_or_previous(key, value, previous)?);
    Ok(())
}

/// Reads an object with a value for each key.
pub(crate) fn assigned(map: &Map, given: &mut ParameterValues) -> anyhow::Result<()> {
    for (key, value) in map.iter() {
        if let Some(value) = scalar(&key.name, value)? {
            given.set(&key.name, Some(value));
        }
    }
    Ok(())
}

/// Returns a value in CloudFormation's form: text, or a list separated by commas; nothing for `null`.
fn scalar(key: &str, value: &Value) -> anyhow::Result<Option<String>> {
    Ok(Some(match &value.kind {
        Kind::Null => return Ok(None),
        Kind::Ambiguous(text) => text.clone(),
        Kind::List(list) => {
            let entries: Vec<_> =
                list.iter().filter_map(|entry| scalar(key, entry).transpose()).collect::<Result<_, _>>()?;
            entries.join(",")
        }
        _ => match value.as_text() {
            Some(text) => text.into_owned(),
            None => bail!("the value of `{key}` is neither text nor a list"),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        read(&arguments).unwrap().values.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn the_published_forms_give_the_same_values() {
        let expected = ["Cidrs=10.0.0.0/16,10.1.0.0/16", "Port=443"];
        for arguments in [
            &["Port=443", "Cidrs=10.0.0.0/16,10.1.0.0/16"][..],
            &["ParameterKey=Port,ParameterValue=443", r"ParameterKey=Cidrs,ParameterValue=10.0.0.0/16\,10.1.0.0/16"],
            &["ParameterValue=443,ParameterKey=Port", "ParameterKey=Cidrs,ParameterValue=\"10.0.0.0/16,10.1.0.0/16\""],
            &[r#"[{"ParameterKey": "Port", "ParameterValue": "443"},
                  {"ParameterKey": "Cidrs", "ParameterValue": "10.0.0.0/16,10.1.0.0/16"},
                  {"ParameterKey": "Kept", "UsePreviousValue": true}]"#],
            &[r#"["Port=443", "Cidrs=10.0.0.0/16,10.1.0.0/16"]"#],
            &[r#"{"Parameters": {"Port": 443, "Cidrs": ["10.0.0.0/16", "10.1.0.0/16"]}, "Tags": {"a": "b"}}"#],
            &[r#"{"StackName": "x", "Parameters": [{"ParameterKey": "Port", "ParameterValue": "443"},
                  {"ParameterKey": "Cidrs", "ParameterValue": "10.0.0.0/16,10.1.0.0/16"}]}"#],
            &["Port=1", "ParameterKey=Kept,UsePreviousValue=true", "Cidrs=10.0.0.0/16,10.1.0.0/16", "Port=443"],
        ] {
            assert_eq!(values(arguments), expected, "{arguments:?}");
        }
        assert_eq!(values(&[r#"{"Parameters": {"Port": 443.0, "On": true}}"#]), ["On=true", "Port=443.0"]);
        assert_eq!(values(&["Url=https://a/?b=c"]), ["Url=https://a/?b=c"]);
    }

    #[test]
    fn a_previous_value_is_no_value() {
        for arguments in [
            &["ParameterKey=Port,UsePreviousValue=true"][..],
            &["Port=443", "UsePreviousValue=TRUE,ParameterKey=Port"],
            &[r#"[{"ParameterKey": "Port", "UsePreviousValue": true}]"#],
            &[r#"[{"ParameterKey": "Port", "UsePreviousValue": "true"}]"#],
        ] {
            let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            let given = read(&arguments).unwrap();
            assert!(given.values.is_empty() && given.previous.contains("Port"), "{arguments:?}: {given:?}");
        }
        let own = |argument: &str| vec![argument.to_owned()];
        for refused in [
            "ParameterKey=Port,ParameterValue=443,UsePreviousValue=true",
            "ParameterKey=Port,UsePreviousValue=false",
            "ParameterKey=Port",
            r#"[{"ParameterKey": "Port"}]"#,
        ] {
            assert!(read(&own(refused)).is_err(), "{refused}");
        }
        let last = ["ParameterKey=Port,UsePreviousValue=true".to_owned(), "Port=443".to_owned()];
        assert!(read(&last).unwrap().previous.is_empty(), "the last one counts");
    }

    #[test]
    fn no_message_repeats_a_value() {
        for argument in [
            r#"{"Parameters": {"Password": {"hunter2": "hunter2"}}}"#,
            "ParameterValue=hunter2",
            "ParameterKey=Password,ParameterValue=\"hunter2",
            "ParameterKey=Password,ParameterValue='hunter2'hunter2",
            r#"["hunter2"]"#,
            r#"[{"ParameterValue": "hunter2"}]"#,
            r#"{"Password": "hunter2"}"#,
            r#"{"Password": "hunter2" "hunter2"}"#,
            "[hunter2: : hunter2",
            "hunter2",
        ] {
            let error = format!("{:#}", read(&[argument.to_owned()]).unwrap_err());
            assert!(!error.contains("hunter2"), "{argument}: {error}");
        }
    }

    #[test]
    fn several_values_may_follow_one_flag() {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (paths, parameters) = separated(&own(&["B=2", "t.yaml"]), &own(&["A=1"]));
        assert_eq!((paths, parameters), (own(&["t.yaml"]), own(&["A=1", "B=2"])));
        let (paths, parameters) = separated(&own(&["B=2"]), &[]);
        assert_eq!((paths, parameters), (own(&["B=2"]), vec![]));
    }

    #[test]
    fn a_file_or_an_argument_with_a_slip_is_read_or_refused_in_words() {
        for text in [
            r#"[{"ParameterKey": "Port", "ParameterValue": "hunter2"}, {"ParameterKey": "B", "UsePreviousValue": true}]"#,
            r#"["Port=hunter2", "Cidr=10.0.0.0/8"]"#,
            "Parameters:\n  Port: hunter2\n  List: [a, 1, 2.5]\n",
        ] {
            for at in 0..text.len() {
                let (before, after) = (text.get(..at).unwrap(), text.get(at + 1..).unwrap());
                for slip in ["", "\"", "[", "}", ":", ",", "\n", "&", "\u{e9}"] {
                    if let Err(error) = texts(&format!("{before}{slip}{after}"), &mut ParameterValues::default()) {
                        let said = format!("{error:#}");
                        assert!(!said.is_empty() && !said.contains("hunter2"), "{said}");
                    }
                }
            }
        }
        let argument = r#"ParameterKey=Port,ParameterValue="a, \"b\"",UsePreviousValue=false"#;
        for at in 0..argument.len() {
            for slip in ["", "\"", "\\", "=", ",", "'"] {
                let (before, after) = (argument.get(..at).unwrap(), argument.get(at + 1..).unwrap());
                if let Err(error) = shorthand(&format!("{before}{slip}{after}")) {
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}
