//! Turns findings in values into entries of a report on a text.

use std::collections::HashMap;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, DiagnosticLevel, FileError, FileName, FileReport, LabeledSpan, ResourceName};
use super::not_judged::NotJudged;
use super::printable;
use super::twice;
use super::words;
use cfn_egress_guard_core::check::{CheckContext, CheckedResource, LocatedFinding, RulePart};
use cfn_egress_guard_core::fingerprint::Fingerprint;
use cfn_egress_guard_core::path::Origin;
use cfn_egress_guard_core::rule::policy::{Context, ResourceContext};
use cfn_egress_guard_core::rule::wording::{self, label};
use cfn_egress_guard_core::rule::{Finding, Outcome};
use cfn_egress_guard_core::security_group::ResourceType;
use cfn_egress_guard_core::source::{Document, Warning};
use cfn_egress_guard_core::template::{NoteSubject, TemplateError, TemplateNote};

impl FileReport {
    /// Checks a template and returns its report: resource by resource, then the parts that cannot be judged. If strict,
    /// undetermined results are errors.
    #[must_use]
    pub fn of(
        name: FileName,
        text: Arc<String>,
        document: &Document,
        terms: &CheckContext<'_>,
        strict: bool,
        check: impl FnOnce(&mut dyn FnMut(CheckedResource)) -> Result<Vec<TemplateNote>, TemplateError>,
    ) -> Self {
        let mut builder = ReportBuilder::new(document, terms, strict, text.contains(CDK_PATH));
        match check(&mut |resource| builder.resource(resource)) {
            Ok(notes) => builder.report(name, text, &notes),
            Err(error) => {
                let span = document.span(error.origin());
                let problem = FileError { message: error.to_string(), help: Some(error.help().to_owned()), span };
                Self::broken(name, text, problem)
            }
        }
    }
}

/// The metadata key in which the AWS CDK records the construct that created a resource.
const CDK_PATH: &str = "aws:cdk:path";

/// Builds the entries of one text.
struct ReportBuilder<'d> {
    document: &'d Document,
    terms: &'d CheckContext<'d>,
    strict: bool,
    /// Whether the AWS CDK generated the template.
    is_of_cdk: bool,
    /// The resources so far, …
    resources: Vec<ResourceName>,
    /// … how many egress rules they have, …
    rules: usize,
    /// … and what to report about them.
    entries: Vec<Diagnostic>,
    /// How often each fingerprint occurred, to distinguish repeated findings.
    seen: HashMap<Fingerprint, usize>,
}

impl<'d> ReportBuilder<'d> {
    fn new(document: &'d Document, terms: &'d CheckContext<'d>, strict: bool, is_of_cdk: bool) -> Self {
        Self {
            document,
            terms,
            strict,
            is_of_cdk,
            resources: Vec::new(),
            rules: 0,
            entries: Vec::new(),
            seen: HashMap::new(),
        }
    }

    /// Adds the next resource.
    fn resource(&mut self, mut resource: CheckedResource) {
        let index = self.resources.len();
        // Drops each finding when its entry is made, so that the next one can reuse the memory.
        for located in std::mem::take(&mut resource.findings) {
            self.finding(index, &resource, &located);
        }
        if let Some(why) = resource.undetermined {
            let message = words::not_wholly_judged(&resource.logical_id, &why.to_string());
            self.other(Outcome::Undetermined, words::NOT_WHOLLY_JUDGED, message, Some(index), resource.origin);
        }
        self.rules += resource.judged;
        self.resources.push(ResourceName {
            construct: self.construct(&resource.logical_id),
            logical_id: printable(resource.logical_id),
            type_name: resource.resource_type.name(),
            span: self.document.span(resource.origin),
        });
    }

    /// Returns the construct that created a resource: its path without the part that the CDK adds for the resource
    /// itself.
    fn construct(&self, logical_id: &str) -> Option<String> {
        let resources = self.document.root.get("Resources").filter(|_| self.is_of_cdk)?;
        let path = resources.get(logical_id)?.get("Metadata")?.get(CDK_PATH)?.as_str()?;
        Some(printable(path.strip_suffix("/Resource").unwrap_or(path).to_owned()))
    }

