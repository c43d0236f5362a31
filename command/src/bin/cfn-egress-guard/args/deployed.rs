//! What is known of the deployment of templates.

use std::path::PathBuf;

use clap::Args;

use super::parse_nested;

/// How templates are deployed.
#[derive(Debug, Args)]
pub(crate) struct Deployed {
    /// Parameter values: Key=Value or a parameter file (repeatable).
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

    /// The Region of the deployment (AWS::Region).
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// The account of the deployment (AWS::AccountId).
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,

    /// The stack's name (AWS::StackName).
    #[arg(long, value_name = "NAME")]
    pub(crate) stack_name: Option<String>,
}
