//! Measures `check` as a whole process, compared with a program that only parses and with cfn-guard,
//! cloudformation-validate, cfn-lint, and checkov. cfn-guard checks one rule, like `check`: AWS's own, which reports
//! 500 groups, and another one that reports the 1,500 egress rules. cloudformation-validate checks the latter and its
//! own rules. The others check all of their rules.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::LIMIT;
use super::goals::{Goals, Measured};
use super::inputs::{GROUPS_OF_1_MB, RULES, json, part, root, written, yaml};
use super::process::Invocation;
use super::statistics::{Durations, mega};

/// The templates, in the order of the columns.
const INPUTS: [&str; 5] = ["1.3 kB", "100 kB YAML", "1 MB YAML", "1 MB JSON", "1,000 files"];
const SMALL: usize = 0;
const YAML: usize = 2;
const JSON: usize = 3;
const FOLDER: usize = 4;

/// A program, and the number of its runs with each input.
struct Program {
    name: &'static str,
    invocation: Invocation,
    /// The arguments before the input.
    before_input: &'static [&'static str],
    rounds: [usize; INPUTS.len()],
    cells: [Cell; INPUTS.len()],
}

/// The measurements of one program with one input.
#[derive(Default)]
struct Cell {
    times: Durations,
    stopped: bool,
    peak_kib: u64,
}

pub(crate) fn measure(goals: &mut Goals) {
    let inputs = inputs();
    let mut programs = programs();
    let rounds = programs.iter().flat_map(|program| program.rounds).max().unwrap_or(0);
    for round in 0..rounds {
        for program in &mut programs {
            for (index, input) in inputs.iter().enumerate() {
                program.round(round, rounds, index, input);
            }
        }
    }
    println!("\nWhole processes, ms; peak memory on 1 MB of YAML");
    print!("{:<32}", "");
    INPUTS.iter().for_each(|input| print!(" {input:>12}"));
    println!(" {:>9}", "peak MB");
    programs.iter().for_each(Program::print);
    report(goals, &programs);
}

fn inputs() -> [Vec<PathBuf>; INPUTS.len()] {
    let small = yaml(1, 6);
    let folder = (0..1_000).map(|index| written(&format!("folder/template-{index:03}.yaml"), &small)).collect();
    [
        vec![written("small.yaml", &small)],
        vec![written("medium.yaml", &yaml(GROUPS_OF_1_MB / 10, RULES))],
        vec![written("big.yaml", &yaml(GROUPS_OF_1_MB, RULES))],
        vec![written("big.json", &json(GROUPS_OF_1_MB, RULES))],
        folder,
    ]
}

fn programs() -> Vec<Program> {
    let program = |name, program: &Path, arguments: &[&str], codes, rounds| Program {
        name,
        invocation: Invocation::of(program, arguments, codes),
        before_input: &[],
        rounds,
        cells: Default::default(),
    };
    let parse = part("PARSE", "target/release/parse");
    let check = &part("CFN_EGRESS_GUARD", "target/release/cfn-egress-guard");
    let guard = part("CFN_GUARD", ".parts/bench/bin/cfn-guard");
    let registry = part("CFN_GUARD_RULES", "benches/peers/port_range.guard");
    let each_rule = part("CFN_GUARD_EACH_RULE", "benches/peers/each_rule.guard");
    let python = part("PYTHON", ".parts/bench/venv/bin/python");
    let cfn_lint = part("CFN_LINT", ".parts/bench/venv/bin/cfn-lint");
    let checkov = part("CHECKOV", ".parts/bench/venv/bin/checkov");
    let on_one = ["-c", "0", check.to_str().unwrap(), "check"];
    let guard = |name, rules: &PathBuf, rounds| {
        let output = ["--structured", "--output-format", "json", "--show-summary", "none"];
        let arguments = [["validate", "--rules", rules.to_str().unwrap()].as_slice(), &output].concat();
        Program { before_input: &["--data"], ..program(name, &guard, &arguments, &[19], rounds) }
    };
    let validate = root().join("benches/peers/validate.py");
    let validate = validate.to_str().unwrap();
    vec![
        program("parse only", &parse, &[], &[0], [40, 40, 40, 40, 10]),
        program("parse only, as YAML", &parse, &["--yaml"], &[0], [0, 0, 0, 40, 0]),
        program("check", check, &["check"], &[1], [40, 40, 40, 40, 10]),
        program("check, on one processor", Path::new("taskset"), &on_one, &[1], [0, 0, 0, 0, 10]),
        program("check --format json", check, &["check", "--format", "json"], &[1], [40, 40, 40, 40, 10]),
        guard("cfn-guard, JSON output", &registry, [20, 10, 10, 10, 5]),
        guard("cfn-guard, each rule, JSON output", &each_rule, [20, 10, 10, 10, 5]),
        program("cloudformation-validate", &python, &[validate, each_rule.to_str().unwrap()], &[0], [5, 3, 1, 1, 1]),
        program("cfn-lint, all its rules", &cfn_lint, &[], &[0, 2, 4, 6, 8, 10, 12, 14], [3, 1, 1, 0, 1]),
        Program {
            before_input: &["--file"],
            ..program("checkov, all its rules", &checkov, &["--skip-download"], &[0, 1], [3, 1, 1, 0, 1])
        },
    ]
}

