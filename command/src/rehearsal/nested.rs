//! The templates of nested stacks: where to look for them, and the limit on their number.

use std::fmt;

use super::plan::StackToDeploy;
use cfn_egress_guard_core::check::{NestedKind, passed};
use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::{Resource, Scope, TemplateError, World};
use cfn_egress_guard_core::value::Value;

/// The type of a nested stack.
pub(super) const NESTED_STACK: &str = "AWS::CloudFormation::Stack";

/// The maximum number of nested stacks in one rehearsal. Templates that nest each other multiply.
pub(super) const MAX_NESTED_STACKS: usize = 500;

/// A nested stack, with everything that helps to locate its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NestedStack<'a> {
    /// The logical IDs from the outermost nested stack to this one, separated by slashes.
    pub path: &'a str,
    /// The source of the parent template ([`StackToDeploy::file`]).
    pub parent: &'a str,
    /// `TemplateURL`, or the `Location` of a SAM application, if it is known.
    pub template_url: Option<&'a str>,
    /// The file that the AWS CDK records in the resource's metadata (`aws:asset:path`).
    pub asset_path: Option<&'a str>,
}

#[derive(Debug, Clone)]
pub struct FoundTemplate {
    /// The template's source; the same template always has the same one.
    pub file: String,
    pub text: String,
    /// The parsed text.
    pub document: Document,
}

/// Finds the templates of nested stacks.
pub trait NestedTemplates {
    /// Returns the template of a nested stack, or nothing if it is not on this machine.
    ///
    /// # Errors
    /// When the template exists but cannot be read; the error is a message.
    fn find(&mut self, nested: &NestedStack<'_>) -> Result<Option<FoundTemplate>, String>;

    /// Checks that CloudFormation would deploy a template with the values that its parent passes.
    ///
    /// # Errors
    /// When CloudFormation would refuse; the error is a message.
    fn accept(&self, _template: &Document, _passed: &Scope, _is_creation: bool) -> Result<(), String> {
        Ok(())
    }
}

/// The reason why a deployment cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanError {
    /// A template cannot be evaluated.
    Template {
        /// The template's source.
        file: String,
        /// The error.
        error: TemplateError,
    },
    /// The template of a nested stack cannot be read.
    Unreadable {
        /// The path of the nested stack.
        path: String,
        /// The reason.
        problem: String,
    },
    /// A nested stack does not accept what its parent passes.
    Refused {
        /// The path of the nested stack.
        path: String,
        /// The reason.
        problem: String,
    },
    /// A template nests itself.
    Cycle {
        /// The path of the nested stack.
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

/// Collects everything that helps to locate the template of a nested stack.
pub(super) fn reference<'a>(
    path: &'a str,
    parent: &'a StackToDeploy<'_>,
    resource: &'a Resource<'_>,
    world: &'a World<'_>,
) -> NestedStack<'a> {
    let metadata = resource.body().get("Metadata");
    let kind = NestedKind::of(&resource.type_name);
    NestedStack {
        path,
        parent: parent.file,
        template_url: kind.and_then(|kind| world.properties.get(kind.location())).and_then(Value::as_str),
        asset_path: metadata.and_then(|metadata| metadata.get("aws:asset:path")).and_then(Value::as_str),
    }
}

/// Returns the scope of a nested stack: the parameters that its parent passes, and its account and Region.
pub(super) fn scope(stack_name: &str, parent: &Scope, world: &World<'_>) -> Scope {
    // Without a name of its parent, its own is not known either.
    Scope { stack_name: parent.stack_name.as_ref().map(|_| stack_name.to_owned()), ..passed(parent, world) }
}
