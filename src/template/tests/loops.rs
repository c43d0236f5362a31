use super::*;

fn ids(text: &str, scope: &Scope) -> Vec<(String, Json)> {
    let document = read(text);
    let template = Template::new(&document.root, scope).unwrap();
    template
        .resources()
        .map(|resource| (resource.logical_id.to_string(), plain(&template.evaluate(resource).worlds[0].properties)))
        .collect()
}

fn list(entries: &[(&str, Json)]) -> Vec<(String, Json)> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[test]
fn resources_are_repeated() {
    let text = r#"
Transform: AWS::LanguageExtensions
Parameters: {Ports: {Type: CommaDelimitedList, Default: '80,443'}}
Resources:
  Fn::ForEach::Rules:
    - Port
    - !Ref Ports
    - Egress${Port}:
        Type: AWS::EC2::SecurityGroupEgress
        Properties:
          FromPort: !Ref Port
          ToPort: !Sub '${Port}'
          Description: port ${Port} for ${Other}
  Last: {Type: A::B::C, Properties: {P: 1}}
"#;
    assert_eq!(
        ids(text, &Scope::default()),
        list(&[
            ("Egress80", json!({"FromPort": "80", "ToPort": "80", "Description": "port 80 for ${Other}"})),
            ("Egress443", json!({"FromPort": "443", "ToPort": "443", "Description": "port 443 for ${Other}"})),
            ("Last", json!({"P": 1})),
        ])
    );
    assert_eq!(ids(text, &given(&[("Ports", "22")])).len(), 2);
}

#[test]
fn loops_stand_in_loops_and_drop_what_is_no_letter() {
    let text = r#"
Mappings: {M: {a: {L: [x, y]}, b: {L: [z]}}}
Resources:
  Fn::ForEach::Outer:
    - Cidr
    - [10.0.0.0/8, 'fd00::/8']
    - Fn::ForEach::Inner:
        - Port
        - [80, 443]
        - 'E&{Cidr}p${Port}':
            Type: A::B::C
            Properties: {CidrIp: !Ref Cidr, P: !Sub '${Port}', D: 'for &{Cidr}', R: !Ref 'E&{Cidr}p80'}
  Fn::ForEach::Keys:
    - Key
    - [a, b]
    - Fn::ForEach::Values:
        - Value
        - !FindInMap [M, !Ref Key, L]
        - '${Key}${Value}': {Type: A::B::C, Properties: {V: !Join ['-', [!Ref Key, !Ref Value]]}}
"#;
    let made = ids(text, &Scope::default());
    assert_eq!(made[0].0, "E100008p80");
    assert_eq!(made[0].1, json!({"CidrIp": "10.0.0.0/8", "P": "80", "D": "for 100008", "R": {"?": "!Ref E100008p80"}}));
    assert_eq!(made[3].0, "Efd008p443");
    assert_eq!(
        made[4..],
        list(&[("ax", json!({"V": "a-x"})), ("ay", json!({"V": "a-y"})), ("bz", json!({"V": "b-z"}))])
    );
}

#[test]
fn properties_and_conditions_are_repeated() {
    let text = r#"
Parameters: {Env: {Type: String, Default: prod}}
Conditions:
  Fn::ForEach::Stages:
    - Stage
    - [dev, prod]
    - Is${Stage}: !Equals [!Ref Env, !Ref Stage]
Resources:
  X:
    Type: A::B::C
    Properties:
      Before: 1
      Fn::ForEach::Ports:
        - Name
        - [From, To]
        - ${Name}Port: !If [Isprod, 443, 80]
          ${Name}Dev: !If [Isdev, 1, !Ref AWS::NoValue]
      After: 2
"#;
    assert_eq!(only(text, &Scope::default()), json!({"Before": 1, "FromPort": 443, "ToPort": 443, "After": 2}));
}

#[test]
fn a_list_that_is_not_known_is_gone_through_once() {
    let text = r#"
Parameters: {Ports: {Type: CommaDelimitedList}}
Resources:
  Fn::ForEach::Rules:
    - Port
    - !Ref Ports
    - Egress${Port}:
        Type: AWS::EC2::SecurityGroupEgress
        Properties: {FromPort: !Ref Port, ToPort: '${Port}', Sub: !Sub '${Port}', More: '1${Port}', Letters: '&{Port}', Fix: 443}
"#;
    let document = read(text);
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let resource = template.resources().next().unwrap();
    assert_eq!(resource.logical_id, "Egress${Port}");
    let evaluated = template.evaluate(resource);
    let properties = &evaluated.worlds[0].properties;
    let port = json!({"?": "${Port}"});
    assert_eq!(
        plain(properties),
        json!({"FromPort": port, "ToPort": port, "Sub": port, "More": {"?": "!Sub 1${…}"}, "Letters": port, "Fix": 443})
    );
    let unknown = |name: &str| match &properties.get(name).unwrap().kind {
        Kind::Unknown(unknown) => unknown.clone(),
        other => panic!("{other:?}"),
    };
    assert!(unknown("FromPort").is_same(&unknown("ToPort")));
    assert!(unknown("FromPort").is_same(&unknown("Sub")));
    assert!(!unknown("FromPort").is_same(&unknown("Letters")));
    assert_eq!(
        unknown("FromPort").why,
        "it iterates over `!Ref Ports`, and parameter `Ports` has no default and no value"
    );
}

