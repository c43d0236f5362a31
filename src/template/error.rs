//! Why a template could not be evaluated, in words.

use std::fmt;

use super::MAX_EVALUATION_DEPTH;
use super::unknown::shortened;
use crate::path::Origin;

/// How many resources of a circle are shown.
const SHOWN_RESOURCES: usize = 8;

/// Why a template could not be evaluated. All of them are its author's to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// The text contains something else than an object.
    NotAnObject {
        /// What it contains.
        found: &'static str,
        /// Where.
        origin: Origin,
    },
    /// There is no `Resources` section, which every template needs ("Template sections").
    NoResources {
        /// Where the template is.
        origin: Origin,
    },
    /// The `Resources` section is something else than an object.
    ResourcesNotAnObject {
        /// What it is.
        found: &'static str,
        /// Where.
        origin: Origin,
    },
    /// Values are nested too deep.
    TooDeep,
    /// Its loops and functions take more work than is spent on a template.
    TooMuchWork {
        /// Where it went too far.
        origin: Origin,
    },
    /// Resources depend on each other in a circle, so none of them can be created first.
    Circle {
        /// Their logical ids.
        resources: Vec<String>,
        /// The first of them.
        origin: Origin,
    },
}

impl TemplateError {
    /// Where it was found, if it has a place.
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

    /// What to do about it: one sentence.
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
