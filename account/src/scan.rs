//! Finds what would be blocked among the live stacks if the rule were enforced.
//!
//! Every Region is read separately: two lists contain the stacks and their inputs, a page at a time. Their templates
//! follow, several in parallel, fewer when AWS throttles the calls. Findings go to the caller one stack at a time, and
//! then to disk. Memory contains only the names of unread stacks, and the templates that are being judged.

mod alternative;
mod asff;
mod compare;
mod comparison;
mod context;
mod csv;
mod exemptions;
mod expected;
mod file;
mod html;
mod join;
mod judge;
mod known;
mod live;
mod paced;
mod readiness;
mod record;
mod region;
mod result;
mod stacks;
mod summary;
mod totals;
mod unread;

use std::io;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

pub use alternative::{Alternative, AlternativeKind};
pub use asff::write_asff;
pub use compare::{compare, read_trend};
pub use comparison::{
    Change, ChangeGroup, Comparison, ComparisonFile, ComparisonHead, LiveChanges, RuleChange, TrendPoint,
};
use context::{RegionClients, RegionContext};
pub(crate) use csv::row;
pub use csv::write_csv;
pub use exemptions::write_exemptions;
use expected::DeclaredEgress;
pub use file::{ResultError, ResultFile, ResultRecord, ResultWriter, read_records, write_json};
pub use html::write_html;
pub use join::{JoinError, JoinedResults};
pub use known::KnownStacks;
pub use live::{Difference, DifferenceKind, GroupRecord, LiveCount, LiveSummary, Ownership};
pub use readiness::{PolicyImpact, advice, alternatives_described};
pub use record::{
    Cause, FORMAT_VERSION, OpenedTraffic, OutcomeCounts, RuleOutcome, RuleRecord, ScanHead, StackRecord, Unread,
};
use region::scan_region;
pub use result::{ScanCompletion, ScanRecords, ScanResult};
pub use summary::{AccountSummary, Readiness, RuleGroup, ScanSummary};
pub use unread::UnreadGroup;

use super::accounts::{Accounts, MemberAccount, side_by_side};
use super::failure::Failure;
use super::pace::RetryPolicy;
use super::tasks::NamedTasks;
use cfn_egress_guard_core::rule::policy::{Date, Glob, Policy};

/// The number of reports that may be queued for the caller.
const WAITING: usize = 64;

/// The maximum number of templates read in parallel, in all accounts and Regions together: each may have a megabyte.
const TEMPLATES_AT_ONCE: usize = 64;

/// The scope and options of a scan.
#[derive(Debug)]
pub struct ScanOptions {
    /// Only stacks with these names (or nested in one with such a name); if empty, all.
    pub stacks: Vec<Glob>,
    /// The policy to apply.
    pub policy: Policy,
    /// Today's date in UTC: exemptions end.
    pub today: Date,
    /// The tags that name a stack's owner, in any letter case; the first one that a stack has counts.
    pub owner_tags: Vec<String>,
    /// The maximum number of templates of a Region read in parallel.
    pub concurrency: usize,
    /// The retry policy for throttled requests.
    pub retry_policy: RetryPolicy,
    /// The findings of an earlier scan with the same policy.
    pub known: KnownStacks,
    /// Whether the existing security groups are read, too.
    pub live: bool,
    /// The start time of the scan, in UTC.
    pub started: String,
}

/// The reports of a running scan.
#[derive(Debug, Clone)]
pub enum Progress {
    /// An account was entered.
    Entered {
        /// The number of its Regions to read.
        regions: usize,
    },
    /// An account was completed or could not be entered.
    Left,
    /// More stacks were found.
    Found {
        /// The number of additional stacks.
        stacks: usize,
    },
    /// The lists of a Region were read completely.
    Listed,
    /// A stack was judged.
    Judged(Box<StackRecord>),
    /// More live security groups were found.
    FoundGroups {
        /// The number of additional groups.
        groups: usize,
    },
    /// A live security group was judged.
    Group(Box<GroupRecord>),
    /// Something could not be read.
    Unread(Unread),
    /// AWS throttled requests in a Region; fewer templates are read in parallel now.
    Slower {
        /// The account, if known.
        account: Option<String>,
        region: String,
        /// The number of templates read in parallel.
        at_once: usize,
    },
}

