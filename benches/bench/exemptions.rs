//! Measures long policies: the time that the function takes to read one, and the cost of each decision.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use cfn_egress_guard_core::hook::{Config, decide};
use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::policy::Date;

use super::goals::Goals;
use super::inputs::{part, properties_event, written};
use super::lambda::{self, Candidate};
use super::statistics::{in_turns, mega};

/// The number of exemptions in each policy: none, as for a large account, and as for an organization.
const SIZES: [usize; 4] = [0, 100, 1_000, 5_000];

/// The day of the decisions, on which every exemption applies.
const TODAY: Date = Date::of_unix_seconds(1_800_000_000);

/// A group with one range of ports that no exemption covers.
const BLOCKED: &str = r#"{"GroupDescription":"x","SecurityGroupEgress":[
    {"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/16"},
    {"IpProtocol":"udp","FromPort":53,"ToPort":53,"CidrIp":"10.0.0.2/32"},
    {"IpProtocol":"tcp","FromPort":80,"ToPort":87,"CidrIp":"10.0.0.0/16"}]}"#;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn measure(goals: &mut Goals) {
    let policies = SIZES.map(policy);
    let event = properties_event(BLOCKED);
    println!("\n{:>14} {:>12} {:>12} {:>14}", "exemptions", "policy kB", "read", "one decision");
    let mut decisions = Vec::new();
    for (exemptions, text) in SIZES.iter().zip(&policies) {
        assert!(text.len() < policy::MAX_BYTES, "{} bytes", text.len());
        let config = Config::read(Some(text), None);
        assert_eq!(config.problem(), None);
        let [read] = in_turns(20, [&mut || drop(black_box(Config::read(Some(text), None)))]);
        let [decided] = in_turns(500, [&mut || drop(black_box(decide(&event, &config, TODAY).response()))]);
        println!("{exemptions:>14} {:>12.0} {read:>9.2} ms {:>11.1} µs", mega(text.len() as u64) * 1e3, decided * 1e3);
        decisions.push(decided);
    }
    if let [none, .., all] = decisions.as_slice() {
        goals.at_most("exemptions: a decision with 5,000, beside one with none", 20.0, all / none, "x");
    }
    starts(&policies, event, goals).await;
}

/// Measures the time from the function's start to its first answer, with each policy beside the program.
async fn starts(policies: &[String], event: Vec<u8>, goals: &mut Goals) {
    let bootstrap = part("BOOTSTRAP", "target/function/bootstrap");
    let candidate = |(exemptions, text): (&usize, &String)| {
        let file = written(&format!("policy-{exemptions}/policy.toml"), text);
        let folder = file.parent().unwrap_or(Path::new(".")).display().to_string();
        Candidate {
            name: exemptions.to_string(),
            program: bootstrap.clone(),
            arguments: Vec::new(),
            environment: vec![("LAMBDA_TASK_ROOT".to_owned(), folder)],
            event: event.clone().into(),
            answer: "NonCompliant",
            starts: 20,
            warm: 100,
        }
    };
    let candidates: Vec<Candidate> = SIZES.iter().zip(policies).map(candidate).collect();
    let measured = lambda::measure(&candidates).await;
    println!("\n{:>14} {:>13} {:>12} {:>9}", "exemptions", "first answer", "warm median", "peak MB");
    for (candidate, measured) in candidates.iter().zip(&measured) {
        println!(
            "{:>14} {:>10.2} ms {:>9.1} µs {:>9.1}",
            candidate.name,
            measured.first_answer.median_ms(),
            measured.warm.median_ms() * 1e3,
            mega(measured.peak_kib * 1024)
        );
    }
    if let [none, .., all] = measured.as_slice() {
        let (first, warm) = (all.first_answer.median_ms(), all.warm.median_ms());
        goals.at_most(
            "exemptions: first answer with 5,000, beside none",
            50.0,
            first / none.first_answer.median_ms(),
            "x",
        );
        goals.at_most("exemptions: warm with 5,000, beside none", 3.0, warm / none.warm.median_ms(), "x");
        goals.at_most("exemptions: peak memory with 5,000", 100.0, mega(all.peak_kib * 1024), "MB");
    }
}

/// Returns a policy with this many exemptions, as `scan --suggest-exemptions` drafts them and people complete them.
fn policy(exemptions: usize) -> String {
    let mut text = "preset = \"literal\"\n".to_owned();
    for number in 0..exemptions {
        let account = 100_000_000_000_u64 + u64::try_from(number % 40).unwrap_or_default();
        let _ = write!(
            text,
            "\n[[exemption]]\nid = \"debt-{account}-{number:012x}\"\n\
             reason = \"the service reaches its partner on a range of ports until it is moved\"\n\
             owner = \"team-{}@example.com\"\nexpires = 2099-06-30\naccount = \"{account}\"\nregion = \"us-west-2\"\n\
             stack_name = [\"service-{number}-blue\", \"service-{number}-green\"]\nlogical_id = \"WebSg\"\n\
             protocol = \"tcp\"\nports = \"1024-2048\"\ndestination = \"10.{}.0.0/16\"\n",
            number % 25,
            number % 256,
        );
    }
    text
}
