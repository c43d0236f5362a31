//! The scope of one template's deployment.

use cfn_egress_guard_core::check::NestedWay;
use cfn_egress_guard_core::template::Scope;
use cfn_egress_guard_core::value::{Map, Value};

use super::declared::{DeclaredParameters, default_of};

/// Returns the scope of a nested template: parameters that its parent does not pass have their defaults.
pub(crate) fn nested_scope(way: &NestedWay, root: &Value) -> Scope {
    let mut scope = declared_only(&way.scope, root);
    let declared = root.get("Parameters").and_then(Value::as_map).into_iter().flat_map(Map::iter);
    if !scope.ignore_defaults {
        for (key, _) in declared {
            let is_passed = scope.parameters.contains_key(&key.name)
                || scope.defaults.contains_key(&key.name)
                || scope.open.contains(&key.name);
            if let Some(default) = default_of(root, &key.name).filter(|_| !is_passed) {
                scope.parameters.insert(key.name.clone(), default);
            }
        }
    }
    scope
}

/// Returns the scope of a run without the values of parameters that this template does not declare; those are for
/// others.
pub(crate) fn declared_only(scope: &Scope, root: &Value) -> Scope {
    let mut scope = scope.clone();
    if !scope.parameters.is_empty() || !scope.open.is_empty() || !scope.defaults.is_empty() {
        let declared = DeclaredParameters::by(root);
        scope.defaults.retain(|name, _| declared.names(name));
        scope.parameters.retain(|name, _| declared.names(name));
        scope.open.retain(|name| declared.names(name));
    }
    scope
}
