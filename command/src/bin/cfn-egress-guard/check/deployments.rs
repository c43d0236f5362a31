//! Files that list deployments: which template is deployed as which stack, where and with which parameters.
//!
//! No message repeats a parameter's value: it may be a secret. (sources: AWS CloudFormation User Guide, "Work with
//! stacks using Git sync"; AWS SAM Developer Guide, "AWS SAM CLI configuration file")

mod git_sync;
mod own;
mod samconfig;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use cfn_egress_guard_core::source::{self, Span};
use cfn_egress_guard_core::template::Scope;

use super::folder::same;
use super::parameters::ParameterValues;
use crate::file;

/// A stack that a template is deployed as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Deployment {
    /// The name in reports.
    pub(super) name: String,
    pub(super) stack_name: Option<String>,
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    pub(super) given: ParameterValues,
    /// Whether the file names no template, so that the template is the default of SAM.
    pub(super) is_default_template: bool,
}

impl Deployment {
    /// Returns the scope of this deployment. Values for the whole run apply where the deployment has none; parameter
    /// values for the whole run take precedence.
    pub(super) fn scope(&self, run: &Scope) -> Scope {
        let mut scope = run.clone();
        scope.stack_name = self.stack_name.clone().or(scope.stack_name);
        scope.account = self.account.clone().or(scope.account);
        scope.region = self.region.clone().or(scope.region);
        let is_given = |name: &&String| !run.parameters.contains_key(*name) && !run.open.contains(*name);
        scope.open.extend(self.given.previous.iter().filter(is_given).cloned());
        let values = self.given.values.iter().filter(|(name, _)| is_given(name));
        scope.parameters.extend(values.map(|(name, value)| (name.clone(), value.clone())));
        scope
    }

    /// Forms a name for reports from the stack's name, account and Region.
    fn named(stack_name: &str, account: Option<&str>, region: Option<&str>) -> String {
        let place: Vec<&str> = account.into_iter().chain(region).collect();
        if place.is_empty() { stack_name.to_owned() } else { format!("{stack_name} ({})", place.join(", ")) }
    }
}

/// A template, as the file names it, and its deployment.
type TemplateDeployment = (PathBuf, Deployment);

/// Returns the deployments in these files, by template file.
pub(super) fn read(files: &[PathBuf]) -> anyhow::Result<HashMap<PathBuf, Vec<Deployment>>> {
    let mut deployments: HashMap<PathBuf, Vec<Deployment>> = HashMap::new();
    for file in files {
        let context = || format!("--deployments {}", file.display());
        let text = file::text(file)?;
        for (template, deployment) in of_file(file, &text).with_context(context)? {
            if !template.is_file() {
                bail!("{}: {}", context(), missing(&template, &deployment));
            }
            deployments.entry(same(&template)).or_default().push(deployment);
        }
    }
    Ok(deployments)
}

/// Returns the message about a template that does not exist.
fn missing(template: &Path, deployment: &Deployment) -> String {
    let template = template.display();
    if deployment.is_default_template {
        let name = &deployment.name;
        format!(
            "deployment `{name}` names no template, and the default of SAM, `{template}`, does not exist\nhelp: set \
             template_file to the template's path"
        )
    } else {
        format!("it names template `{template}`, which does not exist")
    }
}

fn of_file(path: &Path, text: &str) -> anyhow::Result<Vec<TemplateDeployment>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    if !is_toml {
        let document = source::parse(text).map_err(|error| anyhow!("{}{error}", file::place(error.span)))?;
        return match samconfig::of_yaml(&document.root) {
            Some(table) if samconfig::is(&table) => samconfig::read(folder, &table),
            _ => git_sync::read(path, folder, &document.root),
        };
    }
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // The library's message quotes the line, which may contain a secret.
        anyhow!("{}{}", place(&error, text), error.message())
    })?;
    if samconfig::is(&table) { samconfig::read(folder, &table) } else { own::read(folder, text) }
}

/// Returns the place of a TOML error: `line 2, column 1: `.
fn place(error: &toml::de::Error, text: &str) -> String {
    file::place(error.span().map(|span| Span::of(text, span)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of each kind, with a secret value.
    const FILES: [(&str, &str); 3] = [
        (
            "deployments.toml",
            "[[deployment]]\ntemplate = \"a.yaml\"\nstack_name = \"a\"\nregion = \"eu-west-1\"\n\
             parameters = { Port = 443, Ports = [1, \"2\"], Password = \"hunter2\" }\n",
        ),
        (
            "samconfig.toml",
            "version = 0.1\n[default.deploy.parameters]\nstack_name = \"a\"\ntemplate_file = \"a.yaml\"\n\
             parameter_overrides = \"Port=443 Password=\\\"hunter2\\\" ParameterKey=A,ParameterValue=b\"\n",
        ),
        ("stack.yaml", "template-file-path: a.yaml\nparameters:\n  Port: 443\n  Password: hunter2\n"),
    ];

    fn read_or_refused(name: &str, text: &str) {
        if let Err(error) = of_file(Path::new(name), text) {
            let said = format!("{error:#}");
            assert!(!said.is_empty() && !said.contains("hunter2"), "{name}: {said}\n{text}");
        }
    }

    #[test]
    fn each_kind_of_file_is_read() {
        for (name, text) in FILES {
            let found = of_file(Path::new(name), text).unwrap();
            let [(template, deployment)] = found.as_slice() else { panic!("{name}: {found:?}") };
            assert_eq!(template, Path::new("a.yaml"), "{name}");
            assert_eq!(deployment.given.values.get("Password").map(String::as_str), Some("hunter2"), "{name}");
        }
    }

    /// A file that is cut off or has a changed character is either read, or rejected with a message without values.
    #[test]
    fn a_file_with_a_slip_is_read_or_refused_in_words() {
        for (name, text) in FILES {
            for at in 0..text.len() {
                let (before, rest) = text.split_at(at);
                let after = rest.get(1..).unwrap_or_default();
                read_or_refused(name, before);
                for slip in ["", "\"", "'", "\\", "=", "[", "]", "{", "}", "\n", "\t", "0", "#", ",", ":", "\u{e9}"] {
                    read_or_refused(name, &format!("{before}{slip}{after}"));
                }
            }
        }
    }
}
