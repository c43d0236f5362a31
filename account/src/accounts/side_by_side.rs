//! Processes accounts in parallel, up to a limit.

use std::future::Future;

use super::MemberAccount;
use crate::failure::Failure;
use crate::tasks::NamedTasks;

/// Runs `work` for a limited number of accounts at a time, and passes on each result as it completes. If the work on an
/// account panics, that is passed on as its result.
pub(crate) async fn side_by_side<T, F, Fut>(
    targets: Vec<Option<MemberAccount>>,
    at_once: usize,
    work: F,
    mut done: impl FnMut(Option<MemberAccount>, Result<T, Failure>),
) where
    T: Send + 'static,
    F: Fn(Option<MemberAccount>) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let mut waiting = targets.into_iter();
    let mut running = NamedTasks::new();
    loop {
        while running.len() < at_once.max(1) {
            let Some(target) = waiting.next() else { break };
            running.spawn(target.clone(), work(target));
        }
        let Some((target, ended)) = running.next().await else { return };
        done(target, ended);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn no_more_than_the_bound_run_at_once_and_each_is_handed_on_once() {
        let targets: Vec<_> = (0..25).map(|number| Some(MemberAccount::of_id(&format!("{number:012}")))).collect();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut seen = Vec::new();
        side_by_side(
            targets.clone(),
            4,
            |target| {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    assert!(!target.unwrap().account.ends_with("13"), "one panics");
                }
            },
            |target, ended| seen.push((target, ended.is_ok())),
        )
        .await;
        assert_eq!(most.load(Ordering::SeqCst), 4);
        seen.sort_by(|(one, _), (two, _)| one.as_ref().map(|m| &m.account).cmp(&two.as_ref().map(|m| &m.account)));
        assert_eq!(seen.iter().map(|(target, _)| target.clone()).collect::<Vec<_>>(), targets);
        assert_eq!(seen.iter().filter(|(_, ok)| !ok).count(), 1);
    }
}
