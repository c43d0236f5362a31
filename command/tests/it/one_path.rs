//! One path to every verdict: check, STACK, policy explain and rehearsals say the same of the same template, and what
//! passes `check --strict` is never blocked.

use cfn_egress_guard::rehearsal::{
    DeploymentPlan as Deployment, FoundTemplate, NestedStack, NestedTemplates, StackToDeploy, plan,
};
use cfn_egress_guard_core::check::{CheckContext, CheckedResource, Defaults, check, explain_each};
use cfn_egress_guard_core::hook::{self, Config, HookPlan};
use cfn_egress_guard_core::rule::policy::{Date, Policy};
use cfn_egress_guard_core::rule::{DecidedBy, Verdict};
use cfn_egress_guard_core::source::{self, Document};
use cfn_egress_guard_core::template::{Scope, Template};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{event, root};

const TODAY: Date = Date::of_unix_seconds(1_790_000_000);

/// The templates among the fixtures and examples, each with its path.
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

fn checked(document: &Document, defaults: Defaults) -> (Verdict, bool) {
    let policy = Policy::default();
    let terms = CheckContext { defaults, ..CheckContext::of(&policy, TODAY) };
    let checked = check(&document.root, &Scope::default(), &terms).unwrap();
    (checked.verdict(), !checked.notes.is_empty())
}

/// What STACK says of a template that is created.
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
        let (verdict, is_open) = checked(&document, Defaults::MayChange);
        let expected: &[&str] = match verdict {
            Verdict::Compliant if is_open => &["undetermined"],
            Verdict::Compliant => &["compliant"],
            Verdict::Undetermined => &["undetermined"],
            // What breaks the rule under some conditions, by a default or unless a macro changes it is not certain.
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
        assert_eq!(explained, checked(&document, Defaults::MayChange).0, "{path}");
    }
}

/// No nested stack's template is there.
struct NoFiles;

impl NestedTemplates for NoFiles {
    fn find(&mut self, _: &NestedStack<'_>) -> Result<Option<FoundTemplate>, String> {
        Ok(None)
    }
}

fn deployment(text: &str, document: &Document, scope: &Scope) -> Deployment {
    let policy = Policy::default();
    let stack = StackToDeploy { name: "x", file: "x.yaml", text, document, scope };
    plan(&stack, None, &CheckContext::of(&policy, TODAY), &mut NoFiles).unwrap()
}

/// Whether the hook blocks a resource of a deployment.
fn blocks(deployment: &Deployment) -> bool {
    let config = Config::new(Policy::default());
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
        assert_eq!(blocks(&deployment(&text, &document, &scope)), breaks, "{path}");
    }
}

/// A parameter: its declaration, and the values that it allows.
fn any_parameter() -> impl Strategy<Value = (String, Vec<String>)> {
    let numbers = || prop::sample::select(vec!["80", "443", "444"]);
    let default = || prop::option::of(numbers());
    let declared = |rest: String, default: Option<&str>| {
        let default = default.map_or_else(String::new, |default| format!(", Default: {default}"));
        format!("{{Type: Number{rest}{default}}}")
    };
    let all = || ["80", "443", "444"].map(str::to_owned).to_vec();
    prop_oneof![
        default().prop_map(move |default| (declared(String::new(), default), all())),
        Just((declared(", MinValue: 443, MaxValue: 444".to_owned(), Some("443")), vec!["443".into(), "444".into()])),
        numbers().prop_map(move |only| (declared(format!(", AllowedValues: [{only}]"), Some(only)), vec![only.into()])),
        Just((declared(", AllowedValues: [80, 443]".to_owned(), None), vec!["80".into(), "443".into()])),
    ]
}

fn any_port() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "80",
        "443",
        "!Ref P0",
        "!Ref P1",
        "!Sub '${P0}'",
        "!If [C0, 443, 80]",
        "!If [C1, !Ref P0, 443]",
        "!FindInMap [M, !Ref P0, Port]",
        "!Select [0, !Split [',', !Sub '${P1},443']]",
    ])
}

fn any_condition() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "!Equals [!Ref P0, 443]",
        "!Not [!Equals [!Ref P1, '80']]",
        "!And [!Equals [!Ref P0, 80], !Equals [!Ref P1, 80]]",
        "!Or [!Equals [!Ref P0, !Ref P1], !Equals [!Ref P1, 444]]",
    ])
}

type Case = (String, [Vec<String>; 2]);

fn any_case() -> impl Strategy<Value = Case> {
    let entry = (prop::option::of(prop::sample::select(vec!["C0", "C1"])), any_port(), any_port());
    let group = (prop::option::of(prop::sample::select(vec!["C0", "C1"])), prop::collection::vec(entry, 1..4));
    let conditions = (any_condition(), any_condition());
    ((any_parameter(), any_parameter()), conditions, group).prop_map(|((p0, p1), (c0, c1), (condition, entries))| {
        let condition = condition.map_or_else(String::new, |name| format!("    Condition: {name}\n"));
        let entries: Vec<String> = entries
            .into_iter()
            .map(|(only_if, from, to)| {
                let entry = format!("{{IpProtocol: tcp, FromPort: {from}, ToPort: {to}, CidrIp: 10.0.0.0/8}}");
                only_if.map_or_else(|| entry.clone(), |name| format!("!If [{name}, {entry}, !Ref 'AWS::NoValue']"))
            })
            .collect();
        let text = format!(
            "Parameters:\n  P0: {}\n  P1: {}\nConditions:\n  C0: {c0}\n  C1: {c1}\nMappings:\n  M:\n    '80': {{Port: 80}}\n    \
             '443': {{Port: 443}}\n    '444': {{Port: 443}}\nResources:\n  Sg:\n    Type: AWS::EC2::SecurityGroup\n{condition}    \
             Properties:\n      SecurityGroupEgress:\n        - {}\n",
            p0.0,
            p1.0,
            entries.join("\n        - ")
        );
        (text, [p0.1, p1.1])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// Whatever allowed values a deployment gives, what passes `check --strict` is not blocked.
    #[test]
    fn what_passes_strictly_is_never_blocked((text, values) in any_case()) {
        let document = source::parse(&text).unwrap();
        let (verdict, is_open) = checked(&document, Defaults::MayChange);
        if verdict == Verdict::Compliant && !is_open {
            for p0 in &values[0] {
                for p1 in &values[1] {
                    let parameters = [("P0", p0), ("P1", p1)].map(|(name, value)| (name.to_owned(), value.clone()));
                    let scope = Scope { parameters: parameters.into(), ..Scope::default() };
                    prop_assert!(!blocks(&deployment(&text, &document, &scope)), "P0={p0} P1={p1}\n{text}");
                }
            }
        }
    }

    /// Where every allowed value keeps the rule and few are allowed, nothing is left undetermined for want of looking.
    #[test]
    fn what_is_compliant_with_every_allowed_value_is_no_error((text, values) in any_case()) {
        let document = source::parse(&text).unwrap();
        let all_pass = values[0].iter().all(|p0| values[1].iter().all(|p1| {
            let parameters = [("P0", p0), ("P1", p1)].map(|(name, value)| (name.to_owned(), value.clone()));
            let scope = Scope { parameters: parameters.into(), ..Scope::default() };
            !blocks(&deployment(&text, &document, &scope))
        }));
        if all_pass {
            let (by_default, _) = checked(&document, Defaults::AreValues);
            let has_values = Template::new(&document.root, &Scope::default()).unwrap().parameters().all(|it| it.is_known);
            prop_assert!(!has_values || by_default != Verdict::NonCompliant, "{text}");
        }
    }
}
