use proptest::prelude::*;

use super::*;

/// Generates JSON with many functions, existing names, and nonexistent names.
fn any_value() -> impl Strategy<Value = Json> {
    let name = prop::sample::select(vec![
        "A",
        "B",
        "P",
        "L",
        "X",
        "Y",
        "C",
        "D",
        "M",
        "k",
        "x",
        "AWS::NoValue",
        "AWS::Region",
        "${P}",
        "${I}-${X.Id}",
        "&{I}",
        "0",
        "1",
        ",",
        "a,b",
        "443",
        "{{resolve:ssm:/p}}",
    ]);
    let leaf = prop_oneof![
        4 => name.clone().prop_map(Json::from),
        1 => (-1_i64..5).prop_map(Json::from),
        1 => any::<bool>().prop_map(Json::from),
        1 => Just(Json::Null),
        1 => Just(json!(443.5)),
    ];
    let function = prop::sample::select(vec![
        "Ref",
        "Fn::GetAtt",
        "Fn::If",
        "Fn::Sub",
        "Fn::Join",
        "Fn::Split",
        "Fn::Select",
        "Fn::FindInMap",
        "Fn::Base64",
        "Fn::Length",
        "Fn::ToJsonString",
        "Fn::GetAZs",
        "Fn::Cidr",
        "Fn::ImportValue",
        "Fn::Transform",
        "Fn::Equals",
        "Fn::And",
        "Fn::Or",
        "Fn::Not",
        "Condition",
        "Fn::ForEach::F",
        "Fn::Unknown",
    ]);
    leaf.prop_recursive(5, 48, 5, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from);
        let branch = (name.clone(), inner.clone(), inner.clone());
        prop_oneof![
            4 => (function.clone(), prop_oneof![list.clone(), inner.clone()])
                .prop_map(|(name, argument)| json!({name: argument})),
            2 => branch.clone().prop_map(|(name, then, otherwise)| json!({"Fn::If": [name, then, otherwise]})),
            1 => branch.clone().prop_map(|(_, left, right)| json!({"Fn::Equals": [left, right]})),
            1 => branch.prop_map(|(name, list, body)| json!({"Fn::ForEach::G": ["I", [list, name], {"K${I}": body}]})),
            2 => list,
            2 => prop::collection::btree_map("[A-C]|FromPort|ToPort", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn any_template() -> impl Strategy<Value = Json> {
    (any_value(), any_value(), any_value(), any_value(), any_value(), any_value()).prop_map(|(a, b, c, d, e, f)| {
        json!({
            "Parameters": {"P": {"Type": "Number"}, "L": {"Type": "CommaDelimitedList", "Default": "a,b"},
                           "S": {"Type": "String", "NoEcho": true, "Default": "hunter2"}, "Q": a},
            "Mappings": {"M": {"k": {"x": 443, "y": b}}},
            "Conditions": {"C": c, "D": d},
            "Resources": {"X": {"Type": "A::B::C", "Properties": {"E": e}}, "Y": {"Type": "A::B::C", "Condition": "D", "Properties": f}},
        })
    })
}

/// Returns all results of an evaluation.
fn said(root: &Value) -> Vec<String> {
    let scope = Scope::default();
    let Ok(template) = Template::new(root, &scope) else { return vec!["no template".to_owned()] };
    let mut said: Vec<String> = template.notes().iter().map(TemplateNote::to_string).collect();
    for resource in template.resources() {
        let evaluated = template.evaluate(resource);
        said.push(format!("{:?}", evaluated.undetermined));
        for world in &evaluated.worlds {
            said.push(format!("{:?} {} {}", world.assumptions, world.exists, plain(&world.properties)));
        }
        let worlds: Vec<_> = evaluated.worlds.iter().map(|world| &world.assumptions).collect();
        assert!(evaluated.undetermined.is_some() || !worlds.is_empty());
    }
    said.push(template.deployment_order().map_or_else(|error| error.to_string(), |order| format!("{}", order.len())));
    said
}

proptest! {
    #[test]
    fn evaluation_is_total_and_says_the_same_of_yaml_and_json(template in any_template()) {
        let json: Value = serde_json::from_value(template.clone()).unwrap();
        let from_serde = said(&json);
        let from_json = said(&read(&template.to_string()).root);
        // JSON is YAML: after a document start, the YAML reader reads it.
        let from_yaml = said(&read(&format!("---\n{template}\n")).root);
        prop_assert_eq!(&from_json, &from_yaml);
        prop_assert_eq!(&from_json, &from_serde);
        prop_assert!(!from_json.iter().any(|line| line.contains("hunter2")));
    }

    #[test]
    fn worlds_contradict_neither_themselves_nor_each_other(template in any_template()) {
        let root: Value = serde_json::from_value(template).unwrap();
        let scope = Scope::default();
        let template = Template::new(&root, &scope).unwrap();
        for resource in template.resources() {
            let evaluated = template.evaluate(resource);
            for (index, world) in evaluated.worlds.iter().enumerate() {
                for assumption in &world.assumptions {
                    let opposite = Assumption { holds: !assumption.holds, ..assumption.clone() };
                    prop_assert!(!world.assumptions.contains(&opposite));
                }
                prop_assert!(!evaluated.worlds[..index].contains(world));
            }
        }
    }
}
