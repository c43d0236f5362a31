//! The floor that `make bench` compares `check` with: reads templates into their trees of values with
//! places, and decides nothing.
#![expect(clippy::disallowed_methods, reason = "a program reads its files")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]

fn main() {
    for path in std::env::args_os().skip(1) {
        let document = cfn_egress_guard::source::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
        // As `check` does before it ends: taking a large tree apart would be a tenth of the run.
        std::mem::forget(std::hint::black_box(document));
    }
}
