//! The templates of nested stacks: where they may be, and how many there may be.

use std::fmt;

use super::plan::StackToDeploy;
use cfn_egress_guard_core::check::passed;
use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::{Resource, Scope, TemplateError, World};
use cfn_egress_guard_core::value::Value;

/// The type of a nested stack.
pub(super) const NESTED_STACK: &str = "AWS::CloudFormation::Stack";

/// How many nested stacks one rehearsal goes into. Templates that nest each other multiply.
pub(super) const MAX_NESTED_STACKS: usize = 500;

/// The template of a nested stack, by everything that may tell where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NestedStack<'a> {
    /// The logical ids of the nested stacks around it and its own, separated by slashes.
    pub path: &'a str,
    /// Where the template around it came from ([`StackToDeploy::file`]).
    pub parent: &'a str,
    /// `TemplateURL`, if it is known.
    pub template_url: Option<&'a str>,
    /// The file that the AWS CDK names beside the resource (`Metadata`, `aws:asset:path`).
    pub asset_path: Option<&'a str>,
}

#[derive(Debug, Clone)]
pub struct FoundTemplate {
    /// Where it came from, the same for the same template.
    pub file: String,
    pub text: String,
    /// What the text contains.
    pub document: Document,
}

/// Finds the templates of nested stacks.
pub trait NestedTemplates {
    /// The template of a nested stack; nothing if it is not here.
    ///
    /// # Errors
    /// When it is here and cannot be read, in words.
    fn find(&mut self, nested: &NestedStack<'_>) -> Result<Option<FoundTemplate>, String>;

    /// Whether CloudFormation deploys a template with what its parent passes to it.
    ///
    /// # Errors
    /// When it refuses that, in words.
    fn accept(&self, _template: &Document, _passed: &Scope, _is_creation: bool) -> Result<(), String> {
        Ok(())
    }
}

/// Why a deployment cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanError {
    /// A template cannot be evaluated.
    Template {
        /// Where it came from.
        file: String,
        /// What is wrong with it.
        error: TemplateError,
    },
    /// The template of a nested stack cannot be read.
    Unreadable {
        /// Which nested stack.
        path: String,
        /// Why not.
        problem: String,
    },
    /// A nested stack does not take what its parent passes to it.
    Refused {
        /// Which nested stack.
        path: String,
        /// Why not.
        problem: String,
    },
    /// A template nests itself.
    Cycle {
        /// Which nested stack.
        path: String,
        /// The template.
        file: String,
    },
    /// There are more nested stacks than `MAX_NESTED_STACKS`.
    TooMany,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template { file, error } => write!(f, "`{file}`: {error}"),
            Self::Unreadable { path, problem } => write!(f, "the template of nested stack `{path}`: {problem}"),
            Self::Refused { path, problem } => {
                write!(f, "nested stack `{path}` cannot be deployed with the parameters that it is passed: {problem}")
            }
            Self::Cycle { path, file } => write!(f, "nested stack `{path}` uses `{file}`, which contains it"),
            Self::TooMany => {
                write!(f, "there are more than {MAX_NESTED_STACKS} nested stacks: rehearse them one by one")
            }
        }
    }
}

impl std::error::Error for PlanError {}

/// Everything that may tell where the template of a nested stack is.
pub(super) fn reference<'a>(
    path: &'a str,
    parent: &'a StackToDeploy<'_>,
    resource: &'a Resource<'_>,
    world: &'a World<'_>,
) -> NestedStack<'a> {
    let metadata = resource.body().get("Metadata");
    NestedStack {
        path,
        parent: parent.file,
        template_url: world.properties.get("TemplateURL").and_then(Value::as_str),
        asset_path: metadata.and_then(|metadata| metadata.get("aws:asset:path")).and_then(Value::as_str),
    }
}

/// What is known inside a nested stack: the parameters that its parent gives, and the place.
pub(super) fn scope(stack_name: &str, parent: &Scope, world: &World<'_>) -> Scope {
    Scope { stack_name: Some(stack_name.to_owned()), ..passed(parent, world) }
}