    /// Returns the complete report, in the order of the text.
    fn report(mut self, name: FileName, text: Arc<String>, notes: &[TemplateNote]) -> FileReport {
        self.notes(notes);
        self.warnings();
        let Self { mut entries, resources, rules, .. } = self;
        entries.sort_by_key(|entry| entry.place.as_ref().map(|place| place.span.offset));
        FileReport { name, text, resources, rules, entries, problem: None }
    }

    /// The only place where an outcome gets its level.
    const fn level(&self, outcome: Outcome) -> DiagnosticLevel {
        match outcome {
            Outcome::NonCompliant => DiagnosticLevel::Error,
            Outcome::Undetermined if self.strict => DiagnosticLevel::Error,
            Outcome::Undetermined => DiagnosticLevel::Warning,
            Outcome::Exempted | Outcome::KnownDebt | Outcome::Note => DiagnosticLevel::Note,
        }
    }

    fn finding(&mut self, index: usize, resource: &CheckedResource, located: &LocatedFinding) {
        let finding = &located.finding;
        let allowed = matches!(finding.outcome, Outcome::Exempted | Outcome::KnownDebt);
        let statement = wording::statement(finding);
        let fingerprint = self.fingerprint(resource, located, &statement);
        let message = if allowed { wording::policy::exempted(finding) } else { statement };
        let place = &located.place;
        let help = match wording::cdk_remedy(finding).filter(|_| self.is_of_cdk) {
            _ if allowed => wording::policy::advice(finding),
            None => Some(wording::remedy(finding)),
            cdk => cdk,
        };
        self.push(Diagnostic {
            resource: Some(index),
            property: finding.path.to_string(),
            help,
            exemption: finding.exemption.as_deref().filter(|_| allowed).cloned().map(Box::new),
            setting: wording::setting_hint(finding),
            expired: finding
                .exemption
                .as_deref()
                .filter(|exemption| !exemption.is_active())
                .map(wording::policy::expired_hint),
            nearly_exempted: self.nearly_exempted(resource, finding),
            when: located.when(),
            severity: finding.severity(),
            place: self
                .place(located, place.primary, place.part)
                .or_else(|| self.unlabelled(finding.origin))
                .or_else(|| self.unlabelled(resource.origin)),
            related: place.related.iter().filter_map(|(at, part)| self.place(located, *at, *part)).collect(),
            ..Diagnostic::new(finding.outcome, self.level(finding.outcome), finding.reason.code(), message, fingerprint)
        });
    }

    /// Returns the exemption that would cover a finding if the account and Region of the deployment were known.
    fn nearly_exempted(&self, resource: &CheckedResource, finding: &Finding) -> Option<String> {
        let rule = finding.rule().filter(|_| finding.outcome == Outcome::NonCompliant)?;
        let context = Context {
            logical_id: Some(&resource.logical_id),
            resource_type: Some(resource.resource_type.name()),
            ..self.terms.context
        };
        let case = ResourceContext { context, unchanged: self.terms.unchanged, today: self.terms.today };
        self.terms.policy.nearly_exempted(rule, &case).map(|nearly| wording::policy::nearly_exempted(&nearly))
    }

    /// Adds an entry, without characters from the template that can forge or hide text in a terminal or a log.
    fn push(&mut self, mut entry: Diagnostic) {
        let more =
            [&mut entry.help, &mut entry.setting, &mut entry.expired, &mut entry.nearly_exempted, &mut entry.when];
        let labels = entry.place.iter_mut().chain(&mut entry.related).map(|place| &mut place.label);
        let texts = [&mut entry.message, &mut entry.property].into_iter();
        for text in texts.chain(more.into_iter().flatten()).chain(labels) {
            *text = printable(std::mem::take(text));
        }
        self.entries.push(entry);
    }

    fn place(&self, located: &LocatedFinding, origin: Origin, part: RulePart) -> Option<LabeledSpan> {
        let finding = &located.finding;
        let span = self.document.span(origin)?;
        let label = match part {
            RulePart::Protocol => label::protocol(finding),
            RulePart::From => label::from_port(finding),
            RulePart::To => label::to_port(finding),
            RulePart::Destination => label::destination(),
            RulePart::Entry => label::entry(finding),
            RulePart::Resource => label::resource(),
        };
        Some(LabeledSpan { span, label })
    }

    fn unlabelled(&self, origin: Origin) -> Option<LabeledSpan> {
        Some(LabeledSpan { span: self.document.span(origin)?, label: String::new() })
    }

