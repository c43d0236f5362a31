//! Replays every interesting input that fuzzing found, and every file that it starts from, with the same functions.
#![expect(clippy::disallowed_methods, reason = "a test reads files")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cfn_egress_guard_fuzz::TARGETS;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

#[test]
fn every_input_of_the_corpus_keeps_what_has_to_be_so() {
    for (name, run) in TARGETS {
        let inputs = files(&folder().join("corpus").join(name));
        assert!(!inputs.is_empty(), "{name} has a corpus");
        for file in inputs {
            let input = std::fs::read(&file).unwrap();
            let outcome = std::panic::catch_unwind(|| run(&input));
            assert!(outcome.is_ok(), "{} fails", file.display());
        }
    }
}

/// Templates, reports, and events are inputs for every target, even of a different kind.
#[test]
fn every_fixture_keeps_what_has_to_be_so() {
    let root = folder().parent().unwrap();
    let mut inputs = files(&root.join("examples"));
    for fixtures in ["check", "direct-calls", "engines", "nested", "published-rule"] {
        inputs.extend(files(&root.join("tests/fixtures").join(fixtures)));
    }
    for file in inputs {
        let input = std::fs::read(&file).unwrap();
        for (name, run) in TARGETS {
            let outcome = std::panic::catch_unwind(|| run(&input));
            assert!(outcome.is_ok(), "{name} fails with {}", file.display());
        }
    }
}

#[test]
fn every_target_has_its_program_and_is_in_the_table() {
    let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let programs = manifest.split("[[bin]]").skip(1).filter_map(|section| section.split('"').nth(1));
    assert_eq!(programs.collect::<BTreeSet<_>>(), TARGETS.iter().map(|(name, _)| *name).collect());
    for (name, _) in TARGETS {
        let program = std::fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("cfn_egress_guard_fuzz::{name}::run(input)")), "{name}");
    }
}
