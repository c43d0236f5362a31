//! Reads the security groups of a Region through Cloud Control.
//!
//! Sources: Cloud Control API Reference, `ListResources` and `GetResource`; the schema of `AWS::EC2::SecurityGroup`:
//! its primary identifier is the group's ID, and its list and read handlers call `ec2:DescribeSecurityGroups` with the
//! caller's credentials.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use aws_sdk_cloudcontrol::Client;

use super::judge::{GroupToJudge, compared_with, record};
use super::ownership::{GroupOwner, asked, owned, tagged};
use super::record::{GroupRecord, Ownership};
use crate::failure::{Failure, FailureKind};
use crate::pace::with_retries;
use crate::pages::{MAX_PAGES, following};
use crate::scan::Progress;
use crate::scan::context::{RegionClients, RegionContext};
use crate::scan::expected::{DeclaredEgress, StackKnowledge, locked};
use crate::scan::paced::{PacedSource, StartedWork, work};
use crate::scan::record::Unread;
use cfn_egress_guard_core::security_group::{self, ResourceType, live_properties};
use cfn_egress_guard_core::value::Value;

const LIST: &str = "cloudformation:ListResources";
const GET: &str = "cloudformation:GetResource";

/// The name of a VPC's default group (Amazon VPC User Guide, "Default security groups").
const DEFAULT: &str = "default";

/// Reads and judges every security group of a Region. Returns nothing if the receiver is closed.
pub(in crate::scan) async fn scan_groups(
    clients: &RegionClients,
    expected: &Arc<Mutex<DeclaredEgress>>,
    to: &RegionContext,
) -> Option<()> {
    let clients = clients.clone();
    let pages = GroupPages::Next { token: None, number: 0 };
    let expected = Arc::clone(expected);
    let mut groups =
        GroupSource { clients, expected, to, pages, seen: HashSet::new(), found: 0, throttled: 0, failure: None };
    work(&mut groups, to).await
}

/// The progress of reading the list.
enum GroupPages {
    Next { token: Option<String>, number: usize },
    Ended,
}

/// The security groups of a Region, to be read and judged.
struct GroupSource<'a> {
    clients: RegionClients,
    expected: Arc<Mutex<DeclaredEgress>>,
    to: &'a RegionContext,
    pages: GroupPages,
    /// Listed IDs: a group that is created meanwhile may move others to the next page.
    seen: HashSet<String>,
    found: usize,
    throttled: u32,
    failure: Option<Failure>,
}

impl GroupSource<'_> {
    async fn page(&mut self, token: Option<&str>, number: usize) -> Result<(Vec<String>, Option<String>), Failure> {
        if number >= MAX_PAGES {
            return Err(Failure::new(LIST, FailureKind::Unreadable, "the list has too many pages"));
        }
        let Self { clients, to, throttled, .. } = self;
        let page = with_retries(to.options.retry_policy, throttled, || async {
            let request = clients.cloudcontrol.list_resources().type_name(ResourceType::SecurityGroup.name());
            let answer = request.set_next_token(token.map(str::to_owned)).send().await;
            answer.map_err(|error| Failure::of(LIST, &error))
        })
        .await?;
        let ids = page.resource_descriptions().iter().filter_map(|description| description.identifier());
        let ids = ids.map(str::to_owned).collect();
        // A page is valid even if the next one cannot be requested.
        match following(page.next_token(), token, LIST) {
            Ok(next) => Ok((ids, next)),
            Err(failure) => {
                self.failure = Some(failure);
                Ok((ids, None))
            }
        }
    }
}

impl PacedSource for GroupSource<'_> {
    type Item = String;
    type Name = String;

    fn found(&mut self) -> Option<Progress> {
        let groups = std::mem::take(&mut self.found);
        (groups > 0).then_some(Progress::FoundGroups { groups })
    }

    async fn next(&mut self) -> Option<Vec<String>> {
        let GroupPages::Next { token, number } = std::mem::replace(&mut self.pages, GroupPages::Ended) else {
            return None;
        };
        match self.page(token.as_deref(), number).await {
            Ok((mut ids, next)) => {
                if next.is_some() {
                    self.pages = GroupPages::Next { token: next, number: number + 1 };
                }
                ids.retain(|id| self.seen.insert(id.clone()));
                self.found += ids.len();
                Some(ids)
            }
            Err(failure) => {
                self.failure = Some(failure);
                None
            }
        }
    }

    fn throttled(&mut self) -> u32 {
        std::mem::take(&mut self.throttled)
    }

    fn name(group: &String) -> String {
        group.clone()
    }

    fn lost(&self, group: String, failure: Failure) -> Progress {
        unread(self.to, Some(&group), failure, false)
    }

    fn start(&mut self, group: String) -> StartedWork {
        if let Some(known) = known(&group, &self.expected, self.to) {
            return StartedWork::Known(Box::new(Progress::Group(Box::new(known))));
        }
        let (clients, expected) = (self.clients.clone(), Arc::clone(&self.expected));
        StartedWork::Running(Box::pin(scan_group(clients, group, expected, self.to.clone())))
    }

    fn ended(&mut self) -> Vec<Progress> {
        self.failure.take().map(|failure| unread(self.to, None, failure, false)).into_iter().collect()
    }
}

