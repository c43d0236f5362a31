//! Whether calls of EC2's API that no hook is asked about are reported: the rule that sends them to the function, and
//! the trail without which EventBridge hears of none.
//!
//! Sources: EventBridge User Guide, "Events delivered via AWS CloudTrail"; CloudTrail API Reference, `DescribeTrails`,
//! `GetTrailStatus`, `GetEventSelectors`. What cannot be read here takes nothing from the verdict on enforcement:
//! reporting is no part of it.

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::operation::get_event_selectors::GetEventSelectorsOutput;
use aws_sdk_cloudtrail::types::{AdvancedEventSelector, ReadWriteType};
use aws_sdk_eventbridge::types::RuleState;

use super::StatusOptions;
use super::hole::Hole;
use super::record::{DirectCallsStatus, Note, RegionStatus};
use crate::connection::Connection;
use crate::failure::{Failure, FailureKind};
use crate::number::count;
use crate::pace::patiently;
use cfn_egress_guard_core::rule::excerpt;

const RULES: &str = "events:ListRuleNamesByTarget";
const RULE: &str = "events:DescribeRule";
const TRAILS: &str = "cloudtrail:DescribeTrails";
const LOGGING: &str = "cloudtrail:GetTrailStatus";
const SELECTORS: &str = "cloudtrail:GetEventSelectors";

/// How many rules and trails are looked at: an account has five trails in a Region, and one rule of the guard's.
const MOST: usize = 20;

/// Looks for the rule, if the account has a function of its own, and for a trail.
pub(super) async fn look(
    connection: Connection,
    function: Option<&str>,
    options: &StatusOptions,
    found: &mut RegionStatus,
) {
    let mut status = DirectCallsStatus::default();
    let looked = match function {
        Some(function) => rule(&connection, &found.region, function, options, &mut status).await,
        // A central function elsewhere gets no events of this account.
        None => Ok(()),
    };
    let no_rule = looked.is_ok() && status.rule.is_none();
    status.unread.extend(looked.err());
    let trails = trail(&connection, &found.region, options, &mut status).await;
    let no_trail = trails.is_ok() && status.trail.is_none() && status.unread.is_empty();
    status.unread.extend(trails.err());
    let off = status.rule_enabled == Some(false);
    status.watched = match (no_rule || off || no_trail, status.rule_enabled, &status.trail) {
        (true, ..) => Some(false),
        (false, Some(true), Some(_)) => Some(true),
        _ => None,
    };
    if let Some(rule) = status.rule.clone() {
        if off {
            found.hole(&Hole::WatchDisabled { rule });
        } else if no_trail {
            found.hole(&Hole::WatchWithoutTrail { rule });
        }
    }
    found.direct_calls = Some(status);
}

/// The rule of the default event bus whose target is the function.
async fn rule(
    connection: &Connection,
    region: &str,
    function: &str,
    options: &StatusOptions,
    status: &mut DirectCallsStatus,
) -> Result<(), Failure> {
    let client = connection.eventbridge(region);
    let names = patiently(options.patience, &mut 0, || async {
        let request = client.list_rule_names_by_target().target_arn(function);
        request.send().await.map_err(|error| Failure::of(RULES, &error))
    })
    .await?;
    for name in names.rule_names().iter().take(MOST) {
        let rule = patiently(options.patience, &mut 0, || async {
            client.describe_rule().name(name).send().await.map_err(|error| Failure::of(RULE, &error))
        })
        .await?;
        // Somebody may send other events there.
        if !rule.event_pattern().is_some_and(|pattern| pattern.contains("AuthorizeSecurityGroupEgress")) {
            continue;
        }
        let enabled = rule.state() != Some(&RuleState::Disabled);
        if status.rule.is_none() || enabled {
            status.rule = Some(excerpt(name, 128));
            status.rule_enabled = Some(enabled);
        }
    }
    Ok(())
}

/// A trail that logs what changes something in the Region; one that could not be looked at may be one.
async fn trail(
    connection: &Connection,
    region: &str,
    options: &StatusOptions,
    status: &mut DirectCallsStatus,
) -> Result<(), Failure> {
    let client = connection.cloudtrail(region);
    let trails = patiently(options.patience, &mut 0, || async {
        client.describe_trails().send().await.map_err(|error| Failure::of(TRAILS, &error))
    })
    .await?;
    for trail in trails.trail_list().iter().take(MOST) {
        let Some(arn) = trail.trail_arn().or(trail.name()) else { continue };
        match logs_here(&client, arn, options).await {
            Ok(true) => {
                status.trail = Some(excerpt(arn, 256));
                return Ok(());
            }
            Ok(false) => {}
            // A trail of the organization's may be gone between the list and the look.
            Err(failure) if failure.kind == FailureKind::Gone || status.unread.contains(&failure) => {}
            Err(failure) => status.unread.push(failure),
        }
    }
    Ok(())
}

/// Whether a trail is switched on and logs what changes something.
async fn logs_here(client: &Client, trail: &str, options: &StatusOptions) -> Result<bool, Failure> {
    let status = patiently(options.patience, &mut 0, || async {
        client.get_trail_status().name(trail).send().await.map_err(|error| Failure::of(LOGGING, &error))
    })
    .await?;
    if status.is_logging() != Some(true) {
        return Ok(false);
    }
    let selectors = patiently(options.patience, &mut 0, || async {
        client.get_event_selectors().trail_name(trail).send().await.map_err(|error| Failure::of(SELECTORS, &error))
    })
    .await?;
    Ok(logs_changes(&selectors))
}

/// Whether a trail logs the management events that change something.
fn logs_changes(selectors: &GetEventSelectorsOutput) -> bool {
    let basic = selectors.event_selectors().iter().any(|selector| {
        selector.include_management_events() != Some(false)
            && selector.read_write_type() != Some(&ReadWriteType::ReadOnly)
    });
    basic
        || selectors.advanced_event_selectors().iter().any(|selector| {
            let equals = |field: &str, value: &str| field_equals(selector, field, value);
            equals("eventCategory", "Management") && !equals("readOnly", "true")
        })
}

fn field_equals(selector: &AdvancedEventSelector, field: &str, value: &str) -> bool {
    selector.field_selectors().iter().any(|one| one.field() == field && one.equals().iter().any(|equal| equal == value))
}

/// Says where nothing is reported although a hook is there: no hole, since nobody may have asked for it.
pub(super) fn not_watched(regions: &[RegionStatus]) -> Option<Note> {
    let looked: Vec<&DirectCallsStatus> = regions.iter().filter_map(|region| region.direct_calls.as_ref()).collect();
    let open: Vec<_> = looked.iter().filter(|status| status.watched != Some(true) && status.rule.is_none()).collect();
    let [first, ..] = open.as_slice() else { return None };
    let with_trail = open.iter().filter(|status| status.trail.is_some()).count();
    let trail = match (with_trail, first.unread.first()) {
        (0, Some(failure)) => format!("whether that could be switched on is not known: {failure}"),
        (0, None) => "the trail that this needs is not there".to_owned(),
        (some, _) if some == open.len() => "the trail that this needs is there".to_owned(),
        (some, _) => format!("the trail that this needs is there in {some} of them"),
    };
    let message = format!(
        "what the console, the CLI and Terraform's aws provider open through EC2's API is not reported in {} \
         (WatchDirectCalls); {trail}",
        count(open.len(), "Region")
    );
    Some(Note { code: "direct-calls-not-watched".to_owned(), message })
}
