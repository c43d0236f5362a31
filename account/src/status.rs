//! Checks whether enforcement is really on. For each Region: does the hook exist, is it enabled, does it block, and for
//! which operations; does its function exist, does it have the expected code and policy, and does it work.
//!
//! Sources: CloudFormation API Reference, `DescribeType`, `BatchDescribeTypeConfigurations`, `ListHookResults`,
//! `GetHookResult`; the Hooks User Guide, "hook configuration schema"; Lambda API Reference, `GetFunctionConfiguration`
//! and related actions. A hook's configuration may exclude stacks or roles; anything that narrows enforcement is a gap
//! unless it was declared as expected.

mod carried;
mod code;
mod configuration;
mod download;
mod function;
mod gap;
mod hook;
mod metrics;
mod package;
mod record;
mod result;
mod results;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;

use crate::called::CalledFunction;
use cfn_egress_guard_core::hook::is_loopback;

pub use gap::{Gap, GapSeverity};
pub use package::{Expected, Package, hex_sha256};
pub use record::{
    DirectCallsStatus, Enforcement, FunctionStatus, GapRecord, HookState, PackageDigests, RecentCalls, RegionStatus,
    StatusNote,
};
use result::StatusRecords;
pub use result::{AccountStatus, StatusResult};

use super::accounts::{AccountRegion, Accounts, VisitEvent, VisitProgress, visit};
use super::connection::Connection;
use super::failure::FailureKind;
use super::hook_results::{FOR_TEMPLATES, ResultList};
use super::pace::RetryPolicy;
use cfn_egress_guard_core::rule::Preset;
use cfn_egress_guard_core::rule::policy::Glob;
use hook::RegisteredHook;

/// The expected state of enforcement.
#[derive(Debug, Clone)]
pub struct StatusOptions {
    /// The reason why the account's Regions could not be listed, if there is one account and the Regions are those that
    /// every account has.
    pub regions_assumed: Option<String>,
    /// The hook's alias.
    pub alias: String,
    /// `FAIL` or `WARN`.
    pub failure_mode: String,
    /// The target operations that must be enabled.
    pub operations: Vec<String>,
    /// Stack names that may be excluded, including the hook's own stack.
    pub may_exclude: Vec<Glob>,
    /// Roles whose stacks may be excluded.
    pub may_exclude_roles: Vec<Glob>,
    /// The function's ARN, or the end of it, for example `function:guard:live`.
    pub function: Option<String>,
    /// The preset that the function's `EGRESS_PRESET` should set; if none, the variable should not be set.
    pub preset: Option<Preset>,
    /// The expected code and policy.
    pub expected: Expected,
    /// The number of past days in which failures of the hook and its function count: at most 90, as long as
    /// CloudFormation keeps results.
    pub days: u16,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// The retry policy for throttled requests.
    pub retry_policy: RetryPolicy,
}

impl StatusOptions {
    /// Returns the time from which failures count, in seconds since 1970.
    fn since(&self) -> i64 {
        self.now - i64::from(self.days) * 86_400
    }
}

/// The connections to the accounts of the hooks and the functions.
#[derive(Debug, Clone)]
struct Clients {
    /// The account of the hooks.
    hooks: Connection,
    /// Its ID, if known.
    account: Option<String>,
    central: Arc<CentralFunction>,
}

/// The connections to a central function.
#[derive(Debug)]
struct CentralFunction {
    /// The ID, if known, of the caller's own account, and its connection.
    own: (Option<String>, Connection),
    /// Separate credentials for a function in another account.
    functions: Option<Connection>,
}

impl Clients {
    /// Returns the connection to a function: the one with separate credentials, the caller's own if the function is
    /// there, or the hook's.
    fn of_function(&self, called: &CalledFunction) -> &Connection {
        let is_here = called.account.is_none() || called.account == self.account;
        let (own, connection) = &self.central.own;
        match &self.central.functions {
            Some(functions) if self.account.is_none() || !is_here => functions,
            None if !is_here && own.is_some() && *own == called.account => connection,
            _ => &self.hooks,
        }
    }

