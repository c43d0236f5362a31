//! This program's own file format: TOML with a table for each deployment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
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
    Ok((folder.join(template), Deployment { name, stack_name, account, region, given }))
}

/// Returns a value in CloudFormation's form: text, or a list separated by commas.
pub(super) fn text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(bool) => Some(bool.to_string()),
        toml::Value::Datetime(date) => Some(date.to_string()),
        toml::Value::Array(list) => list.iter().map(text).collect::<Option<Vec<_>>>().map(|list| list.join(",")),
        toml::Value::Table(_) => None,
    }
}
