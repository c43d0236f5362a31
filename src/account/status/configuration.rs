//! A hook's configuration as `SetTypeConfiguration` takes it
//! (source: Hooks User Guide, "hook configuration schema").

use serde::Deserialize;

use super::StatusOptions;
use super::record::{Hole, HookState, RegionStatus};
use crate::rule::policy::Glob;
use crate::security_group::ResourceType;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Configuration {
    #[serde(rename = "CloudFormationConfiguration")]
    cloud_formation: CloudFormation,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CloudFormation {
    hook_configuration: HookConfiguration,
}

/// All of it optional: what is missing has the documented default.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HookConfiguration {
    hook_invocation_status: Option<String>,
    target_stacks: Option<String>,
    #[serde(default)]
    target_operations: Vec<String>,
    failure_mode: Option<String>,
    #[serde(default)]
    properties: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    target_filters: TargetFilters,
    #[serde(default)]
    stack_filters: StackFilters,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TargetFilters {
    target_names: Vec<String>,
    actions: Vec<String>,
    targets: Vec<Target>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Target {
    target_name: String,
    action: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct StackFilters {
    stack_names: Filter,
    stack_roles: Filter,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    include: Vec<String>,
    exclude: Vec<String>,
}

/// The actions that open something.
const ACTIONS: [&str; 2] = ["CREATE", "UPDATE"];

impl Configuration {
    /// What is missing from enforcement.
    pub(super) fn judge(self, options: &StatusOptions, found: &mut RegionStatus) {
        let hook = self.cloud_formation.hook_configuration;
        let mode = hook.failure_mode.unwrap_or_else(|| "WARN".to_owned());
        let status = hook.hook_invocation_status.unwrap_or_else(|| "ENABLED".to_owned());
        let on = status == "ENABLED" && hook.target_stacks.as_deref() != Some("NONE");
        found.state = match (on, mode.as_str()) {
            (false, _) => HookState::Disabled,
            (true, "FAIL") => HookState::Blocking,
            (true, _) => HookState::Warning,
        };
        if !on {
            found.hole(Hole::Disabled);
        }
        if mode != options.failure_mode {
            found.hole(Hole::FailureMode { is: mode.clone(), should_be: options.failure_mode.clone() });
        }
        for operation in options.operations.iter().filter(|wanted| !hook.target_operations.contains(wanted)) {
            found.hole(Hole::OperationMissing { operation: operation.clone() });
        }
        hook.target_filters.judge(found);
        hook.stack_filters.judge(options, found);
        let function = hook.properties.get("LambdaFunction").and_then(|function| function.as_str());
        found.function = function.map(str::to_owned);
        if let Some(wanted) = &options.function
            && !function.is_some_and(|function| function == wanted || function.ends_with(&format!(":{wanted}")))
        {
            found.hole(Hole::OtherFunction { is: function.unwrap_or("none").to_owned(), should_be: wanted.clone() });
        }
        found.operations = hook.target_operations;
        found.failure_mode = Some(mode);
    }
}

impl TargetFilters {
    /// The filters must let both resource types through, on creation and update.
    fn judge(&self, found: &mut RegionStatus) {
        for kind in ResourceType::ALL.map(ResourceType::name) {
            for action in ACTIONS {
                let listed = self.target_names.is_empty() || self.target_names.iter().any(|name| matches(name, kind));
                let acted = self.actions.is_empty() || self.actions.iter().any(|listed| listed == action);
                let targeted = self.targets.is_empty()
                    || self.targets.iter().any(|target| {
                        matches(&target.target_name, kind) && (target.action.is_empty() || target.action == action)
                    });
                if !(listed && acted && targeted) {
                    found.hole(Hole::TargetMissing { resource_type: kind.to_owned(), action: action.to_owned() });
                }
            }
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.parse::<Glob>().is_ok_and(|glob| glob.matches(name))
}

impl StackFilters {
    fn judge(&self, options: &StatusOptions, found: &mut RegionStatus) {
        let Self { stack_names, stack_roles } = self;
        let everything = |include: &[String]| include.is_empty() || include.iter().any(|name| name == "*");
        if !everything(&stack_names.include) {
            found.hole(Hole::OnlyStacks { names: stack_names.include.clone() });
        }
        let more: Vec<String> = stack_names
            .exclude
            .iter()
            // A pattern may be excluded only if that very pattern is expected.
            .filter(|name| {
                !options
                    .may_exclude
                    .iter()
                    .any(|glob| glob.to_string() == **name || (!name.contains(['*', '?']) && glob.matches(name)))
            })
            .cloned()
            .collect();
        if !more.is_empty() {
            found.hole(Hole::StacksExcluded { names: more });
        }
        if !everything(&stack_roles.include) {
            found.hole(Hole::OnlyRoles { roles: stack_roles.include.clone() });
        }
        if !stack_roles.exclude.is_empty() {
            found.hole(Hole::RolesExcluded { roles: stack_roles.exclude.clone() });
        }
    }
}
