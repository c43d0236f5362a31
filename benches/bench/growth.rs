//! Measures growth with the size of an event or a template, in this process, without process starts and sockets.

use std::hint::black_box;
use std::sync::Arc;

use cfn_egress_guard::report::{FileName, FileReport, HumanOptions, HumanReporter, Reporter as _};
use cfn_egress_guard_core::check::{CheckContext, Defaults, check_each};
use cfn_egress_guard_core::event::Sender;
use cfn_egress_guard_core::hook::{self, Config, HookPlan, decide};
use cfn_egress_guard_core::rule::Settings;
use cfn_egress_guard_core::rule::policy::{Date, Policy};
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::template::Scope;

use super::goals::Goals;
use super::inputs::{GROUPS_OF_1_MB, RULES, document, resource_event, stack_event, yaml};
use super::statistics::{in_turns, mega};

const TODAY: Date = Date::of_unix_seconds(0);

pub(crate) fn measure(goals: &mut Goals) {
    events(goals);
    senders(goals);
    templates(goals);
}

/// Measures deciding a RESOURCE event.
fn events(goals: &mut Goals) {
    println!("\n{:>14} {:>12} {:>12} {:>12}", "RESOURCE rules", "event kB", "decided", "a rule");
    let config = Config::new(Settings::default());
    let mut by_rule = Vec::new();
    for rules in [1_u32, 10, 100, 1_000, 10_000] {
        let event = resource_event(usize::try_from(rules).unwrap());
        let [decided] = in_turns(20_000 / rules, [&mut || drop(black_box(decide(&event, &config, TODAY).response()))]);
        let one = decided * 1e3 / f64::from(rules);
        println!("{rules:>14} {:>12.1} {:>9.0} µs {one:>9.2} µs", mega(event.len() as u64) * 1e3, decided * 1e3);
        by_rule.push(one);
    }
    if let [_, ten, .., most] = by_rule.as_slice() {
        goals.at_most("growth: a rule of 10,000, beside one of 10", 1.5, most / ten, "x");
    }
}

/// Measures distinguishing a RESOURCE event from an EventBridge event, and deciding it.
fn senders(goals: &mut Goals) {
    let config = Config::new(Settings::default());
    let event = resource_event(3);
    let mut decided = || drop(black_box(decide(&event, &config, TODAY).response()));
    let mut described = || {
        assert_eq!(Sender::of(black_box(&event)), Sender::Hook);
        drop(black_box(decide(&event, &config, TODAY).response()));
    };
    let [decided, described] = in_turns(5_000, [&mut decided, &mut described]);
    println!(
        "\nRESOURCE, 3 rules: {:.2} µs decided, {:.2} µs with the check for EventBridge's events",
        decided * 1e3,
        described * 1e3
    );
    goals.at_most("RESOURCE: with the check for EventBridge's events, beside without", 1.05, described / decided, "x");
}

/// Measures parsing a template, deciding it in the hook, and checking it with a rendered report.
fn templates(goals: &mut Goals) {
    println!(
        "\n{:>14} {:>12} {:>12} {:>12} {:>14}",
        "template kB", "parsed", "hook decides", "checked", "checked, a kB"
    );
    let config = Config::new(Settings::default()).with_loopback_payloads();
    let event = stack_event("https://localhost/document");
    let mut by_kilobyte = Vec::new();
    let mut beside_parsing = 0.0;
    for groups in [GROUPS_OF_1_MB / 100, GROUPS_OF_1_MB / 10, GROUPS_OF_1_MB] {
        let text = yaml(groups, RULES);
        let document = document(&text);
        let mut parse = || drop(black_box(source::parse(&text).unwrap()));
        let mut hook = || {
            let HookPlan::Fetch(fetch) = hook::plan(&event, &config, TODAY) else { panic!("nothing to fetch") };
            black_box(fetch.decide(Ok(&document), &config, TODAY).response());
        };
        let mut checked = || report(&text);
        let rounds = u32::try_from(10_000 / groups).unwrap();
        let [parsed, decided, checked] = in_turns(rounds, [&mut parse, &mut hook, &mut checked]);
        let kilobytes = mega(text.len() as u64) * 1e3;
        let one = checked * 1e3 / kilobytes;
        println!("{kilobytes:>14.1} {parsed:>9.2} ms {decided:>9.2} ms {checked:>9.2} ms {one:>11.2} µs");
        by_kilobyte.push(one);
        beside_parsing = decided / parsed;
    }
    goals.at_most("STACK: a template of 1 MB decided, beside its parsing", 1.3, beside_parsing, "x");
    if let [small, .., big] = by_kilobyte.as_slice() {
        goals.at_most("growth: a kilobyte of 1 MB checked, beside one of 10 kB", 1.5, big / small, "x");
    }
}

fn report(text: &str) {
    let document = source::parse(text).unwrap();
    let policy = Policy::default();
    let terms = CheckContext { defaults: Defaults::MayChange, ..CheckContext::of(&policy, TODAY) };
    let name = FileName::same("measured.yaml");
    let report = FileReport::of(name, Arc::new(text.to_owned()), &document, &terms, false, |take| {
        check_each(&document.root, &Scope::default(), &terms, take)
    });
    let mut out = Vec::new();
    let options = HumanOptions {
        styled: false,
        quiet: false,
        notes: false,
        max_findings: usize::MAX,
        width: None,
        complete_formats: Vec::new(),
    };
    let mut human = HumanReporter::new(options);
    human.file(&report, &mut out).unwrap();
    black_box(out);
}
