use super::*;

/// Returns the worlds of a property under these conditions. The parameters `A`, `B` (any text), and `Env` (dev or prod)
/// have no value.
fn under(conditions: &str, properties: &str) -> Vec<(String, Json)> {
    let text = format!(
        "Parameters: {{A: {{Type: String}}, B: {{Type: String}}, Env: {{Type: String, AllowedValues: [dev, prod]}}, \
         K: {{Type: String, Default: k}}, Secret: {{Type: String, NoEcho: true}}}}\n\
         Mappings: {{Ports: {{dev: {{P: 8080}}, prod: {{P: 443}}}}}}\n\
         Conditions: {{{conditions}}}\nResources: {{X: {{Type: A::B::C, Properties: {{{properties}}}}}}}\n"
    );
    worlds(&text, &Scope::default())
}

fn shown(worlds: &[(String, Json)]) -> Vec<(&str, String)> {
    worlds.iter().map(|(assumptions, value)| (assumptions.as_str(), value.to_string())).collect()
}

#[test]
fn decided_conditions_make_one_world() {
    for (condition, expected) in [
        ("!Equals [a, a]", 1),
        ("!Equals [1, '1']", 1),
        ("!Equals [true, 'true']", 1),
        ("!Equals [a, A]", 2),
        ("!Equals [!Ref K, k]", 1),
        ("!Equals [!Sub '${K}k', kk]", 1),
        ("!Equals [!Ref A, !Ref A]", 1),
        ("!Equals [!Ref A, !Sub '${A}']", 1),
        ("!Equals [[a, 1], [a, '1']]", 1),
        ("!Equals ['', !Ref K]", 2),
        ("!Equals [!Ref Env, test]", 2),
        ("!Not [!Equals [a, a]]", 2),
        ("!Not [{Condition: Yes}]", 2),
        ("!And [!Equals [a, a], {Condition: Yes}]", 1),
        ("!And [!Equals [!Ref A, a], !Equals [a, b]]", 2),
        ("!Or [!Equals [!Ref A, a], !Equals [a, a]]", 1),
        ("!Or [!Equals [a, b], !Equals [a, b]]", 2),
        ("!Condition Yes", 1),
        ("{'Fn::Equals': [{Ref: K}, k]}", 1),
    ] {
        let worlds = under(&format!("C: {condition}, Yes: !Equals [1, 1]"), "P: !If [C, 1, 2]");
        assert_eq!(worlds, [(String::new(), json!({"P": expected}))], "{condition}");
    }
}

