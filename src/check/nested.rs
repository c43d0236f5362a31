//! The templates that a template deploys in turn (nested stacks, SAM applications, and StackSets), and the values it
//! passes to them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::context::Defaults;
use crate::path::Origin;
use crate::template::{EvaluatedResource, Resource, Scope, Template, TemplateError, World};
use crate::value::{Kind, Map, Value};

/// The maximum number of ways of passing parameters that are evaluated. Beyond it, parameters that differ are unknown.
const MAX_WAYS: usize = 16;

/// The kinds of resources that deploy another template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NestedKind {
    /// `AWS::CloudFormation::Stack`.
    Stack,
    /// `AWS::Serverless::Application`, which becomes a nested stack.
    Application,
    /// `AWS::CloudFormation::StackSet`, which deploys to other accounts and Regions.
    StackSet,
}

impl NestedKind {
    /// Returns the kind for a resource type, if its resources deploy templates.
    #[must_use]
    pub fn of(type_name: &str) -> Option<Self> {
        match type_name {
            "AWS::CloudFormation::Stack" => Some(Self::Stack),
            "AWS::Serverless::Application" => Some(Self::Application),
            "AWS::CloudFormation::StackSet" => Some(Self::StackSet),
            _ => None,
        }
    }

    /// Returns the property with the location of the template.
    #[must_use]
    pub const fn location(self) -> &'static str {
        match self {
            Self::Stack | Self::StackSet => "TemplateURL",
            Self::Application => "Location",
        }
    }
}

/// A resource that deploys another template.
#[derive(Debug, Clone)]
pub struct Nested {
    /// The kind of the resource.
    pub kind: NestedKind,
    /// The key under `Resources`.
    pub logical_id: String,
    /// The place of the logical id.
    pub origin: Origin,
    /// The file that the AWS CDK names beside the resource (`Metadata`, `aws:asset:path`).
    pub asset_path: Option<String>,
    /// The ways in which it is deployed; empty if it never is.
    pub ways: Vec<NestedWay>,
}

/// A way in which one template deploys another.
#[derive(Debug, Clone)]
pub struct NestedWay {
    /// The location of the template, if it is known.
    pub location: Option<String>,
    /// The template itself, if it is inline, and its origin.
    pub body: Option<(String, Origin)>,
    /// The known facts about its deployment. Parameters that the parent does not pass have their defaults.
    pub scope: Scope,
    /// The conditions of the parent under which it is deployed this way, if not always.
    pub when: Option<String>,
    /// Whether it is deployed this way only if a deployment of the parent overrides defaults.
    pub is_by_override: bool,
}

/// Returns the resources that deploy other templates, in the order written. Cheap for a template without any.
///
/// # Errors
/// Fails if the value is not a template or takes too much work, if it may have such resources.
pub fn nested(root: &Value, scope: &Scope, defaults: Defaults) -> Result<Vec<Nested>, TemplateError> {
    if !may_deploy(root) {
        return Ok(Vec::new());
    }
    let template = Template::new(root, scope)?;
    let open_scope = Scope { ignore_defaults: true, ..scope.clone() };
    let open = match defaults {
        Defaults::AreValues => None,
        Defaults::MayChange => Some(Template::new(root, &open_scope)?),
    };
    let mut found = Vec::new();
    for resource in template.resources() {
        let Some(kind) = NestedKind::of(&resource.type_name) else { continue };
        let evaluated = template.evaluate_only(resource, &LOOKED_AT);
        let open = open.as_ref().and_then(|open| Some((open, open.resource(&resource.logical_id)?)));
        let without = open.map(|(open, resource)| open.evaluate_only(resource, &LOOKED_AT));
        found.push(Nested::of(kind, resource, ways(kind, scope, &evaluated, without.as_ref())));
    }
    // Resources of loops over defaults, which exist only with other values.
    let other_entries = open.as_ref().filter(|_| !template.loop_defaults().is_empty());
    for (open, resource) in other_entries.into_iter().flat_map(|open| open.resources().map(move |it| (open, it))) {
        let Some(kind) = NestedKind::of(&resource.type_name) else { continue };
        if template.resource(&resource.logical_id).is_none() {
            let evaluated = open.evaluate_only(resource, &LOOKED_AT);
            found.push(Nested::of(kind, resource, ways_by_override(kind, scope, &evaluated)));
        }
    }
    Ok(found)
}

