//! Explains the verdicts on the egress rules of a template, and of the templates that it deploys.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cfn_egress_guard_core::check::{CheckContext, Defaults, Nested, NestedWay, explain_each, nested};
use cfn_egress_guard_core::rule::excerpt;
use cfn_egress_guard_core::rule::policy::Context as Place;
use cfn_egress_guard_core::source::Document;
use cfn_egress_guard_core::template::{NoteSubject, Scope, TemplateError, TemplateNote, is_template};

use super::of_resource;
use super::text::{OuterText, PlacedText};
use crate::ID_CHARS;
use crate::args::Deployed;
use crate::check::folder::same;
use crate::check::nested as files;
use crate::check::parameters::{self, DeclaredParameters, ParameterValues};
use crate::exit::Exit;

/// Explains a template under a scope.
pub(super) fn explain(
    file: &Path,
    text: &str,
    deployed: &Deployed,
    given: &ParameterValues,
    terms: &CheckContext<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let text = PlacedText { name: &name, file, text, outer: None };
    let document = text.parsed()?;
    parameters::all_declared(given.names(), &DeclaredParameters::by(&document.root))?;
    let scope = parameters::scope(deployed, given);
    parameters::allowed(&scope.parameters, &document.root).with_context(|| name.clone())?;
    let context = Place { stack_name: scope.stack_name.as_deref(), ..place(&scope) };
    let nested = &files::NestedFiles::new(&deployed.nested);
    let mut explainer = Explainer { terms, nested, outermost: &name, out, is_first: true };
    let unit = Unit { text: &text, document: &document };
    let exit = explainer.template(&unit, &scope, context, &Around::default())?;
    if explainer.is_first {
        writeln!(explainer.out, "There is no security group and no egress rule.")?;
    }
    explainer.nested.finish()?;
    Ok(exit)
}

fn place(scope: &Scope) -> Place<'_> {
    Place { account: scope.account.as_deref(), region: scope.region.as_deref(), ..Place::default() }
}

struct Explainer<'e> {
    terms: &'e CheckContext<'e>,
    nested: &'e files::NestedFiles<'e>,
    /// The name of the outermost template.
    outermost: &'e str,
    out: &'e mut dyn Write,
    /// Whether nothing was written yet.
    is_first: bool,
}

/// A template to explain.
struct Unit<'u> {
    text: &'u PlacedText<'u>,
    document: &'u Document,
}

impl Unit<'_> {
    fn error(&self, error: &TemplateError) -> anyhow::Error {
        self.text.error(self.document, error)
    }
}

/// The enclosing templates of a nested one.
#[derive(Default)]
struct Around {
    /// The logical IDs that lead to it, separated by slashes.
    path: String,
    files: Vec<PathBuf>,
}

