//! What would be blocked among the live stacks if the rule were enforced.
//!
//! Every Region is read by itself: two lists say which stacks there are and what they were given,
//! then the templates follow, several at once, fewer when AWS asks for patience. What is found goes
//! to the caller one stack at a time; templates are not kept.

mod answer;
mod csv;
mod exemptions;
mod file;
mod html;
mod record;
mod summary;
mod unread;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_sdk_cloudformation::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use answer::{PolicyTold, advice, alternatives_told};
pub(in crate::account) use csv::row;
pub use csv::write_csv;
pub use exemptions::write_exemptions;
pub use file::{ResultError, Writer, read_result};
pub use html::write_html;
use record::NAME_CHARS;
pub use record::{Cause, FORMAT_VERSION, Fate, Head, Opens, RuleRecord, ScanResult, StackRecord, Tail, Tally, Unread};
pub use summary::{Alternative, AlternativeKind, Answer, Group, Summary};
pub use unread::UnreadGroup;

use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::judge::{Deployed, judge};
use super::pace::{Limit, Patience};
use super::stacks::{self, Given, Stack};
use crate::rule::excerpt;
use crate::rule::policy::{Date, Glob, Policy};
use crate::template::Scope;

/// How many reports may wait for the caller.
const WAITING: usize = 64;

/// What to scan, and how.
#[derive(Debug, Clone)]
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
    /// Stacks that are known from an earlier scan with the same policy, by ARN.
    pub known: HashMap<String, StackRecord>,
}

