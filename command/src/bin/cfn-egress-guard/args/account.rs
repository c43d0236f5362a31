//! Arguments of the commands that call AWS.

use std::path::PathBuf;

use cfn_egress_guard_account::Glob;
use cfn_egress_guard_core::rule::Preset;
use clap::{Args, ValueEnum};
use hyper::Uri;

use super::accounts::AccountArguments;
use super::{parse_preset, parse_region};

/// How to reach AWS. Everything else works as for the AWS CLI: environment variables, ~/.aws, SSO, roles.
#[derive(Debug, Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct Aws {
    /// The profile in ~/.aws to use.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The Region to read [default: AWS_REGION or the profile's Region].
    #[arg(long, value_name = "REGION", value_parser = parse_region, conflicts_with = "regions")]
    pub(crate) region: Option<String>,

    /// The Regions to read, separated by commas; `all` means every Region that is enabled in the account.
    #[arg(long, value_name = "REGION,…|all", value_delimiter = ',', value_parser = region_or_all)]
    pub(crate) regions: Vec<String>,

    /// The endpoint for every service; overrides AWS_ENDPOINT_URL.
    #[arg(long, value_name = "URL", value_parser = endpoint_url)]
    pub(crate) endpoint_url: Option<String>,

    /// Print the IAM policy that this command needs, and exit. With =deployer, print the policy that deploying roles
    /// need so that tools such as the CDK show why the hook blocked a deployment.
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

/// Parses an item of `--regions`.
fn region_or_all(text: &str) -> Result<String, String> {
    if text == "all" { Ok(text.to_owned()) } else { parse_region(text) }
}

/// Parses the endpoint URL for all services.
fn endpoint_url(text: &str) -> Result<String, String> {
    let is_web = |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if text.parse().is_ok_and(is_web) {
        Ok(text.to_owned())
    } else {
        Err("not an endpoint URL; an example is https://localhost:4566".to_owned())
    }
}

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// Only stacks with these names, and their nested stacks; `*` and `?` are wildcards.
    #[arg(long = "stack", value_name = "GLOB", value_parser = str::parse::<Glob>)]
    pub(crate) stacks: Vec<Glob>,

    /// The policy to apply, for example a draft; the result also shows the published rule [default: the published
    /// rule].
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// The preset to apply instead of the policy's: literal or effective.
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    pub(crate) preset: Option<Preset>,

    /// Write draft exemptions that cover what is blocked today, for review, to a new file. Drafts of several accounts
    /// can be joined.
    #[arg(long, value_name = "FILE")]
    pub(crate) suggest_exemptions: Option<PathBuf>,

    /// The longest duration of the suggested exemptions, in days; their ends are spread over the second half.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(crate) exempt_days: u16,

    /// How to print the result.
    #[arg(long, value_enum, default_value_t = AccountFormat::Human, value_name = "FORMAT")]
    pub(crate) format: AccountFormat,

    /// Also write the result to a file: .json, .csv, or .html. JSON is written while the scan runs.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,

    /// Also read every security group that exists, whoever created it, through the Cloud Control API: which break the rule,
    /// which no stack owns, which differ from their stack's template, and which default groups of VPCs are open.
    #[arg(long, conflicts_with_all = ["stacks", "from"])]
    pub(crate) live: bool,

    /// Reuse stacks that did not change from an earlier JSON result, even an incomplete one; with --live also the
    /// security groups that it read within the last 12 hours.
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,

    /// Compare with an earlier JSON result, to show what was fixed and what is new. Several results show the trend.
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Vec<PathBuf>,

    /// Report an earlier JSON result again, without calling AWS. Several results are joined; for each stack, the
    /// latest one counts.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "profile", "region", "regions", "endpoint_url", "stacks", "policy", "preset", "selection"])]
    pub(crate) from: Vec<PathBuf>,

    /// Tags that name a stack's owner; the first one that a stack has is used.
    #[arg(long = "owner-tag", value_name = "TAG", default_values = ["owner", "team", "contact"])]
    pub(crate) owner_tags: Vec<String>,

    /// Exit with 1 also for rules that cannot be determined from the templates.
    #[arg(long)]
    pub(crate) strict: bool,

    /// The maximum number of templates or security groups that are read at the same time in a Region.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) concurrency: u8,

    /// How to reach AWS.
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
    /// Findings for AWS Security Hub: each line is the input of one BatchImportFindings call.
    Asff,
}

