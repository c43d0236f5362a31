//! Values of parameters, in the forms in which the AWS CLI and CloudFormation's services take them.
//!
//! No message of this module repeats a value: it may be a secret.
//! (sources: AWS CLI, `cloudformation create-stack --parameters` and `deploy --parameter-overrides`;
//! CodePipeline, "template configuration file")

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::{Scope, Template};
use cfn_egress_guard_core::value::{Kind, Map, Value};

/// Paths and parameters: the AWS CLI takes several values behind one `--parameters`, so what follows
/// looks like a path here.
pub(super) fn told_apart(paths: &[String], parameters: &[String]) -> (Vec<String>, Vec<String>) {
    let is_parameter =
        |argument: &&String| !parameters.is_empty() && assignment(argument).is_some() && !Path::new(argument).exists();
    let (more, paths): (Vec<_>, Vec<_>) = paths.iter().partition(is_parameter);
    (paths.into_iter().cloned().collect(), parameters.iter().chain(more).cloned().collect())
}

/// The values that these arguments give, later ones counting more.
pub(crate) fn read(arguments: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (position, argument) in arguments.iter().enumerate() {
        let position = position + 1;
        if argument.starts_with(['[', '{']) {
            texts(argument, &mut values).with_context(|| format!("value {position} of --parameters"))?;
        } else if argument.starts_with("ParameterKey=")
            || argument.starts_with("ParameterValue=")
            || argument.starts_with("UsePreviousValue=")
        {
            let fields = shorthand(argument).with_context(|| format!("value {position} of --parameters"))?;
            let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            let key =
                field("ParameterKey").ok_or_else(|| anyhow!("value {position} of --parameters has no ParameterKey"))?;
            // Without a value it keeps the one that the stack has, which is not known here.
            values.extend(field("ParameterValue").map(|value| (key, value)));
        } else if let Some((key, value)) = assignment(argument).filter(|_| !argument.starts_with("file://")) {
            values.insert(key.to_owned(), value.to_owned());
        } else {
            let path = argument.strip_prefix("file://").unwrap_or(argument);
            let text = std::fs::read_to_string(path).with_context(|| {
                format!("value {position} of --parameters is neither Key=Value nor a parameter file that can be read")
            })?;
            texts(&text, &mut values).with_context(|| format!("parameter file `{path}`"))?;
        }
    }
    Ok(values)
}

/// Refuses values for parameters that none of the templates declares, as CloudFormation does: a typo
/// would leave the parameter at its default.
pub(crate) fn all_declared<'a>(
    values: &BTreeMap<String, String>,
    templates: impl Iterator<Item = &'a Value>,
) -> anyhow::Result<()> {
    let sections = templates.filter_map(|root| root.get("Parameters").and_then(Value::as_map));
    let declared: BTreeSet<&str> = sections.flat_map(Map::iter).map(|(key, _)| key.name.as_str()).collect();
    let Some(name) = values.keys().find(|name| !declared.contains(name.as_str())) else { return Ok(()) };
    if declared.is_empty() {
        bail!("a value is given for parameter `{name}`, but no parameter is declared");
    }
    let declared: Vec<&str> = declared.into_iter().collect();
    bail!("a value is given for parameter `{name}`, which is not declared; declared: {}", declared.join(", "))
}

/// Refuses the creation of a stack of which a parameter has no value, as CloudFormation does.
pub(crate) fn all_given(scope: &Scope, root: &Value) -> anyhow::Result<()> {
    let template = Template::new(root, scope)?;
    let missing: Vec<String> = template
        .parameters()
        .filter(|parameter| parameter.is_required && !scope.parameters.contains_key(&parameter.name))
        .map(|parameter| format!("`{}`", parameter.name))
        .collect();
    match missing.as_slice() {
        [] => Ok(()),
        [only] => bail!("parameter {only} has no default and no value; give one with -p Key=Value"),
        _ => bail!("parameters {} have no default and no value; give each with -p Key=Value", missing.join(", ")),
    }
}