impl Explainer<'_> {
    /// Writes an empty line between paragraphs.
    fn paragraph(&mut self) -> std::io::Result<()> {
        if std::mem::replace(&mut self.is_first, false) { Ok(()) } else { writeln!(self.out) }
    }

    fn template(
        &mut self,
        unit: &Unit<'_>,
        scope: &Scope,
        context: Place<'_>,
        around: &Around,
    ) -> anyhow::Result<Exit> {
        let root = &unit.document.root;
        let terms = CheckContext { context, defaults: Defaults::MayChange, ..*self.terms };
        let mut resources = Vec::new();
        let mut notes = explain_each(root, scope, &terms, &mut |resource| resources.push(resource))
            .map_err(|error| unit.error(&error))?;
        // Available templates are looked up below.
        notes.retain(|note| !matches!(note.subject, NoteSubject::Application { .. }));
        let mut exit = Exit::Clean;
        for resource in &resources {
            self.paragraph()?;
            exit = exit.max(of_resource(resource, &terms, self.out)?);
        }
        for one in &nested(root, scope, terms.defaults).map_err(|error| unit.error(&error))? {
            exit = exit.max(self.inside(one, unit, around, &mut notes)?);
        }
        for (index, note) in notes.iter().enumerate() {
            if index == 0 {
                self.paragraph()?;
            }
            let is_refused = matches!(note.subject, NoteSubject::RefusedParameters { .. });
            writeln!(self.out, "{}: {note}.", if is_refused { "Warning" } else { "Not checked" })?;
        }
        Ok(exit)
    }

    /// Explains the template that a resource deploys, in each way in which the resource deploys it.
    fn inside(
        &mut self,
        nested: &Nested,
        unit: &Unit<'_>,
        around: &Around,
        notes: &mut Vec<TemplateNote>,
    ) -> anyhow::Result<Exit> {
        let path = match around.path.as_str() {
            "" => nested.logical_id.clone(),
            outer => format!("{outer}/{}", nested.logical_id),
        };
        let mut exit = Exit::Clean;
        let mut is_missing = false;
        for way in &nested.ways {
            let Some((file, text)) = self.found(nested, way, &path, unit, around)? else {
                if !std::mem::replace(&mut is_missing, true) {
                    notes.push(files::missing(&path, nested, way));
                }
                continue;
            };
            let name = if way.body.is_some() { unit.text.name.to_owned() } else { file.display().to_string() };
            let outer = way.body.as_ref().map(|(_, origin)| OuterText {
                text: unit.text,
                span: unit.document.span(*origin),
                logical_id: &nested.logical_id,
            });
            let text = PlacedText { name: &name, file: &file, text: &text, outer };
            let document = text.parsed()?;
            if text.outer.is_none() && !is_template(&document.root) {
                bail!("{name}: a nested stack uses this file, which is not a template");
            }
            if let Some(why) = files::refused(way, &document.root) {
                let subject = NoteSubject::RefusedParameters { logical_id: nested.logical_id.clone(), why };
                notes.push(TemplateNote { subject, origin: nested.origin });
            }
            let label = files::label(nested.kind, &excerpt(&path, ID_CHARS), self.outermost);
            let when = way.when.as_ref().map_or_else(String::new, |when| format!(" ({when})"));
            let override_only = if way.is_by_override { ", only if a deployment overrides defaults" } else { "" };
            self.paragraph()?;
            writeln!(self.out, "{label}{when}{override_only}:")?;
            let mut files = around.files.clone();
            files.push(same(&file));
            let inner = Unit { text: &text, document: &document };
            let explained = self.deployed(&inner, way, &Around { path: path.clone(), files })?;
            // A template that only an override of a default deploys is not certain.
            exit = exit.max(if way.is_by_override { Exit::Clean } else { explained });
        }
        Ok(exit)
    }

    /// Returns the text of the template that a resource deploys and its file, if available.
    fn found(
        &self,
        nested: &Nested,
        way: &NestedWay,
        path: &str,
        unit: &Unit<'_>,
        around: &Around,
    ) -> anyhow::Result<Option<(PathBuf, String)>> {
        if let Some((body, _)) = &way.body {
            return Ok(Some((unit.text.file.to_owned(), body.clone())));
        }
        let file = self.nested.file(path, unit.text.file, nested, way);
        let is_new = |file: &PathBuf| around.files.len() < files::MAX_DEPTH && !around.files.contains(&same(file));
        file.filter(is_new).map(|file| crate::policy::text(&file).map(|text| (file, text))).transpose()
    }

    /// Explains a template that another one deploys.
    fn deployed(&mut self, unit: &Unit<'_>, way: &NestedWay, around: &Around) -> anyhow::Result<Exit> {
        let scope = parameters::nested_scope(way, &unit.document.root);
        self.is_first = true;
        let exit = self.template(unit, &scope, place(&scope), around)?;
        if std::mem::replace(&mut self.is_first, false) {
            writeln!(self.out, "  There is no security group and no egress rule.")?;
        }
        Ok(exit)
    }
}
