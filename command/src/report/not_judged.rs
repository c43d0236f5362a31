//! The kinds of parts that cannot be judged.

use cfn_egress_guard_core::rule::Outcome;
use cfn_egress_guard_core::template::NoteSubject;

use super::number;

/// A kind of part that was not judged.
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
    /// The parts that a macro may change.
    Macro,
    /// The parts that `Fn::Transform` adds.
    Include,
    /// The resources that a loop creates.
    Loop,
    /// The parts that an AWS transform adds.
    Transform,
    /// A Service Catalog product, which is a separate stack.
    Product,
    /// A resource with an unknown type.
    UnknownType,
    /// A resource without a type.
    NoType,
}

impl NotJudged {
    /// Returns the kind of a note about a template, or nothing if the note is about something else.
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

    /// Returns the outcome for the deployment: a part that can contain egress rules is undetermined.
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

    /// Returns whether it changes the template itself instead of referring to another template.
    pub(super) const fn is_in_template(self) -> bool {
        match self {
            Self::Module | Self::Macro | Self::Include | Self::Loop | Self::UnknownType => true,
            Self::NestedStack | Self::Application | Self::StackSet | Self::Product | Self::Transform | Self::NoType => {
                false
            }
        }
    }

    /// Returns its name in reports for programs.
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

    /// Returns a count of this kind, in words.
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
