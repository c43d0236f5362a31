//! Works on the items of a list while the list is read: several in parallel, fewer when AWS throttles the calls.

use std::future::Future;
use std::pin::Pin;

use super::Progress;
use super::context::RegionContext;
use crate::failure::Failure;
use crate::pace::RequestLimit;
use crate::tasks::NamedTasks;

/// The start of the work on an item.
pub(super) enum StartedWork {
    /// The result is already known.
    Known(Box<Progress>),
    /// The item is being read; the future returns how often AWS throttled that.
    Running(Pin<Box<dyn Future<Output = u32> + Send>>),
}

/// A list of items to work on, read a page at a time.
pub(super) trait PacedSource: Send {
    /// The items of the list.
    type Item: Send;

    /// What identifies an item while it is read.
    type Name: Send;

    /// Reports items that were found since the last call, if any.
    fn found(&mut self) -> Option<Progress>;

    /// Returns the next page, or nothing at the end.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Self::Item>>> + Send;

    /// Returns how often AWS throttled the list since the last call.
    fn throttled(&mut self) -> u32;

    /// Returns what identifies an item.
    fn name(item: &Self::Item) -> Self::Name;

    /// Returns the report for an item whose task panicked.
    fn lost(&self, name: Self::Name, failure: Failure) -> Progress;

    /// Starts the work on an item.
    fn start(&mut self, item: Self::Item) -> StartedWork;

    /// Returns the reports for the end of the list.
    fn ended(&mut self) -> Vec<Progress>;
}

/// Works through a list to its end. Returns nothing if the receiver is closed.
pub(super) async fn work<S: PacedSource>(source: &mut S, to: &RegionContext) -> Option<()> {
    let mut limit = RequestLimit::new(to.options.concurrency);
    let mut queue = Vec::new().into_iter();
    let mut listing = true;
    let mut running: NamedTasks<_, u32> = NamedTasks::new();
    loop {
        if let Some(found) = source.found() {
            to.tell(found).await?;
        }
        let mut free = limit.now().saturating_sub(running.len());
        while free > 0
            && let Some(item) = queue.next()
        {
            let name = S::name(&item);
            match source.start(item) {
                StartedWork::Known(progress) => to.tell(*progress).await?,
                StartedWork::Running(task) => {
                    running.spawn(name, task);
                    free -= 1;
                }
            }
        }
        let throttled = if free > 0 && listing {
            if let Some(page) = source.next().await {
                queue = page.into_iter();
            } else {
                listing = false;
                for progress in source.ended() {
                    to.tell(progress).await?;
                }
            }
            source.throttled()
        } else {
            match running.next().await {
                Some((_, Ok(throttled))) => throttled,
                Some((name, Err(failure))) => {
                    to.tell(source.lost(name, failure)).await?;
                    0
                }
                None => return Some(()),
            }
        };
        if limit.learn(throttled) {
            let (account, region) = (to.account.clone(), to.region.clone());
            to.tell(Progress::Slower { account, region, at_once: limit.now() }).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Semaphore, mpsc};

    use super::*;
    use crate::RetryPolicy;
    use crate::scan::record::Unread;
    use crate::scan::{KnownStacks, ScanOptions};
    use cfn_egress_guard_core::rule::policy::{Date, Policy};

    /// Numbers, one of whose tasks panics.
    struct Numbers(Vec<u8>);

    impl PacedSource for Numbers {
        type Item = u8;
        type Name = u8;

        fn found(&mut self) -> Option<Progress> {
            None
        }

        async fn next(&mut self) -> Option<Vec<u8>> {
            (!self.0.is_empty()).then(|| std::mem::take(&mut self.0))
        }

        fn throttled(&mut self) -> u32 {
            0
        }

        fn name(number: &u8) -> u8 {
            *number
        }

        fn lost(&self, number: u8, failure: Failure) -> Progress {
            Progress::Unread(Unread {
                account: None,
                region: None,
                stack: Some(number.to_string()),
                stack_id: None,
                live: false,
                group: None,
                failure,
                judged: false,
            })
        }

        fn start(&mut self, number: u8) -> StartedWork {
            StartedWork::Running(Box::pin(async move {
                assert!(number != 2, "one panics");
                0
            }))
        }

        fn ended(&mut self) -> Vec<Progress> {
            Vec::new()
        }
    }

    #[tokio::test]
    async fn an_item_whose_task_panics_is_reported_by_name() {
        let options = ScanOptions {
            stacks: Vec::new(),
            policy: Policy::default(),
            today: Date::of_unix_seconds(0),
            owner_tags: Vec::new(),
            concurrency: 2,
            retry_policy: RetryPolicy::default(),
            known: KnownStacks::default(),
            live: false,
            started: String::new(),
        };
        let (sender, mut reports) = mpsc::channel(16);
        let to = RegionContext {
            account: None,
            region: "eu-west-1".to_owned(),
            options: Arc::new(options),
            templates: Arc::new(Semaphore::new(1)),
            sender,
            expected: None,
        };
        work(&mut Numbers(vec![1, 2, 3]), &to).await.unwrap();
        drop(to);
        let mut lost = Vec::new();
        while let Some(report) = reports.recv().await {
            if let Progress::Unread(unread) = report {
                lost.extend(unread.stack);
            }
        }
        assert_eq!(lost, ["2"]);
    }
}
