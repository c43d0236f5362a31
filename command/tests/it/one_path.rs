//! One path to every verdict: check, STACK, policy explain and rehearsals agree on each template, and a template that
//! passes `check --strict` is never blocked.

use cfn_egress_guard::rehearsal::{
    DeploymentPlan as Deployment, FoundTemplate, NestedStack, NestedTemplates, StackToDeploy, plan,
};
use cfn_egress_guard_core::check::{CheckContext, CheckedResource, Defaults, check, explain_each};
use cfn_egress_guard_core::hook::{self, Config, HookPlan};
use cfn_egress_guard_core::rule::policy::{Date, Policy};
use cfn_egress_guard_core::rule::{DecidedBy, Preset, Verdict};
use cfn_egress_guard_core::source::{self, Document};
use cfn_egress_guard_core::template::{Scope, Template};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::support::{event, root};

const TODAY: Date = Date::of_unix_seconds(1_790_000_000);

/// Returns the templates among the fixtures and examples, each with its path.
fn templates() -> Vec<(String, String, Document)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("tests/fixtures"), root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let Ok(document) = source::parse(&text) else { continue };
            if Template::new(&document.root, &Scope::default()).is_ok() {
                found.push((path.strip_prefix(root()).unwrap().display().to_string(), text, document));
            }
        }
    }
    assert!(found.len() > 30, "{}", found.len());
    found
}

fn checked(document: &Document, policy: &Policy, defaults: Defaults) -> (Verdict, bool) {
    let terms = CheckContext { defaults, ..CheckContext::of(policy, TODAY) };
    let checked = check(&document.root, &Scope::default(), &terms).unwrap();
    (checked.verdict(), !checked.notes.is_empty())
}

/// Returns the verdict of STACK on a template that is created.
fn at_stack(text: &str) -> &'static str {
    let mut invocation = event("STACK", &json!({}));
    invocation["requestData"] = json!({"targetName": "STACK", "targetType": "STACK", "targetLogicalId": "x",
        "payload": "https://s3.us-west-2.amazonaws.com/bucket/key"});
    let config = Config::new(Policy::default());
    let HookPlan::Fetch(fetch) = hook::plan(invocation.to_string().as_bytes(), &config, TODAY) else { panic!() };
    let document = json!({"template": text, "previousTemplate": ""}).to_string();
    fetch.decide(Ok(document.as_bytes()), &config, TODAY).verdict()
}

#[test]
fn stack_says_what_check_says() {
    for (path, text, document) in templates() {
        let (verdict, is_open) = checked(&document, &Policy::default(), Defaults::MayChange);
        let expected: &[&str] = match verdict {
            Verdict::Compliant if is_open => &["undetermined"],
            Verdict::Compliant => &["compliant"],
            Verdict::Undetermined => &["undetermined"],
            // A violation under some conditions, by a default, or unless a macro changes it, is not certain.
            Verdict::NonCompliant => &["non-compliant", "undetermined"],
        };
        let said = at_stack(&text);
        assert!(expected.contains(&said), "{path}: {said}, and check says {verdict:?}");
    }
}

#[test]
fn policy_explain_says_what_check_says() {
    let policy = Policy::default();
    for (path, _, document) in templates() {
        let terms = CheckContext { defaults: Defaults::MayChange, ..CheckContext::of(&policy, TODAY) };
        let mut explained = Verdict::Compliant;
        explain_each(&document.root, &Scope::default(), &terms, &mut |resource| {
            let worlds = resource.worlds.iter().flat_map(|world| &world.explained);
            let in_worlds = worlds.filter_map(|one| match &one.decided {
                DecidedBy::Finding(finding) => Some(finding.outcome.verdict()),
                DecidedBy::Complies | DecidedBy::Setting(_) => None,
            });
            explained = explained.max(in_worlds.max().unwrap_or(Verdict::Compliant)).max(resource.checked.verdict());
        })
        .unwrap();
        assert_eq!(explained, checked(&document, &policy, Defaults::MayChange).0, "{path}");
    }
}

/// No template of a nested stack is available.
struct NoFiles;

impl NestedTemplates for NoFiles {
    fn find(&mut self, _: &NestedStack<'_>) -> Result<Option<FoundTemplate>, String> {
        Ok(None)
    }
}

fn deployment(text: &str, document: &Document, scope: &Scope, policy: &Policy) -> Deployment {
    let stack = StackToDeploy { name: "x", file: "x.yaml", text, document, scope };
    plan(&stack, None, &CheckContext::of(policy, TODAY), &mut NoFiles).unwrap()
}

/// Returns whether the hook blocks a resource of a deployment.
fn blocks(deployment: &Deployment, policy: &Policy) -> bool {
    let config = Config::new(policy.clone());
    deployment.all_operations().filter(|operation| operation.undetermined.is_none()).any(|operation| {
        let event = event(&operation.resource_type, &operation.properties).to_string();
        hook::decide(event.as_bytes(), &config, TODAY).verdict() == "non-compliant"
    })
}