/// Which results to list, and how.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// The hook's name.
    #[arg(long, default_value = "Security::Egress::SinglePort", value_name = "ALIAS")]
    pub(crate) hook_alias: String,

    /// Only results since then: a time, a day, or a duration before now (2026-11-23T10:00:00Z, 2026-11-23, 7d, 12h).
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,

    /// Only results before then.
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,

    /// Which results: `failed` means blocked, warned about, or failed to run.
    #[arg(long, value_enum, default_value_t = AuditStatus::Failed, value_name = "STATUS")]
    pub(crate) status: AuditStatus,

    /// The log group of the function's decisions, which contains the direct EC2 API calls [default: the log group of
    /// the function that the hook calls].
    #[arg(long, value_name = "NAME", conflicts_with_all = ["stack", "events"])]
    pub(crate) decision_log: Option<String>,

    /// Explain why the latest operation of this stack (name or ARN) was blocked, and what to do.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["since", "until", "status", "hook_alias", "events"])]
    pub(crate) stack: Option<String>,

    /// List the events of every hook on this stack instead.
    #[arg(long, value_name = "STACK", conflicts_with_all = ["since", "until", "status", "hook_alias"])]
    pub(crate) events: Option<String>,

    /// How to print the result.
    #[arg(long, value_enum, default_value_t = AccountFormat::Human, value_name = "FORMAT")]
    pub(crate) format: AccountFormat,

    /// How to reach AWS.
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

/// The expected enforcement, and how to report gaps.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The hook's name; the hook for whole templates has this name with `Stack` appended.
    #[arg(long, default_value = "Security::Egress::SinglePort", value_name = "ALIAS")]
    pub(crate) hook_alias: String,

    /// The expected failure mode.
    #[arg(long, value_parser = ["FAIL", "WARN"], default_value = "FAIL", value_name = "MODE")]
    pub(crate) failure_mode: String,

    /// The operations that the hook should check.
    #[arg(long, value_delimiter = ',', default_value = "RESOURCE,CLOUD_CONTROL", value_name = "OPERATION,…",
          value_parser = ["RESOURCE", "CLOUD_CONTROL", "STACK", "CHANGE_SET"])]
    pub(crate) operations: Vec<String>,

    /// Stacks that the hook may exclude besides its own (cfn-egress-guard*), separated by commas; `*` and `?` are
    /// wildcards. `*` alone accepts any filter of stack names.
    #[arg(long = "may-exclude", value_name = "GLOBS", value_parser = str::parse::<Glob>, value_delimiter = ',')]
    pub(crate) may_exclude: Vec<Glob>,

    /// ARNs of roles whose stacks the hook may exclude; `*` and `?` are wildcards (repeatable) [default: none].
    #[arg(long = "may-exclude-role", value_name = "GLOB", value_parser = str::parse::<Glob>)]
    pub(crate) may_exclude_roles: Vec<Glob>,

    /// The number of past days in which throttles, errors, and failures count.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=90))]
    pub(crate) days: u16,

    /// How to print the result.
    #[arg(long, value_enum, default_value_t = StatusFormat::Human, value_name = "FORMAT")]
    pub(crate) format: StatusFormat,

    /// The expected function.
    #[command(flatten)]
    pub(crate) function: StatusFunction,

    /// How to reach AWS.
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// The expected function behind the hook. Without --package, --policy, and --code-sha256, the Regions are compared
/// with each other.
#[derive(Debug, Args)]
#[command(next_help_heading = "Function")]
pub(crate) struct StatusFunction {
    /// The function that the hook should call: its ARN or the end of it (function:NAME:live).
    #[arg(long, value_name = "ARN")]
    pub(crate) function: Option<String>,

    /// The expected program and policy: the package that `make package` creates (dist/….zip), a function's zip file,
    /// or the folder that `make build` creates (target/lambda/…). Repeat it for another architecture.
    ///
    /// If the hash of the zip file differs, the deployed file is downloaded (lambda:GetFunction) and the two files in
    /// it are compared.
    #[arg(long = "package", value_name = "PATH")]
    pub(crate) packages: Vec<PathBuf>,

    /// The expected policy file, byte for byte, instead of the package's.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// The expected code hash (Lambda's CodeSha256, base64); separate one for each architecture with commas.
    #[arg(long, value_name = "HASH,…", value_delimiter = ',', value_parser = code_sha256)]
    pub(crate) code_sha256: Vec<String>,

    /// The expected preset override of the function [default: none].
    #[arg(long, value_parser = parse_preset(), value_name = "PRESET")]
    pub(crate) preset: Option<Preset>,

    /// The profile in ~/.aws for a function in another account.
    #[arg(long, value_name = "NAME")]
    pub(crate) function_profile: Option<String>,
}

/// Parses a SHA-256 hash in base64: 43 digits and `=`.
fn code_sha256(text: &str) -> Result<String, String> {
    let digits = text.strip_suffix('=').unwrap_or_default();
    let base64 = digits.len() == 43 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    if base64 {
        Ok(text.to_owned())
    } else {
        Err("not a CodeSha256; `aws lambda get-function-configuration --query CodeSha256` prints it".to_owned())
    }
}

/// How to print the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// For people on a terminal.
    Human,
    /// For programs; its schema is printed by the command `schema`.
    Json,
}
