//! The floor for `check` in `make bench`: parses templates into values with their places, and decides nothing. After
//! `--yaml`, it also reads JSON as YAML.
#![expect(clippy::disallowed_methods, reason = "a program reads its files")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

fn main() {
    let mut before = "";
    for path in std::env::args_os().skip(1) {
        if path == "--yaml" {
            before = "---\n";
            continue;
        }
        let text = before.to_owned() + &std::fs::read_to_string(path).unwrap();
        let document = cfn_egress_guard_core::source::parse(&text).unwrap();
        // `check` does the same before it ends: dropping a large tree would take a tenth of the run.
        std::mem::forget(std::hint::black_box(document));
    }
}
