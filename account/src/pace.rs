//! The pace of requests to AWS: retries, and the number of parallel requests.
//!
//! The SDK retries by itself according to the user's configuration, within its retry budget; many failures at once use
//! that up. When the SDK gives up because of throttling or a missing answer, the request waits here, and the whole
//! Region slows down.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use super::failure::{Failure, FailureKind};

/// The number of retries for a request without an answer, after the SDK's own attempts: an unreachable server should
/// not delay the report for long.
const ROUNDS_WITHOUT_ANSWER: u32 = 3;

/// The retry policy for a throttled request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The number of retries after the SDK's own attempts.
    pub rounds: u32,
    /// The length of the first pause; each further pause is twice as long.
    pub first_pause: Duration,
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    /// Returns a policy of about two minutes.
    fn default() -> Self {
        Self { rounds: 8, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// Returns the pause before a retry: between half and all of its length, so that requests that were throttled
    /// together do not return together.
    fn pause(self, round: u32) -> Duration {
        let whole =
            self.first_pause.saturating_mul(1_u32.checked_shl(round).unwrap_or(u32::MAX)).min(self.longest_pause);
        // Each new RandomState has a new seed: randomness without another crate.
        let chance = u32::try_from(RandomState::new().hash_one(round) % 1_000).unwrap_or_default();
        whole / 2 + whole * chance / 2_000
    }
}

/// Makes a request until it is answered without throttling, within the retry policy. Counts how often it was throttled.
pub(super) async fn with_retries<T, F, Fut>(
    retry_policy: RetryPolicy,
    throttled: &mut u32,
    mut request: F,
) -> Result<T, Failure>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Failure>>,
{
    let mut round = 0;
    loop {
        match request().await {
            Err(failure) if matches!(failure.kind, FailureKind::Throttled | FailureKind::Unreachable) => {
                *throttled = throttled.saturating_add(1);
                let answered = failure.kind == FailureKind::Throttled;
                let rounds =
                    if answered { retry_policy.rounds } else { retry_policy.rounds.min(ROUNDS_WITHOUT_ANSWER) };
                if round >= rounds {
                    return Err(failure);
                }
                tokio::time::sleep(retry_policy.pause(round)).await;
                round += 1;
            }
            answer => return answer,
        }
    }
}

/// The number of parallel requests in a Region: halved after a throttled request, one more after as many successful
/// requests as run in parallel.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLimit {
    now: usize,
    most: usize,
    good: usize,
}

impl RequestLimit {
    /// Starts at half of the maximum.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { now: most.div_ceil(2), most, good: 0 }
    }

    pub(super) const fn now(&self) -> usize {
        self.now
    }

    /// Adjusts the limit after a request; returns true if the limit decreased.
    pub(super) fn learn(&mut self, throttled: u32) -> bool {
        if throttled > 0 {
            let before = self.now;
            self.now = (self.now / 2).max(1);
            self.good = 0;
            return self.now < before;
        }
        self.good += 1;
        if self.good >= self.now && self.now < self.most {
            self.now += 1;
            self.good = 0;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: RetryPolicy =
        RetryPolicy { rounds: 3, first_pause: Duration::from_millis(1), longest_pause: Duration::from_millis(2) };

    #[tokio::test]
    async fn throttled_requests_are_tried_again_and_not_for_ever() {
        let refused = || Failure::new("a:B", FailureKind::Throttled, "slow down");
        let (mut calls, mut throttled) = (0, 0);
        let answer = with_retries(QUICK, &mut throttled, || {
            calls += 1;
            let answer = if calls < 3 { Err(refused()) } else { Ok(calls) };
            async { answer }
        })
        .await;
        assert_eq!((answer, throttled), (Ok(3), 2));

        let mut calls = 0;
        let answer: Result<(), _> = with_retries(QUICK, &mut throttled, || {
            calls += 1;
            async { Err(refused()) }
        })
        .await;
        assert_eq!((answer, calls), (Err(refused()), 4));
    }

    #[tokio::test]
    async fn no_answer_is_tried_again_a_few_times() {
        let mut calls = 0;
        let failure = || Failure::new("a:B", FailureKind::Unreachable, "reset");
        let retry_policy = RetryPolicy { rounds: 100, ..QUICK };
        let answer: Result<(), _> = with_retries(retry_policy, &mut 0, || {
            calls += 1;
            async { Err(failure()) }
        })
        .await;
        assert_eq!((answer, calls), (Err(failure()), 4));
    }

    #[tokio::test]
    async fn other_failures_are_not_tried_again() {
        let (mut calls, mut throttled) = (0, 0);
        let denied = || Failure::new("a:B", FailureKind::AccessDenied, "no");
        let answer: Result<(), _> = with_retries(QUICK, &mut throttled, || {
            calls += 1;
            async { Err(denied()) }
        })
        .await;
        assert_eq!((answer, calls, throttled), (Err(denied()), 1, 0));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry_policy = RetryPolicy::default();
        for round in [0, 1, 5, 6, 31, 32, 1_000] {
            let whole = (500_u64 << round.min(6)).min(30_000);
            let pause = u64::try_from(retry_policy.pause(round).as_millis()).unwrap();
            assert!((whole / 2..=whole).contains(&pause), "round {round}: {pause} of {whole}");
        }
    }

    #[test]
    fn the_limit_halves_when_throttled_and_recovers() {
        let mut limit = RequestLimit::new(16);
        assert_eq!(limit.now(), 8);
        assert!(limit.learn(1) && limit.learn(2) && limit.learn(1));
        assert_eq!(limit.now(), 1);
        assert!(!limit.learn(1), "never below one");
        for _ in 0..1_000 {
            limit.learn(0);
        }
        assert_eq!(limit.now(), 16);
        assert_eq!(RequestLimit::new(0).now(), 1);
    }
}
