//! The examples: each template breaks the rule, and its compliant form passes `--strict`.

use std::path::PathBuf;

use crate::support::{command, root, stdout};

/// The folders of the examples.
fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("examples")).unwrap();
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Returns the path of an example's file, relative to the root.
fn file(folder: &std::path::Path, name: &str) -> String {
    let stem = format!("examples/{}/{name}", folder.file_name().unwrap().to_str().unwrap());
    let found = ["yaml", "json"].map(|extension| format!("{stem}.{extension}"));
    found.into_iter().find(|file| root().join(file).exists()).unwrap()
}

#[test]
fn each_template_breaks_the_rule_and_its_compliant_form_passes_whatever_its_values() {
    let folders = folders();
    assert_eq!(folders.len(), 10);
    for folder in folders {
        let template = file(&folder, "template");
        let checked = command(&["check", "--no-policy", &template]);
        assert_eq!(checked.status.code(), Some(1), "{template}: {}", stdout(&checked));
        let compliant = file(&folder, "compliant");
        for preset in ["literal", "effective"] {
            // An unknown port used on both sides may be -1, so `effective` leaves it undetermined.
            let strict = if preset == "effective" && compliant.contains("/ssm/") { "--quiet" } else { "--strict" };
            let checked = command(&["check", "--no-policy", strict, "--preset", preset, &compliant]);
            assert_eq!(checked.status.code(), Some(0), "{compliant} under {preset}: {}", stdout(&checked));
        }
    }
}

/// The comparison's templates are judged as the page states; `tests/parts/test_comparison.py` runs the other tool.
#[test]
fn the_comparison_says_what_check_says() {
    let page = crate::support::read("docs/comparison.md");
    let rows =
        page.lines().filter(|line| line.contains("](comparison/")).map(|line| line.split(" | ").collect::<Vec<_>>());
    let mut seen = 0;
    for row in rows {
        let name = row[0].split(['(', ')']).nth(1).unwrap();
        for (preset, cell) in [("literal", row[1]), ("effective", row[2])] {
            let checked = command(&["check", "--no-policy", "--preset", preset, &format!("docs/{name}")]);
            let said = if checked.status.success() { "pass" } else { "block" };
            assert_eq!(said, cell, "{name} under {preset}: {}", stdout(&checked));
        }
        seen += 1;
    }
    assert_eq!(seen, std::fs::read_dir(root().join("docs/comparison")).unwrap().count());
}