impl Nested {
    fn of(kind: NestedKind, resource: &Resource<'_>, ways: Vec<NestedWay>) -> Self {
        let metadata = resource.body().get("Metadata");
        let asset = metadata.and_then(|metadata| metadata.get("aws:asset:path")).and_then(Value::as_str);
        Self {
            kind,
            logical_id: resource.logical_id.to_string(),
            origin: resource.origin,
            asset_path: asset.map(str::to_owned),
            ways,
        }
    }
}

/// Returns whether a resource may deploy another template, without evaluating anything. A loop may generate any
/// resource.
fn may_deploy(root: &Value) -> bool {
    let mut resources = root.get("Resources").and_then(Value::as_map).into_iter().flat_map(Map::iter);
    resources.any(|(_, body)| match body.as_map() {
        Some(body) => body.get("Type").and_then(Value::as_str).is_some_and(|name| NestedKind::of(name).is_some()),
        None => body.as_list().is_some(),
    })
}

/// The properties that determine what is deployed.
const LOOKED_AT: [&str; 5] = ["Location", "Parameters", "StackInstancesGroup", "TemplateBody", "TemplateURL"];

/// Returns the scope of a nested stack in one of its parent's worlds.
#[must_use]
pub fn passed(parent: &Scope, world: &World<'_>) -> Scope {
    passed_to(NestedKind::Stack, parent, world)
}

fn passed_to(kind: NestedKind, parent: &Scope, world: &World<'_>) -> Scope {
    let (mut values, mut open) = (BTreeMap::new(), BTreeSet::new());
    let mut is_known = world.open.is_none();
    let mut pass = |name: &str, value: Option<&Value>| match value.and_then(text) {
        Some(text) => drop(values.insert(name.to_owned(), text)),
        None => drop(open.insert(name.to_owned())),
    };
    match world.properties.get("Parameters").map(|value| &value.kind) {
        None | Some(Kind::Null) => {}
        Some(Kind::Map(map)) => map.iter().for_each(|(key, value)| pass(&key.name, Some(value))),
        Some(Kind::List(list)) => {
            for entry in list {
                match entry.get("ParameterKey").and_then(Value::as_str) {
                    Some(name) => pass(name, entry.get("ParameterValue")),
                    None => is_known = false,
                }
            }
        }
        Some(_) => is_known = false,
    }
    // The instances of a StackSet can have different values.
    for name in overridden(&world.properties) {
        values.remove(&name);
        open.insert(name);
    }
    let place = |value: &Option<String>| value.clone().filter(|_| kind != NestedKind::StackSet);
    Scope {
        parameters: values,
        open,
        account: place(&parent.account),
        region: place(&parent.region),
        partition: place(&parent.partition),
        url_suffix: place(&parent.url_suffix),
        ignore_defaults: !is_known,
        ..Scope::default()
    }
}

/// Returns the parameters for which a StackSet gives its instances different values.
fn overridden(properties: &Value) -> Vec<String> {
    let groups = properties.get("StackInstancesGroup").and_then(Value::as_list).unwrap_or_default();
    let overrides = groups.iter().filter_map(|group| group.get("ParameterOverrides")?.as_list()).flatten();
    overrides.filter_map(|entry| entry.get("ParameterKey")?.as_str().map(str::to_owned)).collect()
}

/// Returns a parameter's value as CloudFormation passes it on: "a list of values is separated by commas".
fn text(value: &Value) -> Option<String> {
    match value.as_list() {
        Some(list) => list.iter().map(text).collect::<Option<Vec<_>>>().map(|entries| entries.join(",")),
        None => value.as_text().map(Cow::into_owned),
    }
}

/// Returns the ways in which a resource deploys its template: with the defaults of its parent, or, if there are none,
/// without them.
fn ways(
    kind: NestedKind,
    scope: &Scope,
    evaluated: &EvaluatedResource<'_>,
    without: Option<&EvaluatedResource<'_>>,
) -> Vec<NestedWay> {
    let mut ways = ways_of(kind, scope, evaluated);
    if ways.is_empty()
        && let Some(without) = without
    {
        ways = ways_by_override(kind, scope, without);
    } else if let Some(without) = without {
        let others: Vec<Scope> = ways_of(kind, scope, without).into_iter().map(|way| way.scope).collect();
        let known: Vec<Scope> = ways.iter().map(|way| way.scope.clone()).collect();
        for way in &mut ways {
            let values = std::mem::take(&mut way.scope.parameters);
            // A value is certain if no other value of the parent's parameters changes it.
            let is_certain = |name: &String| {
                others.iter().all(|other| {
                    let value = other.parameters.get(name);
                    value.is_some() && known.iter().any(|known| known.parameters.get(name) == value)
                })
            };
            (way.scope.parameters, way.scope.defaults) = values.into_iter().partition(|(name, _)| is_certain(name));
        }
    }
    ways
}

