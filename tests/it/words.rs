//! Keeps confusing phrases out of every text of the repository (see the word list in CONTRIBUTING.md).

use std::path::Path;

use crate::support::root;

/// In lower case, as they would appear in a sentence.
const REFUSED: &[&str] = &[
    "put right",
    "to be had",
    "turned away",
    "is no moment",
    "is no key that",
    "must be heard",
    "tell who",
    "the rest goes on",
    "take what cannot",
    "asks for patience",
    "none that ec2 knows",
    "for certain",
    "nobody can say",
    "which is a defect",
];

/// The files and folders with texts for users and maintainers.
const PLACES: &[&str] = &[
    "src",
    "command/src",
    "account/src",
    "deploy",
    "docs",
    "examples",
    "packaging",
    "README.md",
    "CHANGELOG.md",
    "template.yaml",
    "policy.toml",
    "action.yml",
];

#[test]
fn no_text_has_a_phrase_of_the_old_kind() {
    let mut found = Vec::new();
    for place in PLACES {
        read(&root().join(place), &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Reads a file, or all files in a folder; skips binary files.
fn read(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if !path.ends_with("node_modules") {
                read(&path, found);
            }
        }
        return;
    }
    let Ok(text) = std::fs::read_to_string(path) else { return };
    for (number, line) in text.to_lowercase().lines().enumerate() {
        for phrase in REFUSED.iter().filter(|phrase| line.contains(**phrase)) {
            found.push(format!("{}:{}: {phrase}", path.display(), number + 1));
        }
    }
}
