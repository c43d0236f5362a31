//! Kinds of what a template leaves open.

use cfn_egress_guard_core::rule::Outcome;
use cfn_egress_guard_core::template::NoteSubject;

use super::number;

/// What was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotJudged {
    /// A nested stack whose template is not available.
    NestedStack,
    /// An application of the Serverless Application Repository, which is a nested stack.
    Application,
    /// A StackSet whose template is not available.
    StackSet,
    /// A module.
    Module,
    /// What a macro may change.
    Macro,
    /// What `Fn::Transform` adds.
    Include,
    /// What a loop makes.
    Loop,
    /// What a transform of AWS adds.
    Transform,
    /// A product of Service Catalog, which is a stack of its own.
    Product,
    /// A resource whose type is not known.
    UnknownType,
    /// A resource without a type.
    NoType,
}

impl NotJudged {
    /// Which kind a note of a template is; nothing if it is about something else.
    pub(super) const fn of(subject: &NoteSubject) -> Option<Self> {
        Some(match subject {
            NoteSubject::NestedStack { .. } => Self::NestedStack,
            NoteSubject::Application { .. } => Self::Application,
            NoteSubject::StackSet { .. } => Self::StackSet,
            NoteSubject::Module { .. } => Self::Module,
            NoteSubject::Macro { .. } => Self::Macro,
            NoteSubject::Include { .. } => Self::Include,
            NoteSubject::Loop { .. } => Self::Loop,
            NoteSubject::Generator { .. } => Self::Transform,
            NoteSubject::NoType { .. } => Self::NoType,
            NoteSubject::Product { .. } => Self::Product,
            NoteSubject::UnknownType { .. } => Self::UnknownType,
            NoteSubject::RefusedParameters { .. } | NoteSubject::UndeclaredParameter { .. } => return None,
        })
    }

    /// What it means for the deployment: what can hold egress rules is undetermined.
    pub(super) const fn outcome(self) -> Outcome {
        match self {
            Self::NestedStack
            | Self::Application
            | Self::StackSet
            | Self::Module
            | Self::Macro
            | Self::Include
            | Self::Loop
            | Self::Product
            | Self::UnknownType => Outcome::Undetermined,
            Self::Transform | Self::NoType => Outcome::Note,
        }
    }

    /// Whether it changes what the template itself says, and is not only another template.
    pub(super) const fn is_in_template(self) -> bool {
        match self {
            Self::Module | Self::Macro | Self::Include | Self::Loop | Self::UnknownType => true,
            Self::NestedStack | Self::Application | Self::StackSet | Self::Product | Self::Transform | Self::NoType => {
                false
            }
        }
    }

    /// Its name in reports for programs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NestedStack => "nested-stack",
            Self::Application => "application",
            Self::StackSet => "stack-set",
            Self::Module => "module",
            Self::Macro => "macro",
            Self::Include => "include",
            Self::Loop => "loop",
            Self::Transform => "transform",
            Self::Product => "product",
            Self::UnknownType => "unknown-type",
            Self::NoType => "no-type",
        }
    }

    /// So many of them, in words.
    pub(super) fn count(self, count: usize) -> String {
        let what = match self {
            Self::NestedStack => "nested stack",
            Self::Application => "serverless application",
            Self::StackSet => "StackSet",
            Self::Module => "module",
            Self::Macro => "macro",
            Self::Include => "include",
            Self::Loop => "loop",
            Self::Transform => "transform",
            Self::Product => "Service Catalog product",
            Self::UnknownType => return format!("{} of unknown type", number(count, "resource")),
            Self::NoType => return format!("{} without a `Type`", number(count, "resource")),
        };
        number(count, what)
    }
}
