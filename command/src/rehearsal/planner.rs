//! Turns a template into the operations of its deployment.
//!
//! Values that only AWS knows get a placeholder where they do not matter, and are reported where they do: nothing here
//! guesses a verdict.

use serde_json::{Value as Json, json};

use super::nested::{self, FoundTemplate, MAX_NESTED_STACKS, NESTED_STACK, NestedTemplates, PlanError};
use super::plan::{Action, DeploymentPlan, DescribedProperties, ResourceOperation, StackToDeploy};
use super::properties::{described, resolved};
use cfn_egress_guard_core::check::{CheckContext, JudgedResource, NestedKind, judge_resource};
use cfn_egress_guard_core::rule::{Outcome, Verdict, excerpt, wording};
use cfn_egress_guard_core::security_group::ResourceType;
use cfn_egress_guard_core::template::{NoteSubject, Resource, Scope, Template, TemplateNote, World};

/// The suffix that CloudFormation adds to a nested stack's logical ID to form its name; always the same here.
const NESTED_NAME_SUFFIX: &str = "REHEARSAL";

/// Returns the operations that deploy a stack, in CloudFormation's order: an update if there is a previous template.
///
/// # Errors
/// When a template cannot be evaluated or its resources have no order, and when the templates of nested stacks cannot
/// be read, nest themselves, or are too many.
pub fn plan(
    stack: &StackToDeploy<'_>,
    before: Option<&StackToDeploy<'_>>,
    terms: &CheckContext<'_>,
    nested: &mut dyn NestedTemplates,
) -> Result<DeploymentPlan, PlanError> {
    Planner { terms, nested, nested_stacks: 0, around: Vec::new() }.plan(stack, before, "")
}

/// The maximum length of the path of a nested stack in a message: several logical IDs, of 255 characters at most.
const PATH_CHARS: usize = 1_024;

struct Planner<'a> {
    terms: &'a CheckContext<'a>,
    nested: &'a mut dyn NestedTemplates,
    nested_stacks: usize,
    /// The enclosing templates, outermost first.
    around: Vec<String>,
}