#[test]
fn a_rehearsal_is_blocked_exactly_if_check_finds_what_breaks_the_rule() {
    for (path, text, document) in templates() {
        let scope = Scope::default();
        let Ok(order) = Template::new(&document.root, &scope).map(|template| template.deployment_order().is_ok())
        else {
            continue;
        };
        if !order {
            continue;
        }
        let policy = Policy::default();
        let found = check(&document.root, &scope, &CheckContext::of(&policy, TODAY)).unwrap();
        let breaks = found
            .resources
            .iter()
            .any(|resource: &CheckedResource| resource.exists && resource.verdict() == Verdict::NonCompliant);
        assert_eq!(blocks(&deployment(&text, &document, &scope, &policy), &policy), breaks, "{path}");
    }
}

/// A parameter of a template: its declaration, and the values that it allows.
type Declared = (String, Vec<String>);

fn any_of(values: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(values.to_vec())
}

/// Generates declarations with or without one of these values as the default, and with all of them, some or one as the
/// allowed values, or without allowed values.
fn any_declared(type_name: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = Declared> {
    let allowed = prop_oneof![
        Just(None),
        Just(Some(values.to_vec())),
        prop::sample::subsequence(values.to_vec(), 1..values.len()).prop_map(Some),
    ];
    (allowed, prop::option::of(any::<prop::sample::Index>())).prop_map(move |(allowed, default)| {
        let choice = allowed.as_deref().unwrap_or(values);
        let default = default.map_or_else(String::new, |index| format!(", Default: '{}'", index.get(choice)));
        let list =
            allowed.as_ref().map_or_else(String::new, |list| format!(", AllowedValues: ['{}']", list.join("', '")));
        (format!("{{Type: {type_name}{list}{default}}}"), choice.iter().map(|value| (*value).to_owned()).collect())
    })
}

fn any_number() -> impl Strategy<Value = Declared> {
    let bounded = |rest: &str| format!("{{Type: Number, MinValue: 443, MaxValue: 444{rest}}}");
    prop_oneof![
        3 => any_declared("Number", &["80", "443", "444"]),
        1 => any_declared("Number", &["443", "-1"]),
        1 => any_of(&["", ", Default: 443"]).prop_map(move |rest| (bounded(rest), vec!["443".into(), "444".into()])),
    ]
}

/// A list; its `AllowedValues` apply to its entries.
fn any_list() -> impl Strategy<Value = Declared> {
    let all = || ["443,443", "80,443", "443,80"].map(str::to_owned).to_vec();
    any_of(&["", ", Default: '443,443'", ", AllowedValues: ['80', '443'], Default: '80,443'"])
        .prop_map(move |rest| (format!("{{Type: CommaDelimitedList{rest}}}"), all()))
}

fn any_port() -> impl Strategy<Value = &'static str> {
    any_of(&[
        "80",
        "443",
        "!Ref P0",
        "!Ref P1",
        "!Sub '${P0}'",
        "!Sub ['${Port}', {Port: !Ref P1}]",
        "!Join ['', [!Ref P0]]",
        "!If [C0, 443, 80]",
        "!If [C1, !Ref P0, 443]",
        "!If [C1, !Ref 'AWS::NoValue', 443]",
        "!FindInMap [M, !Ref P0, Port]",
        "!FindInMap [E, !Ref Env, Port]",
        "!Select [0, !Split [',', !Sub '${P1},443']]",
        "!Select [0, !Ref List]",
        "!Select [1, !Ref List]",
    ])
}

fn any_condition() -> impl Strategy<Value = &'static str> {
    any_of(&[
        "!Equals [!Ref P0, 443]",
        "!Not [!Equals [!Ref P1, '80']]",
        "!And [!Equals [!Ref P0, 80], !Equals [!Ref P1, 80]]",
        "!Or [!Equals [!Ref P0, !Ref P1], !Equals [!Ref P1, 444]]",
        "!Equals [!Ref Env, prod]",
        "!Equals [!FindInMap [E, !Ref Env, Open], 'yes']",
        "!And [!Not [!Equals [!Ref Env, dev]], !Or [!Equals [!Ref P0, 80], !Equals [!Ref P0, 443]]]",
        "!Equals [!Join ['', !Ref List], '443443']",
        "!Equals [!Sub '${Env}-${P1}', 'prod-443']",
        "!Not [!Condition C2]",
    ])
}

