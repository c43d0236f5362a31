//! Any text is read as a baseline or refused with an explanation.

use cfn_egress_guard::report::Baseline;

/// Checks one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for is_there in [true, false] {
        if let Err(error) = Baseline::read(text, |_| is_there) {
            assert!(error.to_string().contains("`check --format json`"), "{error}");
        }
    }
}
