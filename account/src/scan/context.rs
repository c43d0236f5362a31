//! The state that the tasks of a Region share, and their reports.

use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, mpsc};

use super::expected::{DeclaredEgress, locked};
use super::record::{StackRecord, Unread, account_of};
use super::stacks::LiveStack;
use super::{Progress, ScanOptions};
use crate::failure::Failure;

/// The clients of a Region.
#[derive(Clone)]
pub(super) struct RegionClients {
    pub(super) cloudformation: aws_sdk_cloudformation::Client,
    pub(super) cloudcontrol: aws_sdk_cloudcontrol::Client,
}

/// The state that the tasks of a Region share.
#[derive(Clone)]
pub(super) struct RegionContext {
    /// The account, if known.
    pub(super) account: Option<String>,
    pub(super) region: String,
    pub(super) options: Arc<ScanOptions>,
    /// Limits the number of templates in memory, for all accounts and Regions together.
    pub(super) templates: Arc<Semaphore>,
    pub(super) sender: mpsc::Sender<Progress>,
    /// The egress rules that the Region's templates declare, if live groups are compared with them.
    pub(super) expected: Option<Arc<Mutex<DeclaredEgress>>>,
}

impl RegionContext {
    /// Adds the declarations of a stack's template, if requested.
    pub(super) fn expect(&self, record: &StackRecord) {
        if let Some(expected) = &self.expected {
            locked(expected).judged(record);
        }
    }

    /// Reports to the caller. Returns nothing if the receiver is closed.
    pub(super) async fn tell(&self, progress: Progress) -> Option<()> {
        self.sender.send(progress).await.ok()
    }

    pub(super) fn unread(&self, stack: Option<&LiveStack>, failure: Failure, judged: bool) -> Progress {
        Progress::Unread(Unread {
            account: self.account.clone().or_else(|| stack.and_then(|stack| account_of(&stack.id)).map(str::to_owned)),
            region: Some(self.region.clone()),
            stack: stack.map(|stack| stack.name.clone()),
            stack_id: stack.map(|stack| stack.id.clone()),
            live: false,
            group: None,
            failure,
            judged,
        })
    }
}