/// A template, its parameters with their allowed values, and the preset that judges it.
#[derive(Debug, Clone)]
struct Case {
    text: String,
    values: Vec<(&'static str, Vec<String>)>,
    preset: Preset,
}

impl Case {
    /// Returns every deployment that the declarations allow.
    fn scopes(&self) -> Vec<Scope> {
        let mut all = vec![Scope::default()];
        for (name, values) in &self.values {
            let with = |scope: &Scope, value: &String| {
                let mut scope = scope.clone();
                scope.parameters.insert((*name).to_owned(), value.clone());
                scope
            };
            all = all
                .iter()
                .flat_map(|scope| values.iter().map(|value| with(scope, value)).collect::<Vec<_>>())
                .collect();
        }
        all
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let parameters = (any_number(), any_number(), any_declared("String", &["dev", "prod", "test"]), any_list());
    let if_some = || prop::option::weighted(0.3, any_of(&["C0", "C1"]));
    let entry = (if_some(), any_of(&["tcp", "tcp", "udp", "icmp", "'-1'"]), any_port(), any_port(), any::<bool>());
    let group = (if_some(), prop::collection::vec(entry, 1..4));
    let conditions = (any_condition(), any_condition());
    let preset = prop::sample::select(vec![Preset::Literal, Preset::Effective]);
    (parameters, conditions, group, preset).prop_map(|((p0, p1, env, list), (c0, c1), (condition, entries), preset)| {
        let condition = condition.map_or_else(String::new, |name| format!("    Condition: {name}\n"));
        let entries: Vec<String> = entries
            .into_iter()
            .map(|(only_if, protocol, from, to, is_same)| {
                // Two independent ports are too rarely equal.
                let to = if is_same { from } else { to };
                let entry = format!("{{IpProtocol: {protocol}, FromPort: {from}, ToPort: {to}, CidrIp: 10.0.0.0/8}}");
                only_if.map_or_else(|| entry.clone(), |name| format!("!If [{name}, {entry}, !Ref 'AWS::NoValue']"))
            })
            .collect();
        let text = format!(
            "Parameters:\n  P0: {}\n  P1: {}\n  Env: {}\n  List: {}\nConditions:\n  C0: {c0}\n  C1: {c1}\n  C2: !Equals [!Ref \
             Env, test]\nMappings:\n  M:\n    '80': {{Port: 80}}\n    '443': {{Port: 443}}\n    '444': {{Port: 443}}\n    '-1': \
             {{Port: 1}}\n  E:\n    dev: {{Port: 443, Open: no}}\n    prod: {{Port: 444, Open: 'yes'}}\n    test: {{Port: 443, \
             Open: 'no'}}\nResources:\n  Sg:\n    Type: AWS::EC2::SecurityGroup\n{condition}    Properties:\n      \
             SecurityGroupEgress:\n        - {}\n",
            p0.0,
            p1.0,
            env.0,
            list.0,
            entries.join("\n        - ")
        );
        Case { text, values: vec![("P0", p0.1), ("P1", p1.1), ("Env", env.1), ("List", list.1)], preset }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// For all allowed values in a deployment, a template that passes `check --strict` is not blocked.
    #[test]
    fn what_passes_strictly_is_never_blocked(case in any_case()) {
        let document = source::parse(&case.text).unwrap();
        let policy = Policy::from(case.preset);
        let (verdict, is_open) = checked(&document, &policy, Defaults::MayChange);
        if verdict == Verdict::Compliant && !is_open {
            for scope in case.scopes() {
                let blocked = blocks(&deployment(&case.text, &document, &scope, &policy), &policy);
                prop_assert!(!blocked, "{:?}\n{}", scope.parameters, case.text);
            }
        }
    }

    /// If every allowed value complies with the rule, there is no error.
    #[test]
    fn what_is_compliant_with_every_allowed_value_is_no_error(case in any_case()) {
        let document = source::parse(&case.text).unwrap();
        let policy = Policy::from(case.preset);
        let (by_default, _) = checked(&document, &policy, Defaults::AreValues);
        let has_values = Template::new(&document.root, &Scope::default()).unwrap().parameters().all(|it| it.is_known);
        if has_values && by_default == Verdict::NonCompliant {
            let blocked = |scope: &Scope| blocks(&deployment(&case.text, &document, scope, &policy), &policy);
            prop_assert!(case.scopes().iter().any(blocked), "{}", case.text);
        }
    }
}

/// The cases are meaningful: many of them pass strictly, and many are blocked for some values.
#[test]
fn cases_of_both_kinds_are_generated() {
    let mut runner = TestRunner::deterministic();
    let (mut pass, mut only_with_some) = (0, 0);
    for _ in 0..300 {
        let case = any_case().new_tree(&mut runner).unwrap().current();
        let document = source::parse(&case.text).unwrap();
        let policy = Policy::from(case.preset);
        match checked(&document, &policy, Defaults::MayChange).0 {
            Verdict::Compliant => pass += 1,
            Verdict::Undetermined => {
                let blocked = |scope: &Scope| blocks(&deployment(&case.text, &document, scope, &policy), &policy);
                only_with_some += usize::from(case.scopes().iter().any(blocked));
            }
            Verdict::NonCompliant => {}
        }
    }
    assert!(pass >= 15 && only_with_some >= 30, "{pass} pass strictly, {only_with_some} are blocked with some values");
}