    /// Adds entries for the parts that a template leaves open.
    fn notes(&mut self, notes: &[TemplateNote]) {
        for note in notes {
            let not_judged = NotJudged::of(&note.subject);
            let (outcome, code) = match not_judged {
                Some(kind) => (kind.outcome(), words::NOT_JUDGED),
                None if matches!(note.subject, NoteSubject::RefusedParameters { .. }) => {
                    (Outcome::Undetermined, words::REFUSED_PARAMETERS)
                }
                None => (Outcome::Note, words::UNDECLARED_PARAMETER),
            };
            self.other(outcome, code, note.to_string(), None, note.origin);
            if let Some((entry, kind)) = self.entries.last_mut().zip(not_judged) {
                entry.not_judged = Some(kind);
                // A missing template does not change this one.
                if entry.level == DiagnosticLevel::Warning && !kind.is_in_template() {
                    entry.level = DiagnosticLevel::Note;
                }
            }
        }
    }

    fn other(
        &mut self,
        outcome: Outcome,
        code: &'static str,
        message: String,
        resource: Option<usize>,
        origin: Origin,
    ) {
        let fingerprint =
            self.numbered([code, message.as_str()].iter().fold(Fingerprint::new(), |all, part| all.with(part)));
        self.push(Diagnostic {
            resource,
            place: self.unlabelled(origin),
            ..Diagnostic::new(outcome, self.level(outcome), code, message, fingerprint)
        });
    }

    /// Adds the parser's warnings. A finding within a value whose key is written twice says so.
    fn warnings(&mut self) {
        for warning in &self.document.warnings {
            let (code, subject, concern) = match warning {
                Warning::KeyTwice { key, value, .. } => {
                    let within = self.document.span(*value).map(|span| span.offset..=span.end());
                    let is_within =
                        |place: &LabeledSpan| within.as_ref().is_some_and(|it| it.contains(&place.span.offset));
                    for entry in self.entries.iter_mut().filter(|entry| entry.resource.is_some()) {
                        if entry.place.iter().chain(&entry.related).any(is_within) {
                            let when = entry.when.take().map_or_else(String::new, |when| format!("{when}; "));
                            entry.when = Some(format!("{when}{warning}"));
                        }
                    }
                    (words::KEY_TWICE, key.clone(), twice::concern(&self.document.root, *value))
                }
                Warning::NotStrictJson { .. } => (words::NOT_STRICT_JSON, warning.to_string(), None),
            };
            let parts = [code, &subject].into_iter().fold(Fingerprint::new(), |all, part| all.with(part));
            let fingerprint = self.numbered(parts);
            let concern = concern.map_or_else(String::new, |concern| format!("; {concern}"));
            let message = format!("{warning}{concern}");
            // A warning even with --strict: CloudFormation accepts it.
            let level = DiagnosticLevel::Warning;
            self.push(Diagnostic {
                help: Some(warning.help().to_owned()),
                place: Some(LabeledSpan { span: warning.span(), label: String::new() }),
                ..Diagnostic::new(Outcome::Note, level, code, message, fingerprint)
            });
        }
    }

    /// Returns the fingerprint: without line, column, index and file, so that it survives nearby changes. The same
    /// violation under other conditions is another finding.
    fn fingerprint(&mut self, resource: &CheckedResource, located: &LocatedFinding, statement: &str) -> String {
        let parts = [&resource.logical_id, located.finding.reason.code(), statement];
        let mut fingerprint = parts.into_iter().fold(Fingerprint::new(), |all, part| all.with(part));
        // The statement on an unknown value does not name the other values, and no statement names the group.
        if let Some(rule) = located.finding.rule() {
            fingerprint = fingerprint.with(&wording::policy::written(rule));
        }
        if resource.resource_type == ResourceType::SecurityGroupEgress {
            fingerprint = fingerprint.with(resource.group.written());
        }
        self.numbered(located.when().into_iter().fold(fingerprint, |all, when| all.with(&when)))
    }

    fn numbered(&mut self, fingerprint: Fingerprint) -> String {
        let times = self.seen.entry(fingerprint).or_default();
        *times += 1;
        if *times == 1 { fingerprint.text() } else { fingerprint.with(&times.to_string()).text() }
    }
}
