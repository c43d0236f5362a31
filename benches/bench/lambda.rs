//! Starts functions with a loopback Runtime API and invokes them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cfn_egress_guard::rehearsal::LocalFunction;

use super::process::peak_kib;
use super::statistics::Durations;

/// A function to measure.
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) event: Bytes,
    /// A part of its answer, so that no failure is measured.
    pub(crate) answer: &'static str,
    pub(crate) starts: usize,
    /// The number of additional invocations after some of the starts.
    pub(crate) warm: usize,
}

/// The number of starts after which functions are invoked again, so that a short disturbance of the machine does not
/// affect only one candidate.
const WARM_STARTS: usize = 10;

#[derive(Default)]
pub(crate) struct Measured {
    /// The time from the start of the process to its first answer.
    pub(crate) first_answer: Durations,
    pub(crate) warm: Durations,
    pub(crate) peak_kib: u64,
}

/// Measures the candidates in turns.
pub(crate) async fn measure(candidates: &[Candidate]) -> Vec<Measured> {
    // Keeps this process awake, so that its wake-up time is not measured.
    let awake = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let mut measured: Vec<Measured> = candidates.iter().map(|_| Measured::default()).collect();
    let rounds = candidates.iter().map(|candidate| candidate.starts).max().unwrap_or(0);
    for round in 0..rounds {
        for (candidate, measured) in candidates.iter().zip(&mut measured) {
            if round < candidate.starts {
                candidate.round(round < WARM_STARTS, measured).await;
            }
        }
    }
    awake.abort();
    measured
}

impl Candidate {
    async fn round(&self, warm: bool, measured: &mut Measured) {
        let started = Instant::now();
        let mut function = LocalFunction::start(&self.program, &self.arguments, &self.environment).await.unwrap();
        let answer = function.invoke(self.event.clone()).await.unwrap();
        measured.first_answer.add(started.elapsed());
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains(self.answer), "{} answered {answer}", self.name);
        if warm {
            for _ in 0..self.warm / 10 {
                self.again(&mut function).await;
            }
            for _ in 0..self.warm {
                measured.warm.add(self.again(&mut function).await);
            }
            measured.peak_kib = measured.peak_kib.max(peak_kib(function.process_id().unwrap()));
        }
    }

    async fn again(&self, function: &mut LocalFunction) -> Duration {
        let started = Instant::now();
        function.invoke(self.event.clone()).await.unwrap();
        started.elapsed()
    }
}
