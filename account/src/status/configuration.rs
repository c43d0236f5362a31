//! A hook's configuration as `SetTypeConfiguration` accepts it (source: Hooks User Guide, "hook configuration schema").

use serde::Deserialize;

use super::StatusOptions;
use super::gap::Gap;
use super::record::HookState;
use cfn_egress_guard_core::rule::policy::Glob;
use cfn_egress_guard_core::security_group::ResourceType;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Configuration {
    #[serde(rename = "CloudFormationConfiguration")]
    cloud_formation: CloudFormation,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CloudFormation {
    hook_configuration: HookConfiguration,
}

/// All fields are optional; missing ones have the documented default.
#[derive(Debug, Clone, Deserialize)]
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
    #[serde(default)]
    encryption_configuration: Encryption,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Encryption {
    kms_key_id: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TargetFilters {
    target_names: Vec<String>,
    actions: Vec<String>,
    invocation_points: Vec<String>,
    targets: Vec<HookTarget>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HookTarget {
    target_name: String,
    action: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct StackFilters {
    stack_names: Filter,
    stack_roles: Filter,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    include: Vec<String>,
    exclude: Vec<String>,
}

/// The operations on single resources; the others are on whole templates.
const ON_RESOURCES: [&str; 2] = ["RESOURCE", "CLOUD_CONTROL"];

/// The only invocation point.
const INVOCATION_POINT: &str = "PRE_PROVISION";

impl Configuration {
    fn hook(&self) -> &HookConfiguration {
        &self.cloud_formation.hook_configuration
    }

    /// Returns its target operations.
    pub(super) fn operations(&self) -> &[String] {
        &self.hook().target_operations
    }

    /// Returns the function that it calls.
    pub(super) fn function(&self) -> Option<&str> {
        self.hook().properties.get("LambdaFunction").and_then(|function| function.as_str())
    }

    /// Returns the customer managed key that encrypts its results.
    pub(super) fn key(&self) -> Option<&str> {
        self.hook().encryption_configuration.kms_key_id.as_deref()
    }

    /// Returns `FAIL` or `WARN`.
    pub(super) fn failure_mode(&self) -> &str {
        self.hook().failure_mode.as_deref().unwrap_or("WARN")
    }

    /// Returns its state.
    pub(super) fn state(&self) -> HookState {
        let hook = self.hook();
        let on = hook.hook_invocation_status.as_deref().is_none_or(|status| status == "ENABLED")
            && hook.target_stacks.as_deref() != Some("NONE");
        match (on, self.failure_mode()) {
            (false, _) => HookState::Disabled,
            (true, "FAIL") => HookState::Blocking,
            (true, _) => HookState::Warning,
        }
    }

    /// Returns the gaps in the enforcement of these operations.
    pub(super) fn judge(&self, wanted: &[String], options: &StatusOptions) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if self.state() == HookState::Disabled {
            gaps.push(Gap::Disabled);
        }
        if self.failure_mode() != options.failure_mode {
            let is = self.failure_mode().to_owned();
            gaps.push(Gap::FailureMode { is, should_be: options.failure_mode.clone() });
        }
        for operation in wanted.iter().filter(|wanted| !self.operations().contains(wanted)) {
            gaps.push(Gap::OperationMissing { operation: operation.clone() });
        }
        self.hook().target_filters.judge(wanted, &mut gaps);
        self.hook().stack_filters.judge(options, &mut gaps);
        let function = self.function();
        if let Some(wanted) = &options.function
            && !function.is_some_and(|function| function == wanted || function.ends_with(&format!(":{wanted}")))
        {
            gaps.push(Gap::OtherFunction { is: function.unwrap_or("none").to_owned(), should_be: wanted.clone() });
        }
        gaps
    }
}

impl TargetFilters {
    /// Checks that the filters allow both resource types on creation and update, and templates on all actions they
    /// have: a change set is only ever created.
    fn judge(&self, wanted: &[String], gaps: &mut Vec<Gap>) {
        let resources = wanted.iter().any(|operation| ON_RESOURCES.contains(&operation.as_str()));
        let types = ResourceType::ALL.map(|kind| (kind.name(), ["CREATE", "UPDATE"].as_slice()));
        // AWS does not document whether a list of resource types includes a template: only actions are judged.
        let stack = ("STACK", ["CREATE", "UPDATE"].as_slice());
        let change_set = ("CHANGE_SET", ["CREATE"].as_slice());
        let templates = [stack, change_set].into_iter().filter(|(name, _)| wanted.iter().any(|wanted| wanted == name));
        let pointed = self.invocation_points.is_empty() || self.invocation_points.iter().any(|p| p == INVOCATION_POINT);
        for (target, actions) in types.into_iter().filter(|_| resources).chain(templates) {
            let template = !target.contains("::");
            for action in actions {
                let listed = template
                    || self.target_names.is_empty()
                    || self.target_names.iter().any(|name| matches(name, target));
                let acted = self.actions.is_empty() || self.actions.iter().any(|listed| listed == action);
                let targeted = self.targets.is_empty()
                    || self.targets.iter().any(|listed| {
                        (template || matches(&listed.target_name, target))
                            && (listed.action.is_empty() || listed.action == *action)
                    });
                if !(listed && acted && targeted && pointed) {
                    gaps.push(Gap::TargetMissing { target: target.to_owned(), action: (*action).to_owned() });
                }
            }
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.parse::<Glob>().is_ok_and(|glob| glob.matches(name))
}

/// Returns whether everything that a filter's pattern matches may be excluded. Treated as text, a pattern is matched by
/// one at least as wide as itself, except for `?`, which would match a `*` as one character.
fn covered(pattern: &str, may: &[Glob]) -> bool {
    may.iter().any(|glob| {
        let wider = glob.matches(pattern) && !(glob.as_str().contains('?') && pattern.contains('*'));
        glob.as_str() == pattern || wider
    })
}

impl StackFilters {
    fn judge(&self, options: &StatusOptions, gaps: &mut Vec<Gap>) {
        let (names, roles) = (&self.stack_names, &self.stack_roles);
        if let Some(names) = names.only(&options.may_exclude) {
            gaps.push(Gap::OnlyStacks { names });
        }
        if let Some(names) = names.without(&options.may_exclude) {
            gaps.push(Gap::StacksExcluded { names });
        }
        if let Some(roles) = roles.only(&options.may_exclude_roles) {
            gaps.push(Gap::OnlyRoles { roles });
        }
        if let Some(roles) = roles.without(&options.may_exclude_roles) {
            gaps.push(Gap::RolesExcluded { roles });
        }
    }
}

impl Filter {
    /// Returns the stacks or roles that the hook is limited to, unless that is everything or everything may be
    /// excluded.
    fn only(&self, may_exclude: &[Glob]) -> Option<Vec<String>> {
        let everything = self.include.is_empty() || self.include.iter().any(|name| name == "*");
        (!everything && !may_exclude.iter().any(Glob::is_any)).then(|| self.include.clone())
    }

    /// Returns the excluded stacks or roles that must not be excluded.
    fn without(&self, may_exclude: &[Glob]) -> Option<Vec<String>> {
        let more: Vec<String> = self.exclude.iter().filter(|pattern| !covered(pattern, may_exclude)).cloned().collect();
        (!more.is_empty()).then_some(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_covered_by_one_at_least_as_wide() {
        for (may, pattern, expected) in [
            ("guard*", "guard", true),
            ("guard*", "guard*", true),
            ("guard*", "guard-eu-*", true),
            ("guard*", "guard?", true),
            ("guard*", "*", false),
            ("guard*", "*guard*", false),
            ("guard?", "guard1", true),
            ("guard?", "guard?", true),
            ("guard?", "guard*", false),
            ("guard", "guard*", false),
            ("*", "sandbox-*", true),
        ] {
            assert_eq!(covered(pattern, &[may.parse().unwrap()]), expected, "{may} {pattern}");
        }
    }
}