/// Reads and judges the live stacks, and passes each finding to `report`.
///
/// Returns whether everything was read: false if `stop` became true before the end.
///
/// # Errors
/// The errors of `report`, which end the scan.
pub async fn scan(
    accounts: &Accounts,
    options: ScanOptions,
    mut stop: watch::Receiver<bool>,
    mut report: impl FnMut(Progress) -> io::Result<()>,
) -> io::Result<bool> {
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let scanner = Scanner {
        accounts: accounts.clone(),
        options: Arc::new(options),
        templates: Arc::new(Semaphore::new(TEMPLATES_AT_ONCE)),
        sender,
    };
    let mut running = JoinSet::new();
    running.spawn(scanner.every_account());
    let mut stoppable = true;
    loop {
        tokio::select! {
            biased;
            progress = receiver.recv() => match progress {
                Some(progress) => report(progress)?,
                None => return Ok(true),
            },
            changed = stop.changed(), if stoppable => {
                if *stop.borrow() {
                    break;
                }
                stoppable = changed.is_ok();
            }
        }
    }
    running.abort_all();
    // Earlier findings are queued in the channel, which closes when the last task ends.
    while let Some(progress) = receiver.recv().await {
        report(progress)?;
    }
    Ok(false)
}

/// The state shared by the accounts.
#[derive(Clone)]
struct Scanner {
    accounts: Accounts,
    options: Arc<ScanOptions>,
    templates: Arc<Semaphore>,
    sender: mpsc::Sender<Progress>,
}

impl Scanner {
    async fn every_account(self) {
        let accounts = self.accounts.targets();
        let work = |account| {
            let scanner = self.clone();
            async move { scanner.account(account).await }
        };
        let mut lost = Vec::new();
        side_by_side(accounts, self.accounts.at_once, work, |account, ended| {
            if let Err(failure) = ended {
                lost.push((account, failure));
            }
        })
        .await;
        // Reports the account of a panicked task, which would otherwise be missing unnoticed.
        for (account, failure) in lost {
            self.unread(account.as_ref(), None, failure, false).await;
        }
    }

    /// Scans an account completely, or reports why it cannot. Returns nothing if the receiver is closed.
    async fn account(self, account: Option<MemberAccount>) -> Option<()> {
        let entered = match self.accounts.enter(account.as_ref(), self.options.retry_policy).await {
            Ok(entered) => entered,
            Err(failure) => {
                self.unread(account.as_ref(), None, failure, false).await?;
                return self.tell(Progress::Left).await;
            }
        };
        if let Some(failure) = entered.regions_assumed {
            self.unread(account.as_ref(), None, failure, true).await?;
        }
        self.tell(Progress::Entered { regions: entered.regions.len() }).await?;
        let mut regions = NamedTasks::new();
        for region in entered.regions {
            let clients = RegionClients {
                cloudformation: entered.connection.cloudformation(&region),
                cloudcontrol: entered.connection.cloudcontrol(&region),
            };
            let expected = self.options.live.then(|| Arc::new(Mutex::new(DeclaredEgress::default())));
            let reporter = RegionContext {
                account: account.as_ref().map(|member| member.account.clone()),
                region,
                options: Arc::clone(&self.options),
                templates: Arc::clone(&self.templates),
                sender: self.sender.clone(),
                expected,
            };
            regions.spawn(reporter.region.clone(), async move { scan_region(clients, &reporter).await });
        }
        while let Some((region, ended)) = regions.next().await {
            if let Err(failure) = ended {
                self.unread(account.as_ref(), Some(region), failure, false).await?;
            }
        }
        self.tell(Progress::Left).await
    }

    async fn unread(
        &self,
        account: Option<&MemberAccount>,
        region: Option<String>,
        failure: Failure,
        judged: bool,
    ) -> Option<()> {
        let account = account.map(|member| member.account.clone());
        let unread = Unread { account, region, stack: None, stack_id: None, live: false, group: None, failure, judged };
        self.tell(Progress::Unread(unread)).await
    }

    async fn tell(&self, progress: Progress) -> Option<()> {
        self.sender.send(progress).await.ok()
    }
}