/// Returns the ways in which a resource deploys its template only if a deployment of the parent overrides defaults.
fn ways_by_override(kind: NestedKind, scope: &Scope, without: &EvaluatedResource<'_>) -> Vec<NestedWay> {
    let mut ways = ways_of(kind, scope, without);
    ways.iter_mut().for_each(|way| way.is_by_override = true);
    ways
}

fn ways_of(kind: NestedKind, scope: &Scope, evaluated: &EvaluatedResource<'_>) -> Vec<NestedWay> {
    let mut ways: Vec<NestedWay> = Vec::new();
    let worlds: Vec<&World<'_>> = evaluated.worlds.iter().filter(|world| world.exists).collect();
    let is_always = worlds.len() == evaluated.worlds.len();
    for world in &worlds {
        let property = |name: &str| world.properties.get(name);
        let body = property("TemplateBody").filter(|_| kind == NestedKind::StackSet);
        let way = NestedWay {
            location: property(kind.location()).and_then(Value::as_str).map(str::to_owned),
            body: body.and_then(|body| Some((body.as_str()?.to_owned(), body.origin))),
            scope: passed_to(kind, scope, world),
            when: assumed(world),
            is_by_override: false,
        };
        match ways.iter_mut().find(|known| is_same(known, &way)) {
            Some(known) => known.when = None,
            None => ways.push(way),
        }
    }
    if ways.len() == 1 && is_always {
        ways.iter_mut().for_each(|way| way.when = None);
    }
    if (ways.len() > MAX_WAYS || evaluated.undetermined.is_some())
        && let Some(first) = ways.first().cloned()
    {
        // There are too many ways to evaluate each one, so the passed values are unknown.
        let names = ways.iter().flat_map(|way| way.scope.parameters.keys().chain(&way.scope.open)).cloned().collect();
        let scope = Scope { parameters: BTreeMap::new(), open: names, ..first.scope };
        ways = vec![NestedWay { scope, when: None, ..first }];
    }
    ways
}

fn is_same(one: &NestedWay, other: &NestedWay) -> bool {
    let key = |way: &NestedWay| (way.location.clone(), way.body.clone(), way.scope.ignore_defaults);
    key(one) == key(other) && one.scope.parameters == other.scope.parameters && one.scope.open == other.scope.open
}

