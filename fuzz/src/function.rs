//! The whole function without its sockets: any event is answered in the protocol's shape and produces log lines in
//! JSON; CloudTrail's events are decided or ignored. The input is an event, a NUL, and the document that a download
//! returns.

use cfn_egress_guard_core::event::Sender;
use cfn_egress_guard_core::hook::{Config, ErrorCode, HookPlan, plan};
use cfn_egress_guard_core::rule::{Settings, wording};
use cfn_egress_guard_core::watch::{self, CallConclusion, WatchOutcome};
use serde_json::Value as Json;

use crate::answer;

/// Checks one input.
pub fn run(input: &[u8]) {
    // The text that an answer must not repeat is in another target's events.
    if input.windows(6).any(|window| window == b"SECRET") {
        return;
    }
    let (event, document) = match input.iter().position(|byte| *byte == 0) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &[][..]),
    };
    let config = Config::new(Settings::default());
    match Sender::of(event) {
        Sender::Hook => match plan(event, &config, answer::today()) {
            HookPlan::Decided(decision) => drop(answer::checked(&decision)),
            HookPlan::Fetch(fetch) => {
                answer::checked(&fetch.decide(Ok(document), &config, answer::today()));
                let failed = answer::checked(&fetch.decide(Err("it timed out"), &config, answer::today()));
                assert_eq!(failed.error_code, Some(ErrorCode::InternalFailure));
            }
        },
        Sender::EventBridge => match watch::decide(event, config.policy(), answer::today()) {
            WatchOutcome::Decided(decision) => {
                let defect = CallConclusion::InternalFailure(wording::direct::defect());
                assert_ne!(decision.conclusion, defect);
                for line in watch::lines(&decision, &answer::DELIVERY).lines() {
                    assert!(serde_json::from_str::<Json>(line).is_ok(), "{line}");
                }
            }
            WatchOutcome::Ignored(_) => {}
        },
    }
}
