use super::*;

/// Evaluates all resources on a thread with a small stack, and returns the outcome of the first one. The point is that
/// it returns at all.
fn outcome(name: &str, text: &str) -> String {
    let document = read(text);
    let evaluate = move || {
        let scope = Scope::default();
        match Template::new(&document.root, &scope) {
            Ok(template) => {
                let mut said = Vec::new();
                for resource in template.resources() {
                    let evaluated = template.evaluate(resource);
                    said.push(evaluated.undetermined.map_or("judged".to_owned(), |why| why.to_string()));
                }
                let _ = template.deployment_order();
                said.first().cloned().unwrap_or_default()
            }
            Err(error) => error.to_string(),
        }
    };
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(evaluate).unwrap();
    thread.join().unwrap_or_else(|_| panic!("{name}"))
}

const TOO_MUCH: &str = "its functions exceed the work limit for one resource";
const TOO_MUCH_AT_ALL: &str = "the loops and functions of this template exceed the work limit for one template";

#[test]
fn loops_in_loops_end() {
    let ten = "[a, b, c, d, e, f, g, h, i, j]";
    let tower = (0..12).fold("{'R': {Type: A::B::C}}".to_owned(), |inner, level| {
        format!("{{'Fn::ForEach::L{level}': [I{level}, {ten}, {inner}]}}")
    });
    assert_eq!(outcome("resources", &format!("Resources: {tower}")), TOO_MUCH_AT_ALL);
    let tower = tower.replace("{Type: A::B::C}", "1");
    assert_eq!(outcome("properties", &format!("Resources: {{X: {{Type: A::B::C, Properties: {tower}}}}}")), TOO_MUCH);
    let tower = tower.replace("{'R': 1}", "{'R': !Equals [1, 1]}");
    assert_eq!(
        outcome("conditions", &format!("Conditions: {tower}\nResources: {{X: {{Type: A::B::C}}}}")),
        TOO_MUCH_AT_ALL
    );
    let long = vec!["a"; 20_000].join(",");
    let big = vec!["b"; 2_000].join(",");
    assert_eq!(
        outcome(
            "wide",
            &format!("Resources: {{'Fn::ForEach::L': [I, [{long}], {{'R${{I}}': {{Type: A::B::C, X: [{big}]}}}}]}}")
        ),
        TOO_MUCH_AT_ALL
    );
}

#[test]
fn texts_that_double_end() {
    let sub = (0..38).fold("x".to_owned(), |inner, _| format!("!Sub ['${{A}}${{A}}', {{A: {inner}}}]"));
    assert_eq!(outcome("sub", &format!("Resources: {{X: {{Type: A::B::C, Properties: {{P: {sub}}}}}}}")), TOO_MUCH);
    let unknown = (0..38).fold("!Ref Nobody".to_owned(), |inner, _| format!("!Sub ['${{A}}${{A}}', {{A: {inner}}}]"));
    assert_eq!(
        outcome("unknown", &format!("Resources: {{X: {{Type: A::B::C, Properties: {{P: {unknown}}}}}}}")),
        "judged"
    );
    let looped = (0..30).fold("'1'".to_owned(), |inner, level| {
        format!("{{'Fn::ForEach::L{level}': [I{level}, [\"${{I{}}}${{I{}}}\"], {{K: {inner}}}]}}", level + 1, level + 1)
    });
    let said = outcome("loops", &format!("Resources: {{X: {{Type: A::B::C, Properties: {looped}}}}}"));
    assert!(said == TOO_MUCH || said == "judged", "{said}");
    let join = (0..38).fold("x".to_owned(), |inner, _| format!("!Join ['', [{inner}, {}]]", "y".repeat(1000)));
    assert_eq!(outcome("join", &format!("Resources: {{X: {{Type: A::B::C, Properties: {{P: {join}}}}}}}")), "judged");
}