/// Refuses values that a template does not allow, as CloudFormation does.
pub(crate) fn allowed(scope: &Scope, root: &Value) -> anyhow::Result<()> {
    for parameter in Template::new(root, scope)?.parameters() {
        let Some(given) = scope.parameters.get(&parameter.name) else { continue };
        let allowed = parameter.allowed_values();
        let is_allowed = |value: &str| allowed.is_empty() || allowed.iter().any(|allowed| allowed == value);
        let is_list = parameter.type_name == "CommaDelimitedList" || parameter.type_name.starts_with("List<");
        let is_allowed = is_allowed(given) || (is_list && given.split(',').map(str::trim).all(is_allowed));
        if !is_allowed {
            bail!(
                "the value of parameter `{}` is not one of its AllowedValues: {}",
                parameter.name,
                allowed.join(", ")
            );
        }
    }
    Ok(())
}

/// `Key=Value`, where the key is what CloudFormation allows as a parameter's name.
fn assignment(argument: &str) -> Option<(&str, &str)> {
    let (key, value) = argument.split_once('=')?;
    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some((key, value))
}

/// The AWS CLI's shorthand: `Key=value,Key="quoted, value",Key=escaped\, value`.
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
                        bail!("there is text behind the closing quote of {key}");
                    }
                    break;
                }
                (Some(','), None) | (None, None) => break,
                (None, Some(_)) => bail!("the quote of {key} is not closed"),
                (Some(c), _) => value.push(c),
            }
        }
        fields.push((key, value));
    }
    Ok(fields)
}

/// The values of a parameter file, in any of its published forms.
fn texts(text: &str, values: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    let document = source::parse(text).map_err(|error| {
        let place = error.span.map_or_else(String::new, |span| format!("line {}, column {}: ", span.line, span.column));
        anyhow!("{place}it is neither JSON nor YAML")
    })?;
    let parameters = document.root.get("Parameters").unwrap_or(&document.root);
    match &parameters.kind {
        Kind::List(list) => list
            .iter()
            .enumerate()
            .try_for_each(|(index, entry)| listed(entry, values).with_context(|| format!("entry {}", index + 1))),
        Kind::Map(map) if document.root.get("Parameters").is_some() => assigned(map, values),
        _ => bail!(
            "it holds no parameters: write a list of {{\"ParameterKey\": …, \"ParameterValue\": …}}, a list of \
             \"Key=Value\", or {{\"Parameters\": {{\"Key\": \"Value\"}}}}"
        ),
    }
}

fn listed(entry: &Value, values: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    if let Some(text) = entry.as_str() {
        let (key, value) = assignment(text).ok_or_else(|| anyhow!("it is not of the form Key=Value"))?;
        values.insert(key.to_owned(), value.to_owned());
        return Ok(());
    }
    let key = entry.get("ParameterKey").and_then(Value::as_str).ok_or_else(|| anyhow!("it has no ParameterKey"))?;
    if let Some(value) = entry.get("ParameterValue") {
        values.extend(scalar(key, value)?.map(|value| (key.to_owned(), value)));
    }
    Ok(())
}

fn assigned(map: &Map, values: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    for (key, value) in map.iter() {
        values.extend(scalar(&key.name, value)?.map(|value| (key.name.clone(), value)));
    }
    Ok(())
}

/// A value as CloudFormation takes it: text, lists separated by commas; nothing for `null`.
fn scalar(key: &str, value: &Value) -> anyhow::Result<Option<String>> {
    Ok(Some(match &value.kind {
        Kind::Null => return Ok(None),
        Kind::Bool(bool) => bool.to_string(),
        Kind::Integer(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Ambiguous(text) => text.clone(),
        Kind::String(text) => text.clone(),
        Kind::List(list) => {
            let entries: Vec<_> =
                list.iter().filter_map(|entry| scalar(key, entry).transpose()).collect::<Result<_, _>>()?;
            entries.join(",")
        }
        Kind::Map(_) | Kind::Unknown(_) => bail!("the value of `{key}` is neither text nor a list"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        read(&arguments).unwrap().into_iter().map(|(key, value)| format!("{key}={value}")).collect()
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
        assert_eq!(values(&["Url=https://a/?b=c"]), ["Url=https://a/?b=c"]);
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
        let (paths, parameters) = told_apart(&own(&["B=2", "t.yaml"]), &own(&["A=1"]));
        assert_eq!((paths, parameters), (own(&["t.yaml"]), own(&["A=1", "B=2"])));
        let (paths, parameters) = told_apart(&own(&["B=2"]), &[]);
        assert_eq!((paths, parameters), (own(&["B=2"]), vec![]));
    }
}