impl Planner<'_> {
    fn plan(
        &mut self,
        stack: &StackToDeploy<'_>,
        before: Option<&StackToDeploy<'_>>,
        path: &str,
    ) -> Result<DeploymentPlan, PlanError> {
        let template = template_of(stack)?;
        let old = before.map(|before| Ok((before, template_of(before)?))).transpose()?;
        let (mut operations, mut switched_off) = (Vec::new(), Vec::new());
        let mut notes = notes_of(&template);
        for resource in order_of(&template, stack)? {
            let judged = judge_resource(&template, resource, self.terms);
            let Some(proposed) = ProposedResource::of(resource, &judged) else {
                if ResourceType::from_name(&resource.type_name).is_some() {
                    switched_off.push(resource.logical_id.to_string());
                }
                continue;
            };
            let old = old.as_ref().and_then(|(before, old)| Some((*before, old, old.resource(&resource.logical_id)?)));
            let old_judged = old.map(|(_, old, resource)| judge_resource(old, resource, self.terms));
            let earlier = old
                .zip(old_judged.as_ref())
                .and_then(|((before, _, resource), judged)| Some((before, ProposedResource::of(resource, judged)?)))
                .filter(|(_, earlier)| earlier.resource.type_name == resource.type_name);
            let path = if path.is_empty() {
                resource.logical_id.to_string()
            } else {
                format!("{path}/{}", resource.logical_id)
            };
            let earlier_stack = earlier.as_ref().map(|(before, earlier)| (*before, earlier));
            let nested = self.nested(stack, &proposed, earlier_stack, &path)?;
            let same = earlier.as_ref().is_some_and(|(_, earlier)| earlier.properties == proposed.properties);
            if same && nested.as_ref().is_none_or(|nested| nested.operations.is_empty()) {
                // CloudFormation skips unchanged resources and does not invoke the hook for them.
                continue;
            }
            let action = if earlier.is_some() { Action::Update } else { Action::Create };
            let line = stack.document.span(resource.origin).map(|span| span.line);
            let mut operation = proposed.operation(action, line, earlier.map(|(_, earlier)| earlier));
            match NestedKind::of(&resource.type_name) {
                Some(NestedKind::Stack) if nested.is_none() => {
                    operation.undetermined = Some(nested_template_missing(&path));
                }
                Some(kind @ (NestedKind::Application | NestedKind::StackSet)) if nested.is_none() => {
                    notes.push(not_rehearsed(kind, resource, &path));
                }
                _ => {}
            }
            operation.nested = nested.map(Box::new);
            if let Some(nested) = &mut operation.nested {
                nested.hinge_on(&operation.hinges_on);
            }
            operations.push(operation);
        }
        if let Some((before, old)) = &old {
            let mut gone = Vec::new();
            for resource in order_of(old, before)? {
                let stays = template.resource(&resource.logical_id).is_some_and(|now| {
                    now.type_name == resource.type_name
                        && ProposedResource::of(now, &judge_resource(&template, now, self.terms)).is_some()
                });
                if !stays {
                    let judged = judge_resource(old, resource, self.terms);
                    gone.extend(
                        ProposedResource::of(resource, &judged).map(|it| it.operation(Action::Remove, None, None)),
                    );
                }
            }
            operations.extend(gone.into_iter().rev());
        }
        Ok(DeploymentPlan {
            stack_name: stack.name.to_owned(),
            template: stack.text.to_owned(),
            previous_template: before.map(|before| before.text.to_owned()),
            operations,
            switched_off,
            notes,
            assumed_values: Vec::new(),
        })
    }

    /// Plans a nested stack. Returns nothing if the resource is not a nested stack or its template is not available.
    fn nested(
        &mut self,
        stack: &StackToDeploy<'_>,
        proposed: &ProposedResource<'_>,
        before: Option<(&StackToDeploy<'_>, &ProposedResource<'_>)>,
        path: &str,
    ) -> Result<Option<DeploymentPlan>, PlanError> {
        if !is_nested_stack(&proposed.resource.type_name) {
            return Ok(None);
        }
        let name = format!("{}-{}-{NESTED_NAME_SUFFIX}", stack.name, proposed.resource.logical_id);
        let Some(found) = self.find(stack, proposed, path)? else { return Ok(None) };
        let scope = nested::scope(&name, stack.scope, proposed.world);
        let old = match before {
            Some((before, earlier)) => {
                let found = self.find(before, earlier, path)?;
                found.map(|found| (found, nested::scope(&name, before.scope, earlier.world)))
            }
            None => None,
        };
        self.nested_stacks += 1;
        if self.nested_stacks > MAX_NESTED_STACKS {
            return Err(PlanError::TooMany);
        }
        if found.file == stack.file || self.around.contains(&found.file) {
            return Err(PlanError::Cycle { path: path.to_owned(), file: found.file });
        }
        self.nested
            .accept(&found.document, &scope, old.is_none())
            .map_err(|problem| PlanError::Refused { path: path.to_owned(), problem })?;
        self.around.push(stack.file.to_owned());
        let before = old.as_ref().map(|(found, scope)| stack_of(&name, found, scope));
        let plan = self.plan(&stack_of(&name, &found, &scope), before.as_ref(), path);
        self.around.pop();
        plan.map(Some)
    }

    fn find(
        &mut self,
        stack: &StackToDeploy<'_>,
        proposed: &ProposedResource<'_>,
        path: &str,
    ) -> Result<Option<FoundTemplate>, PlanError> {
        let reference = nested::reference(path, stack, proposed.resource, proposed.world);
        self.nested.find(&reference).map_err(|problem| PlanError::Unreadable { path: path.to_owned(), problem })
    }
}

fn stack_of<'a>(name: &'a str, found: &'a FoundTemplate, scope: &'a Scope) -> StackToDeploy<'a> {
    StackToDeploy { name, file: &found.file, text: &found.text, document: &found.document, scope }
}

fn template_of<'a>(stack: &StackToDeploy<'a>) -> Result<Template<'a>, PlanError> {
    Template::new(&stack.document.root, stack.scope)
        .map_err(|error| PlanError::Template { file: stack.file.to_owned(), error })
}

fn order_of<'t, 'a>(template: &'t Template<'a>, stack: &StackToDeploy<'_>) -> Result<Vec<&'t Resource<'a>>, PlanError> {
    let error = |error| PlanError::Template { file: stack.file.to_owned(), error };
    template.deployment_order().map_err(error)
}

/// Returns the parts that the template leaves open. A value for an undeclared parameter leaves nothing open; whether an
/// application does depends on its template.
fn notes_of(template: &Template<'_>) -> Vec<String> {
    let is_open = |note: &&TemplateNote| {
        !matches!(note.subject, NoteSubject::UndeclaredParameter { .. } | NoteSubject::Application { .. })
    };
    template.notes().iter().filter(is_open).map(ToString::to_string).collect()
}

