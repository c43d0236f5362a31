//! `make bench`: the function and `check` beside their floors, which decide nothing, and beside their
//! peers, which decide something like it. In turns, in one run: compare its ratios, never the figures of
//! two runs.
//!
//! `SECTIONS=function,download,check,growth,scan make bench` measures some of it.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints, and takes the time")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot run stops")]

mod check;
mod download;
mod function;
mod goals;
mod growth;
mod inputs;
mod lambda;
mod process;
mod scan;
mod statistics;
mod wide;

use goals::Goals;

fn main() {
    println!("Some seven minutes, most of them peers at work; each run is stopped after {} s.", LIMIT.as_secs());
    let sections = std::env::var("SECTIONS").unwrap_or_else(|_| "function,download,check,growth,scan".to_owned());
    let mut goals = Goals::default();
    for section in sections.split(',') {
        match section {
            "function" => function::measure(&mut goals),
            "download" => download::measure(&mut goals),
            "check" => check::measure(&mut goals),
            "growth" => growth::measure(&mut goals),
            "scan" => scan::measure(&mut goals),
            unknown => panic!("there is no section `{unknown}`"),
        }
    }
    goals.print();
}

/// How long one run of a program may take before it is stopped.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
