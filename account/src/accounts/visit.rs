//! Visits every Region of every account in parallel.

use std::future::Future;

use tokio::sync::mpsc;

use super::side_by_side::side_by_side;
use super::{Accounts, MemberAccount};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::pace::RetryPolicy;
use crate::tasks::NamedTasks;

/// The number of reports that may be queued.
const WAITING: usize = 16;

/// The progress of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitProgress {
    /// An account was entered.
    Entered {
        /// The number of its Regions to read.
        regions: usize,
    },
    /// A Region was read.
    Region,
    /// An account was completed or could not be entered.
    Left,
}

/// The progress of a visit, as events.
#[derive(Debug)]
pub(crate) enum VisitEvent<T> {
    /// An account could not be entered, or the work on it panicked.
    NotEntered(Failure),
    Entered {
        connection: Box<Connection>,
        regions: Vec<String>,
        /// The reason why the account's Regions could not be listed; the listed ones are then those that every account
        /// has.
        regions_assumed: Option<Failure>,
    },
    /// The result of a Region.
    Region {
        region: String,
        outcome: Result<T, Failure>,
    },
    Left,
}

impl<T> VisitEvent<T> {
    /// Returns the progress that this event represents.
    pub(crate) fn progress(&self) -> Option<VisitProgress> {
        match self {
            Self::NotEntered(_) => None,
            Self::Entered { regions, .. } => Some(VisitProgress::Entered { regions: regions.len() }),
            Self::Region { .. } => Some(VisitProgress::Region),
            Self::Left => Some(VisitProgress::Left),
        }
    }
}

/// A Region of an account, as the work receives it.
#[derive(Debug, Clone)]
pub(crate) struct AccountRegion {
    pub(crate) connection: Connection,
    /// The account, if known.
    pub(crate) account: Option<String>,
    pub(crate) region: String,
}

/// Runs `work` for every Region of every account, and reports each result.
pub(crate) async fn visit<T, F, Fut>(
    accounts: &Accounts,
    retry_policy: RetryPolicy,
    work: F,
    mut report: impl FnMut(Option<&MemberAccount>, VisitEvent<T>),
) where
    T: Send + 'static,
    F: Fn(AccountRegion) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let every = async move {
        let one = |account: Option<MemberAccount>| {
            let (accounts, work, sender) = (accounts.clone(), work.clone(), sender.clone());
            async move { visit_account(&accounts, account, retry_policy, work, sender).await }
        };
        let mut lost = Vec::new();
        side_by_side(accounts.targets(), accounts.at_once, one, |account, ended| {
            if let Err(failure) = ended {
                lost.push((account, VisitEvent::NotEntered(failure)));
            }
        })
        .await;
        for report in lost {
            let _ = sender.send(report).await;
        }
    };
    let reports = async {
        while let Some((account, visit)) = receiver.recv().await {
            report(account.as_ref(), visit);
        }
    };
    tokio::join!(every, reports);
}

type AccountVisit<T> = (Option<MemberAccount>, VisitEvent<T>);

async fn visit_account<T, F, Fut>(
    accounts: &Accounts,
    account: Option<MemberAccount>,
    retry_policy: RetryPolicy,
    work: F,
    sender: mpsc::Sender<AccountVisit<T>>,
) where
    T: Send + 'static,
    F: Fn(AccountRegion) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let tell = async |visit: VisitEvent<T>| {
        let _ = sender.send((account.clone(), visit)).await;
    };
    let entered = match accounts.enter(account.as_ref(), retry_policy).await {
        Ok(entered) => entered,
        Err(failure) => {
            tell(VisitEvent::NotEntered(failure)).await;
            return tell(VisitEvent::Left).await;
        }
    };
    let (connection, regions) = (entered.connection, entered.regions);
    let mut running = NamedTasks::new();
    for region in &regions {
        let account = account.as_ref().map(|member| member.account.clone());
        let place = AccountRegion { connection: connection.clone(), account, region: region.clone() };
        running.spawn(region.clone(), work(place));
    }
    tell(VisitEvent::Entered { connection: Box::new(connection), regions, regions_assumed: entered.regions_assumed })
        .await;
    while let Some((region, outcome)) = running.next().await {
        tell(VisitEvent::Region { region, outcome }).await;
    }
    tell(VisitEvent::Left).await;
}