#[test]
fn conditions_of_conditions_end() {
    let tower = |count: usize, open: bool| {
        let conditions: Vec<String> = (0..count)
            .map(|n| format!("C{n}: !And [!Condition C{}, !Or [!Condition C{}, !Condition C{}]]", n + 1, n + 1, n + 1))
            .collect();
        let last = if open { "!Equals [!Ref Nobody, x]" } else { "!Equals [1, 1]" };
        format!(
            "Conditions: {{{}, C{count}: {last}}}\nResources: {{X: {{Type: A::B::C, Properties: {{P: !If [C0, 1, 2]}}}}}}",
            conditions.join(", ")
        )
    };
    assert_eq!(outcome("tower", &tower(40, false)), "judged");
    assert_eq!(outcome("open tower", &tower(40, true)), "judged");
    assert_eq!(outcome("deep tower", &tower(3_000, true)), "its functions or conditions are nested too deeply");
    let circle: Vec<String> = (0..3000).map(|n| format!("C{n}: !Not [!Condition C{}]", (n + 1) % 3000)).collect();
    let circle = format!(
        "Conditions: {{{}}}\nResources: {{X: {{Type: A::B::C, Properties: {{P: !If [C0, 1, 2]}}}}}}",
        circle.join(", ")
    );
    assert_eq!(outcome("circle", &circle), "its functions or conditions are nested too deeply");
}

#[test]
fn worlds_end() {
    let count = 3000;
    let conditions: Vec<String> = (0..count).map(|n| format!("C{n}: !Equals [!Ref N{n}, x]")).collect();
    let entries: Vec<String> = (0..count).map(|n| format!("!If [C{n}, 1, 2]")).collect();
    let text = format!(
        "Conditions: {{{}}}\nResources: {{X: {{Type: A::B::C, Properties: {{P: [{}]}}}}}}",
        conditions.join(", "),
        entries.join(", ")
    );
    assert_eq!(outcome("independent", &text), "its undetermined conditions have more combinations than the limit");
}

#[test]
fn large_mappings_and_many_look_ups_end() {
    let keys: Vec<String> = (0..20_000).map(|n| format!("k{n}: 1")).collect();
    let uses: Vec<String> = (0..8_000).map(|n| format!("!FindInMap [M, t, k{}]", 19_999 - n)).collect();
    let text = format!(
        "Mappings: {{M: {{t: {{{}}}}}}}\nResources: {{X: {{Type: A::B::C, Properties: {{P: [{}]}}}}}}",
        keys.join(", "),
        uses.join(", ")
    );
    assert_eq!(outcome("mapping", &text), TOO_MUCH);
}

#[test]
fn values_that_are_too_deep_are_refused() {
    let mut value = Value::from(Kind::Null);
    for _ in 0..400 {
        value = Kind::List(vec![value]).into();
    }
    let scope = Scope::default();
    let root = Value::from(Kind::Map([("Resources".to_owned(), value)].into_iter().collect()));
    assert_eq!(Template::new(&root, &scope).unwrap_err(), TemplateError::TooDeep);
    // the deepest template that a source accepts is evaluated
    let deep = (0..58).fold("!Ref Nobody".to_owned(), |inner, _| format!("!Not [{inner}]"));
    assert_eq!(outcome("deep", &format!("Resources: {{X: {{Type: A::B::C, Properties: {{P: {deep}}}}}}}")), "judged");
}

#[test]
fn one_resource_cannot_take_the_work_of_all() {
    let sub = (0..38).fold("x".to_owned(), |inner, _| format!("!Sub ['${{A}}${{A}}', {{A: {inner}}}]"));
    let greedy: String = (0..5).map(|n| format!("  G{n}: {{Type: A::B::C, Properties: {{P: {sub}}}}}\n")).collect();
    let document = read(&format!(
        "Resources:\n{greedy}  Modest: {{Type: A::B::C, Properties: {{P: !Sub 'x${{N}}', Q: [1, 2]}}}}\n"
    ));
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let said: Vec<_> = template.resources().map(|resource| template.evaluate(resource).undetermined).collect();
    assert_eq!(said[..5], [Some(Undetermined::TooMuchWork); 5]);
    assert_eq!(said[5], None);
    assert!(template.deployment_order().is_ok());
}

