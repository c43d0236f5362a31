//! Work on what a list names while the list is read: several at once, fewer when AWS throttles the calls.

use std::future::Future;
use std::pin::Pin;

use tokio::task::JoinSet;

use super::Progress;
use super::context::RegionContext;
use crate::failure::{Failure, FailureKind};
use crate::pace::RequestLimit;

/// What becomes of something that a list names.
pub(super) enum StartedWork {
    /// It is known.
    Known(Box<Progress>),
    /// It is read; that gives back how often AWS throttled it.
    Running(Pin<Box<dyn Future<Output = u32> + Send>>),
}

/// A list of things to work on, read a page at a time.
pub(super) trait PacedSource: Send {
    /// What it names.
    type Item: Send;

    /// How much more there is to do than was known before, if there is.
    fn found(&mut self) -> Option<Progress>;

    /// The next page; nothing at the end.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Self::Item>>> + Send;

    /// How often AWS throttled the list since this was last asked.
    fn throttled(&mut self) -> u32;

    /// Begins to work on something.
    fn start(&mut self, item: Self::Item) -> StartedWork;

    /// What there is to say at the end of the list.
    fn ended(&mut self) -> Vec<Progress>;
}

/// Works through a list to its end; nothing, if nobody listens any more.
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
                // A task that panicked: what it read is missed and nobody would know.
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
