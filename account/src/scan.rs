//! What would be blocked among the live stacks if the rule were enforced.
//!
//! Every Region is read by itself: two lists say which stacks there are and what they were given, a page
//! at a time, and their templates follow, several at once, fewer when AWS asks for patience. What is found
//! goes to the caller one stack at a time, and then to the disk: in memory is a stack's name until it is
//! read, and a template while it is judged.

mod answer;
mod csv;
mod exemptions;
mod file;
mod html;
mod known;
mod record;
mod result;
mod spool;
mod summary;
mod totals;
mod unread;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use aws_sdk_cloudformation::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use answer::{PolicyTold, advice, alternatives_told};
pub(crate) use csv::row;
pub use csv::write_csv;
pub use exemptions::write_exemptions;
pub use file::{Record, ResultError, ResultFile, Writer, read_records, read_result, write_json};
pub use html::write_html;
pub use known::Known;
use record::NAME_CHARS;
pub use record::{Cause, FORMAT_VERSION, Fate, Head, Opens, RuleRecord, StackRecord, Tally, Unread};
pub use result::{Ending, Found, ScanResult};
pub use spool::Spool;
pub use summary::{Alternative, AlternativeKind, Answer, Group, Summary};
pub use unread::UnreadGroup;

use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::judge::{Deployed, judge};
use super::pace::{Limit, Patience};
use super::stacks::{self, Given, Stack, Stacks, TemplateText, Told};
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::policy::{Date, Glob, Policy};
use cfn_egress_guard_core::template::Scope;

/// How many reports may wait for the caller.
const WAITING: usize = 64;

/// What to scan, and how.
#[derive(Debug)]
pub struct ScanOptions {
    /// The Regions.
    pub regions: Vec<String>,
    /// Only stacks with these names (or nested in one with such a name); all, if there is none.
    pub stacks: Vec<Glob>,
    /// The policy that decides.
    pub policy: Policy,
    /// Today, UTC: exemptions end.
    pub today: Date,
    /// Tags that name a stack's owner, the first that a stack has counts; letter case does not.
    pub owner_tags: Vec<String>,
    /// How many templates of a Region are read at once, at the most.
    pub concurrency: usize,
    /// How long AWS may ask for patience.
    pub patience: Patience,
    /// What an earlier scan with the same policy found.
    pub known: Known,
}

/// What a scan reports while it runs.
#[derive(Debug, Clone)]
pub enum Progress {
    /// So many more stacks will be read.
    Found {
        /// Stacks to read.
        stacks: usize,
    },
    /// A Region's lists were read to their end.
    Listed,
    /// A stack was judged.
    Judged(Box<StackRecord>),
    /// Something could not be read.
    Unread(Unread),
    /// AWS asked for patience in a Region; so many templates are read at once now.
    Slower {
        /// The Region.
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
    connection: &Connection,
    options: ScanOptions,
    mut stop: watch::Receiver<bool>,
    mut report: impl FnMut(Progress) -> io::Result<()>,
) -> io::Result<bool> {
    let options = Arc::new(options);
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let mut regions = JoinSet::new();
    for region in options.regions.clone() {
        let client = connection.cloudformation(&region);
        let reporter = Reporter { region, options: Arc::clone(&options), sender: sender.clone() };
        regions.spawn(async move { scan_region(&client, &reporter).await.unwrap_or_default() });
    }
    drop(sender);
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
    regions.abort_all();
    // What was found already waits in the channel; it closes when the last task is gone.
    while let Some(progress) = receiver.recv().await {
        report(progress)?;
    }
    Ok(false)
}

/// What the tasks of a Region share.
#[derive(Clone)]
struct Reporter {
    region: String,
    options: Arc<ScanOptions>,
    sender: mpsc::Sender<Progress>,
}

impl Reporter {
    /// Tells the caller; nothing, if nobody listens any more.
    async fn tell(&self, progress: Progress) -> Option<()> {
        self.sender.send(progress).await.ok()
    }

