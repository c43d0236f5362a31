//! Works on the items of a list while the list is read: several in parallel, fewer when AWS throttles the calls.

use std::future::Future;
use std::pin::Pin;

use tokio::task::JoinSet;

use super::Progress;
use super::context::RegionContext;
use crate::failure::{Failure, FailureKind};
use crate::pace::RequestLimit;

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

    /// Reports items that were found since the last call, if any.
    fn found(&mut self) -> Option<Progress>;

    /// Returns the next page, or nothing at the end.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Self::Item>>> + Send;

    /// Returns how often AWS throttled the list since the last call.
    fn throttled(&mut self) -> u32;

    /// Starts the work on an item.
    fn start(&mut self, item: Self::Item) -> StartedWork;

    /// Returns the reports for the end of the list.
    fn ended(&mut self) -> Vec<Progress>;
}

/// Works through a list to its end. Returns nothing if the receiver is closed.
pub(super) async fn work(source: &mut impl PacedSource, to: &RegionContext) -> Option<()> {
    let mut limit = RequestLimit::new(to.options.concurrency);
    let mut queue = Vec::new().into_iter();
    let mut listing = true;
    let mut running: JoinSet<u32> = JoinSet::new();
    loop {
        if let Some(found) = source.found() {
            to.tell(found).await?;
        }
        let mut free = limit.now().saturating_sub(running.len());
        while free > 0
            && let Some(item) = queue.next()
        {
            match source.start(item) {
                StartedWork::Known(progress) => to.tell(*progress).await?,
                StartedWork::Running(task) => {
                    running.spawn(task);
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
            match running.join_next().await {
                Some(Ok(throttled)) => throttled,
                // Reports a panicked task, whose item would otherwise be missing unnoticed.
                Some(Err(error)) => {
                    let failure = Failure::new("(this program)", FailureKind::Unreadable, &error.to_string());
                    to.tell(to.unread(None, failure, false)).await?;
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
