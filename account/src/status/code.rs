//! Checks whether the function has the expected code and policy.
//!
//! Lambda returns the SHA-256 of the function's zip file. The same program and policy zipped again, as `sam` does, have
//! another hash, and only the zip file shows which policy applies. So the file is downloaded, once for each hash in all
//! Regions, unless it is one of the named packages.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::Client;

use super::download::{ACTION, get};
use super::gap::{Gap, HASH_CHARS};
use super::package::{Expected, base64_sha256};
use super::record::{PackageDigests, RegionStatus, StatusNote};
use super::{Clients, StatusOptions};
use crate::called::CalledFunction;
use crate::failure::{Failure, FailureKind};
use crate::pace::with_retries;

/// The maximum number of Regions in a note for each program or policy.
const SHOWN: usize = 40;

/// Compares every function with what is expected; without an expectation, with those of other Regions.
pub(super) async fn compare(
    clients: &impl Fn(&RegionStatus) -> Option<Clients>,
    options: &StatusOptions,
    regions: &mut [RegionStatus],
) -> Vec<StatusNote> {
    let expected = &options.expected;
    let hashes: BTreeSet<String> = regions.iter().filter_map(hash).map(str::to_owned).collect();
    let nothing_expected = !expected.is_code() && !expected.is_policy();
    let mut known: BTreeMap<String, Result<PackageDigests, Failure>> = BTreeMap::new();
    for hash in &hashes {
        let package = expected.packages.iter().find(|package| package.code_sha256.as_ref() == Some(hash));
        let contents = match package {
            Some(package) => Ok(package.contents.clone()),
            None => look_into(clients, options, regions, hash).await,
        };
        known.insert(hash.clone(), contents);
    }
    for region in regions.iter_mut() {
        let Some(hash) = hash(region).map(str::to_owned) else { continue };
        let contents = known.get(&hash);
        if let (Some(Ok(contents)), Some(function)) = (contents, &mut region.function) {
            function.contents = Some(contents.clone());
        }
        if !nothing_expected {
            judge(expected, &hash, contents, region);
        }
        // Without a comparison, this is only a note. With several hashes, `differences` reports why.
        if let (Some(Err(failure)), false, false) =
            (contents, expected.is_policy(), nothing_expected && hashes.len() > 1)
        {
            region.note("policy-unread", format!("the active policy is unknown: {failure}"));
        }
    }
    if nothing_expected { differences(regions, &known) } else { Vec::new() }
}

fn hash(region: &RegionStatus) -> Option<&str> {
    region.function.as_ref().and_then(|function| function.code_sha256.as_deref())
}

/// Reads the zip file with a hash, in the first Region that permits it.
async fn look_into(
    clients: &impl Fn(&RegionStatus) -> Option<Clients>,
    options: &StatusOptions,
    regions: &[RegionStatus],
    wanted: &str,
) -> Result<PackageDigests, Failure> {
    let mut failure = Failure::new(ACTION, FailureKind::Unreadable, "no Region has it");
    for region in regions.iter().filter(|region| hash(region) == Some(wanted)) {
        let (Some(function), Some(clients)) = (&region.function, clients(region)) else { continue };
        let called = CalledFunction::parse(&function.arn);
        let client = clients.lambda(&called, &region.region);
        match download(&client, &called, clients.loopback(), options).await {
            Ok(bytes) if base64_sha256(&bytes) == wanted => {
                return PackageDigests::read(&bytes)
                    .map_err(|problem| Failure::new(ACTION, FailureKind::Unreadable, &problem));
            }
            Ok(_) => {
                let message = "the hash of the downloaded code differs from the one that Lambda reports";
                failure = Failure::new(ACTION, FailureKind::Unreadable, message);
            }
            Err(why) => failure = why,
        }
    }
    Err(failure)
}

async fn download(
    client: &Client,
    called: &CalledFunction,
    loopback: bool,
    options: &StatusOptions,
) -> Result<Vec<u8>, Failure> {
    let answer = with_retries(options.retry_policy, &mut 0, || async {
        let request = client.get_function().function_name(&called.function).set_qualifier(called.qualifier.clone());
        request.send().await.map_err(|error| Failure::of(ACTION, &error))
    })
    .await?;
    let place = answer.code().and_then(|code| code.location());
    let Some(place) = place else {
        return Err(Failure::new(ACTION, FailureKind::Unreadable, "Lambda returns no location of the code"));
    };
    get(place, loopback, options.retry_policy).await
}

