//! Measures RESOURCE invocations: the function, compared with a bare handler that decides nothing and with the same
//! hook in Python.

use std::path::Path;

use super::goals::{Goals, Measured as Figure};
use super::inputs::{part, resource_event, root};
use super::lambda::{self, Candidate, Measured};
use super::statistics::mega;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn measure(goals: &mut Goals) {
    let bare = part("BARE", "target/function/bare");
    let guard = part("BOOTSTRAP", "target/function/bootstrap");
    let script = root().join("benches/peers/handler.py");
    let candidate = |name: &str, program: &Path, starts: usize| Candidate {
        name: name.to_owned(),
        program: program.to_owned(),
        arguments: Vec::new(),
        environment: Vec::new(),
        event: resource_event(3).into(),
        answer: "SUCCESS",
        starts,
        warm: 1_000,
    };
    let python = Candidate {
        arguments: ["-m", "awslambdaric", "handler.handler"].map(str::to_owned).to_vec(),
        environment: vec![("PYTHONPATH".to_owned(), script.parent().unwrap().display().to_string())],
        ..candidate("Python, awslambdaric", &part("PYTHON", ".parts/bench/venv/bin/python"), 20)
    };
    let candidates = [
        candidate("bare handler (decides nothing)", &bare, 200),
        candidate("cfn-egress-guard bootstrap", &guard, 200),
        python,
    ];
    let measured = lambda::measure(&candidates).await;
    println!(
        "\n{:<44} {:>13} {:>12} {:>9} {:>9} {:>12}",
        "RESOURCE invocations", "first answer", "warm median", "warm p99", "peak MB", "artifact MB"
    );
    for ((candidate, measured), artifact) in candidates.iter().zip(&measured).zip([&bare, &guard, &script]) {
        let size = std::fs::metadata(artifact).map_or(0, |file| file.len());
        println!(
            "{:<44} {:>10.2} ms {:>9.1} µs {:>6.0} µs {:>9.1} {:>12.2}",
            candidate.name,
            measured.first_answer.median_ms(),
            measured.warm.median_ms() * 1e3,
            measured.warm.quantile(0.99).as_secs_f64() * 1e6,
            mega(measured.peak_kib * 1024),
            mega(size),
        );
    }
    let [bare, guarded, python] = measured.as_slice() else { return };
    let ratio = |of: &dyn Fn(&Measured) -> f64, one: &Measured, other: &Measured| of(one) / of(other);
    let first = |measured: &Measured| measured.first_answer.median_ms();
    let warm = |measured: &Measured| measured.warm.median_ms();
    goals.at_most("RESOURCE: first answer, beside a bare handler", 1.1, ratio(&first, guarded, bare), "x");
    goals.at_least("RESOURCE: first answer, faster than Python", 20.0, Figure::Exactly(ratio(&first, python, guarded)));
    goals.at_most("RESOURCE: warm, beside a bare handler", 1.15, ratio(&warm, guarded, bare), "x");
    goals.at_most("RESOURCE: peak memory", 6.0, mega(guarded.peak_kib * 1024), "MB");
    goals.at_most("artifact", 3.5, mega(std::fs::metadata(&guard).map_or(0, |file| file.len())), "MB");
}
