use super::*;

fn notes(text: &str) -> Vec<String> {
    let document = read(text);
    let scope = given(&[("Nobody", "1")]);
    let template = Template::new(&document.root, &scope).unwrap();
    template.notes().iter().map(TemplateNote::to_string).collect()
}

#[test]
fn what_is_left_open_is_named() {
    let text = r#"
Transform:
  - AWS::LanguageExtensions
  - AWS::Serverless-2016-10-31
  - Name: AWS::Include
    Parameters: {Location: s3://x}
  - MyMacro
Resources:
  Fn: {Type: AWS::Serverless::Function}
  App: {Type: AWS::Serverless::Application, Properties: {Location: app.yaml}}
  Mod: {Type: My::Net::Group::MODULE}
  Half: {Type: A::B::C, Properties: {Fn::Transform: {Name: AWS::Include}, P: 1}}
  None: {Properties: {}}
  List: []
  Good: {Type: A::B::C}
"#;
    assert_eq!(
        notes(text),
        [
            "parameter `Nobody` has a value, but the template does not declare it",
            "the resources that `Fn::Transform` adds are not checked here",
            "macro `MyMacro` may change anything in this template when it is deployed",
            "the template of application `App` is not checked here",
            "the resources of module `Mod` (`My::Net::Group::MODULE`) are not checked here",
            "the properties that `Fn::Transform` adds to resource `Half` are not checked here",
            "resource `None` has no `Type` and is not checked",
            "resource `List` has no `Type` and is not checked",
        ]
    );
    assert_eq!(notes("Transform: AWS::Serverless-2016-10-31\nResources: {Fn::Transform: {Name: M}}").len(), 2);
    assert_eq!(notes("Transform: [AWS::SecretsManager-2024-09-16]\nResources: {}").len(), 2);
    assert_eq!(
        notes(
            "Fn::Transform: [Mine]\nResources:\n  Fn::Transform: {Name: M}\n  A: {Type: A::B::C, Fn::Transform: {Name: N}}\n  \
             B: {Type: A::B::C, Properties: {Fn::Transform: O}}\n"
        )[1..],
        [
            "macro `Mine` may change anything in this template when it is deployed",
            "macro `M` may change any resource of this template when it is deployed",
            "macro `N` may change anything in resource `A` when it is deployed",
            "macro `O` may change anything in resource `B` when it is deployed",
        ]
    );
    assert_eq!(
        notes("Transform: {Name: Mine}\nResources: {}")[1],
        "macro `Mine` may change anything in this template when it is deployed"
    );
}

#[test]
fn a_resource_whose_type_is_not_here_is_named() {
    let text = "Transform: AWS::LanguageExtensions\nParameters: {L: {Type: CommaDelimitedList}}\nResources:\n  Body: {Fn::Transform: \
                {Name: AWS::Include}}\n  Own: {Fn::Transform: {Name: M}, Properties: {}}\n  Fn::ForEach::X: [I, !Ref L, {'R${I}': \
                {Type: !Ref I}}]\n  Fn::ForEach::Y: [I, !Ref L, {S: {'${I}': a}}]\n  Product: {Type: \
                AWS::ServiceCatalog::CloudFormationProvisionedProduct}\n";
    assert_eq!(
        notes(text)[1..],
        [
            "the properties that `Fn::Transform` adds to resource `Body` are not checked here",
            "macro `M` may change anything in resource `Own` when it is deployed",
            "the type of resource `R${I}` is not known, and it is not checked",
            "the type of resource `S` is not known, and it is not checked",
            "the template of Service Catalog product `Product` is not checked here",
        ]
    );
}

#[test]
fn what_a_transform_may_change_is_not_known() {
    let text = "Resources: {X: {Type: A::B::C, Properties: {'Fn::Transform': {Name: M}, P: 1, E: [{'Fn::Transform': {Name: M}, F: 1}, {F: 2}], G: {'Fn::Transform': {Name: M}}}}}";
    let document = read(text);
    let scope = Scope::default();
    let template = Template::new(&document.root, &scope).unwrap();
    let evaluated = template.evaluate(template.resource("X").unwrap());
    assert_eq!(evaluated.worlds[0].open, Some("Fn::Transform"));
    assert_eq!(
        plain(&evaluated.worlds[0].properties),
        json!({"P": 1, "E": [{"?": "!Transform {Fn::Transform: {Name: M}, F: 1}"}, {"F": 2}], "G": {"?": "!Transform {Name: M}"}})
    );
}

#[test]
fn templates_are_distinguished_from_other_files() {
    for (text, expected) in [
        ("AWSTemplateFormatVersion: 2010-09-09", true),
        ("Resources: {A: {Type: 'AWS::SNS::Topic'}}", true),
        ("{\"Resources\": {\"A\": {\"Type\": \"AWS::SNS::Topic\"}}}", true),
        ("Resources: {'Fn::ForEach::A': [I, [a], {}]}", true),
        ("Resources: {A: {Fn::Transform: {Name: M}}}", true),
        ("Transform: M\nResources:", true),
        ("Transform: M\nResources: {}\nOwn: 1", true),
        ("Transform: M\nParameters: {}", true),
        ("Transform: M\nOwn: 1", false),
        ("Transform: {a: 1}\nResources: {}", false),
        ("Resources: {A: {Type: topic}}", false),
        ("Resources: {}", false),
        ("Resources: [a]", false),
        ("resources: {A: {Type: 'AWS::SNS::Topic'}}", false),
        ("[1]", false),
        ("text", false),
    ] {
        assert_eq!(is_template(&read(text).root), expected, "{text}");
    }
}

#[test]
fn what_is_no_template_is_refused_in_words() {
    let scope = Scope::default();
    for (text, expected, underlined) in [
        ("[1]", "a template must be an object, but this is a list", "[1]"),
        ("Description: x", "the template has no `Resources` section", "Description: x"),
        ("Resources: [a]", "the `Resources` section must be an object, but this is a list", "[a]"),
    ] {
        let document = read(text);
        let error = Template::new(&document.root, &scope).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!error.help().is_empty());
        assert_eq!(document.span(error.origin()).unwrap().text(text), Some(underlined));
    }
}
