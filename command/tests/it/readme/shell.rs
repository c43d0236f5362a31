//! The commands in the pages. A `sh` block is run here, in a scratch repository, or names the test of `tests/parts`
//! that runs it. The same applies to the steps of pipelines in `yaml` blocks.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{comment, pages};
use crate::support::{coverage, read, root, scratch};

/// A `sh` block, with the content of the comments before it.
struct Block {
    page: String,
    text: String,
    run_by: Option<String>,
    exit: i32,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for page in pages() {
        let text = read(&page);
        let (mut run_by, mut exit) = (None, 0);
        let all_run_by = text.lines().find_map(|line| comment(line, "all run by"));
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(test) = comment(line, "run by") {
                run_by = Some(test.to_owned());
            } else if let Some(status) = comment(line, "exit") {
                exit = status.parse().unwrap();
            } else if line == "```sh" || line == "```yaml" {
                let text: String =
                    lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
                let text = if line == "```sh" { text } else { steps(&text) };
                blocks.push(Block {
                    page: page.clone(),
                    text,
                    run_by: run_by.take().or_else(|| all_run_by.map(str::to_owned)),
                    exit: std::mem::take(&mut exit),
                });
            } else if line.starts_with("```") {
                // Another kind of block.
                lines.by_ref().find(|line| *line == "```");
            }
        }
    }
    blocks
}

/// Returns the commands of a pipeline's steps: `- run: COMMAND`, the lines below `- run: |`, or a job's `- COMMAND`.
fn steps(yaml: &str) -> String {
    let mut commands = String::new();
    let mut lines = yaml.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(step) = line.trim_start().strip_prefix("- ") else { continue };
        match step.strip_prefix("run: ") {
            Some("|") => {
                while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
                    commands.extend([line.trim_start(), "\n"]);
                }
            }
            Some(command) => commands.extend([command, "\n"]),
            None if step.starts_with("git ") || step.starts_with("cfn-egress-guard ") => commands.extend([step, "\n"]),
            None => {}
        }
    }
    commands
}

fn bash(folder: &Path, script: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_cfn-egress-guard")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env_clear()
        .envs(coverage())
        .env("PATH", format!("{}:{}:{path}", folder.join(".git/tools").display(), program.display()))
        .envs([("GITHUB_BASE_REF", "main"), ("RUNNER_TEMP", ".git"), ("CI_DEFAULT_BRANCH", "main")])
        .env("HOME", folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap()
}

/// Creates a repository with a branch `main`, a policy and a template, and the examples if a block names one. Its `npx
/// cdk synth` writes the output of the CDK example.
fn repository(name: &str, block: &str) -> PathBuf {
    let folder = scratch(name);
    let examples =
        if block.contains("examples/") { format!("cp -r '{}/examples' .", root().display()) } else { String::new() };
    let made = bash(
        &folder,
        &format!(
            "{examples}\ncp '{root}/policy.toml' . && cp '{root}/examples/compliant.yaml' template.yaml\n\
             git init --quiet --initial-branch main && git add . && \
             git -c user.name=T -c user.email=t@example.com commit --quiet -m examples\n\
             git remote add origin . && git fetch --quiet origin\n\
             mkdir .git/tools && printf '#!/bin/sh\\nmkdir cdk.out && cp {root}/examples/cdk/compliant.json \
             cdk.out/Shop.template.json\\n' > .git/tools/npx && chmod +x .git/tools/npx",
            root = root().display()
        ),
    );
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

#[test]
fn commands_run() {
    let mut run = 0;
    for block in blocks().iter().filter(|block| block.run_by.is_none() && !block.text.is_empty()) {
        let folder = repository("pages", &block.text);

        let output = bash(&folder, &block.text);
        assert_eq!(
            output.status.code(),
            Some(block.exit),
            "{}:\n{}\n{}",
            block.page,
            block.text,
            String::from_utf8_lossy(&output.stderr)
        );
        run += 1;
    }
    assert!(run >= 3, "{run} blocks");
}

#[test]
fn a_block_that_is_run_elsewhere_names_a_test_that_reads_its_page() {
    for block in blocks() {
        let Some(test) = block.run_by else { continue };
        let test_text = read(&test);
        let name = block.page.rsplit('/').next().unwrap();
        assert!(test_text.contains(name) || test_text.contains("run by"), "{test} runs {}", block.page);
    }
}
