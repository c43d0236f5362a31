//! This program's own file format: TOML with a table for each deployment.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use cfn_egress_guard_core::value::{Kind, Value};
use serde::Deserialize;

use super::super::parameters::{self, ParameterValues};
use super::{Deployment, TemplateDeployment, place};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentsFile {
    deployment: Vec<DeploymentEntry>,
}

/// A deployment as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentEntry {
    template: PathBuf,
    stack_name: Option<String>,
    account: Option<String>,
    region: Option<String>,
    parameters: Option<ParameterSource>,
}

/// Parameter values, or the file that contains them.
#[derive(Deserialize)]
#[serde(untagged)]
enum ParameterSource {
    Values(BTreeMap<String, toml::Value>),
    File(PathBuf),
}

/// Returns the deployments in a file of this folder; its paths are relative to the folder.
pub(super) fn read(folder: &Path, text: &str) -> anyhow::Result<Vec<TemplateDeployment>> {
    let file: DeploymentsFile = toml::from_str(text).map_err(|error| {
        anyhow!(
            "{}{}\nhelp: write a [[deployment]] table for each stack, with template and, if known, stack_name, \
             account, region, and parameters",
            place(&error, text),
            error.message()
        )
    })?;
    file.deployment.into_iter().map(|entry| deployment(folder, entry)).collect()
}

fn deployment(folder: &Path, entry: DeploymentEntry) -> anyhow::Result<TemplateDeployment> {
    let DeploymentEntry { template, stack_name, account, region, parameters } = entry;
    let mut given = ParameterValues::default();
    match parameters {
        Some(ParameterSource::File(file)) => parameters::file(&folder.join(file), &mut given)?,
        Some(ParameterSource::Values(values)) => {
            for (name, value) in values {
                let text = text(&value).ok_or_else(|| anyhow!("the value of `{name}` is neither text nor a list"))?;
                given.values.insert(name, text);
            }
        }
        None => {}
    }
    if template.as_os_str().is_empty() {
        bail!("a [[deployment]] has an empty `template`");
    }
    let unnamed = || template.display().to_string();
    let name = Deployment::named(&stack_name.clone().unwrap_or_else(unnamed), account.as_deref(), region.as_deref());
    Ok((folder.join(template), Deployment { name, stack_name, account, region, given, ..Deployment::default() }))
}

/// Returns a value in CloudFormation's form: text, or a list separated by commas.
pub(super) fn text(value: &toml::Value) -> Option<String> {
    let scalar = match value {
        toml::Value::String(text) => return Some(text.clone()),
        toml::Value::Integer(number) => Kind::Integer(*number),
        toml::Value::Float(number) => Kind::Float(*number),
        toml::Value::Boolean(bool) => Kind::Bool(*bool),
        toml::Value::Datetime(date) => return Some(date.to_string()),
        toml::Value::Array(list) => {
            return list.iter().map(text).collect::<Option<Vec<_>>>().map(|list| list.join(","));
        }
        toml::Value::Table(_) => return None,
    };
    Value::from(scalar).as_text().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_text_that_the_template_would_give_it() {
        for (value, expected) in
            [("443", Some("443")), ("443.0", Some("443.0")), ("true", Some("true")), ("[1, 'a', 2.5]", Some("1,a,2.5"))]
        {
            let table: toml::Table = format!("v = {value}").parse().unwrap();
            assert_eq!(table.get("v").and_then(text).as_deref(), expected);
        }
    }
}
