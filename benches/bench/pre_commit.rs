//! Measures `check` as a pre-commit hook on the files of a commit, compared with a hook that does nothing and with
//! cfn-lint.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::goals::{Goals, Measured};
use super::inputs::{part, root, yaml};
use super::process::Invocation;
use super::statistics::Durations;

/// The number of files that the commits change.
const FILES: [usize; 3] = [1, 10, 100];

/// A hook's id, its command, pre-commit's exit codes, and the number of runs for each number of files.
type Hook = (&'static str, String, &'static [i32], [usize; FILES.len()]);

pub(crate) fn measure(goals: &mut Goals) {
    let check = part("CFN_EGRESS_GUARD", "target/release/cfn-egress-guard");
    let cfn_lint = part("CFN_LINT", ".parts/bench/venv/bin/cfn-lint");
    let hooks: [Hook; 3] = [
        ("nothing", "true".to_owned(), &[0], [10; 3]),
        ("check", format!("{} check --skip-other-files", check.display()), &[1], [10; 3]),
        ("cfn-lint", cfn_lint.display().to_string(), &[0, 1], [3, 1, 1]),
    ];
    let repository = Repository::new(&hooks);
    println!("\nAs a hook of pre-commit, s, on so many files");
    FILES.iter().for_each(|files| print!("{}{files:>8}", if *files == 1 { " ".repeat(32) } else { String::new() }));
    println!();
    let mut times = Vec::new();
    for (id, _, codes, rounds) in &hooks {
        print!("{id:<32}");
        let mut row = Vec::new();
        for (files, rounds) in FILES.iter().zip(rounds) {
            let mut durations = Durations::default();
            (0..*rounds).for_each(|_| durations.add(repository.run(id, *files, codes).time()));
            print!("{:>8.2}", durations.median_ms() / 1e3);
            row.push(durations.median_ms());
        }
        println!();
        times.push(row);
    }
    if let [nothing, check, cfn_lint] = times.as_slice() {
        for (index, files) in FILES.iter().enumerate() {
            let of = |row: &Vec<f64>| row.get(index).copied().unwrap_or_default();
            let what = format!("pre-commit: {files} files, beside a hook that does nothing");
            goals.at_most(&what, 1.3, of(check) / of(nothing), "x");
            let what = format!("pre-commit: {files} files, faster than cfn-lint");
            goals.at_least(&what, 2.0, Measured::Exactly(of(cfn_lint) / of(check)));
        }
    }
}

/// A git repository with templates and these hooks.
struct Repository(PathBuf);

impl Repository {
    fn new(hooks: &[Hook]) -> Self {
        let folder = root().join("target/bench/repository");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..FILES.into_iter().max().unwrap_or_default() {
            std::fs::write(folder.join(template(number)), yaml(1, 6)).unwrap();
        }
        let mut config = "repos:\n  - repo: local\n    hooks:\n".to_owned();
        for (id, entry, ..) in hooks {
            let _ = writeln!(
                config,
                "      - {{ id: {id}, name: {id}, language: system, entry: \"{entry}\", require_serial: true }}"
            );
        }
        std::fs::write(folder.join(".pre-commit-config.yaml"), config).unwrap();
        for arguments in [["init", "--quiet"].as_slice(), &["add", "--all"]] {
            Invocation::of(Path::new("git"), arguments, &[0]).within(&folder).time();
        }
        Self(folder)
    }

    fn run(&self, id: &str, files: usize, codes: &'static [i32]) -> Invocation {
        let pre_commit = part("PRE_COMMIT", ".parts/bench/venv/bin/pre-commit");
        let files: Vec<String> = (0..files).map(template).collect();
        let mut arguments = vec!["run", id, "--files"];
        arguments.extend(files.iter().map(String::as_str));
        Invocation::of(&pre_commit, &arguments, codes).within(&self.0)
    }
}

fn template(number: usize) -> String {
    format!("template-{number:03}.yaml")
}
