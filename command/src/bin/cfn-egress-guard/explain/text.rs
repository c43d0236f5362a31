//! The texts of templates, with places in the files that contain them.

use std::path::Path;

use cfn_egress_guard_core::source::{self, Document, Span};
use cfn_egress_guard_core::template::TemplateError;

use crate::check::nested::InlineTemplate;
use crate::file;

/// The text of a template.
pub(super) struct PlacedText<'t> {
    /// The name of its file.
    pub(super) name: &'t str,
    pub(super) file: &'t Path,
    pub(super) text: &'t str,
    /// The text around it, if it is written inside another template.
    pub(super) outer: Option<OuterText<'t>>,
}

/// The text around a template that is written inside another one.
pub(super) struct OuterText<'t> {
    pub(super) text: &'t PlacedText<'t>,
    /// The place of the template in that text.
    pub(super) span: Option<Span>,
    /// The resource that contains it.
    pub(super) logical_id: &'t str,
}

impl PlacedText<'_> {
    /// Parses the template.
    pub(super) fn parsed(&self) -> anyhow::Result<Document> {
        source::parse(self.text).map_err(|error| self.problem(error.span, &error.to_string(), error.help()))
    }

    /// Returns the message about an error in the template: the place, what is wrong and what to do.
    pub(super) fn error(&self, document: &Document, error: &TemplateError) -> anyhow::Error {
        self.problem(document.span(error.origin()), &error.to_string(), error.help())
    }

    fn problem(&self, span: Option<Span>, message: &str, help: &str) -> anyhow::Error {
        file::problem(self.name, self.in_file(span), &format!("{}{message}", self.subject()), help)
    }

    /// Returns the place in the file, as `check` reports it.
    fn in_file(&self, span: Option<Span>) -> Option<Span> {
        let Some(outer) = &self.outer else { return span };
        let moved = outer.span.and_then(|whole| {
            let lines = InlineTemplate::of(self.text, outer.text.text, whole);
            span.and_then(|span| lines.outer(self.text, span)).or(Some(whole))
        });
        outer.text.in_file(moved)
    }

    /// Returns the beginning of a message: in which resources of the file the template is written.
    fn subject(&self) -> String {
        self.outer.as_ref().map_or_else(String::new, |outer| {
            format!("{}the template in `{}`: ", outer.text.subject(), outer.logical_id)
        })
    }
}
