//! Measures objects with many keys, in each way in which they become values, and the memory of the largest events.

use std::fmt::Write as _;
use std::hint::black_box;

use cfn_egress_guard::rehearsal::LocalFunction;
use cfn_egress_guard_core::hook::{Config, decide};
use cfn_egress_guard_core::rule::Settings;
use cfn_egress_guard_core::rule::policy::Date;
use cfn_egress_guard_core::source;
use cfn_egress_guard_core::value::Value;

use super::goals::Goals;
use super::inputs::{part, properties_event};
use super::process::peak_kib;
use super::statistics::{in_turns, mega};

/// The size of Lambda's largest event.
const EVENT_BYTES: usize = 6_000_000;

/// Measures the time for one key of a large object, compared with a small object.
pub(crate) fn keys(goals: &mut Goals) {
    println!("\n{:>14} {:>12} {:>12} {:>12} {:>12}", "distinct keys", "JSON", "YAML", "values", "an event");
    let config = Config::new(Settings::default());
    let mut by_key = Vec::new();
    for keys in [1_000_u32, 10_000, 80_000] {
        let json = object(keys);
        let mut yaml = String::new();
        (0..keys).for_each(|key| writeln!(yaml, "k{key:05}: {key}").unwrap());
        let event = properties_event(&json);
        let times = in_turns(
            400_000 / keys,
            [
                &mut || drop(black_box(source::parse(&json).unwrap())),
                &mut || drop(black_box(source::parse(&yaml).unwrap())),
                &mut || drop(black_box(serde_json::from_str::<Value>(&json).unwrap())),
                &mut || drop(black_box(decide(&event, &config, Date::of_unix_seconds(0)).response())),
            ],
        );
        let each = times.map(|time| time * 1e6 / f64::from(keys));
        let [json, yaml, values, event] = each.map(|nanoseconds| format!("{nanoseconds:.0} ns"));
        println!("{keys:>14} {json:>12} {yaml:>12} {values:>12} {event:>12}");
        by_key.push(each);
    }
    if let [few, .., many] = by_key.as_slice() {
        let most = many.iter().zip(few).map(|(many, few)| many / few).fold(0.0, f64::max);
        goals.at_most("growth: a key of 80,000, beside one of 1,000", 2.5, most, "x");
    }
}

fn object(keys: u32) -> String {
    let entries: Vec<String> = (0..keys).map(|key| format!("\"k{key:05}\":{key}")).collect();
    format!("{{{}}}", entries.join(","))
}

/// Measures the memory of the function when it answers the largest events, in shapes that are small as text and large
/// in memory.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn events(goals: &mut Goals) {
    let bootstrap = part("BOOTSTRAP", "target/function/bootstrap");
    let repeated = |part: &str| vec![part; EVENT_BYTES / (part.len() + 1)].join(",");
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let egress = |part: &str| format!("{{\"SecurityGroupEgress\":[{}]}}", repeated(part));
    let mut most = 0;
    println!("\n{:<44} {:>9}", "RESOURCE events of 6 MB", "peak MB");
    for (name, properties) in [
        ("lists in lists", egress(&deep)),
        ("objects with an empty key", egress("{\"\":0}")),
        ("egress rules", egress("{\"IpProtocol\":\"tcp\",\"FromPort\":1,\"ToPort\":2}")),
        ("one object of 450,000 keys", object(450_000)),
    ] {
        let mut function = LocalFunction::start(&bootstrap, &[], &[]).await.unwrap();
        let answer = function.invoke(properties_event(&properties).into()).await.unwrap();
        assert!(answer.starts_with(b"{"), "{name} has no answer");
        let peak = peak_kib(function.process_id().unwrap()) * 1024;
        println!("{name:<44} {:>9.1}", mega(peak));
        most = most.max(peak);
    }
    goals.at_most("RESOURCE: peak memory, events of 6 MB", 200.0, mega(most), "MB");
}
