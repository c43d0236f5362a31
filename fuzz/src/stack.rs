//! Any document of a STACK invocation is decided, and what blocks the stack is an error of `check` too. The input is a
//! template, a NUL, and the previous template.

use crate::answer;
use cfn_egress_guard_core::check::{CheckContext, check};
use cfn_egress_guard_core::hook::{Config, ErrorCode};
use cfn_egress_guard_core::rule::policy::Policy;
use cfn_egress_guard_core::rule::{Treatment, Verdict};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::Scope;
use serde_json::json;

/// Checks one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (template, before) = text.split_once('\0').unwrap_or((text, ""));
    let document = json!({"template": template, "previousTemplate": before}).to_string();
    let unchanged_rules = if before.is_empty() { Treatment::Block } else { Treatment::Allow };
    let policy = Policy { unchanged_rules, ..Policy::default() };
    let config = Config::new(policy.clone());
    let fetch = answer::about("STACK", &config);
    let response = answer::checked(&fetch.decide(Ok(document.as_bytes()), &config, answer::today()));
    if response.error_code == Some(ErrorCode::NonCompliant) {
        let parsed = source::parse(template).expect("it was read before");
        let scope = Scope {
            account: Some("123456789012".to_owned()),
            region: Some("us-east-1".to_owned()),
            stack_name: Some("web".to_owned()),
            ..Scope::default()
        };
        let checked =
            check(&parsed.root, &scope, &CheckContext::of(&policy, answer::today())).expect("it was judged before");
        assert_eq!(checked.verdict(), Verdict::NonCompliant);
    }
}
