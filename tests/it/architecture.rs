//! Dependencies point inward only: a module may use those listed for it and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::root;

/// Which modules each module of the library may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("path", &[]),
    ("rule", &["path"]),
    ("value", &["path", "rule"]),
    ("security_group", &["path", "rule", "value"]),
    ("template", &["path", "rule", "value"]),
    ("source", &["path", "value"]),
    ("policy", &["path", "rule", "security_group", "source"]),
    ("check", &["path", "rule", "security_group", "template", "value"]),
    ("hook", &["check", "path", "policy", "rule", "security_group", "source", "template", "value"]),
    ("report", &["check", "path", "rule", "security_group", "source", "template"]),
    ("schema", &["account", "hook", "policy", "report"]),
    ("rehearsal", &["check", "hook", "path", "rule", "security_group", "source", "template", "value"]),
    ("account", &["check", "hook", "path", "policy", "rule", "security_group", "source", "template", "value"]),
];

/// The code of a module without its tests.
fn code(path: &Path) -> String {
    let mut text = String::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            text.push_str(&code(&entry.unwrap().path()));
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
        let file = std::fs::read_to_string(path).unwrap();
        text.push_str(file.split("#[cfg(test)]").next().unwrap_or_default());
    }
    text
}

#[test]
fn dependencies_point_inward_only() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules: Vec<_> = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(modules.len(), allowed.len(), "each module of the library has its row: {modules:?}");
    for module in modules {
        let mut text = code(&root().join("src").join(format!("{module}.rs")));
        let folder = root().join("src").join(module);
        if folder.is_dir() {
            text.push_str(&code(&folder));
        }
        assert!(!text.is_empty(), "{module} is read");
        for used in text.split("crate::").skip(1) {
            let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let fine = used == module || allowed[module].contains(&used.as_str());
            assert!(fine, "module {module} may not use module {used}");
        }
    }
}

/// The rule can be read and tested without JSON, text formats or AWS.
#[test]
fn the_rule_knows_no_format_and_no_aws() {
    let mut text = code(&root().join("src/rule.rs"));
    text.push_str(&code(&root().join("src/rule")));
    for foreign in ["serde", "granit", "toml::", "tokio", "aws_", "std::time", "std::env", "std::fs"] {
        assert!(!text.contains(foreign), "the rule uses {foreign}");
    }
}