fn assumed(world: &World<'_>) -> Option<String> {
    let assumptions: Vec<String> = world.assumptions.iter().map(ToString::to_string).collect();
    (!assumptions.is_empty()).then(|| format!("if {}", assumptions.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source;

    fn shown(text: &str, given: &[(&str, &str)]) -> Vec<String> {
        let document = source::parse(text).unwrap();
        let parameters = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let scope = Scope { parameters, region: Some("eu-central-1".to_owned()), ..Scope::default() };
        let nested = nested(&document.root, &scope, Defaults::MayChange).unwrap();
        let way = |nested: &Nested, way: &NestedWay| {
            let NestedWay { location, body, scope, when, is_by_override } = way;
            let body = body.as_ref().map(|(text, _)| text.trim());
            format!(
                "{} {:?}: {:?} given {:?} default {:?} open {:?}{}{}{}",
                nested.logical_id,
                location.as_deref().or(body).or(nested.asset_path.as_deref()).unwrap_or_default(),
                scope.region.as_deref().unwrap_or_default(),
                scope.parameters,
                scope.defaults,
                scope.open,
                if scope.ignore_defaults { " others open" } else { "" },
                when.as_ref().map_or_else(String::new, |when| format!(" {when}")),
                if *is_by_override { " by override" } else { "" },
            )
        };
        nested.iter().flat_map(|one| one.ways.iter().map(move |it| way(one, it))).collect()
    }

    #[test]
    fn a_nested_stack_is_in_its_parents_place_and_the_instances_of_a_stack_set_are_anywhere() {
        let text = "Resources:\n  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: a}}\n  \
                    T: {Type: AWS::CloudFormation::StackSet, Properties: {TemplateURL: a}}\n";
        let document = source::parse(text).unwrap();
        let known = |value: &str| Some(value.to_owned());
        let scope = Scope {
            account: known("123456789012"),
            region: known("cn-north-1"),
            partition: known("aws-cn"),
            url_suffix: known("amazonaws.com.cn"),
            ..Scope::default()
        };
        let nested = nested(&document.root, &scope, Defaults::AreValues).unwrap();
        let places = nested.into_iter().map(|nested| {
            let way = nested.ways.into_iter().next().unwrap().scope;
            [way.account, way.region, way.partition, way.url_suffix]
        });
        let place = [scope.account, scope.region, scope.partition, scope.url_suffix];
        assert_eq!(places.collect::<Vec<_>>(), [place, [None, None, None, None]]);
    }

    const PARENT: &str = "Parameters: {A: {Type: Number, Default: 1}, B: {Type: Number}, Env: {Type: String}}\n\
        Conditions: {Prod: !Equals [!Ref Env, prod], Second: !Equals [!Ref A, 2]}\nResources:\n";

    #[test]
    fn what_a_parent_passes_is_certain_a_default_or_open() {
        let stack = |properties: &str| format!("{PARENT}  S:\n    Type: AWS::CloudFormation::Stack\n{properties}");
        let text =
            stack("    Properties: {TemplateURL: a.yaml, Parameters: {L: [1, 2.0], D: !Ref A, O: !Ref B, C: 443.0}}\n");
        assert_eq!(
            shown(&text, &[]),
            [r#"S "a.yaml": "eu-central-1" given {"C": "443.0", "L": "1,2.0"} default {"D": "1"} open {"O"}"#]
        );
        assert_eq!(
            shown(&text, &[("A", "5"), ("B", "6")]),
            [r#"S "a.yaml": "eu-central-1" given {"C": "443.0", "D": "5", "L": "1,2.0", "O": "6"} default {} open {}"#]
        );
        assert_eq!(
            shown(
                &stack(
                    "    Properties: {TemplateURL: a.yaml, Parameters: {P: !If [Second, 2, 1], Q: !If [Second, 1, 1]}}\n"
                ),
                &[]
            ),
            [r#"S "a.yaml": "eu-central-1" given {"Q": "1"} default {"P": "1"} open {}"#]
        );
        assert_eq!(
            shown(&stack("    Properties: {TemplateURL: a.yaml, Parameters: {P: !If [Prod, 1, 2]}}\n"), &[]),
            [
                r#"S "a.yaml": "eu-central-1" given {"P": "1"} default {} open {} if `Prod` is true"#,
                r#"S "a.yaml": "eu-central-1" given {"P": "2"} default {} open {} if `Prod` is false"#,
            ]
        );
        assert_eq!(
            shown(
                &stack(
                    "    Condition: Prod\n    Properties: {TemplateURL: !Ref B, Parameters: !Ref B}\n    Metadata: {aws:asset:path: x.json}\n"
                ),
                &[]
            ),
            [r#"S "x.json": "eu-central-1" given {} default {} open {} others open if `Prod` is true"#]
        );
        assert_eq!(
            shown(&stack("    Condition: Second\n    Properties: {TemplateURL: a.yaml}\n"), &[]),
            [r#"S "a.yaml": "eu-central-1" given {} default {} open {} if `Second` is true by override"#]
        );
        assert!(
            shown(&stack("    Condition: Second\n    Properties: {TemplateURL: a.yaml}\n"), &[("A", "1")]).is_empty()
        );
    }

    #[test]
    fn a_nested_stack_of_one_case_has_the_scope_of_its_way() {
        let text = format!(
            "{PARENT}  S: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: a, Parameters: {{P: !Ref A, Q: 2}}}}}}\n"
        );
        let root = source::parse(&text).unwrap().root;
        let scope = Scope { region: Some("eu-central-1".to_owned()), ..Scope::default() };
        let template = Template::new(&root, &scope).unwrap();
        let evaluated = template.evaluate(template.resource("S").unwrap());
        let passed = passed(&scope, &evaluated.worlds[0]);
        assert_eq!(passed.region, scope.region);
        let parameters: Vec<_> =
            passed.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(parameters, [("P", "1"), ("Q", "2")]);
    }

    #[test]
    fn what_is_no_template_and_names_no_nested_stack_deploys_nothing() {
        let of = |text: &str| {
            nested(&source::parse(text).unwrap().root, &Scope::default(), Defaults::AreValues).map(|found| found.len())
        };
        assert!(matches!(of("text"), Ok(0)));
        assert!(matches!(of("Resources: {S: {Type: AWS::CloudFormation::Stack}}"), Ok(1)));
    }

    #[test]
    fn stack_sets_and_applications_deploy_templates_too() {
        let text = format!(
            "{PARENT}  Set:\n    Type: AWS::CloudFormation::StackSet\n    Properties:\n      TemplateBody: 'Resources: {{}}'\n      \
             Parameters: [{{ParameterKey: P, ParameterValue: 1}}, {{ParameterKey: Q, ParameterValue: 2}}]\n      \
             StackInstancesGroup: [{{ParameterOverrides: [{{ParameterKey: Q, ParameterValue: 3}}]}}]\n  App:\n    Type: \
             AWS::Serverless::Application\n    Properties: {{Location: app.yaml, Parameters: {{P: 1}}}}\n  Repository:\n    Type: \
             AWS::Serverless::Application\n    Properties: {{Location: {{ApplicationId: x}}}}\n"
        );
        assert_eq!(
            shown(&text, &[]),
            [
                r#"Set "Resources: {}": "" given {"P": "1"} default {} open {"Q"}"#,
                r#"App "app.yaml": "eu-central-1" given {"P": "1"} default {} open {}"#,
                r#"Repository "": "eu-central-1" given {} default {} open {}"#,
            ]
        );
    }

    #[test]
    fn a_loop_may_generate_what_deploys_a_template() {
        let text = format!(
            "Transform: AWS::LanguageExtensions\n{PARENT}  Fn::ForEach::Kinds:\n    - Kind\n    - [Stack]\n    - 'S${{Kind}}': \
             {{Type: !Sub 'AWS::CloudFormation::${{Kind}}', Properties: {{TemplateURL: a}}}}\n      'T${{Kind}}': {{Type: \
             'AWS::CloudFormation::${{Kind}}', Properties: {{TemplateURL: b}}}}\n"
        );
        assert_eq!(shown(&text, &[]), [r#"TStack "b": "eu-central-1" given {} default {} open {}"#]);
        assert!(shown("Resources: {A: {Type: AWS::S3::Bucket}, B: 1, C: {Type: 1}}", &[]).is_empty());
    }

    #[test]
    fn a_loop_over_a_default_may_deploy_with_other_entries() {
        let text = "Transform: AWS::LanguageExtensions\nParameters: {L: {Type: CommaDelimitedList, Default: '80'}}\nResources:\n  \
                    Fn::ForEach::Nets:\n    - X\n    - !Ref L\n    - 'N${X}': {Type: AWS::CloudFormation::Stack, Properties: \
                    {TemplateURL: a, Parameters: {P: !Ref X}}}\n";
        let by_default = r#"N80 "a": "eu-central-1" given {"P": "80"} default {} open {}"#;
        let other = r#"N${X} "a": "eu-central-1" given {} default {} open {"P"} by override"#;
        assert_eq!(shown(text, &[]), [by_default, other]);
        assert_eq!(shown(text, &[("L", "80")]), [by_default]);
    }

    #[test]
    fn what_is_passed_alike_under_each_condition_is_one_way() {
        let passing = |value: &str| {
            format!(
                "{PARENT}  S: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: a, Parameters: {{P: {value}}}}}}}\n"
            )
        };
        let way = r#"S "a": "eu-central-1" given {"P": "1"} default {} open {}"#;
        assert_eq!(shown(&passing("!If [Prod, 1, 1]"), &[]), [way]);
        assert_eq!(
            shown(&passing("!If [Prod, 1, !Ref B]"), &[]),
            [
                r#"S "a": "eu-central-1" given {} default {"P": "1"} open {} if `Prod` is true"#,
                r#"S "a": "eu-central-1" given {} default {} open {"P"} if `Prod` is false"#,
            ]
        );
    }

    #[test]
    fn too_many_ways_leave_what_is_passed_open() {
        let passed_by = |number: usize| {
            let conditions: String = (0..number).map(|n| format!("  C{n}: !Equals [!Ref P{n}, x]\n")).collect();
            let parameters: String = (0..number).map(|n| format!("  P{n}: {{Type: String}}\n")).collect();
            let passed: Vec<String> = (0..number).map(|n| format!("V{n}: !If [C{n}, 1, 2]")).collect();
            let text = format!(
                "Parameters:\n{parameters}Conditions:\n{conditions}Resources:\n  S:\n    Type: AWS::CloudFormation::Stack\n    \
             Properties: {{TemplateURL: a.yaml, Parameters: {{{}}}}}\n",
                passed.join(", ")
            );
            shown(&text, &[])
        };
        assert_eq!(passed_by(4).len(), MAX_WAYS);
        assert_eq!(
            passed_by(5),
            [r#"S "a.yaml": "eu-central-1" given {} default {} open {"V0", "V1", "V2", "V3", "V4"}"#]
        );
    }
}
