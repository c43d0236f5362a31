//! The README is true: its templates are the files, its outputs are what the programs print, its commands
//! and settings exist. `UPDATE_README=1 cargo test --test it readme` writes files and outputs anew.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::support::{command, read, root, stdout};

const README: &str = "README.md";

/// The README with each quoted file and each output as it is now.
fn made_anew(readme: &str) -> String {
    let mut anew = String::new();
    let mut lines = readme.lines().peekable();
    let mut file: Option<String> = None;
    while let Some(line) = lines.next() {
        writeln!(anew, "{line}").unwrap();
        if line == "| command | IAM actions |" {
            writeln!(anew, "{}", lines.next().unwrap()).unwrap();
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                writeln!(anew, "{}", permissions(row)).unwrap();
            }
        }
        if let Some(path) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->")) {
            file = Some(path.to_owned());
        } else if line.starts_with("```") && file.is_some() {
            writeln!(anew, "{}", read(&file.take().unwrap()).trim_end()).unwrap();
            while lines.next_if(|line| *line != "```").is_some() {}
            writeln!(anew, "{}", lines.next().unwrap()).unwrap();
        } else if line == "```console" {
            while let Some(line) = lines.next_if(|line| *line != "```") {
                if let Some(shell) = line.strip_prefix("$ ") {
                    writeln!(anew, "{line}\n{}", output(shell).trim_end()).unwrap();
                }
            }
            writeln!(anew, "{}", lines.next().unwrap()).unwrap();
        }
    }
    anew
}

/// The row of a command with the actions of the policy that it prints.
fn permissions(row: &str) -> String {
    let name = row.split('`').nth(1).unwrap();
    let policy: Json = serde_json::from_slice(&command(&[name, "--print-iam-policy"]).stdout).unwrap();
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    let actions: Vec<_> = actions.iter().map(|action| format!("`{}`", action.as_str().unwrap())).collect();
    format!("| `{name}` | {} |", actions.join(", "))
}

/// What a command of the README prints.
fn output(shell: &str) -> String {
    let words: Vec<&str> = shell.split_whitespace().collect();
    let (program, arguments) = words.split_first().unwrap();
    assert_eq!(*program, "cfn-egress-guard", "only this project's program is run: {shell}");
    let output = command(arguments);
    assert_ne!(output.status.code(), Some(2), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

#[test]
fn templates_and_outputs_are_what_the_programs_print() {
    let readme = read(README);
    let anew = made_anew(&readme);
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(root().join(README), &anew).unwrap();
    } else if readme != anew {
        let pair = readme.lines().zip(anew.lines()).find(|(old, new)| old != new);
        panic!("README.md has drifted (UPDATE_README=1 makes it anew): {pair:?}");
    }
    assert!(readme.matches("\n$ cfn-egress-guard ").count() >= 1);
}

#[test]
fn the_verdict_table_is_made_of_rows_of_the_decision_table() {
    let table = read("src/rule/decision-table.md");
    let readme = read(README);
    let rows: Vec<_> =
        readme.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 8).collect();
    assert!(rows.len() >= 15);
    for row in rows {
        assert!(table.lines().any(|line| line == row), "{row}");
    }
}

#[test]
fn the_commands_and_settings_it_names_exist() {
    let readme = read(README);
    let makefile = read("Makefile");
    let switches = read("deploy/switch.sh");
    let template = read("template.yaml");
    for (before, target) in readme.match_indices("make ").map(|(at, found)| readme.split_at(at + found.len())) {
        let target: String = target.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        if !before.ends_with("`make ") && !before.ends_with(" make ") && !before.ends_with("\nmake ") {
            continue;
        }
        assert!(makefile.contains(&format!("\n{target}: ")), "make {target}");
    }
    let settings = readme.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 5);
    let mut seen = 0;
    for row in settings {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        for (setting, parameter) in cells[0].split(", ").zip(cells[1].split(", ")) {
            let setting = setting.trim_matches('`');
            if setting != "ARCH" {
                assert!(switches.contains(&format!("\n{setting} ")), "{setting} in deploy/switch.sh");
            }
            assert!(template.contains(&format!("\n  {parameter}:\n")), "{parameter} in template.yaml");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}
