//! Any template is evaluated to the end, without a panic or a hang. Each resource has at least one world, or a reason
//! why it has none.

use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::{Scope, Template};

/// Checks one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(document) = source::parse(text) else { return };
    let scope = Scope::default();
    let template = match Template::new(&document.root, &scope) {
        Ok(template) => template,
        Err(error) => {
            assert!(!error.to_string().contains(['\n', '\r']));
            return;
        }
    };
    for resource in template.resources() {
        let evaluated = template.evaluate(resource);
        assert!(evaluated.undetermined.is_some() || !evaluated.worlds.is_empty());
    }
    for note in template.notes() {
        assert!(!note.to_string().contains(['\n', '\r']));
    }
    let _ = template.deployment_order();
}
