//! What would be blocked among the live stacks if the rule were enforced.
//!
//! Every Region is read by itself: two lists say which stacks there are and what they were given, a page
//! at a time, and their templates follow, several at once, fewer when AWS throttles the calls. What is found
//! goes to the caller one stack at a time, and then to the disk: in memory is a stack's name until it is
//! read, and a template while it is judged.

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
pub use readiness::{PolicyImpact, advice, alternatives_told};
pub use record::{
    Cause, FORMAT_VERSION, OpenedTraffic, OutcomeCounts, RuleOutcome, RuleRecord, ScanHead, StackRecord, Unread,
};
use region::scan_region;
pub use result::{ScanCompletion, ScanRecords, ScanResult};
pub use summary::{AccountSummary, Readiness, RuleGroup, ScanSummary};
pub use unread::UnreadGroup;

use super::accounts::{Accounts, MemberAccount, side_by_side};
use super::failure::{Failure, FailureKind};
use super::pace::RetryPolicy;
use cfn_egress_guard_core::rule::policy::{Date, Glob, Policy};

/// How many reports may wait for the caller.
const WAITING: usize = 64;

/// How many templates are read at once at most, in all accounts and Regions together: each may have a megabyte.
const TEMPLATES_AT_ONCE: usize = 64;

/// What to scan, and how.
#[derive(Debug)]
pub struct ScanOptions {
    /// Only stacks with these names (or nested in one with such a name); all, if there is none.
    pub stacks: Vec<Glob>,
    /// The policy that decides.
    pub policy: Policy,
    /// Today, UTC: exemptions end.
    pub today: Date,
    /// Tags that name a stack's owner, the first that a stack has counts; letter case does not.
    pub owner_tags: Vec<String>,
    /// How many templates of a Region are read at once, at most.
    pub concurrency: usize,
    /// How long AWS may throttle requests.
    pub retry_policy: RetryPolicy,
    /// What an earlier scan with the same policy found.
    pub known: KnownStacks,
    /// Whether the security groups that exist are read, too.
    pub live: bool,
    /// When the scan begins, UTC.
    pub started: String,
}

/// What a scan reports while it runs.
#[derive(Debug, Clone)]
pub enum Progress {
    /// An account was entered, which has so many Regions to look at.
    Entered {
        /// Regions to read.
        regions: usize,
    },
    /// An account was read to its end, or could not be entered.
    Left,
    /// So many more stacks will be read.
    Found {
        /// Stacks to read.
        stacks: usize,
    },
    /// A Region's lists were read to their end.
    Listed,
    /// A stack was judged.
    Judged(Box<StackRecord>),
    /// So many more live security groups will be read.
    FoundGroups {
        /// Groups to read.
        groups: usize,
    },
    /// A live security group was judged.
    Group(Box<GroupRecord>),
    /// Something could not be read.
    Unread(Unread),
    /// AWS throttled requests in a Region; so many templates are read at once now.
    Slower {
        /// The account, if anybody says which it is.
        account: Option<String>,
        region: String,
        /// Templates read at once.
        at_once: usize,
    },
}

/// Reads and judges the live stacks; what is found goes to `report` as it is found.
///
/// Gives back whether everything was looked at: false if `stop` became true before.
///
/// # Errors
/// Those of `report`, upon which the scan ends.
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
    // What was found already waits in the channel; it closes when the last task is gone.
    while let Some(progress) = receiver.recv().await {
        report(progress)?;
    }
    Ok(false)
}

/// What the accounts share.
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
            if let Err(error) = ended {
                lost.push((account, error));
            }
        })
        .await;
        // A task that panicked: an account is missed and nobody would know.
        for (account, error) in lost {
            let failure = Failure::new("(this program)", FailureKind::Unreadable, &error.to_string());
            self.unread(account.as_ref(), failure, false).await;
        }
    }

    /// Scans an account to its end, or says why not; nothing, if nobody listens any more.
    async fn account(self, account: Option<MemberAccount>) -> Option<()> {
        let entered = match self.accounts.enter(account.as_ref(), self.options.retry_policy).await {
            Ok(entered) => entered,
            Err(failure) => {
                self.unread(account.as_ref(), failure, false).await?;
                return self.tell(Progress::Left).await;
            }
        };
        if let Some(failure) = entered.regions_assumed {
            self.unread(account.as_ref(), failure, true).await?;
        }
        self.tell(Progress::Entered { regions: entered.regions.len() }).await?;
        let mut regions = JoinSet::new();
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
            regions.spawn(async move { scan_region(clients, &reporter).await });
        }
        while let Some(ended) = regions.join_next().await {
            if let Err(error) = ended {
                let failure = Failure::new("(this program)", FailureKind::Unreadable, &error.to_string());
                self.unread(account.as_ref(), failure, false).await?;
            }
        }
        self.tell(Progress::Left).await
    }

    async fn unread(&self, account: Option<&MemberAccount>, failure: Failure, judged: bool) -> Option<()> {
        let account = account.map(|member| member.account.clone());
        let unread =
            Unread { account, region: None, stack: None, stack_id: None, live: false, group: None, failure, judged };
        self.tell(Progress::Unread(unread)).await
    }

    async fn tell(&self, progress: Progress) -> Option<()> {
        self.sender.send(progress).await.ok()
    }
}
