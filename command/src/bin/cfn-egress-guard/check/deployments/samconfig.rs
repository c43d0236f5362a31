//! The configuration file of the AWS SAM CLI, in TOML or YAML: a deployment for each environment.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use cfn_egress_guard_core::value as yaml;
use toml::{Table, Value};

use super::super::parameters::{self, ParameterValues};
use super::{Deployment, TemplateDeployment, own};

/// The sections of an environment that apply to a deployment; the first one takes precedence.
const SECTIONS: [&str; 2] = ["deploy", "global"];

/// The templates that `sam` uses by default.
const TEMPLATES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];

/// Returns whether a file is a SAM configuration file.
pub(super) fn is(table: &Table) -> bool {
    !table.contains_key("deployment") && table.values().any(|environment| !parameters_of(environment).is_empty())
}

/// Converts a YAML file to a table.
pub(super) fn of_yaml(root: &yaml::Value) -> Option<Table> {
    if let Value::Table(table) = same(root)? { Some(table) } else { None }
}

/// Converts a YAML value to TOML; nothing for `null`.
fn same(value: &yaml::Value) -> Option<Value> {
    Some(match &value.kind {
        yaml::Kind::Null | yaml::Kind::Unknown(_) => return None,
        yaml::Kind::Bool(bool) => Value::Boolean(*bool),
        yaml::Kind::Integer(number) => Value::Integer(*number),
        yaml::Kind::Float(number) => Value::Float(*number),
        yaml::Kind::String(text) | yaml::Kind::Ambiguous(text) => Value::String(text.clone()),
        yaml::Kind::List(list) => Value::Array(list.iter().filter_map(same).collect()),
        yaml::Kind::Map(map) => {
            Value::Table(map.iter().filter_map(|(key, entry)| Some((key.name.clone(), same(entry)?))).collect())
        }
    })
}

/// Returns the parameters in the sections of an environment.
fn parameters_of(environment: &Value) -> Vec<&Table> {
    let section = |name: &&str| environment.get(*name)?.get("parameters")?.as_table();
    SECTIONS.iter().filter_map(section).collect()
}

/// Returns the deployments in a file of this folder.
pub(super) fn read(folder: &Path, table: &Table) -> anyhow::Result<Vec<TemplateDeployment>> {
    let mut found = Vec::new();
    for (environment, sections) in table {
        let parameters = parameters_of(sections);
        let setting = |name: &str| parameters.iter().find_map(|section| section.get(name));
        let text = |name: &str| setting(name).and_then(Value::as_str).map(str::to_owned);
        // An environment with only build settings is not a deployment.
        if sections.get("deploy").is_none() && setting("stack_name").is_none() {
            continue;
        }
        let (stack_name, region) = (text("stack_name"), text("region"));
        let built = sections.get("build").and_then(|section| section.get("parameters"));
        let built = || built?.get("template_file").or_else(|| built?.get("template"))?.as_str().map(str::to_owned);
        let template = text("template_file").or_else(|| text("template")).or_else(built);
        let given = setting("parameter_overrides").map(overrides).transpose();
        let given = given.with_context(|| format!("parameter_overrides of `{environment}`"))?.unwrap_or_default();
        let name = Deployment::named(stack_name.as_deref().unwrap_or(environment), None, region.as_deref());
        let is_default_template = template.is_none();
        let deployment = Deployment { name, stack_name, account: None, region, given, is_default_template };
        found.push((template_of(folder, template), deployment));
    }
    Ok(found)
}

fn template_of(folder: &Path, named: Option<String>) -> PathBuf {
    let default = || TEMPLATES.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    named.map(|name| folder.join(name)).or_else(default).unwrap_or_else(|| folder.join("template.yaml"))
}

/// Parses `Key=Value Other="more words"`, a table, or a list of those.
fn overrides(value: &Value) -> anyhow::Result<ParameterValues> {
    match value {
        Value::Table(table) => {
            let mut given = ParameterValues::default();
            for (name, value) in table {
                let text =
                    own::text(value).ok_or_else(|| anyhow!("the value of `{name}` is neither text nor a list"))?;
                given.values.insert(name.clone(), text);
            }
            Ok(given)
        }
        Value::Array(list) => {
            let mut given = ParameterValues::default();
            for (index, entry) in list.iter().enumerate() {
                let read = match entry {
                    Value::String(text) => parameters::read(&[unquoted(text)]),
                    Value::Table(_) => overrides(entry),
                    _ => Err(anyhow!("it does not have the form Key=Value")),
                };
                given.add(read.with_context(|| format!("entry {}", index + 1))?);
            }
            Ok(given)
        }
        Value::String(text) => parameters::read(&words(text).iter().map(unquoted).collect::<Vec<_>>()),
        _ => Err(anyhow!("it is neither text nor a list")),
    }
}