/// Returns the note on an application or a StackSet whose template is not rehearsed.
fn not_rehearsed(kind: NestedKind, resource: &Resource<'_>, path: &str) -> String {
    let logical_id = resource.logical_id.to_string();
    let subject = match kind {
        NestedKind::StackSet => {
            NoteSubject::StackSet { logical_id, advice: Some("use `check`, which checks StackSets".to_owned()) }
        }
        NestedKind::Stack | NestedKind::Application => {
            NoteSubject::Application { logical_id, advice: Some(name_its_file(path)) }
        }
    };
    TemplateNote { subject, origin: resource.origin }.to_string()
}

/// Returns whether a resource becomes a nested stack: SAM turns an application into one.
fn is_nested_stack(type_name: &str) -> bool {
    matches!(NestedKind::of(type_name), Some(NestedKind::Stack | NestedKind::Application))
}

fn nested_template_missing(path: &str) -> String {
    format!("the template of this nested stack is not here; {}", name_its_file(path))
}

fn name_its_file(path: &str) -> String {
    // Logical IDs come from the template's author.
    format!("name its file with --nested {}=FILE", excerpt(path, PATH_CHARS))
}

/// A resource as it would be deployed.
struct ProposedResource<'t> {
    resource: &'t Resource<'t>,
    world: &'t World<'t>,
    properties: Json,
    unknown: Vec<String>,
    undetermined: Option<String>,
    breaks: bool,
    hinges_on: Vec<String>,
}

impl<'t> ProposedResource<'t> {
    /// Returns the resource, unless its condition prevents its creation.
    fn of(resource: &'t Resource<'t>, judged: &'t JudgedResource<'t>) -> Option<Self> {
        let checked = ResourceType::from_name(&resource.type_name);
        let evaluated = &judged.evaluated;
        let worlds = || evaluated.worlds.iter().zip(&judged.assessments);
        // Rehearses the worst of the worlds that the undecided conditions allow.
        let (world, assessment) =
            worlds().filter(|(world, _)| world.exists).max_by_key(|(_, assessment)| assessment.verdict())?;
        let assumptions: Vec<String> = world.assumptions.iter().map(ToString::to_string).collect();
        let mut unknown: Vec<String> = assumptions.iter().map(|assumption| format!("assuming {assumption}")).collect();
        let breaks = assessment.verdict() == Verdict::NonCompliant;
        let breaks_anyway =
            || worlds().all(|(world, assessment)| world.exists && assessment.verdict() == Verdict::NonCompliant);
        // For a nested stack, everything depends on whether it is created.
        let hinges = is_nested_stack(&resource.type_name) || (breaks && !breaks_anyway());
        let hinges_on = if hinges { assumptions } else { Vec::new() };
        let mut undetermined = evaluated.undetermined.map(|why| why.to_string());
        if assessment.verdict() == Verdict::Undetermined {
            let findings = assessment.of(Outcome::Undetermined);
            undetermined = findings.map(|f| format!("{}: {}", wording::place(f), wording::statement(f))).next();
        }
        let properties = resolved(&world.properties, &mut unknown);
        if checked.is_none() {
            unknown.clear();
        }
        Some(Self { resource, world, properties, unknown, undetermined, breaks, hinges_on })
    }

    fn operation(self, action: Action, line: Option<u32>, before: Option<ProposedResource<'_>>) -> ResourceOperation {
        let described =
            |proposed: &ProposedResource<'_>| json!({ "Properties": described(&proposed.world.properties) });
        let (before_description, after) = match action {
            Action::Remove => (Some(described(&self)), None),
            Action::Create | Action::Update => (before.as_ref().map(described), Some(described(&self))),
        };
        ResourceOperation {
            logical_id: self.resource.logical_id.to_string(),
            resource_type: if is_nested_stack(&self.resource.type_name) {
                NESTED_STACK.to_owned()
            } else {
                self.resource.type_name.clone()
            },
            action,
            line,
            properties: self.properties,
            previous: before.map(|before| before.properties),
            described: DescribedProperties { before: before_description, after },
            unknown: self.unknown,
            undetermined: self.undetermined,
            breaks: self.breaks,
            hinges_on: self.hinges_on,
            nested: None,
        }
    }
}