/// What a scan reports while it runs.
#[derive(Debug, Clone)]
pub enum Progress {
    /// A Region's stacks are listed: so many will be read.
    Listed {
        /// The Region.
        region: String,
        /// Stacks to read.
        stacks: usize,
    },
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
pub async fn scan(
    connection: &Connection,
    options: ScanOptions,
    mut stop: watch::Receiver<bool>,
    mut report: impl FnMut(Progress),
) -> bool {
    let options = Arc::new(options);
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let mut regions = JoinSet::new();
    for region in options.regions.clone() {
        let client = connection.cloudformation(&region);
        regions.spawn(scan_region(client, region, Arc::clone(&options), sender.clone()));
    }
    drop(sender);
    let mut stoppable = true;
    loop {
        tokio::select! {
            biased;
            progress = receiver.recv() => match progress {
                Some(progress) => report(progress),
                None => return true,
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
        report(progress);
    }
    false
}

/// What the task of a stack found, and how often AWS asked for patience meanwhile.
struct Done {
    progress: Vec<Progress>,
    throttled: u32,
}

async fn scan_region(client: Client, region: String, options: Arc<ScanOptions>, sender: mpsc::Sender<Progress>) {
    let mut found = stacks::read(&client, options.patience).await;
    let values_denied = found.failures.iter().any(stacks::is_denied_values);
    // Of two lists one is enough to know every stack.
    let judged = found.failures.len() < stacks::LISTS;
    for failure in std::mem::take(&mut found.failures) {
        let unread = Unread { region: region.clone(), stack: None, stack_id: None, failure, judged };
        if sender.send(Progress::Unread(unread)).await.is_err() {
            return;
        }
    }
    found.live.retain(|stack| is_wanted(stack, &options.stacks));
    let listed = Progress::Listed { region: region.clone(), stacks: found.live.len() };
    if sender.send(listed).await.is_err() {
        return;
    }
    let mut limit = Limit::new(options.concurrency);
    limit.learn(found.throttled);
    let mut waiting = found.live.into_iter();
    let mut running: JoinSet<Done> = JoinSet::new();
    loop {
        while running.len() < limit.now() {
            let Some(stack) = waiting.next() else { break };
            let given = found.given.remove(&stack.id);
            if let Some(known) = options.known.get(&stack.id).filter(|known| is_unchanged(known, &stack)) {
                if sender.send(Progress::Judged(Box::new(known.clone()))).await.is_err() {
                    return;
                }
                continue;
            }
            let (client, options) = (client.clone(), Arc::clone(&options));
            running.spawn(scan_stack(client, region.clone(), stack, given, values_denied, options));
        }
        let done = match running.join_next().await {
            Some(Ok(done)) => done,
            // A task that panicked: the stack is missed and nobody would know.
            Some(Err(error)) => Done { progress: vec![Progress::Unread(broken(&region, &error))], throttled: 0 },
            None => return,
        };
        if limit.learn(done.throttled) {
            let slower = Progress::Slower { region: region.clone(), at_once: limit.now() };
            if sender.send(slower).await.is_err() {
                return;
            }
        }
        for progress in done.progress {
            if sender.send(progress).await.is_err() {
                return;
            }
        }
    }
}

fn broken(region: &str, error: &tokio::task::JoinError) -> Unread {
    let failure = Failure::new("(this program)", FailureKind::Unreadable, &error.to_string());
    Unread { region: region.to_owned(), stack: None, stack_id: None, failure, judged: false }
}

fn is_wanted(stack: &Stack, globs: &[Glob]) -> bool {
    let root = stack.root.as_deref().and_then(name_of);
    globs.is_empty()
        || globs.iter().any(|glob| glob.matches(&stack.name) || root.is_some_and(|root| glob.matches(root)))
}

fn is_unchanged(known: &StackRecord, stack: &Stack) -> bool {
    let settled = !known.partial && !stack.status.ends_with("IN_PROGRESS");
    settled && known.changed == stack.changed && known.status == stack.status
}

/// The stack's name in its ARN (`arn:aws:cloudformation:us-east-1:123456789012:stack/NAME/ID`).
fn name_of(stack_id: &str) -> Option<&str> {
    stack_id.split_once(":stack/")?.1.split('/').next()
}

async fn scan_stack(
    client: Client,
    region: String,
    stack: Stack,
    given: Option<Given>,
    values_denied: bool,
    options: Arc<ScanOptions>,
) -> Done {
    let mut done = Done { progress: Vec::new(), throttled: 0 };
    let unread = |failure, judged| {
        let stack_id = Some(stack.id.clone());
        Progress::Unread(Unread { region: region.clone(), stack: Some(stack.name.clone()), stack_id, failure, judged })
    };
    let template = match stacks::template(&client, &stack.id, options.patience, &mut done.throttled).await {
        Ok(template) => template,
        // Deleted since it was listed: no longer a live stack.
        Err(failure) if failure.kind == FailureKind::Gone => return done,
        Err(failure) => {
            done.progress.push(unread(failure, false));
            return done;
        }
    };
    let given = match given {
        Some(given) => Ok(given),
        None => stacks::describe_one(&client, &stack.id, options.patience, &mut done.throttled).await,
    };
    let (given, parameters_known) = match given {
        Ok(given) => (given, true),
        Err(failure) => {
            // What the Region's list was denied is said once and not for every stack.
            if !(values_denied && stacks::is_denied_values(&failure)) {
                done.progress.push(unread(failure, true));
            }
            (Given::default(), false)
        }
    };
    let owner = owner(&given, &options.owner_tags);
    let deployed = deployed(&region, &stack, given, parameters_known);
    let (kinds, others): (Vec<_>, Vec<_>) = AlternativeKind::beside(&options.policy).into_iter().unzip();
    match judge(&template.text, &deployed, &options.policy, &others, options.today) {
        Ok(judged) => {
            let otherwise =
                if judged.resources > 0 { kinds.into_iter().zip(judged.otherwise).collect() } else { BTreeMap::new() };
            let mut record = StackRecord {
                region,
                stack: stack.name.clone(),
                root: stack.root.as_deref().and_then(name_of).map(str::to_owned),
                owner,
                status: stack.status,
                changed: stack.changed,
                partial: !parameters_known,
                stack_id: stack.id,
                resources: judged.resources,
                rules: judged.rules,
                findings: judged.findings,
                more: judged.more,
                otherwise,
                notes: judged.notes,
            };
            if !parameters_known {
                record.notes.push("judged without the values of its parameters, which could not be read".to_owned());
            }
            if !template.processed {
                record.notes.push("judged as written: the template after its macros could not be had".to_owned());
            }
            done.progress.push(Progress::Judged(Box::new(record)));
        }
        Err(why) => {
            let failure = Failure::new("cloudformation:GetTemplate", FailureKind::Unreadable, &why);
            done.progress.push(unread(failure, false));
        }
    }
    done
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