/// Splits a text into words; spaces between quotes are part of a word.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', _) => escaped = true,
            (_, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (_, None) if c.is_whitespace() => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Removes the quotes from `Key="a value"`; the shorthand `ParameterKey=…` has its own quoting.
fn unquoted(word: impl AsRef<str>) -> String {
    let word = word.as_ref();
    if word.starts_with("ParameterKey=") || word.starts_with("ParameterValue=") {
        return word.to_owned();
    }
    let Some((key, value)) = word.split_once('=') else { return word.to_owned() };
    let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let Some(inner) = inner else { return word.to_owned() };
    let (mut text, mut escaped) = (String::new(), false);
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            text.push(c);
        }
    }
    format!("{key}={text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_as_sam_reads_them() {
        let given = |toml: &str| {
            let table: Table = toml.parse().unwrap();
            let given = overrides(table.get("o").unwrap()).unwrap();
            given.values.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let expected = ["A=1", "B=two words"];
        assert_eq!(given(r#"o = "A=1 B=\"two words\"""#), expected);
        assert_eq!(given(r#"o = "A=\"1\"  B='two words'""#), expected);
        assert_eq!(given(r#"o = ["A=1", "B=two words"]"#), expected);
        assert_eq!(
            given(r#"o = "ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=\"two words\"""#),
            expected
        );
        assert_eq!(given(r#"o = {A = 1, B = "two words"}"#), expected);
        assert_eq!(given(r#"o = ["A=0", {A = 1, B = "two words"}]"#), expected);
        assert_eq!(given(r#"o = 'A="say \"a\""'"#), ["A=say \"a\""]);
    }

    #[test]
    fn an_override_that_is_not_a_parameter_is_a_mistake() {
        for (overrides, says) in [
            ("[\"Port=443\", 8443]", "parameter_overrides of `prod`: entry 2: it does not have the form Key=Value"),
            ("[[\"Port=443\"]]", "parameter_overrides of `prod`: entry 1: it does not have the form Key=Value"),
            ("443", "parameter_overrides of `prod`: it is neither text nor a list"),
        ] {
            let table = format!("[prod.deploy.parameters]\nparameter_overrides = {overrides}\n").parse().unwrap();
            let error = read(Path::new("sam"), &table).unwrap_err();
            assert_eq!(format!("{error:#}"), says);
        }
    }

    #[test]
    fn a_file_in_yaml_says_the_same() {
        let yaml = "version: 0.1\ndefault:\n  deploy:\n    parameters:\n      stack_name: app\n      region: null\n      \
                    parameter_overrides: [Port=443, 'Open=yes']\n      confirm_changeset: yes\n";
        let document = cfn_egress_guard_core::source::parse(yaml).unwrap();
        let table = of_yaml(&document.root).unwrap();
        assert!(is(&table));
        let found = read(Path::new("sam"), &table).unwrap();
        let [(template, deployment)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((template.to_str().unwrap(), deployment.name.as_str()), ("sam/template.yaml", "app"));
        let values: Vec<_> = deployment.given.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(values, ["Open=yes", "Port=443"]);
    }

    #[test]
    fn each_environment_that_deploys_is_a_deployment() {
        let table: Table = r#"
            version = 0.1
            [default.global.parameters]
            stack_name = "app"
            [default.build.parameters]
            template_file = "app.yaml"
            [default.deploy.parameters]
            region = "eu-central-1"
            parameter_overrides = "Port=443"
            [prod.deploy.parameters]
            stack_name = "app-prod"
            template = "other.yaml"
            [lint.build.parameters]
            cached = true
        "#
        .parse()
        .unwrap();
        assert!(is(&table));
        let found = read(Path::new("sam"), &table).unwrap();
        let shown: Vec<_> =
            found.iter().map(|(template, deployment)| (template.to_str().unwrap(), deployment.name.as_str())).collect();
        assert_eq!(shown, [("sam/app.yaml", "app (eu-central-1)"), ("sam/other.yaml", "app-prod")]);
        assert_eq!(found[0].1.given.values.get("Port").map(String::as_str), Some("443"));
    }
}