#[test]
fn a_list_behind_an_undecided_condition_makes_worlds_in_properties_and_a_note_elsewhere() {
    let text = r#"
Parameters: {A: {Type: String}}
Conditions: {C: !Equals [!Ref A, x]}
Resources:
  Fn::ForEach::Loop: [I, !If [C, [a], [b]], {'R${I}': {Type: A::B::C}}]
  X:
    Type: A::B::C
    Properties:
      Fn::ForEach::Loop: [I, !If [C, [a], [b]], {'P${I}': 1}]
"#;
    assert_eq!(
        worlds(text, &Scope::default()),
        [("`C` is true".to_owned(), json!({"Pa": 1})), ("`C` is false".to_owned(), json!({"Pb": 1}))]
    );
    let document = read(text);
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    assert_eq!(
        template.notes()[0].to_string(),
        "the resources that loop `Fn::ForEach::Loop` creates are not checked \
                                                 here"
    );
}

#[test]
fn what_is_no_loop_is_noted() {
    for body in ["[]", "1", "[I, [a]]", "[1, [a], {}]", "[I, a, {}]", "[I, [a], 1]", "[I, [[a]], {}]"] {
        let document = read(&format!("Resources: {{'Fn::ForEach::L': {body}}}"));
        let scope = Scope::default();
        let template = Template::new(&document.root, &scope).unwrap();
        assert_eq!(template.resources().count(), 0);
        assert_eq!(template.notes().len(), 1, "{body}");
    }
}

#[test]
fn an_object_with_a_key_that_is_not_known_is_not_known() {
    let looped = |body: &str| format!("'Fn::ForEach::L': [N, !Ref Names, {body}]");
    let nested = "'Fn::ForEach::M': [K, [a, b], {'${N}${K}': 1}]";
    for (properties, open, expected) in [
        (looped("{'${N}Port': 443}"), true, json!({"${N}Port": 443})),
        (looped("{'&{N}Port': 443}"), true, json!({"&{N}Port": 443})),
        (looped("{Fix: '${N}'}"), false, json!({"Fix": {"?": "${N}"}})),
        (looped("{Fix: {'${N}': 1}}"), false, json!({"Fix": {"?": "${N}"}})),
        (looped("{Fix: {A: 1}}"), false, json!({"Fix": {"A": 1}})),
        (looped(&format!("{{{nested}}}")), true, json!({"${N}a": 1, "${N}b": 1})),
        (looped(&format!("{{Fix: {{{nested}}}}}")), false, json!({"Fix": {"?": "${N}"}})),
        (
            format!("Fix: [{{A: 1, {}}}]", looped("{'${N}': 2}")),
            false,
            json!({"Fix": [{"?": "!ForEach {A: 1, ${N}: 2}"}]}),
        ),
        ("'Fn::ForEach::L': [N, [a], 1], A: 1".to_owned(), true, json!({"A": 1})),
        ("Fix: {'Fn::ForEach::L': [N, a], A: 1}".to_owned(), false, json!({"Fix": {"?": "!ForEach {A: 1}"}})),
    ] {
        let text = format!(
            "Parameters: {{Names: {{Type: CommaDelimitedList}}}}\nResources: {{X: {{Type: A::B::C, Properties: {{{properties}}}}}}}"
        );
        let document = read(&text);
        let scope = Scope::default();
        let template = Template::new(&document.root, &scope).unwrap();
        let evaluated = template.evaluate(template.resource("X").unwrap());
        assert_eq!(
            (evaluated.worlds[0].open.is_some(), plain(&evaluated.worlds[0].properties)),
            (open, expected),
            "{properties}"
        );
    }
}

#[test]
fn resources_of_a_loop_over_an_unknown_list_keep_their_identifier() {
    let text = "Parameters: {Names: {Type: CommaDelimitedList}}\nResources: {'Fn::ForEach::L': [N, !Ref Names, \
                {'Fn::ForEach::M': [K, [a, b], {'R${N}${K}': {Type: A::B::C, Properties: {'${N}': 1}}}]}]}";
    assert_eq!(ids(text, &Scope::default()), ["a", "b"].map(|k| (format!("R${{N}}{k}"), json!({"?": "${N}"}))));
}
