//! Judges one input and returns its reports.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cfn_egress_guard::report::{FileError, FileName, FileReport, NestedDeployment};
use cfn_egress_guard_core::check::{CheckContext, Defaults, Nested, NestedWay, check_each, nested};
use cfn_egress_guard_core::path::Origin;
use cfn_egress_guard_core::rule::policy::{Context, Date, Policy};
use cfn_egress_guard_core::source::{self, Document, Span, is_meant_as_template};
use cfn_egress_guard_core::template::{NoteSubject, Scope, TemplateNote, is_template};

use super::deployments::Deployment;
use super::folder::{GitIgnored, same};
use super::inputs::Input;
use super::names::FileNames;
use super::nested::{self, InlineTemplate};
use super::parameters::{
    DeclaredParameters, ParameterError, ParameterValues, all_declared, allowed, declared_only, nested_scope,
};
use crate::file::unreadable;

/// The settings by which all templates of a run are judged.
pub(super) struct InputJudge<'a> {
    pub(super) names: &'a FileNames,
    pub(super) nested: &'a nested::NestedFiles<'a>,
    pub(super) given: &'a ParameterValues,
    /// The scope of templates without deployments.
    pub(super) scope: Scope,
    /// The deployments of templates, by template file.
    pub(super) deployments: &'a HashMap<PathBuf, Vec<Deployment>>,
    pub(super) policy: &'a Policy,
    pub(super) today: Date,
    pub(super) strict: bool,
    pub(super) defaults: Defaults,
    pub(super) is_only_input: bool,
}

/// The result of an input.
pub(super) enum InputResult {
    /// It is not a template and does not have to be one.
    Other,
    /// It looks like a template, but git ignores it.
    Ignored,
    /// The reports on it and on the templates that it deploys. Also the parameters that it declares, if any values are
    /// given.
    Reports(Box<InputReports>, DeclaredParameters),
}

impl InputResult {
    fn broken(input: &Input, text: String, problem: FileError) -> Self {
        let own = FileReport::broken(input.name.clone(), text, problem);
        Self::Reports(Box::new(InputReports { own, others: Vec::new() }), DeclaredParameters::default())
    }
}

