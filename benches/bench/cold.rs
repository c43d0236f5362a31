//! Measures the first answer of a STACK invocation at the share of a processor that Lambda gives a function of 256 MB.
//! The function runs in a control group, which requires root. Its download comes from this process, which is not
//! limited.

use std::fs;
use std::path::{Path, PathBuf};

use super::download;
use super::goals::Goals;
use super::inputs::{GROUPS_OF_1_MB, RULES, document, part, stack_event, yaml};
use super::lambda::{self, Candidate};

/// Lambda gives a function of 1,769 MB a whole processor, and smaller ones a proportional share
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const SHARE: f64 = 256.0 / 1_769.0;

/// The period over which the share is measured, in µs.
const PERIOD: f64 = 20_000.0;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn measure(goals: &mut Goals) {
    let Some(group) = ControlGroup::new() else {
        println!("\nSTACK at a share of a processor: not measured, no control group can be made here (it needs root)");
        return;
    };
    let server = download::Server::new();
    let bootstrap = part("BOOTSTRAP", "target/function/bootstrap");
    let mut candidates = Vec::new();
    for (name, groups) in [("10 kB", GROUPS_OF_1_MB / 100), ("100 kB", GROUPS_OF_1_MB / 10), ("1 MB", GROUPS_OF_1_MB)] {
        let url = server.serve(document(&yaml(groups, RULES))).await;
        // The shell moves itself into the group and then becomes the function.
        let (program, arguments) = group.command(&bootstrap);
        for (share, program, arguments) in
            [("a whole processor", bootstrap.clone(), Vec::new()), ("256 MB's share", program, arguments)]
        {
            candidates.push(Candidate {
                name: format!("template of {name}, {share}"),
                program,
                arguments,
                environment: server.environment(),
                event: stack_event(&url).into(),
                answer: "NonCompliant",
                starts: 10,
                warm: 0,
            });
        }
    }
    let measured = lambda::measure(&candidates).await;
    println!("\n{:<44} {:>13}", "Cold STACK invocations over TLS", "first answer");
    for (candidate, measured) in candidates.iter().zip(&measured) {
        println!("{:<44} {:>10.2} ms", candidate.name, measured.first_answer.median_ms());
    }
    if let Some(largest) = measured.last() {
        goals.at_most(
            "STACK: first answer for 1 MB at 256 MB's share of a processor",
            1_000.0,
            largest.first_answer.median_ms(),
            "ms",
        );
    }
}

/// A control group with the share, version 1 or 2. Dropping the value removes it.
struct ControlGroup(PathBuf);

impl ControlGroup {
    fn new() -> Option<Self> {
        let quota = format!("{:.0}", PERIOD * SHARE);
        let period = format!("{PERIOD:.0}");
        let name = format!("cfn-egress-guard-bench-{}", std::process::id());
        let first = Path::new("/sys/fs/cgroup/cpu").join(&name);
        let second = Path::new("/sys/fs/cgroup").join(&name);
        let made = |folder: &Path, settings: &[(&str, &str)]| {
            fs::create_dir(folder).ok()?;
            let group = Self(folder.to_owned());
            settings.iter().try_for_each(|(file, value)| fs::write(folder.join(file), value)).ok()?;
            Some(group)
        };
        made(&first, &[("cpu.cfs_period_us", &period), ("cpu.cfs_quota_us", &quota)])
            .or_else(|| made(&second, &[("cpu.max", &format!("{quota} {period}"))]))
    }

    fn command(&self, program: &Path) -> (PathBuf, Vec<String>) {
        let script = "echo $$ > \"$1\" && exec \"$2\"";
        let processes = self.0.join("cgroup.procs").display().to_string();
        let arguments = ["-c", script, "sh", &processes, &program.display().to_string()].map(str::to_owned);
        (PathBuf::from("/bin/sh"), arguments.to_vec())
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
