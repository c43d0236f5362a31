//! The state of enforcement for people: Region by Region for one account; for several, a line for each account and then
//! the Regions of those with problems.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use anstyle::Style;
use cfn_egress_guard_account::count;
use cfn_egress_guard_account::regions_assumed;
use cfn_egress_guard_account::status::{
    AccountStatus, Enforcement, FunctionStatus, GapSeverity, HookState, RegionStatus, StatusResult,
};

use crate::style::{BAD, BOLD, CAUTION, DIM, GOOD};

/// The maximum number of Regions of several accounts that are named one by one.
const SHOWN: usize = 6;

/// The maximum width of the column of account names; longer names overflow.
const MAX_WIDTH: usize = 48;

pub(super) fn write(result: &StatusResult, out: &mut impl Write) -> io::Result<()> {
    let many = result.is_of_many();
    let place = match (&result.account, many) {
        (_, true) => format!(" in {}", count(result.accounts.len(), "account")),
        (Some(account), _) => format!(" in account {account}"),
        (None, _) => String::new(),
    };
    writeln!(out, "{BOLD}{}{BOLD:#}{place}", result.hook)?;
    let described_once = shared(&result.regions, failures);
    // The notes of one account appear below its Regions; those of many accounts would only repeat.
    let noted_once = if many { shared(&result.regions, notes) } else { BTreeMap::new() };
    if many {
        write_accounts(result, out)?;
    }
    let width = result.regions.iter().map(|region| region.region.len()).max().unwrap_or_default();
    let mut account = None;
    for region in &result.regions {
        if many && region.is_well() {
            continue;
        }
        if many && account != Some(&region.account) {
            account = Some(&region.account);
            writeln!(out, "\n{BOLD}{}{BOLD:#}", label(result, region))?;
        }
        write_region(region, width, (&described_once, &noted_once), out)?;
    }
    if many {
        writeln!(out)?;
    }
    write_policies(&result.regions, many, out)?;
    for (failure, regions) in &described_once {
        writeln!(out, "{CAUTION}not read{CAUTION:#} in {}: {failure}", places(regions, many))?;
    }
    for (note, regions) in &noted_once {
        writeln!(out, "{DIM}note{DIM:#} on {}: {note}", places(regions, many))?;
    }
    for note in &result.notes {
        writeln!(out, "{CAUTION}note{CAUTION:#}: {}", note.message)?;
    }
    for failure in &result.unread {
        writeln!(out, "{CAUTION}not read{CAUTION:#}: {failure}")?;
    }
    if let Some(why) = &result.regions_assumed {
        writeln!(out, "{CAUTION}{}{CAUTION:#}", regions_assumed(why))?;
    }
    let style = if result.verdict == Enforcement::Enforced { GOOD } else { CAUTION };
    let counted = if many { counted_accounts(result) } else { counted(result) };
    writeln!(out, "{style}=> {counted}{style:#}")
}

/// Writes the policies in force, with their source and their Regions.
fn write_policies(regions: &[RegionStatus], many: bool, out: &mut impl Write) -> io::Result<()> {
    let mut policies: BTreeMap<String, Vec<&RegionStatus>> = BTreeMap::new();
    for region in regions {
        if let Some(contents) = region.function.as_ref().and_then(|function| function.contents.as_ref()) {
            policies.entry(contents.policy()).or_default().push(region);
        }
    }
    policies.iter().try_for_each(|(policy, regions)| writeln!(out, "{policy} in {}", places(regions, many)))
}

/// Returns the account of a Region, formatted for people.
fn label(result: &StatusResult, region: &RegionStatus) -> String {
    let id = region.account.as_deref().unwrap_or_default();
    let known = result.accounts.iter().find(|account| account.account.account == id);
    known.map_or_else(|| id.to_owned(), |account| account.account.label())
}

/// Writes a line for each account, those with problems first.
fn write_accounts(result: &StatusResult, out: &mut impl Write) -> io::Result<()> {
    let mut regions: BTreeMap<&str, Vec<&RegionStatus>> = BTreeMap::new();
    for region in &result.regions {
        regions.entry(region.account.as_deref().unwrap_or_default()).or_default().push(region);
    }
    let widths = result.accounts.iter().map(|account| account.account.label().chars().count());
    let width = widths.max().unwrap_or_default().min(MAX_WIDTH);
    for account in &result.accounts {
        let own = regions.get(account.account.account.as_str()).map_or(&[][..], Vec::as_slice);
        let (style, state) = account_state(account, own);
        writeln!(out, "{:width$}  {style}{state}{style:#}", account.account.label())?;
    }
    Ok(())
}

/// Returns the state of an account in one line, its worst Region first.
fn account_state(account: &AccountStatus, regions: &[&RegionStatus]) -> (Style, String) {
    if let Some(failure) = &account.failure {
        return (CAUTION, format!("could not be accessed: {failure}"));
    }
    let mut states: Vec<(Style, &str, Vec<&str>)> = Vec::new();
    for region in regions {
        let (style, state) = shown(region);
        match states.iter_mut().find(|(_, known, _)| *known == state) {
            Some((_, _, of)) => of.push(&region.region),
            None => states.push((style, state, vec![&region.region])),
        }
    }
    let style = states.first().map_or(CAUTION, |(style, ..)| *style);
    let described = states.iter().map(|(_, state, of)| {
        if of.len() > SHOWN {
            format!("{state} in {}", count(of.len(), "Region"))
        } else {
            format!("{state} in {}", of.join(", "))
        }
    });
    let mut described = described.collect::<Vec<_>>().join("; ");
    if let Some(why) = &account.regions_assumed {
        described.push_str(&format!("; other Regions are not known: {why}"));
    }
    (if account.regions_assumed.is_some() && style == GOOD { CAUTION } else { style }, described)
}

