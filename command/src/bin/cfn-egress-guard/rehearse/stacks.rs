//! The stacks that a rehearsal deploys: one for each template, with its parameter values.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use cfn_egress_guard::rehearsal::{DeploymentPlan, plan};
use cfn_egress_guard_core::check::CheckContext;
use cfn_egress_guard_core::hook::Target;
use cfn_egress_guard_core::template::Scope;

use super::assumed::assumed;
use super::nested::NestedTemplateFiles;
use super::template::TemplateFile;
use crate::args::Rehearse;
use crate::check::nested::NestedFiles;
use crate::check::parameters::{self, DeclaredParameters, ParameterValues};

/// The plans of all stacks, and the problems with those that cannot be planned.
#[derive(Default)]
pub(super) struct Stacks {
    pub(super) plans: Vec<DeploymentPlan>,
    pub(super) problems: Vec<String>,
}

impl Stacks {
    /// Plans the deployment of each template.
    pub(super) fn planned(arguments: &Rehearse, terms: &CheckContext<'_>) -> anyhow::Result<Self> {
        if arguments.templates.len() > 1 && (arguments.update_from.is_some() || arguments.stack_name.is_some()) {
            bail!("--update-from and --stack-name apply to one stack: pass one template with them");
        }
        let given = StackParameters::read(arguments)?;
        let before = arguments.update_from.as_deref().map(TemplateFile::read).transpose()?;
        let templates: Vec<_> = arguments.templates.iter().map(|path| TemplateFile::read(path)).collect();
        given.check_names(&templates, before.as_ref())?;
        let files = NestedFiles::new(&arguments.nested);
        let mut nested = NestedTemplateFiles(&files);
        let mut stacks = Self::default();
        for (path, template) in arguments.templates.iter().zip(templates) {
            let plan = template
                .and_then(|template| planned(path, &template, before.as_ref(), &given, terms, &mut nested, arguments));
            match plan {
                Ok(plan) => stacks.plans.push(plan),
                Err(problem) => stacks.problems.push(format!("{problem:#}")),
            }
        }
        if stacks.problems.is_empty() {
            files.finish()?;
        }
        Ok(stacks)
    }
}

/// The parameter values for a deployment, and those of the deployed stack.
struct StackParameters {
    given: ParameterValues,
    previous: ParameterValues,
}

impl StackParameters {
    fn read(arguments: &Rehearse) -> anyhow::Result<Self> {
        let given = parameters::read(&arguments.parameters)?;
        let previous = parameters::read(&arguments.previous_parameters).context("--previous-parameters")?;
        if let Some(name) = previous.previous.first() {
            bail!("--previous-parameters: pass the value of `{name}` itself");
        }
        Ok(Self { given, previous })
    }

    /// Rejects parameters that no template declares. An unreadable template might declare them.
    fn check_names(
        &self,
        templates: &[anyhow::Result<TemplateFile>],
        before: Option<&TemplateFile>,
    ) -> anyhow::Result<()> {
        let declared_by = |template: &TemplateFile| DeclaredParameters::by(&template.document.root);
        if templates.iter().all(Result::is_ok) {
            let mut declared = DeclaredParameters::default();
            templates.iter().flatten().chain(before).for_each(|template| declared.add(declared_by(template)));
            parameters::all_declared(self.given.names(), &declared)?;
        }
        let Some(before) = before else { return Ok(()) };
        parameters::all_declared(self.previous.names(), &declared_by(before)).context("--previous-parameters")
    }

    /// Returns the values of a deployment. Parameters that keep their previous value get the value of the deployed
    /// stack.
    fn values(&self, before: Option<&TemplateFile>) -> anyhow::Result<BTreeMap<String, String>> {
        let mut values = self.given.values.clone();
        for name in &self.given.previous {
            let Some(before) = before else {
                bail!("parameter `{name}` uses its previous value: name the deployed template with --update-from");
            };
            let root = &before.document.root;
            let previous = self.previous.values.get(name).cloned().or_else(|| parameters::default_of(root, name));
            let Some(previous) = previous else {
                bail!(
                    "parameter `{name}` uses its previous value, which is not known: pass it with \
                     --previous-parameters"
                );
            };
            values.insert(name.clone(), previous);
        }
        Ok(values)
    }

    /// Returns the values of the deployed stack. A parameter without a default there has the value that the deployment
    /// passes, because nothing else is known about it.
    fn values_before(&self, values: &BTreeMap<String, String>, before: &TemplateFile) -> BTreeMap<String, String> {
        let root = &before.document.root;
        let passed = values.iter().filter(|(name, _)| !parameters::has_default(root, name));
        let mut known: BTreeMap<_, _> = passed.map(|(name, value)| (name.clone(), value.clone())).collect();
        known.extend(self.previous.values.clone());
        known
    }
}

/// Plans the deployment of one template.
fn planned(
    path: &Path,
    text: &TemplateFile,
    before: Option<&TemplateFile>,
    given: &StackParameters,
    terms: &CheckContext<'_>,
    nested: &mut NestedTemplateFiles<'_>,
    arguments: &Rehearse,
) -> anyhow::Result<DeploymentPlan> {
    let stack_name = arguments.stack_name.clone().unwrap_or_else(|| stack_name(path));
    let context = || format!("planning the deployment of `{}`", text.file);
    let scope = Scope {
        parameters: given.values(before).with_context(context)?,
        account: Some(arguments.account()),
        region: Some(arguments.region()),
        stack_name: Some(stack_name.clone()),
        ..Scope::default()
    };
    parameters::allowed(&scope.parameters, &text.document.root).with_context(context)?;
    if before.is_none() {
        parameters::all_given(&scope, &text.document.root).with_context(context)?;
    }
    let parameters = before.map(|before| given.values_before(&scope.parameters, before)).unwrap_or_default();
    let mut planned = |scope: &Scope| {
        let scope_before = Scope { parameters: parameters.clone(), ..scope.clone() };
        let before = before.map(|before| before.stack(&stack_name, &scope_before));
        plan(&text.stack(&stack_name, scope), before.as_ref(), terms, nested).with_context(context)
    };
    let mut plan = planned(&scope)?;
    plan.assumed_values = assumed(&plan, &scope, arguments, planned);
    if !arguments.target_operations.contains(&Target::Resource) && plan.has_checked_resources() {
        plan.notes.push("RESOURCE, which decides with resolved values, is not among the targets".to_owned());
    }
    Ok(plan)
}

/// Forms a stack name that CloudFormation allows from a file's name.
fn stack_name(path: &Path) -> String {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    if stem == "-" {
        return "standard-input".to_owned();
    }
    let stem = stem.strip_suffix(".template").unwrap_or(&stem);
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("stack-{name}") }
}
