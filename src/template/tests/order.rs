use super::*;

fn order(text: &str) -> Result<Vec<String>, String> {
    let document = read(text);
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    match template.deployment_order() {
        Ok(order) => Ok(order.iter().map(|resource| resource.logical_id.to_string()).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn resources_come_behind_what_they_depend_on() {
    let text = r#"
Parameters: {P: {Type: String}, Q: {Type: String, Default: x}}
Conditions: {Open: !Equals [!Ref P, x], Yes: !Equals [!Ref Q, x]}
Resources:
  A: {Type: A::B::C, DependsOn: B}
  B: {Type: A::B::C, DependsOn: [C, D]}
  C: {Type: A::B::C, Properties: {X: [!Ref E]}}
  D: {Type: A::B::C, Properties: {X: !GetAtt F.Arn, Y: {Fn::GetAtt: G.Arn}}}
  E: {Type: A::B::C, Properties: {X: !Sub '${H}-${I.Arn}-${!A}-${V}', Y: !Sub ['${W}', {W: !Ref J, A: 1}]}}
  F: {Type: A::B::C, Metadata: {X: !Ref A}}
  G: {Type: A::B::C, Properties: {X: !If [Open, !Ref K, !Ref L], Y: !If [Yes, 1, !Ref A]}}
  H: {Type: A::B::C}
  I: {Type: A::B::C, UpdatePolicy: {X: !Ref H}}
  J: {Type: A::B::C, Properties: {Fn::ForEach::L: [Id, [K, L], {'P${Id}': !Ref 'Id', 'Q${Id}': !GetAtt ['${Id}', Arn]}]}}
  K: {Type: A::B::C}
  L: {Type: A::B::C}
  M: {Type: A::B::C, Properties: {X: !Ref P, Y: !Ref Nobody}}
"#;
    let order = order(text).unwrap();
    assert_eq!(order, ["F", "H", "I", "K", "L", "G", "D", "J", "E", "C", "B", "A", "M"]);
}

#[test]
fn circles_are_reported_in_words() {
    let text = |properties: &str| {
        format!(
            "Resources: {{Z: {{Type: A::B::C, DependsOn: A}}, A: {{Type: A::B::C, Properties: {{X: {properties}}}}}, B: {{Type: A::B::C, Properties: {{X: !GetAtt A.Id}}}}}}"
        )
    };
    assert_eq!(order(&text("!Ref B")).unwrap_err(), "resources depend on each other in a cycle: `A` → `B` → `A`");
    assert_eq!(order(&text("!Ref A")).unwrap_err(), "resources depend on each other in a cycle: `A` → `A`");
    assert_eq!(order(&text("1")).unwrap(), ["A", "Z", "B"]);
}