impl InputJudge<'_> {
    /// Judges an input.
    pub(super) fn input(&self, input: &Input) -> InputResult {
        let broken = |text: String, problem: FileError| InputResult::broken(input, text, problem);
        let text = match input.text() {
            Ok(Some(text)) => text,
            Ok(None) => return InputResult::Other,
            Err(_) if input.ignored == GitIgnored::Yes => return InputResult::Ignored,
            Err(problem) => return broken(String::new(), problem),
        };
        // A template that triggers a bug in this program must not hide the findings in the others.
        catch_unwind(AssertUnwindSafe(|| self.text(input, text))).unwrap_or_else(|_| {
            let problem = FileError::new(
                "cfn-egress-guard hit an internal error while checking this file (a bug)",
                Some("please report it, with the template if you can"),
            );
            broken(String::new(), problem)
        })
    }

    fn text(&self, input: &Input, text: String) -> InputResult {
        let broken = |text: String, problem: FileError| InputResult::broken(input, text, problem);
        let parsed = source::parse(&text);
        let is_template = match &parsed {
            Ok(document) => is_template(&document.root),
            Err(_) => input.must_be_template || is_meant_as_template(&text),
        };
        if !is_template && !input.must_be_template {
            return InputResult::Other;
        }
        match &input.ignored {
            GitIgnored::No => {}
            GitIgnored::Yes => return InputResult::Ignored,
            GitIgnored::Perhaps(why) => {
                let message = format!("git ignores this template, and whether git tracks it is unknown: {why}");
                let help = "name the file to check it, or exclude it with --exclude";
                return broken(String::new(), FileError::new(message, Some(help)));
            }
        }
        let document = match parsed {
            Ok(document) => document,
            Err(error) => return broken(text, error.into()),
        };
        if !is_template {
            let help = "a template has a `Resources` section whose entries have a `Type`";
            return broken(text, FileError::new("this is not a CloudFormation template", Some(help)));
        }
        let is_given = self.given.names().next().is_some();
        let declared = if is_given { DeclaredParameters::by(&document.root) } else { DeclaredParameters::default() };
        let reports = Box::new(self.template(input, &Arc::new(text), &document));
        if self.is_only_input {
            // The process is about to end: dropping a large tree would take a tenth of the run.
            std::mem::forget(document);
        }
        InputResult::Reports(reports, declared)
    }

    /// Returns the reports of a template, one for each of its deployments, and of the templates that it deploys.
    fn template(&self, input: &Input, text: &Arc<String>, document: &Document) -> InputReports {
        let file = input.file().filter(|_| !self.deployments.is_empty());
        let deployments = file.and_then(|file| self.deployments.get(&same(file)));
        let scope = declared_only(&self.scope, &document.root);
        let unit = JudgedTemplate { name: &input.name, file: input.file().unwrap_or(Path::new("")), text, document };
        let Some(deployments) = deployments else {
            return self.deployed(&unit, &scope, None);
        };
        let mut reports = Vec::new();
        let mut others = Vec::new();
        for deployment in deployments {
            let mut found = self.deployed(&unit, &deployment.scope(&scope), Some(deployment));
            found.own.deployed_as(&deployment.name);
            reports.push(found.own);
            others.append(&mut found.others);
        }
        InputReports { own: FileReport::merged(reports).unwrap_or_default(), others }
    }

    fn deployed(&self, unit: &JudgedTemplate<'_>, scope: &Scope, deployment: Option<&Deployment>) -> InputReports {
        if let Err((message, origin)) = accepted(scope, unit.document, deployment) {
            let problem =
                FileError { span: unit.document.span(origin), ..FileError::new(message, Some(ParameterError::HELP)) };
            let own = FileReport::broken(unit.name.clone(), Arc::clone(unit.text), problem);
            return InputReports { own, others: Vec::new() };
        }
        let name = &unit.name.shown;
        let outermost =
            deployment.map_or_else(|| name.clone(), |deployment| format!("{name} deployed as {}", deployment.name));
        let around = ParentTemplates {
            outermost: &outermost,
            path: "",
            files: Vec::new(),
            stack_name: scope.stack_name.as_deref(),
        };
        self.with_nested(unit, scope, &around)
    }

    /// Returns the report of a template under a scope, and the reports of the templates that it deploys.
    fn with_nested(&self, unit: &JudgedTemplate<'_>, scope: &Scope, around: &ParentTemplates<'_>) -> InputReports {
        let JudgedTemplate { name, text, document, .. } = *unit;
        let nested = nested(&document.root, scope, self.defaults);
        let mut inside = NestedReports::default();
        for one in nested.iter().flatten() {
            self.inside(one, unit, around, &mut inside);
        }
        let context = Context {
            account: scope.account.as_deref(),
            region: scope.region.as_deref(),
            stack_name: around.stack_name,
            ..Context::default()
        };
        let terms = CheckContext { context, defaults: self.defaults, ..CheckContext::of(self.policy, self.today) };
        let mut own = FileReport::of(name.clone(), Arc::clone(text), document, &terms, self.strict, |take| {
            let mut notes = check_each(&document.root, scope, &terms, take)?;
            nested?;
            // The evaluator does not know which templates are available.
            notes.retain(|note| !matches!(note.subject, NoteSubject::Application { .. }));
            notes.append(&mut inside.notes);
            Ok(notes)
        });
        for (logical_id, report) in inside.inline {
            own.take_in(&logical_id, report);
        }
        InputReports { own, others: inside.others }
    }

    /// Judges the template that a resource deploys, in each way in which the resource deploys it.
    fn inside(
        &self,
        nested: &Nested,
        unit: &JudgedTemplate<'_>,
        around: &ParentTemplates<'_>,
        inside: &mut NestedReports,
    ) {
        let path = match around.path {
            "" => nested.logical_id.clone(),
            outer => format!("{outer}/{}", nested.logical_id),
        };
        let mut inline = Vec::new();
        let mut is_missing = false;
        let mut refusals: BTreeSet<String> = BTreeSet::new();
        for way in &nested.ways {
            let deployed = NestedDeployment {
                label: nested::label(nested.kind, &path, around.outermost),
                when: way.when.as_ref().map(|when| format!("{when} in {}", unit.name.shown)),
                is_by_override: way.is_by_override,
            };
            let around = ParentTemplates { path: &path, files: around.files.clone(), stack_name: None, ..*around };
            if let Some((body, origin)) = &way.body {
                let (report, refused) = self.inline(body, unit.document.span(*origin), unit, way, &around);
                inline.push(report);
                refusals.extend(refused);
            } else if let Some(file) = self.nested.file(&path, unit.file, nested, way)
                && around.files.len() < nested::MAX_DEPTH
                && !around.files.contains(&same(&file))
            {
                let (mut reports, refused) = self.nested_file(&file, way, around);
                refusals.extend(refused);
                reports.own.deployed_by(&deployed, self.strict);
                inside.others.push((same(&file), reports.own));
                inside.others.append(&mut reports.others);
            } else if !std::mem::replace(&mut is_missing, true) {
                inside.notes.push(nested::missing(&path, nested, way));
            }
        }
        inside.notes.extend(refusals.into_iter().map(|why| {
            let subject = NoteSubject::RefusedParameters { logical_id: nested.logical_id.clone(), why };
            TemplateNote { subject, origin: nested.origin }
        }));
        inside.inline.extend(FileReport::merged(inline).map(|report| (nested.logical_id.clone(), report)));
    }

    /// Returns the reports of a nested template in a separate file, and why it does not accept the parameters that it
    /// gets.
    fn nested_file(
        &self,
        file: &Path,
        way: &NestedWay,
        mut around: ParentTemplates<'_>,
    ) -> (InputReports, Option<String>) {
        let name = self.names.of(file);
        around.files.push(same(file));
        let broken = |text: String, problem: FileError| {
            (InputReports { own: FileReport::broken(name.clone(), text, problem), others: Vec::new() }, None)
        };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return broken(String::new(), FileError::new(unreadable(&error), None)),
        };
        match source::parse(&text) {
            Ok(document) if is_template(&document.root) => {
                let unit = JudgedTemplate { name: &name, file, text: &Arc::new(text), document: &document };
                let reports = self.with_nested(&unit, &nested_scope(way, &document.root), &around);
                (reports, nested::refused(way, &document.root))
            }
            Err(error) if is_meant_as_template(&text) => broken(text, error.into()),
            _ => broken(String::new(), FileError::new("a nested stack uses this file, which is not a template", None)),
        }
    }

    /// Returns the report of a template that is written inside another one, with places in the outer one, and why it
    /// does not accept the parameters that it gets.
    fn inline(
        &self,
        body: &str,
        span: Option<Span>,
        unit: &JudgedTemplate<'_>,
        way: &NestedWay,
        around: &ParentTemplates<'_>,
    ) -> (FileReport, Option<String>) {
        let (mut report, refused) = match source::parse(body) {
            Ok(document) => {
                let text = Arc::new(body.to_owned());
                let inner = JudgedTemplate { text: &text, document: &document, ..*unit };
                let own = self.with_nested(&inner, &nested_scope(way, &document.root), around).own;
                (own, nested::refused(way, &document.root))
            }
            Err(error) => (FileReport::broken(unit.name.clone(), String::new(), error.into()), None),
        };
        let lines = span.map(|span| InlineTemplate::of(body, unit.text, span));
        report.moved(span, |place| lines.as_ref()?.outer(body, place));
        (report, refused)
    }
}