/// Returns the record of an earlier scan, if the group would be compared with the same declarations.
fn known(group: &str, expected: &Mutex<DeclaredEgress>, to: &RegionContext) -> Option<GroupRecord> {
    let known = to.options.known.group(&to.region, group)?;
    let expected = &mut locked(expected);
    let declared = match (&known.ownership, &known.stack_id, &known.logical_id) {
        (Ownership::Stack, Some(stack_id), Some(logical_id)) if expected.stack(stack_id) == StackKnowledge::Judged => {
            expected.of(stack_id, logical_id, group)?
        }
        (Ownership::Stack | Ownership::Unknown, ..) => return None,
        _ => Vec::new(),
    };
    (compared_with(&declared) == known.compared_with).then_some(known)
}

fn unread(to: &RegionContext, group: Option<&str>, failure: Failure, judged: bool) -> Progress {
    let account = to.account.clone().or_else(|| locked(to.expected.as_ref()?).account());
    let region = Some(to.region.clone());
    let group = group.map(str::to_owned);
    Progress::Unread(Unread { account, region, stack: None, stack_id: None, live: true, group, failure, judged })
}

/// Reads, judges and reports a group. Returns how often AWS throttled the calls.
async fn scan_group(
    clients: RegionClients,
    group: String,
    expected: Arc<Mutex<DeclaredEgress>>,
    to: RegionContext,
) -> u32 {
    let mut throttled = 0;
    // The semaphore is never closed.
    let Ok(_permit) = to.templates.acquire().await else { return throttled };
    let properties = match get(&clients.cloudcontrol, &group, &to, &mut throttled).await {
        Ok(properties) => properties,
        // Deleted since it was listed.
        Err(failure) if failure.kind == FailureKind::Gone => return throttled,
        Err(failure) => {
            to.tell(unread(&to, Some(&group), failure, false)).await;
            return throttled;
        }
    };
    let owned = whose(&clients.cloudformation, &group, &properties, &expected, &to, &mut throttled).await;
    // If STS does not return the account, the ARNs of the Region's stacks contain it.
    let account = to.account.clone().or_else(|| locked(&expected).account()).unwrap_or_default();
    let read = GroupToJudge { account, region: to.region.clone(), group, properties, owned };
    let record = record(read, &mut locked(&expected), &to.options);
    to.tell(Progress::Group(Box::new(record))).await;
    throttled
}

async fn get(client: &Client, group: &str, to: &RegionContext, throttled: &mut u32) -> Result<Value, Failure> {
    let answer = with_retries(to.options.retry_policy, throttled, || async {
        let request = client.get_resource().type_name(ResourceType::SecurityGroup.name()).identifier(group);
        request.send().await.map_err(|error| Failure::of(GET, &error))
    })
    .await?;
    let text = answer.resource_description().and_then(|description| description.properties()).unwrap_or_default();
    let unreadable = |why: &str| Failure::new(GET, FailureKind::Unreadable, why);
    match live_properties(text) {
        Ok(Some(properties)) => Ok(properties),
        Ok(None) => Err(unreadable("the response has no properties")),
        // The position, never the text.
        Err(error) => Err(unreadable(&format!("the properties are not valid JSON at column {}", error.column()))),
    }
}

/// Returns the owner of a group.
async fn whose(
    client: &aws_sdk_cloudformation::Client,
    group: &str,
    properties: &Value,
    expected: &Mutex<DeclaredEgress>,
    to: &RegionContext,
    throttled: &mut u32,
) -> GroupOwner {
    if properties.get("GroupName").and_then(Value::as_str) == Some(DEFAULT) {
        return GroupOwner { by: Ownership::Default, place: None };
    }
    let tags = security_group::tags(ResourceType::SecurityGroup, properties).unwrap_or_default();
    let place = match tagged(&tags) {
        Some(place) => Some(place),
        None => match asked(client, group, to.options.retry_policy, throttled).await {
            Ok(place) => place,
            Err(failure) => {
                to.tell(unread(to, Some(group), failure, true)).await;
                return GroupOwner { by: Ownership::Unknown, place: None };
            }
        },
    };
    owned(place, &locked(expected))
}