type RegionsByText<'a> = BTreeMap<String, Vec<&'a RegionStatus>>;

/// Writes a Region with its gaps, without those that are reported for several Regions together.
fn write_region(
    region: &RegionStatus,
    width: usize,
    (described_once, noted_once): (&RegionsByText<'_>, &RegionsByText<'_>),
    out: &mut impl Write,
) -> io::Result<()> {
    let (style, state) = shown(region);
    writeln!(out, "{:width$}  {style}{state}{style:#}{DIM}{}{DIM:#}", region.region, versions(region))?;
    for gap in &region.gaps {
        let hook = gap.hook.as_ref().map_or_else(String::new, |hook| format!(" of {hook}"));
        writeln!(out, "{:width$}    {BAD}gap{BAD:#}{hook}: {}", "", gap.message)?;
    }
    for failure in failures(region).iter().filter(|failure| !described_once.contains_key(*failure)) {
        writeln!(out, "{:width$}    {CAUTION}not read{CAUTION:#}: {failure}", "")?;
    }
    for note in notes(region).iter().filter(|note| !noted_once.contains_key(*note)) {
        writeln!(out, "{:width$}    {DIM}note{DIM:#}: {note}", "")?;
    }
    Ok(())
}

/// Counts the accounts that are well, have a gap, or cannot be judged.
fn counted_accounts(result: &StatusResult) -> String {
    let count_of = |verdict| result.accounts.iter().filter(|account| account.verdict == verdict).count();
    said(
        [Enforcement::Enforced, Enforcement::Gap, Enforcement::Unknown].map(count_of),
        result.accounts.len(),
        "account",
    )
}

/// Collects what several Regions have in common, reported once below them.
fn shared(
    regions: &[RegionStatus],
    said: impl Fn(&RegionStatus) -> Vec<String>,
) -> BTreeMap<String, Vec<&RegionStatus>> {
    let mut shared: BTreeMap<String, Vec<&RegionStatus>> = BTreeMap::new();
    for region in regions {
        for text in said(region) {
            shared.entry(text).or_default().push(region);
        }
    }
    for regions in shared.values_mut() {
        regions.dedup_by_key(|region| (region.account.clone(), region.region.clone()));
    }
    shared.retain(|_, regions| regions.len() > 1);
    shared
}

fn failures(region: &RegionStatus) -> Vec<String> {
    region.unread.iter().map(ToString::to_string).collect()
}

fn notes(region: &RegionStatus) -> Vec<String> {
    region.notes.iter().map(|note| note.message.clone()).collect()
}

/// Returns where something applies: each Region by name, or the number of Regions if there are several accounts.
fn places(regions: &[&RegionStatus], many: bool) -> String {
    if many && regions.len() > SHOWN {
        let accounts: BTreeSet<_> = regions.iter().map(|region| &region.account).collect();
        return format!("{} of {}", count(regions.len(), "Region"), count(accounts.len(), "account"));
    }
    regions.iter().map(|region| region.place(many)).collect::<Vec<_>>().join(", ")
}

/// Counts the Regions that are well, have a gap, or cannot be judged; an unreadable Region is not a gap.
fn counted(result: &StatusResult) -> String {
    let numbers = [Enforcement::Enforced, Enforcement::Gap, Enforcement::Unknown].map(|verdict| result.count(verdict));
    said(numbers, result.regions.len(), "Region")
}

fn said([well, with_hole, unknown]: [usize; 3], all: usize, noun: &str) -> String {
    let mut said = vec![format!("{well} of {} enforced", count(all, noun))];
    if with_hole > 0 {
        said.push(format!("{with_hole} with a gap"));
    }
    if unknown > 0 {
        said.push(format!("{unknown} could not be determined"));
    }
    said.join(", ")
}

/// Returns the versions: the hook's, and the function's with the beginning of its hash.
fn versions(region: &RegionStatus) -> String {
    let hook = region.version.as_ref().map(|version| format!("hook version {version}"));
    let function = region.function.as_ref().and_then(FunctionStatus::summary);
    let versions: Vec<String> = hook.into_iter().chain(function).collect();
    if versions.is_empty() { String::new() } else { format!(" ({})", versions.join(", ")) }
}

fn shown(region: &RegionStatus) -> (Style, &'static str) {
    match (region.state, region.worst()) {
        (HookState::Blocking, None) if region.is_well() => (GOOD, "enforced"),
        (HookState::Blocking, None) => (CAUTION, "enforced, as far as could be read"),
        (HookState::Blocking, Some(GapSeverity::Health)) => (CAUTION, "enforced, with problems"),
        (HookState::Blocking, Some(GapSeverity::Partial)) => (CAUTION, "partly enforced"),
        (HookState::Blocking, Some(GapSeverity::Open)) => (BAD, "not as expected"),
        (HookState::Warning, _) => (CAUTION, "warns only"),
        (HookState::Disabled, _) => (BAD, "disabled"),
        (HookState::Missing, _) => (BAD, "no hook"),
        (HookState::Unknown, _) => (CAUTION, "unknown"),
    }
}