fn judge(
    expected: &Expected,
    hash: &str,
    contents: Option<&Result<PackageDigests, Failure>>,
    region: &mut RegionStatus,
) {
    if !expected.code_sha256.is_empty() && expected.code_sha256.iter().all(|wanted| wanted != hash) {
        let should_be = expected.code_sha256.clone();
        region.gap(&Gap::CodeDiffers { is: hash.to_owned(), should_be });
    }
    let contents = match contents {
        Some(Ok(contents)) => contents,
        Some(Err(failure)) if expected.is_policy() => return region.unread.push(failure.clone()),
        Some(Err(_)) => return,
        None => return,
    };
    let programs: BTreeSet<&str> =
        expected.packages.iter().filter_map(|package| package.contents.bootstrap_sha256.as_deref()).collect();
    let program = contents.bootstrap_sha256.as_deref();
    if !programs.is_empty() && !program.is_some_and(|program| programs.contains(program)) {
        let is = program.unwrap_or("none").to_owned();
        region.gap(&Gap::CodeDiffers { is, should_be: programs.into_iter().map(str::to_owned).collect() });
    }
    let policies: BTreeSet<Option<String>> = match &expected.policy {
        Some(policy) => BTreeSet::from([Some(policy.clone())]),
        None => expected.packages.iter().map(|package| package.contents.policy_sha256.clone()).collect(),
    };
    if !policies.is_empty() && !policies.contains(&contents.policy_sha256) {
        let is = contents.policy_sha256.clone();
        region.gap(&Gap::PolicyDiffers { is, should_be: policies.into_iter().collect() });
    }
}

/// Returns the differences between Regions.
fn differences(regions: &[RegionStatus], known: &BTreeMap<String, Result<PackageDigests, Failure>>) -> Vec<StatusNote> {
    let mut notes = Vec::new();
    if known.len() < 2 {
        return notes;
    }
    if let Some(failure) = known.values().find_map(|contents| contents.as_ref().err()) {
        let message =
            format!("the function's zip file differs between Regions, and the difference could not be read: {failure}");
        notes.push(StatusNote { code: "zip-differs".to_owned(), message });
        return notes;
    }
    let mut programs: BTreeMap<&str, BTreeMap<&str, Vec<&RegionStatus>>> = BTreeMap::new();
    let mut policies: BTreeMap<&str, Vec<&RegionStatus>> = BTreeMap::new();
    for region in regions {
        let Some(function) = &region.function else { continue };
        let Some(contents) = &function.contents else { continue };
        let program = contents.bootstrap_sha256.as_deref().unwrap_or("none");
        let policy = contents.policy_sha256.as_deref().unwrap_or("none");
        // Each architecture has a separate program.
        let architecture = function.architecture.as_deref().unwrap_or_default();
        programs.entry(architecture).or_default().entry(program).or_default().push(region);
        policies.entry(policy).or_default().push(region);
    }
    for programs in programs.values().filter(|programs| programs.len() > 1) {
        let message =
            format!("the Regions run different programs: {}. Name the expected one with --package", groups(programs));
        notes.push(StatusNote { code: "code-between-regions".to_owned(), message });
    }
    if policies.len() > 1 {
        let message =
            format!("the Regions have different policies: {}. Name the expected one with --policy", groups(&policies));
        notes.push(StatusNote { code: "policy-between-regions".to_owned(), message });
    }
    notes
}

fn groups(groups: &BTreeMap<&str, Vec<&RegionStatus>>) -> String {
    let all = || groups.values().flatten().map(|region| &region.account);
    let many = all().any(|account| Some(account) != all().next());
    let of = |(hash, regions): (&&str, &Vec<&RegionStatus>)| {
        let named: Vec<String> = regions.iter().take(SHOWN).map(|region| region.place(many)).collect();
        let more = match regions.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{} in {}{more}", hash.get(..HASH_CHARS).unwrap_or(hash), named.join(", "))
    };
    groups.iter().map(of).collect::<Vec<_>>().join("; ")
}