impl Program {
    fn with(&self, input: &[PathBuf]) -> Invocation {
        let mut invocation = self.invocation.clone();
        invocation.arguments.extend(self.before_input.iter().map(OsString::from));
        invocation.arguments.extend(input.iter().map(OsString::from));
        invocation
    }

    /// Runs the program if it is its turn: the rounds of each program are spread over all rounds. The first run is
    /// observed for its memory and its duration. Its time counts only if it is the only run.
    fn round(&mut self, round: usize, of: usize, index: usize, input: &[PathBuf]) {
        let (Some(&rounds), invocation) = (self.rounds.get(index), self.with(input)) else { return };
        let Some(cell) = self.cells.get_mut(index) else { return };
        if cell.stopped || round * rounds / of == (round + 1) * rounds / of {
            return;
        }
        if cell.peak_kib > 0 {
            return cell.times.add(invocation.time());
        }
        let observed = invocation.observe(LIMIT);
        cell.peak_kib = observed.peak_kib.max(1);
        match observed.took {
            None => {
                cell.stopped = true;
                cell.times.add(LIMIT);
            }
            Some(took) if rounds == 1 => cell.times.add(took),
            Some(_) => {}
        }
    }

    fn print(&self) {
        print!("{:<32}", self.name);
        for (cell, rounds) in self.cells.iter().zip(self.rounds) {
            let ms = cell.times.median_ms();
            let digits = if ms < 100.0 { 2 } else { 0 };
            let figure = match (rounds, cell.stopped) {
                (0, _) => "-".to_owned(),
                (_, true) => format!("> {ms:.0}"),
                (_, false) => format!("{ms:.digits$}"),
            };
            print!(" {figure:>12}");
        }
        println!(" {:>9.1}", mega(self.cells.get(YAML).map_or(0, |cell| cell.peak_kib) * 1024));
    }

    fn ms(&self, input: usize) -> f64 {
        self.cells.get(input).map_or(0.0, |cell| cell.times.median_ms())
    }

    /// Returns how many times as long it takes as another program.
    fn times(&self, other: &Self, input: usize) -> Measured {
        let times = self.ms(input) / other.ms(input);
        let stopped = self.cells.get(input).is_some_and(|cell| cell.stopped);
        if stopped { Measured::MoreThan(times) } else { Measured::Exactly(times) }
    }
}

fn report(goals: &mut Goals, programs: &[Program]) {
    let [parse, as_yaml, check, on_one, as_json, _, guard_each, _, cfn_lint, checkov] = programs else { return };
    let beside = |program: &Program, input| program.ms(input) / parse.ms(input);
    goals.at_most("check: 1.3 kB, beside parsing", 2.0, beside(check, SMALL), "x");
    goals.at_most("check: 1 MB of YAML, beside parsing", 1.3, beside(check, YAML), "x");
    goals.at_most("check --format json: 1 MB of YAML, beside parsing", 1.5, beside(as_json, YAML), "x");
    goals.at_most("check: 1 MB of JSON, beside parsing it as YAML", 0.7, check.ms(JSON) / as_yaml.ms(JSON), "x");
    for (what, least, peer, input) in [
        ("check: 1 MB of YAML, faster than cfn-guard's JSON output, same findings", 10.0, guard_each, YAML),
        ("check: 1 MB of JSON, faster than cfn-guard's JSON output, same findings", 10.0, guard_each, JSON),
        ("check: 1,000 files, faster than cfn-lint", 300.0, cfn_lint, FOLDER),
        ("check: 1,000 files, faster than checkov", 100.0, checkov, FOLDER),
    ] {
        goals.at_least(what, least, peer.times(check, input));
    }
    let peak = |program: &Program| program.cells.iter().map(|cell| cell.peak_kib).max().unwrap_or(0);
    goals.at_most("check: peak memory, any of these inputs", 40.0, mega(peak(check).max(peak(as_json)) * 1024), "MB");
    let what = "check: 1,000 files on all processors, faster than on one";
    goals.at_least(what, 1.5, on_one.times(check, FOLDER));
}