    /// Returns whether the function is in an account without credentials.
    fn is_elsewhere(&self, called: &CalledFunction, hook_account: Option<&str>) -> bool {
        let elsewhere = called.account.as_deref().is_some_and(|account| Some(account) != hook_account);
        let own = self.central.own.0.is_some() && self.central.own.0 == called.account;
        hook_account.is_some() && elsewhere && self.central.functions.is_none() && !own
    }

    /// Returns a client for a function, in the Region of its ARN.
    fn lambda(&self, called: &CalledFunction, region: &str) -> aws_sdk_lambda::Client {
        self.of_function(called).lambda(called.region.as_deref().unwrap_or(region))
    }

    /// Returns whether AWS is simulated on this machine.
    fn loopback(&self) -> bool {
        self.hooks.endpoint_url().is_some_and(|url| url.parse().is_ok_and(|uri| is_loopback(&uri)))
    }
}

/// Reads every Region of every account; those with problems come first. If the functions are in another account, they
/// are read through a separate connection. Reports its progress through `progress`.
pub async fn status(
    accounts: &Accounts,
    functions: Option<&Connection>,
    options: &StatusOptions,
    mut progress: impl FnMut(VisitProgress),
) -> StatusResult {
    let own = (accounts.own_account().map(str::to_owned), accounts.connection().clone());
    let central = Arc::new(CentralFunction { own, functions: functions.cloned() });
    let options = Arc::new(options.clone());
    let work = {
        let (central, options) = (Arc::clone(&central), Arc::clone(&options));
        move |place: AccountRegion| {
            let AccountRegion { connection: hooks, account, region } = place;
            let clients = Clients { hooks, account, central: Arc::clone(&central) };
            let options = Arc::clone(&options);
            async move { of_region(&clients, region, &options).await }
        }
    };
    let mut found = StatusRecords::default();
    let mut clients = HashMap::new();
    visit(accounts, options.retry_policy, work, |account, visited| {
        if let Some(step) = visited.progress() {
            progress(step);
        }
        let id = account.map(|member| member.account.clone());
        match visited {
            VisitEvent::Entered { connection, regions_assumed, .. } => {
                let of_account = Clients { hooks: *connection, account: id.clone(), central: Arc::clone(&central) };
                clients.insert(id.clone(), of_account);
                found.regions_assumed.extend(id.zip(regions_assumed));
            }
            VisitEvent::NotEntered(failure) => match id {
                Some(id) => found.not_entered.push((id, failure)),
                None => found.lost.push(failure),
            },
            VisitEvent::Region { outcome: Ok(mut region), .. } => {
                region.account = region.account.take().or(id);
                found.regions.push(region);
            }
            VisitEvent::Region { region, outcome: Err(failure) } => {
                found.regions.push(RegionStatus { account: id, unread: vec![failure], ..RegionStatus::new(region) });
            }
            VisitEvent::Left => {}
        }
    })
    .await;
    found.regions.sort_by(|one, two| (&one.account, &one.region).cmp(&(&two.account, &two.region)));
    let of = |region: &RegionStatus| clients.get(&region.account).or_else(|| clients.get(&None)).cloned();
    let mut notes = code::compare(&of, &options, &mut found.regions).await;
    notes.extend(watch::not_watched(&found.regions));
    StatusResult::new(&options, &accounts.members, found, notes)
}

async fn of_region(clients: &Clients, region: String, options: &StatusOptions) -> RegionStatus {
    let client = clients.hooks.cloudformation(&region);
    let mut found = RegionStatus::new(region);
    let first = hook::read(&client, &options.alias, options).await;
    let alias = format!("{}{FOR_TEMPLATES}", options.alias);
    let (here, elsewhere) = divided(&first, options);
    let second = if elsewhere.is_empty() { None } else { Some(hook::read(&client, &alias, options).await) };

    take(&first, None, &here, options, &mut found);
    if let Some(second) = &second {
        if second.missing {
            for operation in &elsewhere {
                found.gap(&Gap::OperationMissing { operation: operation.clone() });
            }
        }
        take(second, Some(&alias), &elsewhere, options, &mut found);
    }
    if found.state != HookState::Missing {
        called(clients, &first, second.as_ref(), &alias, options, &mut found).await;
    }
    for (hook, alias) in [(Some(&first), None), (second.as_ref(), Some(alias.as_str()))] {
        let Some((hook, arn)) = hook.and_then(|hook| Some((hook, hook.arn.as_deref()?))) else { continue };
        let name = alias.unwrap_or(&options.alias);
        let mut list = ResultList::of(&client, Some(arn), &[name.to_owned()], options.retry_policy);
        results::failures(&mut list, alias, options, &mut found).await;
        if alias.is_none() {
            let key = hook.configuration.as_ref().and_then(|configuration| configuration.key());
            results::annotations(&client, &mut list, key, options, &mut found).await;
        }
    }
    found
}

