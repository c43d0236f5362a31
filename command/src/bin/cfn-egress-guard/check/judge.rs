//! One input → what is said of it.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use cfn_egress_guard::report::{FileReport, Problem};
use cfn_egress_guard_core::check::{Defaults, Terms, check_each};
use cfn_egress_guard_core::path::Origin;
use cfn_egress_guard_core::rule::policy::{Context, Date, Policy};
use cfn_egress_guard_core::source::{self, Document, is_meant_as_template};
use cfn_egress_guard_core::template::{Scope, is_template};
use cfn_egress_guard_core::value::Value;

use super::deployments::Deployment;
use super::folder::{Ignored, same};
use super::inputs::Input;
use super::nested;
use super::parameters::{Declared, Given, Refused, all_declared, allowed};

/// What all templates of a run are judged by.
pub(super) struct Judge<'a> {
    /// The files that are checked.
    pub(super) files: &'a HashSet<PathBuf>,
    pub(super) given: &'a Given,
    /// What is known of a template that has no deployments.
    pub(super) scope: Scope,
    /// The deployments of templates, by file.
    pub(super) deployments: &'a HashMap<PathBuf, Vec<Deployment>>,
    pub(super) policy: &'a Policy,
    pub(super) today: Date,
    pub(super) strict: bool,
    pub(super) defaults: Defaults,
    pub(super) is_only_input: bool,
}

/// What came of an input.
pub(super) enum Judged {
    /// It is no template, and need not be one.
    Other,
    /// It looks like a template, and git ignores it.
    Ignored,
    /// What is said of it, and which parameters it declares, if values are given for some.
    Report(Box<FileReport>, Declared),
}

impl Judged {
    fn broken(input: &Input, text: String, problem: Problem) -> Self {
        Self::Report(Box::new(FileReport::broken(input.name.clone(), text, problem)), Declared::default())
    }
}

impl Judge<'_> {
    /// What comes of an input.
    pub(super) fn input(&self, input: &Input) -> Judged {
        let broken = |text: String, problem: Problem| Judged::broken(input, text, problem);
        let text = match input.text() {
            Ok(Some(text)) => text,
            Ok(None) => return Judged::Other,
            Err(_) if input.ignored == Ignored::Yes => return Judged::Ignored,
            Err(problem) => return broken(String::new(), problem),
        };
        // One template that this program stumbles over must not hide what is found in the others.
        catch_unwind(AssertUnwindSafe(|| self.text(input, text))).unwrap_or_else(|_| {
            let problem = Problem::new(
                "this program failed inside while checking the file, which is a defect",
                Some("please report it, with the template if you can"),
            );
            broken(String::new(), problem)
        })
    }

    fn text(&self, input: &Input, text: String) -> Judged {
        let broken = |text: String, problem: Problem| Judged::broken(input, text, problem);
        let parsed = source::parse(&text);
        let is_template = match &parsed {
            Ok(document) => is_template(&document.root),
            Err(_) => input.must_be_template || is_meant_as_template(&text),
        };
        if !is_template && !input.must_be_template {
            return Judged::Other;
        }
        match &input.ignored {
            Ignored::No => {}
            Ignored::Yes => return Judged::Ignored,
            Ignored::Perhaps(why) => {
                let message = format!("git ignores this template, and whether it tracks it is not known: {why}");
                let help = "name the file to check it, or leave it out with --exclude";
                return broken(String::new(), Problem::new(message, Some(help)));
            }
        }
        let document = match parsed {
            Ok(document) => document,
            Err(error) => return broken(text, error.into()),
        };
        if !is_template {
            let help = "a template has a `Resources` section whose entries have a `Type`";
            return broken(text, Problem::new("this is no CloudFormation template", Some(help)));
        }
        let is_given = self.given.names().next().is_some();
        let declared = if is_given { Declared::by(&document.root) } else { Declared::default() };
        let report = Box::new(self.template(input, text, &document));
        if self.is_only_input {
            // The process is about to end: taking a large tree apart first would be a tenth of the run.
            std::mem::forget(document);
        }
        Judged::Report(report, declared)
    }

    /// The report of a template: once, or once for each of its deployments.
    fn template(&self, input: &Input, text: String, document: &Document) -> FileReport {
        let deployments = input.file().and_then(|file| self.deployments.get(&same(file)));
        let Some(deployments) = deployments else {
            let scope = declared_only(&self.scope, &document.root);
            return self.deployed(input, text, document, &scope, None);
        };
        let reports = deployments.iter().map(|deployment| {
            let scope = deployment.scope(&declared_only(&self.scope, &document.root));
            let mut report = self.deployed(input, text.clone(), document, &scope, Some(deployment));
            report.deployed_as(&deployment.name);
            report
        });
        FileReport::merged(reports).unwrap_or_default()
    }

    fn deployed(
        &self,
        input: &Input,
        text: String,
        document: &Document,
        scope: &Scope,
        deployment: Option<&Deployment>,
    ) -> FileReport {
        let name = input.name.clone();
        if let Err((message, origin)) = accepted(scope, document, deployment) {
            let problem = Problem { span: document.span(origin), ..Problem::new(message, Some(Refused::HELP)) };
            return FileReport::broken(name, text, problem);
        }
        let context = Context {
            account: scope.account.as_deref(),
            region: scope.region.as_deref(),
            stack_name: scope.stack_name.as_deref(),
            ..Context::default()
        };
        let terms = Terms { context, defaults: self.defaults, ..Terms::of(self.policy, self.today) };
        FileReport::of(name, text, document, &terms, self.strict, |take| {
            let mut notes = check_each(&document.root, scope, &terms, take)?;
            notes.extend(nested::notes(&document.root, Path::new(&input.name.shown), self.files));
            Ok(notes)
        })
    }
}

/// Whether a template takes the values that are given for its parameters; if not, why not and where it says so.
fn accepted(scope: &Scope, document: &Document, deployment: Option<&Deployment>) -> Result<(), (String, Origin)> {
    let root = &document.root;
    let place = deployment.map_or_else(String::new, |deployment| format!(" (deployed as {})", deployment.name));
    if let Some(deployment) = deployment {
        all_declared(deployment.given.names(), &Declared::by(root))
            .map_err(|error| (format!("{error}{place}"), Origin::NONE))?;
    }
    allowed(&scope.parameters, root).map_err(|refused| (format!("{refused}{place}"), refused.origin))
}

/// What is known of a run, without values of parameters that this template does not declare: they are for others.
fn declared_only(scope: &Scope, root: &Value) -> Scope {
    let mut scope = scope.clone();
    if !scope.parameters.is_empty() || !scope.open.is_empty() {
        let declared = Declared::by(root);
        scope.parameters.retain(|name, _| declared.names(name));
        scope.open.retain(|name| declared.names(name));
    }
    scope
}
