//! Arguments of the commands that ask AWS.

use std::path::PathBuf;

use cfn_egress_guard_account::Glob;
use cfn_egress_guard_core::rule::Preset;
use clap::{Args, ValueEnum};
use hyper::Uri;

use super::accounts::AccountArguments;
use super::parse_preset;

/// How AWS is reached. Everything else is as for the AWS command line: environment, ~/.aws, SSO, roles.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct Aws {
    /// The profile of ~/.aws to use.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The Region to look at [default: the profile's, or AWS_REGION].
    #[arg(long, value_name = "REGION", value_parser = region, conflicts_with = "regions")]
    pub(crate) region: Option<String>,

    /// The Regions to look at, separated by commas; `all` are those switched on in the account.
    #[arg(long, value_name = "REGION,…|all", value_delimiter = ',', value_parser = region)]
    pub(crate) regions: Vec<String>,

    /// Another endpoint for every service, in place of AWS_ENDPOINT_URL.
    #[arg(long, value_name = "URL", value_parser = endpoint_url)]
    pub(crate) endpoint_url: Option<String>,

    /// Print the IAM policy that this command needs, and do nothing else; with =deployer, the one that roles that
    /// deploy need so that the CDK and others show why the hook blocked a deployment.
    #[arg(long, value_enum, value_name = "FOR", num_args = 0..=1, require_equals = true, default_missing_value = "command")]
    pub(crate) print_iam_policy: Option<PolicyFor>,

    /// Which accounts.
    #[command(flatten)]
    pub(crate) accounts: AccountArguments,
}

/// Whom an IAM policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFor {
    /// This command, in this account and on its way into others.
    Command,
    /// A role that deploys stacks.
    Deployer,
}

/// A Region's name becomes part of a host's name.
fn region(text: &str) -> Result<String, String> {
    let name = (3..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if name { Ok(text.to_owned()) } else { Err("a Region is named like eu-west-1".to_owned()) }
}

/// Where every service is to be found.
fn endpoint_url(text: &str) -> Result<String, String> {
    let is_web = |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if text.parse().is_ok_and(is_web) {
        Ok(text.to_owned())
    } else {
        Err("an endpoint is written like https://localhost:4566".to_owned())
    }
}

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// Only stacks with such names, and those nested in them; `*` and `?` are wildcards.
    #[arg(long = "stack", value_name = "GLOB", value_parser = str::parse::<Glob>)]
    pub(crate) stacks: Vec<Glob>,

    /// The policy that decides, for example a draft, compared with the published rule [default: the published rule].
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// The preset that decides, in place of the policy's: literal or effective.
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    pub(crate) preset: Option<Preset>,

    /// Write exemptions that would cover what is blocked today, a draft for review, to be added to a policy: to a
    /// file that does not exist yet. Drafts of several accounts can be joined.
    #[arg(long, value_name = "FILE")]
    pub(crate) suggest_exemptions: Option<PathBuf>,

    /// For how many days the suggested exemptions hold at the most: they end one after the other in the second half.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(crate) exempt_days: u16,

    /// How to print the result.
    #[arg(long, value_enum, default_value_t = AccountFormat::Human, value_name = "FORMAT")]
    pub(crate) format: AccountFormat,

    /// Also write the result to a file: .json, .csv or .html. JSON is written while the scan runs.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,

    /// Also read every security group that exists, whoever made it, through the Cloud Control API: which break the rule,
    /// which no stack owns, which differ from their stack's template, and which default groups of VPCs are open.
    #[arg(long, conflicts_with_all = ["stacks", "from"])]
    pub(crate) live: bool,

    /// Take stacks that did not change from an earlier JSON result, even one that was cut off; with --live also the
    /// security groups that it read within the last 12 hours.
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,

    /// Compare with an earlier JSON result: what was fixed, and what is new. Several show the trend.
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Vec<PathBuf>,

    /// Report an earlier JSON result again, without asking AWS; several are put together, of which the newest word
    /// about a stack counts.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "profile", "region", "regions", "endpoint_url", "stacks", "policy", "preset", "selection"])]
    pub(crate) from: Vec<PathBuf>,

    /// Tags that name a stack's owner; the first that a stack has counts.
    #[arg(long = "owner-tag", value_name = "TAG", default_values = ["owner", "team", "contact"])]
    pub(crate) owner_tags: Vec<String>,

    /// Exit with 1 also for rules that cannot be judged from the templates.
    #[arg(long)]
    pub(crate) strict: bool,

    /// How many templates or security groups of a Region are read at once, at the most.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) concurrency: u8,

    /// How AWS is reached.
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// How to print a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccountFormat {
    /// For people on a terminal.
    Human,
    /// For programs; its schema is printed by the command `schema`.
    Json,
    /// A table for spreadsheets.
    Csv,
    /// One self-contained page.
    Html,
    /// Findings for AWS Security Hub: on each line the input of one call of BatchImportFindings.
    Asff,
}

