//! Checks whether direct calls to the EC2 API, which no hook sees, are reported: the rule that sends them to the
//! function, and the trail from which EventBridge gets them.
//!
//! Sources: EventBridge User Guide, "Events delivered via AWS CloudTrail"; CloudTrail API Reference, `DescribeTrails`,
//! `GetTrailStatus`, `GetEventSelectors`. Parts that cannot be read here do not change the verdict on enforcement,
//! because reporting blocks nothing.

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::operation::get_event_selectors::GetEventSelectorsOutput;
use aws_sdk_cloudtrail::types::{AdvancedEventSelector, ReadWriteType};
use aws_sdk_eventbridge::types::RuleState;

use super::StatusOptions;
use super::gap::Gap;
use super::record::{DirectCallsStatus, RegionStatus, StatusNote};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::number::count;
use crate::pace::with_retries;
use crate::pages::PageCursor;
use cfn_egress_guard_core::rule::excerpt;

const RULES: &str = "events:ListRuleNamesByTarget";
const RULE: &str = "events:DescribeRule";
const TRAILS: &str = "cloudtrail:DescribeTrails";
const LOGGING: &str = "cloudtrail:GetTrailStatus";
const SELECTORS: &str = "cloudtrail:GetEventSelectors";

/// The maximum number of trails to check: an account has five trails in a Region.
const MOST: usize = 20;

/// Looks for the rule, if the account has its own function, and for a trail.
pub(super) async fn look(
    connection: Connection,
    function: Option<&str>,
    options: &StatusOptions,
    found: &mut RegionStatus,
) {
    let mut status = DirectCallsStatus::default();
    let looked = match function {
        Some(function) => rule(&connection, &found.region, function, options, &mut status).await,
        // A central function in another account gets no events from this one.
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
            found.gap(&Gap::WatchDisabled { rule });
        } else if no_trail {
            found.gap(&Gap::WatchWithoutTrail { rule });
        }
    }
    found.direct_calls = Some(status);
}

/// Returns the rule of the default event bus whose target is the function.
async fn rule(
    connection: &Connection,
    region: &str,
    function: &str,
    options: &StatusOptions,
    status: &mut DirectCallsStatus,
) -> Result<(), Failure> {
    let client = connection.eventbridge(region);
    let mut names = Vec::new();
    let mut pages = PageCursor::new(RULES);
    while pages.has_page() {
        let page = with_retries(options.retry_policy, &mut 0, || async {
            let request = client.list_rule_names_by_target().target_arn(function).set_next_token(pages.token());
            request.send().await.map_err(|error| Failure::of(RULES, &error))
        })
        .await?;
        names.extend_from_slice(page.rule_names());
        pages.advance(page.next_token())?;
    }
    for name in &names {
        let rule = with_retries(options.retry_policy, &mut 0, || async {
            client.describe_rule().name(name).send().await.map_err(|error| Failure::of(RULE, &error))
        })
        .await?;
        // Other events may go to the same function.
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

/// Looks for a trail that logs the Region's management events. A trail that could not be read may be one.
async fn trail(
    connection: &Connection,
    region: &str,
    options: &StatusOptions,
    status: &mut DirectCallsStatus,
) -> Result<(), Failure> {
    let client = connection.cloudtrail(region);
    // The list includes trails of other Regions and of the organization.
    let trails = with_retries(options.retry_policy, &mut 0, || async {
        client.describe_trails().send().await.map_err(|error| Failure::of(TRAILS, &error))
    })
    .await?;
    for trail in trails.trail_list().iter().take(MOST) {
        let Some(arn) = trail.trail_arn().or(trail.name()) else { continue };
        // CloudTrail describes a trail only in the Region where it was created.
        let client = match trail.home_region().filter(|home| *home != region) {
            Some(home) => connection.cloudtrail(home),
            None => client.clone(),
        };
        match logs_management_events(&client, arn, options).await {
            Ok(true) => {
                status.trail = Some(excerpt(arn, 256));
                return Ok(());
            }
            Ok(false) => {}
            Err(failure) if status.unread.contains(&failure) => {}
            Err(failure) => status.unread.push(failure),
        }
    }
    Ok(())
}

/// Returns whether a trail is logging, including write management events.
async fn logs_management_events(client: &Client, trail: &str, options: &StatusOptions) -> Result<bool, Failure> {
    let status = with_retries(options.retry_policy, &mut 0, || async {
        client.get_trail_status().name(trail).send().await.map_err(|error| Failure::of(LOGGING, &error))
    })
    .await?;
    if status.is_logging() != Some(true) {
        return Ok(false);
    }
    let selectors = with_retries(options.retry_policy, &mut 0, || async {
        client.get_event_selectors().trail_name(trail).send().await.map_err(|error| Failure::of(SELECTORS, &error))
    })
    .await?;
    Ok(logs_changes(&selectors))
}

/// Returns whether a trail logs write management events.
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

/// Returns a note where a hook exists but direct calls are not reported. It is only a note, because `WatchDirectCalls`
/// is a choice.
pub(super) fn not_watched(regions: &[RegionStatus]) -> Option<StatusNote> {
    let looked: Vec<&DirectCallsStatus> = regions.iter().filter_map(|region| region.direct_calls.as_ref()).collect();
    let open: Vec<_> = looked.iter().filter(|status| status.watched != Some(true) && status.rule.is_none()).collect();
    let [first, ..] = open.as_slice() else { return None };
    let with_trail = open.iter().filter(|status| status.trail.is_some()).count();
    let trail = match (with_trail, first.unread.first()) {
        (0, Some(failure)) => format!("it is unknown whether a trail exists: {failure}"),
        (0, None) => "there is no trail for it".to_owned(),
        (some, _) if some == open.len() => "there is a trail for it".to_owned(),
        (some, _) => format!("there is a trail for it in {some} of them"),
    };
    let message = format!(
        "direct calls to the EC2 API (console, AWS CLI, Terraform's aws provider) are not reported in {}: \
         WatchDirectCalls is not on; {trail}",
        count(open.len(), "Region")
    );
    Some(StatusNote { code: "direct-calls-not-watched".to_owned(), message })
}
