//! Arguments that describe the deployment of templates.

use std::path::PathBuf;

use clap::Args;

use super::{StackArguments, parse_nested};

/// How templates are deployed.
#[derive(Debug, Args)]
pub(crate) struct Deployed {
    /// Parameter values: Key=Value or a parameter file (repeatable; a later value replaces an earlier one).
    ///
    /// Accepts the AWS CLI's ParameterKey=Key,ParameterValue=Value, inline JSON, and files in the forms
    /// [{"ParameterKey": …, "ParameterValue": …}], ["Key=Value"], and {"Parameters": {"Key": "Value"}}. Values of
    /// NoEcho parameters are never used and never shown.
    #[arg(short, long, alias = "parameter-overrides", value_name = "KEY=VALUE|FILE")]
    pub(crate) parameters: Vec<String>,

    /// The template file of a nested stack, if it is not where TemplateURL or the CDK's metadata says (repeatable).
    /// Write a nested stack within another one as Outer/Inner.
    #[arg(long, value_name = "LOGICAL_ID=FILE", value_parser = parse_nested)]
    pub(crate) nested: Vec<(String, PathBuf)>,

    #[command(flatten)]
    pub(crate) stack: StackArguments,
}