/// A template to judge.
#[derive(Clone, Copy)]
struct JudgedTemplate<'u> {
    name: &'u FileName,
    file: &'u Path,
    text: &'u Arc<String>,
    document: &'u Document,
}

/// The enclosing templates of a nested one.
struct ParentTemplates<'a> {
    /// The name of the outermost template, in which the path begins, and of its deployment.
    outermost: &'a str,
    /// The logical IDs that lead to it, separated by slashes.
    path: &'a str,
    files: Vec<PathBuf>,
    stack_name: Option<&'a str>,
}

/// The reports of the templates that a template deploys.
#[derive(Default)]
struct NestedReports {
    /// Templates in separate files.
    others: Vec<(PathBuf, FileReport)>,
    /// Templates written inside it, by logical ID.
    inline: Vec<(String, FileReport)>,
    /// Notes on the resources that deploy them: the template is not available or does not accept the parameters.
    notes: Vec<TemplateNote>,
}

/// The reports of a template and of those that it deploys, each with the canonical path of its file.
pub(super) struct InputReports {
    pub(super) own: FileReport,
    pub(super) others: Vec<(PathBuf, FileReport)>,
}

/// Checks that a template accepts the values that are given for its parameters. The error contains the reason and its
/// place in the template.
fn accepted(scope: &Scope, document: &Document, deployment: Option<&Deployment>) -> Result<(), (String, Origin)> {
    let root = &document.root;
    let place = deployment.map_or_else(String::new, |deployment| format!(" (deployed as {})", deployment.name));
    if let Some(deployment) = deployment {
        all_declared(deployment.given.names(), &DeclaredParameters::by(root))
            .map_err(|error| (format!("{error}{place}"), Origin::NONE))?;
    }
    allowed(&scope.parameters, root).map_err(|refused| (format!("{refused}{place}"), refused.origin))
}
