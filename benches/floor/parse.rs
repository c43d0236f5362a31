//! The floor that `make bench` compares `check` with: reads templates into their trees of values with
//! places, and decides nothing. After `--yaml`, JSON is taken for the YAML that it is as well.
#![expect(clippy::disallowed_methods, reason = "a program reads its files")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]

fn main() {
    let mut before = "";
    for path in std::env::args_os().skip(1) {
        if path == "--yaml" {
            before = "---\n";
            continue;
        }
        let text = before.to_owned() + &std::fs::read_to_string(path).unwrap();
        let document = cfn_egress_guard_core::source::parse(&text).unwrap();
        // As `check` does before it ends: taking a large tree apart would be a tenth of the run.
        std::mem::forget(std::hint::black_box(document));
    }
}
