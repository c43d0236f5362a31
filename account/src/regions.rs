//! The Regions of an account, where all of them are requested.

use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::pace::RetryPolicy;

/// Returns a message that a result covers only the Regions that are enabled by default, because the account's own list
/// could not be read.
#[must_use]
pub fn regions_assumed(why: &str) -> String {
    format!(
        "Only the Regions that are enabled by default were read, because the account's list of Regions could not be \
         read: {why}."
    )
}

/// The Regions that every account of a partition has (source: AWS General Reference, "Regions that are enabled by
/// default").
const ENABLED_BY_DEFAULT: [(&str, &[&str]); 3] = [
    (
        "aws",
        &[
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
            "ca-central-1",
            "eu-central-1",
            "eu-north-1",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "sa-east-1",
        ],
    ),
    ("aws-cn", &["cn-north-1", "cn-northwest-1"]),
    ("aws-us-gov", &["us-gov-east-1", "us-gov-west-1"]),
];

/// The Regions of an account to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRegions {
    /// Their names.
    pub regions: Vec<String>,
    /// The reason why the account's Regions could not be listed; `regions` then contains those that every account has.
    pub assumed: Option<Failure>,
}

/// Returns the Regions that are enabled in an account. If they cannot be listed, returns those that every account in
/// the caller's partition has.
pub async fn all_regions(connection: &Connection, retry_policy: RetryPolicy) -> AccountRegions {
    let failure = match connection.enabled_regions(retry_policy).await {
        Ok(regions) if regions.is_empty() => {
            Failure::new("account:ListRegions", FailureKind::Unreadable, "the account's list of Regions is empty")
        }
        Ok(regions) => return AccountRegions { regions, assumed: None },
        Err(failure) => failure,
    };
    let partition = connection.caller_if_known().await.map(|caller| caller.partition);
    AccountRegions { regions: assumed(partition.as_deref(), connection.region().as_deref()), assumed: Some(failure) }
}

/// Returns the Regions that every account in a partition has. Without the partition, the configured Region shows it. In
/// another partition, only the configured Region is known.
fn assumed(partition: Option<&str>, configured: Option<&str>) -> Vec<String> {
    let lists = || ENABLED_BY_DEFAULT.into_iter();
    let by_name = partition.and_then(|partition| lists().find(|(name, _)| *name == partition));
    let by_region = || configured.and_then(|region| lists().find(|(_, regions)| regions.contains(&region)));
    let list = match partition {
        Some(_) => by_name,
        None => by_region(),
    };
    match (list, partition, configured) {
        (Some((_, regions)), ..) => regions.iter().map(|region| (*region).to_owned()).collect(),
        (None, Some(_), Some(configured)) => vec![configured.to_owned()],
        (None, ..) => lists().take(1).flat_map(|(_, regions)| regions).map(|region| (*region).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_decides_which_regions_every_account_has() {
        for (partition, configured, number, first) in [
            (Some("aws"), None, 17, "us-east-1"),
            (Some("aws-cn"), None, 2, "cn-north-1"),
            (Some("aws-us-gov"), Some("us-gov-west-1"), 2, "us-gov-east-1"),
            (Some("aws-eusc"), Some("eusc-de-east-1"), 1, "eusc-de-east-1"),
            // STS did not answer.
            (None, Some("cn-northwest-1"), 2, "cn-north-1"),
            (None, Some("af-south-1"), 17, "us-east-1"),
            (None, None, 17, "us-east-1"),
        ] {
            let regions = assumed(partition, configured);
            assert_eq!((regions.len(), regions[0].as_str()), (number, first), "{partition:?} {configured:?}");
        }
    }
}