#[test]
fn the_same_condition_on_both_ports_is_one_question() {
    let worlds = under("C: !Equals [!Ref A, x]", "F: !If [C, 80, 443], T: !If [C, 80, 443]");
    assert_eq!(
        shown(&worlds),
        [("`C` is true", r#"{"F":80,"T":80}"#.to_owned()), ("`C` is false", r#"{"F":443,"T":443}"#.to_owned())]
    );
}

#[test]
fn conditions_that_rest_on_the_same_comparison_are_one_question() {
    for conditions in [
        "C: !Equals [!Ref A, x], D: !Equals [x, {Ref: A}]",
        "C: !Equals [!Ref A, x], D: !Condition C",
        "C: !Equals [!Ref A, x], D: !And [!Condition C, !Equals [1, 1]]",
        "C: !Equals [!Ref A, x], D: !Not [!Not [!Equals [!Sub '${A}', x]]]",
        "C: !Equals [!Ref A, !Ref B], D: !Equals [!Ref B, !Ref A]",
    ] {
        let worlds = under(conditions, "F: !If [C, 80, 443], T: !If [D, 80, 443]");
        assert_eq!(
            shown(&worlds),
            [
                ("`C` is true, `D` is true", r#"{"F":80,"T":80}"#.to_owned()),
                ("`C` is false, `D` is false", r#"{"F":443,"T":443}"#.to_owned())
            ],
            "{conditions}"
        );
    }
}

#[test]
fn an_unknown_is_one_thing_at_a_time() {
    let worlds = under("C: !Equals [!Ref A, x], D: !Equals [!Ref A, y]", "F: !If [C, 1, 2], T: !If [D, 1, 2]");
    assert_eq!(
        shown(&worlds),
        [
            ("`C` is true, `D` is false", r#"{"F":1,"T":2}"#.to_owned()),
            ("`C` is false, `D` is true", r#"{"F":2,"T":1}"#.to_owned()),
            ("`C` is false, `D` is false", r#"{"F":2,"T":2}"#.to_owned()),
        ]
    );
    let worlds = under("C: !Equals [!Ref Env, dev], D: !Equals [!Ref Env, prod]", "F: !If [C, 1, 2], T: !If [D, 1, 2]");
    assert_eq!(
        shown(&worlds),
        [
            ("`C` is true, `D` is false", r#"{"F":1,"T":2}"#.to_owned()),
            ("`C` is false, `D` is true", r#"{"F":2,"T":1}"#.to_owned()),
        ]
    );
}

#[test]
fn a_world_knows_what_it_assumes() {
    let worlds = under(
        "C: !Equals [!Ref Env, prod]",
        "F: !If [C, !FindInMap [Ports, !Ref Env, P], 1], T: !FindInMap [Ports, !Ref Env, P]",
    );
    assert_eq!(
        shown(&worlds),
        [("`C` is true", r#"{"F":443,"T":443}"#.to_owned()), ("`C` is false", r#"{"F":1,"T":8080}"#.to_owned())]
    );
}

#[test]
fn nothing_is_assumed_of_a_secret() {
    let worlds = under("C: !Equals [!Ref Secret, '443']", "F: !If [C, !Ref Secret, 1]");
    assert_eq!(
        shown(&worlds),
        [("`C` is true", r#"{"F":{"?":"!Ref Secret"}}"#.to_owned()), ("`C` is false", r#"{"F":1}"#.to_owned())]
    );
}

#[test]
fn only_conditions_that_are_reached_make_worlds() {
    let worlds = under(
        "C: !Equals [!Ref A, x], D: !Equals [!Ref B, x], Unused: !Equals [!Ref A, z]",
        "P: !If [C, !If [D, 1, 2], 3]",
    );
    assert_eq!(
        shown(&worlds),
        [
            ("`C` is true, `D` is true", r#"{"P":1}"#.to_owned()),
            ("`C` is true, `D` is false", r#"{"P":2}"#.to_owned()),
            ("`C` is false", r#"{"P":3}"#.to_owned()),
        ]
    );
}

#[test]
fn allowed_values_are_candidates_only_of_what_a_reference_gives() {
    for (kind, worlds) in [
        ("String", 1),
        ("AWS::SSM::Parameter::Name", 1),
        ("AWS::SSM::Parameter::Value<String>", 2),
        ("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", 2),
        ("AWS::SSM::Parameter::Value<List<String>>", 2),
    ] {
        for allowed in ["[/a, /b]", "[/a]"] {
            let text = format!(
                "Parameters: {{P: {{Type: '{kind}', AllowedValues: {allowed}}}}}\nConditions: {{C: !Equals [!Ref P, x]}}\n\
                 Resources: {{X: {{Type: A::B::C, Condition: C}}}}"
            );
            assert_eq!(super::worlds(&text, &Scope::default()).len(), worlds, "{kind} {allowed}");
        }
    }
    // Each entry of the list is one of the allowed values.
    let text = "Parameters: {L: {Type: CommaDelimitedList, AllowedValues: [a]}}\nResources: {X: {Type: A::B::C, Properties: {P: !Ref L}}}";
    assert_eq!(only(text, &Scope::default()), json!({"P": {"?": "!Ref L"}}));
}

#[test]
fn many_comparisons_in_one_condition_are_two_worlds() {
    let any = (0..8).map(|n| format!("!Equals [!Ref A, v{n}]")).collect::<Vec<_>>().join(", ");
    let worlds = under(&format!("C: !Or [{any}]"), "P: !If [C, 1, 2]");
    assert_eq!(shown(&worlds), [("`C` is true", r#"{"P":1}"#.to_owned()), ("`C` is false", r#"{"P":2}"#.to_owned())]);
}

#[test]
fn if_works_around_a_port_an_entry_and_a_list() {
    let conditions = "C: !Equals [!Ref A, x]";
    let yes = |value: Json| ("`C` is true".to_owned(), value);
    let no = |value: Json| ("`C` is false".to_owned(), value);
    assert_eq!(
        under(conditions, "E: [!If [C, {P: 1}, !Ref 'AWS::NoValue'], {P: 2}]"),
        [yes(json!({"E": [{"P": 1}, {"P": 2}]})), no(json!({"E": [{"P": 2}]}))]
    );
    assert_eq!(
        under(conditions, "E: !If [C, [{P: 1}], !Ref 'AWS::NoValue']"),
        [yes(json!({"E": [{"P": 1}]})), no(json!({}))]
    );
    assert_eq!(
        under(conditions, "E: [{P: !If [C, !Ref 'AWS::NoValue', 3], Q: 1}]"),
        [yes(json!({"E": [{"Q": 1}]})), no(json!({"E": [{"P": 3, "Q": 1}]}))]
    );
}

#[test]
fn a_resource_exists_if_its_condition_holds() {
    let resource = |condition: &str, parameters: &str| {
        let text = format!(
            "Parameters: {{A: {{Type: String{parameters}}}}}\nConditions: {{C: !Equals [!Ref A, x], Not: !Not [!Condition C]}}\n\
             Resources: {{X: {{Type: A::B::C, Condition: {condition}, Properties: {{P: !If [C, 1, 2]}}}}}}"
        );
        worlds(&text, &Scope::default())
    };
    assert_eq!(resource("C", ", Default: x"), [(String::new(), json!({"P": 1}))]);
    assert_eq!(resource("Not", ", Default: x"), [(String::new(), Json::Null)]);
    assert_eq!(
        resource("C", ""),
        [("`C` is true".to_owned(), json!({"P": 1})), ("`C` is false".to_owned(), Json::Null)]
    );
    assert_eq!(
        resource("Not", ""),
        [("`Not` is false".to_owned(), Json::Null), ("`C` is false, `Not` is true".to_owned(), json!({"P": 2}))]
    );
    assert_eq!(resource("Nowhere", "").len(), 3);
}

#[test]
fn circles_and_nonsense_among_conditions_stay_open() {
    for condition in [
        "!Condition C",
        "!Condition D",
        "!Not [!Condition C]",
        "!And [!Condition C, !Equals [1, 1]]",
        "!Condition Nowhere",
        "!Ref A",
        "!Equals [a]",
        "!Not [a, b]",
        "{a: 1, b: 2}",
        "[a]",
        "text",
        "null",
        "!Equals [!Ref A, [a]]",
        "!Equals [!Select 1, a]",
        "{'Fn::Transform': {Name: M}}",
    ] {
        let mut worlds = under(&format!("C: {condition}, D: !Condition C"), "P: !If [C, 1, 2]");
        worlds.sort_by_key(|(_, properties)| properties.to_string());
        assert_eq!(
            shown(&worlds),
            [("`C` is true", r#"{"P":1}"#.to_owned()), ("`C` is false", r#"{"P":2}"#.to_owned())],
            "{condition}"
        );
    }
}

#[test]
fn independent_conditions_multiply_up_to_the_limit() {
    let rules = |count: usize| {
        let parameters: String = (0..count).map(|n| format!("P{n}: {{Type: String}}, ")).collect();
        let conditions: String = (0..count).map(|n| format!("C{n}: !Equals [!Ref P{n}, x], ")).collect();
        let entries: String = (0..count).map(|n| format!("!If [C{n}, {n}, !Ref 'AWS::NoValue'], ")).collect();
        let text = format!(
            "Parameters: {{{parameters}}}\nConditions: {{{conditions}}}\nResources: {{X: {{Type: A::B::C, Properties: {{E: [{entries}]}}}}}}"
        );
        let document = read(&text);
        let scope = Scope::default();
        let template = Template::new(&document.root, &scope).unwrap();
        let evaluated = template.evaluate(template.resource("X").unwrap());
        (evaluated.worlds.len(), evaluated.undetermined)
    };
    assert_eq!(rules(3), (8, None));
    assert_eq!(rules(8), (256, None));
    // all, none, all but one, only one
    assert_eq!(rules(9), (20, Some(Undetermined::TooManyWorlds)));
    assert_eq!(rules(30), (62, Some(Undetermined::TooManyWorlds)));
    assert_eq!(rules(200).1, Some(Undetermined::TooManyWorlds));
    assert!(rules(200).0 > 2);
}

#[test]
fn worlds_hold_no_more_values_than_there_is_room_for() {
    let group = |conditions: usize, entries: usize| {
        let each = |make: &dyn Fn(usize) -> String| (0..conditions).map(make).collect::<Vec<_>>().join(", ");
        let parameters = each(&|n| format!("P{n}: {{Type: String}}"));
        let equals = each(&|n| format!("C{n}: !Equals [!Ref P{n}, x]"));
        let entries: String =
            (0..entries).map(|n| format!("{{F: !If [C{}, 1, 2], T: {n}}}, ", n % conditions)).collect();
        let text = format!(
            "Parameters: {{{parameters}}}\nConditions: {{{equals}}}\nResources: {{X: {{Type: A::B::C, Properties: {{E: [{entries}]}}}}}}"
        );
        let document = read(&text);
        let scope = Scope::default();
        let template = Template::new(&document.root, &scope).unwrap();
        let evaluated = template.evaluate(template.resource("X").unwrap());
        let mut held = 0;
        for world in &evaluated.worlds {
            measure(&world.properties, MAX_EVALUATION_DEPTH, &mut held);
        }
        assert!(held <= MAX_WORLD_VALUES, "{held}");
        (evaluated.worlds.len(), evaluated.undetermined)
    };
    assert_eq!(group(8, 50), (256, None));
    assert_eq!(group(5, 600), (32, None));
    assert_eq!(group(2, 8_000), (4, None));
    let (worlds, undetermined) = group(8, 8_000);
    assert_eq!(undetermined, Some(Undetermined::TooManyWorlds));
    assert!(worlds >= 2, "one for each way to decide everything: {worlds}");
}

#[test]
fn properties_nobody_looks_at_make_no_worlds() {
    let document = read(
        "Conditions: {C: !Equals [!Ref A, x], D: !Equals [!Ref B, x]}\nResources: {X: {Type: A::B::C, Properties: \
         {Tags: !If [C, 1, 2], E: [!If [D, 1, 2]], 'Fn::ForEach::L': [I, [F], {'${I}': !If [D, 3, 4]}]}}}",
    );
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let resource = template.resource("X").unwrap();
    assert_eq!(template.evaluate(resource).worlds.len(), 4);
    let evaluated = template.evaluate_only(resource, &["E", "F"]);
    let shown: Vec<_> =
        evaluated.worlds.iter().map(|world| (world.assumptions[0].to_string(), plain(&world.properties))).collect();
    assert_eq!(
        shown,
        [("`D` is true".to_owned(), json!({"E": [1], "F": 3})), ("`D` is false".to_owned(), json!({"E": [2], "F": 4}))]
    );
}

#[test]
fn what_is_seen_in_worlds_is_described_by_their_conditions() {
    let document = read(
        "Conditions: {C: !Equals [!Ref A, x], D: !Equals [!Ref B, x]}\nResources: {X: {Type: A::B::C, Properties: {P: !If [C, 1, 2], Q: !If [D, 1, 2]}}}",
    );
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let evaluated = template.evaluate(template.resource("X").unwrap());
    let assumed = |condition: &str, holds| Assumption { condition: condition.to_owned(), holds };
    assert_eq!(evaluated.worlds.len(), 4); // true/true, true/false, false/true, false/false
    assert_eq!(evaluated.occurrence(&[]), None);
    assert_eq!(evaluated.occurrence(&[0, 1, 2, 3]), Some(Occurrence::Always));
    assert_eq!(evaluated.occurrence(&[0, 1]), Some(Occurrence::Under(vec![assumed("C", true)])));
    assert_eq!(evaluated.occurrence(&[1, 3]), Some(Occurrence::Under(vec![assumed("D", false)])));
    assert_eq!(evaluated.occurrence(&[2]), Some(Occurrence::Under(vec![assumed("C", false), assumed("D", true)])));
    assert_eq!(
        evaluated.occurrence(&[0, 3]),
        Some(Occurrence::Sometimes(vec![assumed("C", true), assumed("D", true)]))
    );
}

#[test]
fn conditions_without_a_form_are_not_mixed_up() {
    let worlds = under(
        "C: !Equals [!Select 1, a], D: !Equals [!Select 1, a], E: text1, F: text2",
        "P: !If [C, 1, 2], Q: !If [D, 1, 2]",
    );
    assert_eq!(worlds.len(), 4);
    assert_eq!(under("C: text1, D: text2", "P: !If [C, 1, 2], Q: !If [D, 1, 2]").len(), 4);
    assert_eq!(under("C: text, D: text", "P: !If [C, 1, 2], Q: !If [D, 1, 2]").len(), 2);
}