/// Divides the required operations: those of the first hook, and those of the hook for templates, which only has to
/// cover what the first one does not.
fn divided(first: &RegisteredHook, options: &StatusOptions) -> (Vec<String>, Vec<String>) {
    let has = |operation: &String| {
        first.configuration.as_ref().is_some_and(|configuration| configuration.operations().contains(operation))
    };
    let template = |operation: &String| ["STACK", "CHANGE_SET"].contains(&operation.as_str());
    options.operations.iter().cloned().partition(|operation| !template(operation) || has(operation))
}

/// Adds the facts about a hook to those about the Region.
fn take(
    hook: &RegisteredHook,
    alias: Option<&str>,
    wanted: &[String],
    options: &StatusOptions,
    found: &mut RegionStatus,
) {
    if hook.missing && alias.is_none() {
        found.state = HookState::Missing;
        found.gap(&Gap::Missing);
    }
    found.unread.extend(hook.unread.iter().cloned());
    let configured = hook.configuration.as_ref().map(|configuration| configuration.judge(wanted, options));
    for gap in hook.gaps.iter().chain(configured.iter().flatten()) {
        found.gap_of(alias, gap);
    }
    if alias.is_none() {
        found.version.clone_from(&hook.version);
        found.execution_role.clone_from(&hook.execution_role);
        found.account = hook.account();
    }
    let Some(configuration) = &hook.configuration else { return };
    found.operations.extend(configuration.operations().iter().cloned());
    if alias.is_none() {
        found.state = configuration.state();
        found.failure_mode = Some(configuration.failure_mode().to_owned());
    }
}

/// Returns the function that the hooks call.
async fn called(
    clients: &Clients,
    first: &RegisteredHook,
    second: Option<&RegisteredHook>,
    alias: &str,
    options: &StatusOptions,
    found: &mut RegionStatus,
) {
    let of = |hook: &RegisteredHook| hook.configuration.as_ref().and_then(|c| c.function().map(str::to_owned));
    let Some(arn) = of(first) else { return };
    if let Some(other) = second.and_then(of).filter(|other| *other != arn) {
        found.gap_of(Some(alias), &Gap::OtherFunction { is: other, should_be: arn.clone() });
    }
    let function = CalledFunction::parse(&arn);
    let mut status = FunctionStatus { arn, ..FunctionStatus::default() };
    let region = found.region.clone();
    let unread = found.unread.len();
    let there = function::look(&clients.lambda(&function, &region), &function, options, &mut status, found).await;
    let elsewhere = clients.is_elsewhere(&function, first.account().as_deref());
    match function.account.as_deref().filter(|_| elsewhere) {
        // Metrics are those of the caller's account: here they would be empty and look healthy.
        Some(account) => {
            let denied = found.unread.iter().skip(unread).any(|failure| failure.kind == FailureKind::AccessDenied);
            let more = if denied { "the function's settings and its metrics" } else { "its metrics" };
            found.note(
                "function-elsewhere",
                format!(
                    "the function is in account {account}: to read {more}, pass credentials of that account with \
                     --function-profile"
                ),
            );
        }
        None if there => {
            let client = clients.of_function(&function).cloudwatch(function.region.as_deref().unwrap_or(&region));
            status.recent = metrics::look(&client, &function, status.guard.as_deref(), options, found).await;
            let client = clients.of_function(&function).cloudformation(function.region.as_deref().unwrap_or(&region));
            carried::look(&client, &function, &status, options, found).await;
        }
        None => {}
    }
    let own = first.account().is_none() || function.account.is_none() || function.account == first.account();
    watch::look(clients.hooks.clone(), own.then_some(status.arn.as_str()), options, found).await;
    found.function = Some(status);
}
