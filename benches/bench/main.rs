//! `make bench`: compares the function and `check` with their floors, which decide nothing, and with their peers, which
//! make similar decisions. All of them run in turns in one run: compare the ratios, never the figures of two runs.
//!
//! `ROWS=keys,memory make bench` measures only these rows.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints and measures time")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot run stops")]

mod check;
mod cold;
mod download;
mod exemptions;
mod function;
mod goals;
mod growth;
mod inputs;
mod install;
mod lambda;
mod pre_commit;
mod process;
mod scan;
mod statistics;
mod wide;

use goals::Goals;

/// Measures a row and adds its goals.
type Row = fn(&mut Goals);

/// The rows that can be measured separately, in the order of a full run.
const ROWS: [(&str, Row); 11] = [
    ("function", function::measure),
    ("memory", wide::events),
    ("download", download::measure),
    ("cold", cold::measure),
    ("check", check::measure),
    ("pre-commit", pre_commit::measure),
    ("growth", growth::measure),
    ("keys", wide::keys),
    ("exemptions", exemptions::measure),
    ("scan", scan::measure),
    ("install", install::measure),
];

fn main() {
    let asked = std::env::var("ROWS").unwrap_or_default();
    let asked: Vec<&str> = asked.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    let names = ROWS.map(|(name, _)| name);
    if let Some(unknown) = asked.iter().find(|name| !names.contains(name)) {
        panic!("there is no row `{unknown}`: ROWS names some of {}", names.join(", "));
    }
    println!(
        "A whole run takes some twenty minutes, most of them peers at work; each run of a peer is stopped after {} s.",
        LIMIT.as_secs()
    );
    let mut goals = Goals::default();
    for (_, measure) in ROWS.iter().filter(|(name, _)| asked.is_empty() || asked.contains(name)) {
        measure(&mut goals);
    }
    goals.print();
}

/// The time after which a run of a program is stopped.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