    fn unread(&self, stack: Option<&Stack>, failure: Failure, judged: bool) -> Progress {
        Progress::Unread(Unread {
            region: self.region.clone(),
            stack: stack.map(|stack| stack.name.clone()),
            stack_id: stack.map(|stack| stack.id.clone()),
            failure,
            judged,
        })
    }
}

/// Scans a Region to its end; nothing, if nobody listens any more.
async fn scan_region(client: &Client, to: &Reporter) -> Option<()> {
    let options = &to.options;
    let mut stacks = Stacks::list(client, &options.stacks, options.patience).await;
    let mut limit = Limit::new(options.concurrency);
    let mut queue = Vec::<Told>::new().into_iter();
    let mut listing = true;
    let mut running: JoinSet<u32> = JoinSet::new();
    loop {
        if stacks.found > 0 {
            to.tell(Progress::Found { stacks: std::mem::take(&mut stacks.found) }).await?;
        }
        let mut free = limit.now().saturating_sub(running.len());
        while free > 0
            && let Some((stack, given)) = queue.next()
        {
            if let Some(known) = options.known.get(&stack.id).filter(|known| is_unchanged(known, &stack)) {
                to.tell(Progress::Judged(Box::new(known))).await?;
                continue;
            }
            let values_denied = stacks.failures.iter().any(stacks::is_denied_values);
            running.spawn(scan_stack(client.clone(), stack, given, values_denied, to.clone()));
            free -= 1;
        }
        let throttled = if free > 0 && listing {
            if let Some(page) = stacks.next().await {
                queue = page.into_iter();
            } else {
                listing = false;
                tell_lists(std::mem::take(&mut stacks.failures), to).await?;
            }
            std::mem::take(&mut stacks.throttled)
        } else {
            match running.join_next().await {
                Some(Ok(throttled)) => throttled,
                // A task that panicked: the stack is missed and nobody would know.
                Some(Err(error)) => {
                    let failure = Failure::new("(this program)", FailureKind::Unreadable, &error.to_string());
                    to.tell(to.unread(None, failure, false)).await?;
                    0
                }
                None => return Some(()),
            }
        };
        if limit.learn(throttled) {
            to.tell(Progress::Slower { region: to.region.clone(), at_once: limit.now() }).await?;
        }
    }
}

/// Tells that a Region's lists were read to their end, and what kept them from being complete.
async fn tell_lists(failures: Vec<Failure>, to: &Reporter) -> Option<()> {
    // Of two lists one is enough to know every stack.
    let judged = failures.len() < stacks::LISTS;
    for failure in failures {
        to.tell(to.unread(None, failure, judged)).await?;
    }
    to.tell(Progress::Listed).await
}

fn is_unchanged(known: &StackRecord, stack: &Stack) -> bool {
    let settled = !known.partial && !stack.status.ends_with("IN_PROGRESS");
    settled && known.changed == stack.changed && known.status == stack.status
}

/// Reads and judges a stack, and tells what came of it; gives back how often AWS asked for patience.
async fn scan_stack(client: Client, stack: Stack, given: Option<Given>, values_denied: bool, to: Reporter) -> u32 {
    let mut throttled = 0;
    let patience = to.options.patience;
    let template = match stacks::template(&client, &stack.id, patience, &mut throttled).await {
        Ok(template) => template,
        // Deleted since it was listed: no longer a live stack.
        Err(failure) if failure.kind == FailureKind::Gone => return throttled,
        Err(failure) => {
            to.tell(to.unread(Some(&stack), failure, false)).await;
            return throttled;
        }
    };
    let given = match given {
        Some(given) => Ok(given),
        None => stacks::describe_one(&client, &stack.id, patience, &mut throttled).await,
    };
    let given = match given {
        Ok(given) => Some(given),
        // What the Region's list was denied is said once and not for every stack.
        Err(failure) if values_denied && stacks::is_denied_values(&failure) => None,
        Err(failure) => {
            to.tell(to.unread(Some(&stack), failure, true)).await;
            None
        }
    };
    let told = match record(&template, &stack, given, &to) {
        Ok(record) => Progress::Judged(Box::new(record)),
        Err(why) => {
            let failure = Failure::new("cloudformation:GetTemplate", FailureKind::Unreadable, &why);
            to.unread(Some(&stack), failure, false)
        }
    };
    to.tell(told).await;
    throttled
}

/// Judges a stack; without what it was given, as far as that goes.
fn record(template: &TemplateText, stack: &Stack, given: Option<Given>, to: &Reporter) -> Result<StackRecord, String> {
    let Reporter { region, options, .. } = to;
    let parameters_known = given.is_some();
    let given = given.unwrap_or_default();
    let owner = owner(&given, &options.owner_tags);
    let deployed = deployed(region, stack, given, parameters_known);
    let (kinds, others): (Vec<_>, Vec<_>) = AlternativeKind::beside(&options.policy).into_iter().unzip();
    let judged = judge(&template.text, &deployed, &options.policy, &others, options.today)?;
    let otherwise =
        if judged.resources > 0 { kinds.into_iter().zip(judged.otherwise).collect() } else { BTreeMap::new() };
    let mut notes = judged.notes;
    if !parameters_known {
        notes.push("judged without the values of its parameters, which could not be read".to_owned());
    }
    if !template.processed {
        notes.push("judged as written: the template after its macros could not be had".to_owned());
    }
    Ok(StackRecord {
        region: region.clone(),
        stack: stack.name.clone(),
        stack_id: stack.id.clone(),
        root: stack.root_name().map(str::to_owned),
        owner,
        status: stack.status.clone(),
        changed: stack.changed.clone(),
        partial: !parameters_known,
        resources: judged.resources,
        rules: judged.rules,
        findings: judged.findings,
        more: judged.more,
        otherwise,
        notes,
    })
}

fn owner(given: &Given, owner_tags: &[String]) -> Option<String> {
    let tag = |name: &String| given.tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    owner_tags.iter().find_map(tag).map(|(_, value)| excerpt(value, NAME_CHARS))
}

fn deployed(region: &str, stack: &Stack, given: Given, parameters_known: bool) -> Deployed {
    let scope = Scope {
        parameters: given.parameters,
        account: stack.id.split(':').nth(4).map(str::to_owned),
        region: Some(region.to_owned()),
        partition: stack.id.split(':').nth(1).map(str::to_owned),
        stack_name: Some(stack.name.clone()),
        stack_id: Some(stack.id.clone()),
        notification_arns: parameters_known.then_some(given.notification_arns),
        ignore_defaults: !parameters_known,
        ..Scope::default()
    };
    Deployed { scope, resolved: given.resolved }
}
