//! Measures the time from an empty virtual environment to the first result: installing the package and checking one
//! template of 1.3 kB. The peers are installed from pip's index without its cache, so that their downloads count; the
//! wheel comes from a file. An installation from source compiles everything.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::goals::{Goals, Measured};
use super::inputs::{part, root, written, yaml};
use super::process::Invocation;

pub(crate) fn measure(goals: &mut Goals) {
    let template = written("small.yaml", &yaml(1, 6));
    let wheel = newest_wheel();
    let wheel = install(&wheel.display().to_string(), &["cfn-egress-guard", "check"], &[1], &template);
    let lint = install(&pinned("cfn-lint"), &["cfn-lint"], &[0, 2, 4, 6, 8, 10, 12, 14], &template);
    let checkov = install(&pinned("checkov"), &["checkov", "--skip-download", "--file"], &[0, 1], &template);
    let source = from_source(&template);
    println!("\nFrom nothing to the first result");
    for (name, took) in [
        ("cfn-egress-guard, wheel", wheel),
        ("cfn-egress-guard, from source", source),
        ("cfn-lint", lint),
        ("checkov", checkov),
    ] {
        println!("{name:<32} {:>8.1} s", took.as_secs_f64());
    }
    goals.at_most("install: wheel to first result", 5.0, wheel.as_secs_f64(), "s");
    for (peer, took) in [("cfn-lint", lint), ("checkov", checkov)] {
        let times = took.as_secs_f64() / wheel.as_secs_f64();
        goals.at_least(&format!("install: wheel to first result, faster than {peer}"), 1.0, Measured::Exactly(times));
    }
}

fn install(package: &str, command: &[&str], codes: &'static [i32], template: &Path) -> Duration {
    let folder = empty("install");
    let started = Instant::now();
    run("python3".into(), &["-m", "venv", &folder], &[0]);
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", package];
    run(Path::new(&folder).join("bin/python"), &pip, &[0]);
    let [program, arguments @ ..] = command else { panic!("no command") };
    let arguments = [arguments, &[template.to_str().unwrap()]].concat();
    run(Path::new(&folder).join("bin").join(program), &arguments, codes);
    started.elapsed()
}

fn from_source(template: &Path) -> Duration {
    let folder = empty("source");
    let command = root().join("command");
    let started = Instant::now();
    let install = ["install", "--quiet", "--locked", "--path", command.to_str().unwrap(), "--root", &folder];
    let target = format!("{folder}/target");
    run("cargo".into(), &[install.as_slice(), &["--target-dir", &target]].concat(), &[0]);
    run(Path::new(&folder).join("bin/cfn-egress-guard"), &["check", template.to_str().unwrap()], &[1]);
    let took = started.elapsed();
    std::fs::remove_dir_all(folder).unwrap();
    took
}

fn run(program: PathBuf, arguments: &[&str], codes: &'static [i32]) {
    Invocation::of(&program, arguments, codes).time();
}

/// Returns an empty folder below `target/bench`.
fn empty(name: &str) -> String {
    let folder = root().join("target/bench").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.display().to_string()
}

fn newest_wheel() -> PathBuf {
    let folder = root().join("target/bench/wheels");
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let wheels = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "whl"));
    let changed = |path: &PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    wheels.max_by_key(changed).unwrap_or_else(|| panic!("no wheel in {}: run `make bench`", folder.display()))
}

/// Returns the peer's version that the other rows measure.
fn pinned(package: &str) -> String {
    let list = std::fs::read_to_string(part("PEERS", "benches/peers/requirements.txt")).unwrap();
    let wanted = format!("{package}==");
    list.lines().find(|line| line.starts_with(&wanted)).unwrap_or(package).to_owned()
}
