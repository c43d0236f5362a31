#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes a file")]
libfuzzer_sys::fuzz_target!(|input: &[u8]| cfn_egress_guard_fuzz::policy::run(input));
