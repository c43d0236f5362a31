//! `make bench`: the function beside a bare handler that decides nothing and beside the same hook in
//! Python, all behind the same loopback Runtime API, in turns, in one run. Compare the ratios of one run,
//! never the figures of two.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench prints, and takes the time")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run stops")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cfn_egress_guard::hook::{Config, decide};
use cfn_egress_guard::rehearsal::LocalFunction;
use cfn_egress_guard::rule::Settings;
use cfn_egress_guard::rule::policy::Date;
use serde_json::json;

/// A program to measure.
struct Candidate {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// What a user deploys: the binary or script.
    artifact: PathBuf,
    starts: usize,
    warm: usize,
}

#[derive(Default)]
struct Measured {
    first_answer: Vec<Duration>,
    warm: Vec<Duration>,
    resident_kib: u64,
}

fn event(rules: usize) -> Vec<u8> {
    let rule = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"});
    json!({
        "clientRequestToken": "f8da6d11-b23f-48f4-814c-0fb6a667f50e",
        "awsAccountId": "123456789012",
        "stackId": "arn:aws:cloudformation:us-west-2:123456789012:stack/MyStack/1a2345b6-0000-00a0-a123-00abc0abc000",
        "hookTypeName": "Security::Egress::SinglePort",
        "hookTypeVersion": "00000008",
        "hookModel": {"LambdaFunction": "arn:aws:lambda:us-west-2:123456789012:function:MyFunction"},
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {
            "targetName": "AWS::EC2::SecurityGroup",
            "targetType": "AWS::EC2::SecurityGroup",
            "targetLogicalId": "WebSg",
            "targetModel": {
                "resourceProperties": {"GroupDescription": "x", "SecurityGroupEgress": vec![rule; rules]}
            }
        },
        "requestContext": {"invocation": 1, "callbackContext": null}
    })
    .to_string()
    .into_bytes()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Never asleep: what is measured is the functions, not how long this process takes to wake up.
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let candidates = candidates();
    let mut measured: Vec<Measured> = candidates.iter().map(|_| Measured::default()).collect();
    let rounds = candidates.iter().map(|candidate| candidate.starts).max().unwrap_or(0);
    for round in 0..rounds {
        for (candidate, measured) in candidates.iter().zip(&mut measured) {
            if round < candidate.starts {
                measure(candidate, round == 0, measured).await;
            }
        }
    }
    report(&candidates, &mut measured);
    growth();
}

fn candidates() -> Vec<Candidate> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = |name: &str, default: &str| std::env::var_os(name).map_or_else(|| root.join(default), PathBuf::from);
    let bootstrap = path("BOOTSTRAP", "target/release/bootstrap");
    let bare = path("BARE", "target/release/examples/bare");
    let python = path("PYTHON", ".venv/bin/python");
    let script = root.join("benches/handler.py");
    for program in [&bootstrap, &bare, &python] {
        assert!(program.is_file(), "{} is missing: run `make bench`", program.display());
    }
    vec![
        Candidate {
            name: "bare handler (decides nothing)",
            artifact: bare.clone(),
            program: bare,
            arguments: vec![],
            starts: 200,
            warm: 5_000,
        },
        Candidate {
            name: "cfn-egress-guard bootstrap",
            artifact: bootstrap.clone(),
            program: bootstrap,
            arguments: vec![],
            starts: 200,
            warm: 5_000,
        },
        Candidate {
            name: "Python, awslambdaric",
            program: python,
            arguments: vec!["-m".to_owned(), "awslambdaric".to_owned(), "handler.handler".to_owned()],
            artifact: script,
            starts: 20,
            warm: 5_000,
        },
    ]
}

async fn measure(candidate: &Candidate, warm: bool, measured: &mut Measured) {
    let event = bytes::Bytes::from(event(3));
    let folder = candidate.artifact.parent().unwrap().display().to_string();
    let environment = [("PYTHONPATH".to_owned(), folder)];
    let started = Instant::now();
    let mut function = LocalFunction::start(&candidate.program, &candidate.arguments, &environment).await.unwrap();
    function.invoke(event.clone()).await.unwrap();
    measured.first_answer.push(started.elapsed());
    if warm {
        for _ in 0..500 {
            function.invoke(event.clone()).await.unwrap();
        }
        for _ in 0..candidate.warm {
            let started = Instant::now();
            function.invoke(event.clone()).await.unwrap();
            measured.warm.push(started.elapsed());
        }
        measured.resident_kib = resident_kib(function.process_id().unwrap());
    }
}

/// The peak resident memory of a process, in KiB (Linux, `VmHWM`).
fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn quantile(sorted: &[Duration], part: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index within the list"
    )]
    let index = ((sorted.len().saturating_sub(1)) as f64 * part).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

fn report(candidates: &[Candidate], measured: &mut [Measured]) {
    println!(
        "{:<32} {:>12} {:>12} {:>12} {:>12} {:>10} {:>10}",
        "", "first answer", "warm median", "warm p99", "invocations", "peak", "artifact"
    );
    println!(
        "{:<32} {:>12} {:>12} {:>12} {:>12} {:>10} {:>10}",
        "", "ms, median", "µs", "µs", "per second", "MiB", "MB"
    );
    let mut medians = Vec::new();
    for (candidate, measured) in candidates.iter().zip(measured) {
        measured.first_answer.sort();
        let total: Duration = measured.warm.iter().sum();
        measured.warm.sort();
        let first = quantile(&measured.first_answer, 0.5).as_secs_f64() * 1e3;
        let warm = quantile(&measured.warm, 0.5).as_secs_f64() * 1e6;
        let p99 = quantile(&measured.warm, 0.99).as_secs_f64() * 1e6;
        let count = f64::from(u32::try_from(measured.warm.len()).unwrap());
        let size = std::fs::metadata(&candidate.artifact).map_or(0, |file| file.len());
        #[expect(clippy::cast_precision_loss, reason = "sizes of megabytes")]
        let (resident, size) = (measured.resident_kib as f64 / 1024.0, size as f64 / 1e6);
        println!(
            "{:<32} {first:>12.2} {warm:>12.1} {p99:>12.1} {:>12.0} {resident:>10.1} {size:>10.2}",
            candidate.name,
            count / total.as_secs_f64(),
        );
        medians.push((first, warm));
    }
    if let [bare, guard, python] = medians.as_slice() {
        println!();
        println!("first answer: {:.2} × bare handler, Python takes {:.0} ×", guard.0 / bare.0, python.0 / guard.0);
        println!("warm median:  {:.2} × bare handler, Python takes {:.1} ×", guard.1 / bare.1, python.1 / guard.1);
    }
}

/// Deciding alone, in this process, for events of growing size.
fn growth() {
    println!("\n{:>8} {:>12} {:>14} {:>14}", "rules", "event bytes", "decision µs", "ns per rule");
    let config = Config::new(Settings::default());
    let today = Date::of_unix_seconds(0);
    for rules in [1_u32, 10, 100, 1_000, 10_000] {
        let event = event(usize::try_from(rules).unwrap());
        let rounds = (20_000 / rules).clamp(20, 5_000);
        let mut times: Vec<Duration> = (0..rounds)
            .map(|_| {
                let started = Instant::now();
                std::hint::black_box(decide(std::hint::black_box(&event), &config, today).response());
                started.elapsed()
            })
            .collect();
        times.sort();
        let median = quantile(&times, 0.5).as_secs_f64();
        println!("{rules:>8} {:>12} {:>14.1} {:>14.0}", event.len(), median * 1e6, median * 1e9 / f64::from(rules));
    }
}
