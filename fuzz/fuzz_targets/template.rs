//! Any template is evaluated to the end: no panic, no hang, at least one world of each resource
//! unless it says why not.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes a file")]

use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::{Scope, Template};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
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
});
