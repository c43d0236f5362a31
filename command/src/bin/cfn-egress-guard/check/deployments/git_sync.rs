//! Stack deployment files of CloudFormation's Git sync, in YAML or JSON.

use std::path::Path;

use anyhow::bail;
use cfn_egress_guard_core::value::{Kind, Value};

use super::super::folder::same;
use super::super::parameters::{self, ParameterValues};
use super::{Deployment, TemplateDeployment};
use crate::git::Repository;

/// Returns the deployment in a file of this folder.
pub(super) fn read(file: &Path, folder: &Path, root: &Value) -> anyhow::Result<Vec<TemplateDeployment>> {
    let Some(template) = root.get("template-file-path").and_then(Value::as_str) else {
        bail!(
            "it is not a deployments file\nhelp: pass a .toml file of [[deployment]] tables, samconfig.toml or \
             samconfig.yaml, or a stack deployment file with `template-file-path`"
        );
    };
    let mut given = ParameterValues::default();
    match root.get("parameters").map(|section| &section.kind) {
        Some(Kind::Map(map)) => parameters::assigned(map, &mut given)?,
        None | Some(Kind::Null) => {}
        Some(_) => bail!("`parameters` is not an object"),
    }
    // Paths in Git sync files are relative to the repository's root.
    let real = same(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let root = Repository::around(&real).map(|repository| repository.root().to_owned());
    let from_root = root.map(|root| root.join(template)).filter(|path| path.is_file());
    let path = from_root.unwrap_or_else(|| folder.join(template));
    Ok(vec![(path, Deployment { name: file.display().to_string(), given, ..Deployment::default() })])
}
