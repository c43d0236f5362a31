//! README.md and docs/ are true: quoted templates match the files, outputs match the programs, tables match the code,
//! commands run, and links work. `UPDATE_README=1 cargo test -p cfn-egress-guard --test it readme` regenerates
//! everything that is generated.
//!
//! Comments in a page describe the next block:
//!
//! | comment | what follows |
//! |---|---|
//! | `<!-- file: PATH -->` | a block with the file's text |
//! | `<!-- generated: NAME -->` … `<!-- end -->` | the output of [`generated`] for NAME |
//! | `<!-- run by: TEST -->` | a `sh` block that this test of `tests/parts` runs |
//! | `<!-- all run by: TEST -->` | the same for every `sh` block of the page |
//! | `<!-- exit: STATUS -->` | a `sh` block that ends with this status instead of 0 |
//!
//! A `console` block has commands after `$ `, each followed by its output. A `sh` block is run in a scratch repository
//! that contains the examples.

mod dashboard;
mod generated;
mod links;
mod shell;
mod terminal;

use std::fmt::Write as _;

use cfn_egress_guard_core::policy;

use crate::support::{command, read, root, stdout};

/// Returns the pages whose blocks are run: their paths from the root.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "examples/README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/{name}"));
        }
    }
    pages.sort();
    pages
}

/// Returns the value of a page's comment: `<!-- file: PATH -->` has the key `file`.
fn comment<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    line.strip_prefix("<!-- ")?.strip_suffix(" -->")?.strip_prefix(key)?.strip_prefix(": ")
}

/// Returns a page with each quoted file, output and table regenerated.
fn made_anew(page: &str) -> String {
    let mut anew = String::new();
    let mut lines = page.lines().peekable();
    let mut file: Option<&str> = None;
    while let Some(line) = lines.next() {
        writeln!(anew, "{line}").unwrap();
        if let Some(name) = comment(line, "generated") {
            writeln!(anew, "\n{}\n", generated::text(name).trim()).unwrap();
            while lines.next_if(|line| *line != "<!-- end -->").is_some() {}
            writeln!(anew, "{}", lines.next().unwrap()).unwrap();
        } else if let Some(path) = comment(line, "file") {
            file = Some(path);
        } else if let (true, Some(path)) = (line.starts_with("```"), file) {
            writeln!(anew, "{}", read(path).trim_end()).unwrap();
            while lines.next_if(|line| *line != "```").is_some() {}
            writeln!(anew, "{}", lines.next().unwrap()).unwrap();
            file = None;
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

/// Returns the output of a page's command.
fn output(shell: &str) -> String {
    let words: Vec<&str> = shell.split_whitespace().collect();
    let (program, arguments) = words.split_first().unwrap();
    assert_eq!(*program, "cfn-egress-guard", "only this project's program is run: {shell}");
    let output = command(arguments);
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

/// Compares a generated file with its current content, or writes it.
fn same_or_written(path: &str, anew: &str) {
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(root().join(path), anew).unwrap();
        return;
    }
    let old = read(path);
    if old != anew {
        let pair = old.lines().zip(anew.lines()).find(|(old, new)| old != new);
        panic!("{path} has drifted (UPDATE_README=1 makes it anew): {pair:?}");
    }
}

/// The other codes of the reports have no witness, so their table is written by hand.
#[test]
fn the_page_of_the_rule_lists_the_other_codes_of_reports() {
    let page = read("docs/rule.md");
    let (_, listed) = page.split_once("## Other codes of reports").unwrap();
    let words = read("command/src/report/words.rs");
    let codes = words.lines().filter_map(|line| line.strip_prefix("pub(super) const "));
    let codes: Vec<&str> = codes.filter_map(|line| line.split('"').nth(1)).filter(|code| !code.contains(' ')).collect();
    assert!(codes.len() >= 6, "{codes:?}");
    for code in codes.into_iter().chain(["not-checked"]) {
        assert!(listed.contains(&format!("\n| `{code}` | ")), "{code}");
    }
}

#[test]
fn files_outputs_and_tables_are_as_they_are_now() {
    for page in pages() {
        same_or_written(&page, &made_anew(&read(&page)));
    }
}

#[test]
fn the_picture_of_the_terminal_is_what_the_program_prints() {
    let output = command(&["--color", "always", "rehearse", "examples/non-compliant.yaml"]);
    let picture = terminal::picture("cfn-egress-guard rehearse examples/non-compliant.yaml", &stdout(&output));
    same_or_written("docs/pictures/terminal.svg", &picture);
}

#[test]
fn the_picture_of_the_dashboard_has_the_widgets_of_the_template() {
    same_or_written("docs/pictures/dashboard.svg", &dashboard::picture());
}

#[test]
fn the_readme_is_read_in_two_minutes() {
    let readme = read("README.md");
    assert!(readme.len() <= 8000, "{} bytes", readme.len());
    assert!(readme.matches("\n$ cfn-egress-guard ").count() >= 1);
}

/// Returns the words after `cfn-egress-guard` in the code of a page.
fn commands(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines().flat_map(|line| line.split("cfn-egress-guard ").skip(1)).map(|rest| {
        let end = rest.find(['`', '#', '|', '&', ';', '"']).unwrap_or(rest.len());
        rest.split_at(end).0.split_whitespace().collect()
    })
}

#[test]
fn the_commands_and_options_they_name_exist() {
    let mut seen = 0;
    for page in pages() {
        for words in commands(&read(&page)) {
            let [name, rest @ ..] = words.as_slice() else { continue };
            if !["check", "rehearse", "policy", "scan", "audit", "status"].contains(name) {
                continue;
            }
            let options = rest.iter().filter(|word| word.starts_with("--")).collect::<Vec<_>>();
            let mut call = vec![*name];
            call.extend(rest.first().filter(|_| *name == "policy"));
            call.push("--help");
            if options.is_empty() {
                continue;
            }
            let help = stdout(&command(&call));
            for option in options {
                let option = option.split('=').next().unwrap();
                assert!(
                    help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")),
                    "{page}: {words:?}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_targets_of_make_that_they_name_exist() {
    let makefile = read("Makefile");
    for page in pages() {
        let text = read(&page);
        for (before, _) in text.match_indices("make ").map(|(at, found)| text.split_at(at + found.len())) {
            let behind = text.strip_prefix(before).unwrap();
            let target: String = behind.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            if before.ends_with("`make ") || before.ends_with("\nmake ") || before.ends_with("MODE=WARN make ") {
                assert!(makefile.contains(&format!("\n{target}: ")), "{page}: make {target}");
            }
        }
    }
}

#[test]
fn the_policies_they_show_are_policies() {
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("\n```")).map(|(block, _)| block)
        {
            if block.contains("[settings]") || block.contains("[[exemption]]") {
                assert!(policy::parse(block).is_ok(), "{page}: {block}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 2, "{seen}");
}
