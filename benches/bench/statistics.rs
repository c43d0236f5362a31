//! Summarizes many durations as one figure.

use std::time::{Duration, Instant};

/// Durations of repeated runs.
#[derive(Default, Clone)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// Returns the median in milliseconds.
    pub(crate) fn median_ms(&self) -> f64 {
        self.quantile(0.5).as_secs_f64() * 1e3
    }

    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index within the list"
        )]
        let index = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
        sorted.get(index).copied().unwrap_or_default()
    }
}

/// Returns the size in megabytes, the unit of goals and tables.
#[expect(clippy::cast_precision_loss, reason = "sizes of megabytes")]
pub(crate) fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Runs the work in turns, and returns the median of each in milliseconds.
pub(crate) fn in_turns<const N: usize>(rounds: u32, mut work: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut times: [Durations; N] = std::array::from_fn(|_| Durations::default());
    for _ in 0..rounds.clamp(20, 5_000) {
        for (work, times) in work.iter_mut().zip(&mut times) {
            times.add(time(*work));
        }
    }
    times.map(|times| times.median_ms())
}

fn time(work: &mut dyn FnMut()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}
