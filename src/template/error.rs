//! Errors in a template, in words.

use std::fmt;

use super::MAX_EVALUATION_DEPTH;
use super::unknown::shortened;
use crate::path::Origin;

/// The maximum number of resources of a circle that are shown.
const SHOWN_RESOURCES: usize = 8;

/// The reason why a template could not be evaluated. The author of the template can correct all of these errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// The text contains a value other than an object.
    NotAnObject {
        /// The kind of the value.
        found: &'static str,
        /// The place of the value.
        origin: Origin,
    },
    /// The `Resources` section is missing, which every template needs ("Template sections").
    NoResources {
        /// The place of the template.
        origin: Origin,
    },
    /// The `Resources` section is not an object.
    ResourcesNotAnObject {
        /// The kind of the section.
        found: &'static str,
        /// The place of the section.
        origin: Origin,
    },
    /// Values are nested too deeply.
    TooDeep,
    /// Loops and functions need more work than the template's budget allows.
    TooMuchWork {
        /// The place where the budget was exceeded.
        origin: Origin,
    },
    /// Resources depend on each other in a circle, so that none can be created first.
    Circle {
        /// Their logical ids.
        resources: Vec<String>,
        /// The place of the first one.
        origin: Origin,
    },
}

impl TemplateError {
    /// Returns the place of the error, if it has one.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        match self {
            Self::NotAnObject { origin, .. }
            | Self::NoResources { origin }
            | Self::ResourcesNotAnObject { origin, .. }
            | Self::TooMuchWork { origin }
            | Self::Circle { origin, .. } => *origin,
            Self::TooDeep => Origin::NONE,
        }
    }

    /// Returns the remedy in one sentence.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NotAnObject { .. } | Self::NoResources { .. } | Self::ResourcesNotAnObject { .. } => {
                "write a `Resources` section with an object for each resource"
            }
            Self::TooDeep => "reduce the nesting: CloudFormation templates never need this many levels",
            Self::TooMuchWork { .. } => "loop over shorter lists, or split the template into nested stacks",
            Self::Circle { .. } => {
                "break the cycle: use standalone rules (`AWS::EC2::SecurityGroupEgress`) for one of them instead of \
                 references"
            }
        }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject { found, .. } => write!(f, "a template must be an object, but this is {found}"),
            Self::NoResources { .. } => f.write_str("the template has no `Resources` section"),
            Self::ResourcesNotAnObject { found, .. } => {
                write!(f, "the `Resources` section must be an object, but this is {found}")
            }
            Self::TooDeep => write!(f, "values are nested more than {MAX_EVALUATION_DEPTH} levels deep"),
            Self::TooMuchWork { .. } => {
                f.write_str("the loops and functions of this template exceed the work limit for one template")
            }
            Self::Circle { resources, .. } => {
                f.write_str("resources depend on each other in a cycle: ")?;
                for (index, resource) in resources.iter().take(SHOWN_RESOURCES).enumerate() {
                    if index > 0 {
                        f.write_str(" → ")?;
                    }
                    write!(f, "`{}`", shortened(resource))?;
                }
                if resources.len() > SHOWN_RESOURCES { f.write_str(" → …") } else { Ok(()) }
            }
        }
    }
}

impl std::error::Error for TemplateError {}