#[test]
fn every_resource_is_looked_at_however_many_worlds_the_others_have() {
    let conditions: String = (0..8).map(|n| format!("C{n}: !Equals [!Ref P{n}, x], ")).collect();
    let entries: String = (0..8).map(|n| format!("!If [C{n}, {n}, !Ref 'AWS::NoValue'], ")).collect();
    let resources: String =
        (0..40).map(|n| format!("  R{n}: {{Type: A::B::C, Properties: {{E: [{entries}]}}}}\n")).collect();
    let document = read(&format!(
        "Conditions: {{{conditions}}}\nResources:\n{resources}  Plain: {{Type: A::B::C, Properties: {{P: !If [C1, 1, 2]}}}}\n"
    ));
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let evaluated: Vec<_> = template.resources().map(|resource| template.evaluate(resource)).collect();
    assert!(evaluated.iter().all(|evaluated| !evaluated.worlds.is_empty()));
    assert_eq!(evaluated[0].undetermined, None);
    assert_eq!(evaluated[39].undetermined, Some(Undetermined::TooManyWorlds));
    assert_eq!((evaluated[40].worlds.len(), evaluated[40].undetermined), (2, None));
}

/// Evaluates a value at the maximum depth, through each function. `source` would not accept a text this deep.
#[test]
fn the_deepest_evaluation_fits_a_small_stack() {
    for layer in [
        json!(["@"]),
        json!({"A": 1, "B": "@"}),
        json!({"Fn::If": ["Yes", "@", 1]}),
        json!({"Fn::Sub": ["${A}${A}", {"A": "@"}]}),
        json!({"Fn::Join": ["", [1, "@"]]}),
        json!({"Fn::Select": [0, ["@"]]}),
        json!({"Fn::Split": [",", "@"]}),
        json!({"Fn::FindInMap": ["M", "k", "l", {"DefaultValue": "@"}]}),
        json!({"Fn::FindInMap": ["@", "k", "l"]}),
        json!({"Fn::Base64": "@"}),
        json!({"Fn::Cidr": ["@"]}),
        json!({"Fn::ToJsonString": {"a": "@"}}),
        json!({"Fn::GetAtt": ["@"]}),
        json!({"Fn::GetAZs": "@"}),
        json!({"Ref": "@"}),
        json!({"Fn::Not": ["@"]}),
        json!({"Fn::And": ["@"]}),
        json!({"Fn::Or": [{"Fn::Equals": ["@", 1]}]}),
        json!({"Fn::ForEach::L": ["I", ["a"], {"B${I}": "@"}]}),
        json!({"Fn::ForEach::L": ["I", "@", {"B${I}": 1}]}),
    ] {
        for core in [json!("x"), json!({"Ref": "Nobody"})] {
            let mut nested = core;
            let mut deep = depth(&nested);
            let added = depth(&filled(&layer, json!([[[[[[1]]]]]]))) - depth(&json!([[[[[[1]]]]]]));
            while deep < MAX_EVALUATION_DEPTH - 8 {
                nested = filled(&layer, nested);
                deep += added;
            }
            assert!(depth(&nested) >= MAX_EVALUATION_DEPTH - 8, "{layer}");
            let template = json!({
                "Conditions": {"Yes": {"Fn::Equals": [1, 1]}, "C": nested},
                "Resources": {"X": {"Type": "A::B::C", "Properties": {"P": nested, "Q": {"Fn::If": ["C", 1, 2]}}}},
            });
            let root = value(&template);
            let evaluate = move || {
                let scope = Scope::default();
                let template = Template::new(&root, &scope).unwrap();
                let worlds = template.evaluate(template.resource("X").unwrap()).worlds.len();
                let _ = template.deployment_order();
                worlds
            };
            let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(evaluate).unwrap();
            assert!(thread.join().is_ok(), "{layer}");
        }
    }
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Json::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

/// Returns a layer with its `@` replaced.
fn filled(layer: &Json, by: Json) -> Json {
    fn fill(layer: &Json, by: &mut Json) -> Json {
        match layer {
            Json::String(text) if text == "@" => by.take(),
            Json::Array(list) => list.iter().map(|entry| fill(entry, by)).collect(),
            Json::Object(map) => map.iter().map(|(key, entry)| (key.clone(), fill(entry, by))).collect(),
            other => other.clone(),
        }
    }
    fill(layer, &mut { by })
}

fn value(json: &Json) -> Value {
    serde_json::from_value(json.clone()).unwrap()
}