/// Which results to tell, and how.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The hook's name.
    #[arg(long, default_value = "Security::Egress::SinglePort", value_name = "ALIAS")]
    pub(crate) hook_alias: String,

    /// Only from then on: a time, a day, or so long ago (2026-11-23T10:00:00Z, 2026-11-23, 7d, 12h).
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,

    /// Only before then.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,

    /// Which results: `failed` is what was blocked, warned about or broken.
    #[arg(long, value_enum, default_value_t = AuditStatus::Failed, value_name = "STATUS")]
    pub(crate) status: AuditStatus,

    /// The log group of the function's decisions, which has the calls of EC2's API that no hook was asked about
    /// [default: that of the function that the hook calls].
    #[arg(long, value_name = "NAME", conflicts_with_all = ["stack", "events"])]
    pub(crate) decision_log: Option<String>,

    /// Say why the newest operation of this stack was blocked, and what to do (name or ARN).
    #[arg(long, value_name = "NAME", conflicts_with_all = ["since", "until", "status", "hook_alias", "events"])]
    pub(crate) stack: Option<String>,

    /// Tell the hook events of this stack instead, those of every hook.
    #[arg(long, value_name = "STACK", conflicts_with_all = ["since", "until", "status", "hook_alias"])]
    pub(crate) events: Option<String>,

    /// How to print the result.
    #[arg(long, value_enum, default_value_t = AccountFormat::Human, value_name = "FORMAT")]
    pub(crate) format: AccountFormat,

    /// How AWS is reached.
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// Which results of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditStatus {
    /// HOOK_COMPLETE_FAILED and HOOK_FAILED.
    Failed,
    /// HOOK_COMPLETE_SUCCEEDED.
    Succeeded,
    /// Every status.
    All,
}

/// What enforcement should look like, and how to tell what it lacks.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The hook's name; the one for whole templates has `Stack` behind it.
    #[arg(long, default_value = "Security::Egress::SinglePort", value_name = "ALIAS")]
    pub(crate) hook_alias: String,

    /// The failure mode that the hook should have.
    #[arg(long, value_parser = ["FAIL", "WARN"], default_value = "FAIL", value_name = "MODE")]
    pub(crate) failure_mode: String,

    /// The operations that the hook should look at.
    #[arg(long, value_delimiter = ',', default_value = "RESOURCE,CLOUD_CONTROL", value_name = "OPERATION,…",
          value_parser = ["RESOURCE", "CLOUD_CONTROL", "STACK", "CHANGE_SET"])]
    pub(crate) operations: Vec<String>,

    /// Stacks that the hook may leave out besides its own (cfn-egress-guard*), separated by commas; `*` and `?`
    /// are wildcards. `*` alone accepts any filter of stack names.
    #[arg(long = "may-exclude", value_name = "GLOBS", value_parser = str::parse::<Glob>, value_delimiter = ',')]
    pub(crate) may_exclude: Vec<Glob>,

    /// Roles (ARNs) whose stacks the hook may leave out, likewise [default: none].
    #[arg(long = "may-exclude-role", value_name = "GLOB", value_parser = str::parse::<Glob>)]
    pub(crate) may_exclude_roles: Vec<Glob>,

    /// How many days back throttles, errors and failures count.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=90))]
    pub(crate) days: u16,

    /// How to print the result.
    #[arg(long, value_enum, default_value_t = StatusFormat::Human, value_name = "FORMAT")]
    pub(crate) format: StatusFormat,

    /// What the function should be.
    #[command(flatten)]
    pub(crate) function: StatusFunction,

    /// How AWS is reached.
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// What the function behind the hook should be. Without --package, --policy and --code-sha256 the Regions
/// are compared with each other.
#[derive(Debug, Args)]
#[command(next_help_heading = "Function")]
pub(crate) struct StatusFunction {
    /// The function that the hook should call: its ARN, or the end of it (function:NAME:live).
    #[arg(long, value_name = "ARN")]
    pub(crate) function: Option<String>,

    /// What should be deployed, program and policy: what `make package` made (dist/….zip), a function's zip
    /// file, or the folder that `make build` made (target/lambda/…). Again for a further architecture.
    ///
    /// Where the hash of the whole zip file does not say that it is the same, the deployed one is downloaded
    /// (lambda:GetFunction) and the two files in it are compared.
    #[arg(long = "package", value_name = "PATH")]
    pub(crate) packages: Vec<PathBuf>,

    /// The policy that should be deployed, byte for byte, in place of the package's.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// The hash that Lambda should tell of the code (CodeSha256, base64); several for several architectures.
    #[arg(long, value_name = "HASH,…", value_delimiter = ',', value_parser = code_sha256)]
    pub(crate) code_sha256: Vec<String>,

    /// The preset that the function should set over its policy's [default: none].
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    pub(crate) preset: Option<Preset>,

    /// The profile of ~/.aws for a function in another account.
    #[arg(long, value_name = "NAME")]
    pub(crate) function_profile: Option<String>,
}

/// SHA-256 in base64: 43 digits and `=`.
fn code_sha256(text: &str) -> Result<String, String> {
    let digits = text.strip_suffix('=').unwrap_or_default();
    let base64 = digits.len() == 43 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    if base64 {
        Ok(text.to_owned())
    } else {
        Err("a CodeSha256 is what `aws lambda get-function-configuration --query CodeSha256` prints".to_owned())
    }
}

/// How to print the state of enforcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// For people on a terminal.
    Human,
    /// For programs; its schema is printed by the command `schema`.
    Json,
}
