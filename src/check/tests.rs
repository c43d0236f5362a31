use super::*;
use crate::rule::policy::{Date, Policy};
use crate::rule::{DecidedBy, Outcome, Preset, Setting, Treatment, Verdict, wording};
use crate::source::{self, Document};

const TODAY: Date = Date::of_unix_seconds(1_790_000_000);

fn checked(text: &str) -> (Document, CheckedTemplate) {
    let document = source::parse(text).unwrap();
    let checked = check(&document.root, &Scope::default(), &CheckContext::of(&Policy::default(), TODAY)).unwrap();
    (document, checked)
}

/// Returns each finding as `reason underlined (when)`.
fn described(text: &str) -> Vec<String> {
    let (document, checked) = checked(text);
    let describe = |located: &LocatedFinding| {
        let span = document.span(located.place.primary).unwrap();
        let underlined = span.text(text).unwrap().lines().next().unwrap_or_default();
        let when = located.when().map_or_else(String::new, |when| format!(" ({when})"));
        format!("{} `{underlined}`{when}", located.finding.reason.code())
    };
    checked.resources.iter().flat_map(|resource| &resource.findings).map(describe).collect()
}

fn group(parameters: &str, conditions: &str, egress: &str) -> String {
    format!(
        "Parameters:\n  Env: {{Type: String}}\n  Zone: {{Type: String}}\n{parameters}Conditions:\n  \
         IsProd: !Equals [!Ref Env, prod]\n  IsEdge: !Equals [!Ref Zone, edge]\n{conditions}Resources:\n  Sg:\n    \
         Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupEgress:\n{egress}"
    )
}

#[test]
fn each_reason_points_at_the_value_that_breaks_the_rule() {
    for (rule, expected) in [
        ("{IpProtocol: tcp, FromPort: 80, ToPort: 87}", "port-range `87`"),
        ("{IpProtocol: tcp, FromPort: 87, ToPort: 80}", "reversed-range `80`"),
        ("{IpProtocol: tcp, FromPort: 443}", "missing-ports `443`"),
        ("{IpProtocol: tcp, ToPort: 444}", "missing-ports `444`"),
        ("{IpProtocol: udp}", "missing-ports `udp`"),
        ("{IpProtocol: tcp, FromPort: !Ref AWS::NoValue, ToPort: 1}", "missing-ports `1`"),
        ("{IpProtocol: \"-1\"}", "all-traffic `\"-1\"`"),
        ("{IpProtocol: 50}", "protocol-without-ports `50`"),
        ("{IpProtocol: tcp, FromPort: http, ToPort: 80}", "invalid-port `http`"),
        ("{IpProtocol: tcp, FromPort: 80, ToPort: [80]}", "invalid-port `[80]`"),
        ("{IpProtocol: icmp, FromPort: 8, ToPort: -1}", "icmp-type-and-code `-1`"),
        ("{IpProtocol: icmpv6}", "icmp-without-type `icmpv6`"),
        ("{FromPort: 1, ToPort: 2, CidrIp: ::/0}", "port-range `2`"),
        ("{CidrIp: 0.0.0.0/0}", "missing-ports `{CidrIp: 0.0.0.0/0}`"),
        ("{IpProtocol: tcp, FromPort: !Ref Env, ToPort: 1}", "undetermined-value `!Ref Env`"),
        ("{IpProtocol: tcp, FromPort: 1, ToPort: !Ref Env}", "undetermined-value `!Ref Env`"),
        ("http", "malformed-entry `http`"),
    ] {
        assert_eq!(described(&group("", "", &format!("        - {rule}\n"))), [expected], "{rule}");
    }
    assert_eq!(described(&group("", "", "        all\n")), ["malformed-egress `all`"]);
    assert_eq!(described(&group("", "", "        []\n")), ["default-egress `Sg`"]);
}

#[test]
fn the_other_values_of_a_finding_are_named_once() {
    let related = |rule: &str| {
        let (_, checked) = checked(&group("", "", &format!("        - {rule}\n")));
        let parts = checked.resources[0].findings[0].place.related.iter().map(|(_, part)| *part);
        parts.collect::<Vec<_>>()
    };
    assert_eq!(related("{IpProtocol: tcp, FromPort: 80, ToPort: 87}"), [RulePart::From]);
    assert_eq!(related("{IpProtocol: -1, FromPort: 80, ToPort: 87}"), [RulePart::From, RulePart::To]);
    assert_eq!(related("{IpProtocol: -1, FromPort: &port 80, ToPort: *port}"), [RulePart::From]);
    assert_eq!(related("{IpProtocol: &all -1, FromPort: *all, ToPort: *all}"), []);
    assert_eq!(related("{IpProtocol: &all -1, FromPort: *all, ToPort: 1}"), [RulePart::To]);
}

#[test]
fn the_remedy_for_a_parameter_says_how_to_pass_it() {
    let remedy = |rule: &str| {
        let (_, checked) = checked(&group("", "", &format!("        - {rule}\n")));
        wording::remedy(&checked.resources[0].findings[0].finding)
    };
    for (rule, expected) in [
        (
            "{IpProtocol: tcp, FromPort: !Ref Env, ToPort: 1}",
            "ports at deployment; pass their values with -p to check them now.",
        ),
        ("{IpProtocol: tcp, FromPort: !ImportValue Env, ToPort: 1}", "ports at deployment."),
    ] {
        assert_eq!(remedy(rule), format!("The hook checks the resolved {expected}"), "{rule}");
    }
}

#[test]
fn what_parsers_make_of_a_number_is_said() {
    let statement = |port: &str| {
        let rule = format!("        - {{IpProtocol: tcp, FromPort: {port}, ToPort: 1}}\n");
        let (_, checked) = checked(&group("", "", &rule));
        wording::statement(&checked.resources[0].findings[0].finding)
    };
    for (port, expected) in [
        ("0443", "as octal and others as decimal"),
        ("0x1bb", "as a number in another base and others as text"),
        ("4_43", "as a number without underscores and others as text"),
        ("7:23", "as a number in base 60 and others as text"),
        ("1e3", "as a number with an exponent and others as text"),
    ] {
        let said = statement(port);
        assert!(said.contains(&format!("\"{port}\", which some parsers read {expected}")), "{said}");
    }
}

#[test]
fn the_remedy_for_an_unknown_destination_says_how_to_pass_it() {
    let text = group("", "", "        - {IpProtocol: '-1', CidrIp: !Ref Env}\n");
    let document = source::parse(&text).unwrap();
    let policy = Policy { preset: Preset::Effective, ..Policy::default() };
    let checked = check(&document.root, &Scope::default(), &CheckContext::of(&policy, TODAY)).unwrap();
    assert_eq!(
        wording::remedy(&checked.resources[0].findings[0].finding),
        "The hook checks the resolved destination at deployment; pass its value with -p to check it now."
    );
}

#[test]
fn what_may_add_a_property_is_named() {
    let statement = |function: &str| {
        let text = format!(
            "Transform: AWS::LanguageExtensions\nParameters: {{Names: {{Type: CommaDelimitedList}}}}\nResources:\n  Rule:\n    \
             Type: AWS::EC2::SecurityGroupEgress\n    Properties:\n      IpProtocol: tcp\n      FromPort: 1\n      {function}\n"
        );
        let (_, checked) = checked(&text);
        wording::statement(&checked.resources[0].findings[0].finding)
    };
    let by_loop = statement("Fn::ForEach::Names: [Name, !Ref Names, {'To${Name}': 1}]");
    assert!(by_loop.contains("a loop may add it when the stack is deployed"), "{by_loop}");
    let by_transform = statement("Fn::Transform: {Name: Mine}");
    assert!(by_transform.contains("a transform may add it when the stack is deployed"), "{by_transform}");
}

#[test]
fn a_finding_under_a_condition_says_under_which() {
    let by_port = "        - {IpProtocol: tcp, FromPort: 1, ToPort: !If [IsProd, 1, 2]}\n";
    assert_eq!(described(&group("", "", by_port)), ["port-range `2` (if `IsProd` is false)"]);
    let both = "        - {IpProtocol: tcp, FromPort: 1, ToPort: !If [IsProd, 3, 2]}\n";
    assert_eq!(
        described(&group("", "", both)),
        ["port-range `3` (if `IsProd` is true)", "port-range `2` (if `IsProd` is false)"]
    );
    let whole = "        !If\n          - IsProd\n          - - {IpProtocol: tcp, FromPort: 1, ToPort: 2}\n          \
                 - [{IpProtocol: tcp, FromPort: 1, ToPort: !If [IsEdge, 4, 1]}]\n";
    assert_eq!(
        described(&group("", "", whole)),
        ["port-range `2` (if `IsProd` is true)", "port-range `4` (if `IsEdge` is true and `IsProd` is false)"]
    );
}

#[test]
fn a_finding_in_every_world_is_reported_once_wherever_its_entry_stands() {
    let egress = "        - !If [IsProd, {IpProtocol: tcp, FromPort: 1, ToPort: 1}, !Ref AWS::NoValue]\n        \
                  - {IpProtocol: tcp, FromPort: 5, ToPort: 6}\n";
    assert_eq!(described(&group("", "", egress)), ["port-range `6`"]);
}

#[test]
fn a_resource_that_is_created_under_a_condition_breaks_the_rule_under_it() {
    let text = "Parameters:\n  Env: {Type: String}\nConditions:\n  IsProd: !Equals [!Ref Env, prod]\nResources:\n  \
                Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Condition: IsProd\n    Properties: {IpProtocol: -1}\n";
    assert_eq!(described(text), ["all-traffic `-1` (if `IsProd` is true)"]);
}

#[test]
fn a_finding_of_the_only_case_that_was_checked_does_not_always_apply() {
    // The loop is so long that there are steps for one of the two cases.
    let names: Vec<_> = (0..44).map(|n| n.to_string()).collect();
    let names = names.join(", ");
    let values = vec!["1"; 300].join(", ");
    let text = format!(
        "Transform: AWS::LanguageExtensions\nParameters: {{Env: {{Type: String}}}}\nConditions:\n  IsProd: !Equals [!Ref Env, \
         prod]\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties:\n      IpProtocol: -1\n      \
         CidrIp: !If [IsProd, 10.0.0.0/8, 0.0.0.0/0]\n      \
         Fn::ForEach::Unknown: [Name, [{names}], {{'U${{Name}}': [{values}]}}]\n"
    );
    assert_eq!(described(&text), ["all-traffic `-1` (if `IsProd` is true)"]);
}

#[test]
fn what_repeats_within_a_world_stays_two_findings() {
    let egress = "        - &range {IpProtocol: tcp, FromPort: 1, ToPort: 2}\n        - *range\n        \
                  - {IpProtocol: tcp, FromPort: 7, ToPort: !If [IsProd, 7, 7]}\n";
    assert_eq!(described(&group("", "", egress)), ["port-range `2`", "port-range `2`"]);
}

#[test]
fn a_standalone_rule_replaces_the_default_rule_of_a_group_that_never_exists_without_it() {
    let with = |of_group: &str, of_rule: &str| {
        let rule = "  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties: {GroupId: !GetAtt Sg.GroupId, IpProtocol: \
                    tcp, FromPort: 1, ToPort: 1}\n";
        let text = group("", "", "        []\n").replace("  Sg:\n", &format!("  Sg:\n{of_group}")) + rule + of_rule;
        described(&text)
    };
    let (prod, edge) = ("    Condition: IsProd\n", "    Condition: IsEdge\n");
    assert!(with("", "").is_empty());
    assert!(with(prod, "").is_empty());
    assert!(with(prod, prod).is_empty());
    assert_eq!(with(prod, edge), ["default-egress `Sg` (if `IsProd` is true)"]);
    assert_eq!(with("", prod), ["default-egress `Sg`"]);
}

#[test]
fn what_a_transform_may_add_is_not_known_to_be_missing() {
    let text = "Resources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties:\n      IpProtocol: tcp\n      \
                FromPort: 1\n      Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}\n  Sg:\n    \
                Type: AWS::EC2::SecurityGroup\n    Properties:\n      Fn::Transform: {Name: Mine}\n";
    let (_, checked) = checked(text);
    assert_eq!(checked.verdict(), Verdict::Undetermined);
    let all: Vec<_> = checked.resources.iter().flat_map(|resource| &resource.findings).collect();
    assert!(all.iter().all(|located| located.finding.outcome == Outcome::Undetermined), "{all:?}");
}

#[test]
fn other_resources_are_not_checked() {
    let (_, checked) = checked(
        "Resources:\n  In:\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties: {IpProtocol: tcp, FromPort: 1, \
         ToPort: 9}\n  Nested:\n    Type: AWS::S3::Bucket\n    Metadata:\n      Fake: {Type: \
         AWS::EC2::SecurityGroup, Properties: {SecurityGroupEgress: [{IpProtocol: -1}]}}\n",
    );
    assert!(checked.resources.is_empty());
}

#[test]
fn an_exemption_that_holds_under_a_condition_hides_nothing_under_the_other() {
    let policy = crate::policy::parse(
        "[[exemption]]\nid = \"batch\"\nreason = \"needs it until then\"\nowner = \"o@example.com\"\nexpires = 2099-01-01\n\
         resource_type = \"AWS::EC2::SecurityGroup\"\ntags = { Exempt = \"yes\" }\n",
    )
    .unwrap();
    let text = "Parameters:\n  Env: {Type: String}\nConditions:\n  IsProd: !Equals [!Ref Env, prod]\nResources:\n  Sg:\n    \
                Type: AWS::EC2::SecurityGroup\n    Properties:\n      Tags: [{Key: Exempt, Value: !If [IsProd, 'yes', 'no']}]\n      \
                SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8}]\n";
    let document = source::parse(text).unwrap();
    let checked = check(&document.root, &Scope::default(), &CheckContext::of(&policy, TODAY)).unwrap();
    let mut described: Vec<_> = checked.resources[0]
        .findings
        .iter()
        .map(|located| (checked.resources[0].settled(located), located.when().unwrap()))
        .collect();
    described.sort();
    assert_eq!(
        described,
        [
            (Outcome::Undetermined, "if `IsProd` is false".to_owned()),
            (Outcome::Exempted, "if `IsProd` is true".to_owned())
        ]
    );
}

#[test]
fn a_violation_under_some_conditions_is_settled_only_if_the_others_break_the_rule_too() {
    let range = |to: u16| format!("{{IpProtocol: tcp, FromPort: 80, ToPort: {to}}}");
    for (entry, expected) in [
        (range(81), vec![Outcome::NonCompliant]),
        (format!("!If [IsProd, {}, {}]", range(81), range(80)), vec![Outcome::Undetermined]),
        (format!("!If [IsProd, {}, {}]", range(81), range(82)), vec![Outcome::NonCompliant; 2]),
    ] {
        let (_, checked) = checked(&group("", "", &format!("        - {entry}\n")));
        let [resource] = checked.resources.as_slice() else { panic!("{checked:?}") };
        let settled: Vec<_> = resource.findings.iter().map(|located| resource.settled(located)).collect();
        assert_eq!(settled, expected, "{entry}");
    }
}

#[test]
fn what_is_written_breaks_the_rule_in_a_check_whatever_a_macro_makes_of_it() {
    let rule = "Type: AWS::EC2::SecurityGroupEgress, Properties: {IpProtocol: tcp, FromPort: 80, ToPort: 87}";
    for text in [
        format!("Transform: MyMacro\nResources:\n  Rule: {{{rule}}}\n"),
        format!("Resources:\n  Fn::Transform: {{Name: MyMacro}}\n  Rule: {{{rule}}}\n"),
        format!("Resources:\n  Rule: {{Fn::Transform: {{Name: MyMacro}}, {rule}}}\n"),
    ] {
        let (_, checked) = checked(&text);
        assert_eq!((checked.verdict(), checked.notes.len()), (Verdict::NonCompliant, 1), "{text}");
    }
}

#[test]
fn a_property_whose_name_is_not_known_is_not_known_to_be_missing() {
    let text = "Parameters:\n  Names: {Type: CommaDelimitedList}\nResources:\n  Sg:\n    Type: AWS::EC2::SecurityGroup\n    \
                Properties:\n      Fn::ForEach::L: [N, !Ref Names, {'SecurityGroup${N}': [{IpProtocol: '-1'}]}]\n  Rule:\n    \
                Type: AWS::EC2::SecurityGroupEgress\n    Properties: {IpProtocol: tcp, FromPort: 1, \
                Fn::ForEach::L: [N, !Ref Names, {'${N}Port': 1}]}\n  Fn::ForEach::M: [N, !Ref Names, {'Sg${N}': {Type: \
                AWS::EC2::SecurityGroup, Properties: {'SecurityGroup${N}': [{IpProtocol: '-1'}]}}}]\n";
    let (_, checked) = checked(text);
    let verdicts: Vec<_> = checked.resources.iter().map(CheckedResource::verdict).collect();
    assert_eq!(verdicts, [Verdict::Undetermined; 3], "{checked:#?}");
}

#[test]
fn a_template_without_resources_of_its_own_is_left_open() {
    let (_, checked) = checked("Transform: {Name: AWS::Include, Parameters: {Location: 's3://b/k'}}\n");
    assert!(checked.resources.is_empty());
    assert_eq!(checked.notes[0].to_string(), "the resources that `Fn::Transform` adds are not checked here");
}

/// Returns each finding as `outcome reason (when)`, when a deployment may override defaults.
fn open(text: &str) -> Vec<String> {
    let document = source::parse(text).unwrap();
    let policy = Policy::default();
    let terms = CheckContext { defaults: Defaults::MayChange, ..CheckContext::of(&policy, TODAY) };
    let checked = check(&document.root, &Scope::default(), &terms).unwrap();
    let describe = |located: &LocatedFinding| {
        let when = located.when().map_or_else(String::new, |when| format!(" ({when})"));
        format!("{:?} {}{when}", located.finding.outcome, located.finding.reason.code())
    };
    checked.resources.iter().flat_map(|resource| &resource.findings).map(describe).collect()
}

fn rule(parameters: &str, properties: &str) -> String {
    format!(
        "Parameters: {{{parameters}}}\nConditions:\n  IsOpen: !Equals [!Ref Open, 'yes']\nMappings:\n  Ports:\n    \
         dev: {{From: 443, To: 443}}\n    prod: {{From: 443, To: 444}}\nResources:\n  Rule:\n    \
         Type: AWS::EC2::SecurityGroupEgress\n    Properties: {{CidrIp: 10.0.0.0/8, {properties}}}\n"
    )
}

#[test]
fn a_protocol_that_yaml_parsers_read_differently_is_not_recognized() {
    let effective = Policy::from(crate::rule::Preset::Effective);
    // 15 or 17: the first one opens a whole protocol.
    for (protocol, expected) in
        [("017", Verdict::NonCompliant), ("'017'", Verdict::NonCompliant), ("17", Verdict::Compliant)]
    {
        let text = rule("", &format!("IpProtocol: {protocol}, FromPort: 53, ToPort: 53"));
        let document = source::parse(&text).unwrap();
        let checked = check(&document.root, &Scope::default(), &CheckContext::of(&effective, TODAY)).unwrap();
        assert_eq!(checked.verdict(), expected, "{protocol}");
    }
}

#[test]
fn what_keeps_the_rule_by_a_default_alone_is_undetermined() {
    let numbers = "A: {Type: Number, Default: 443}, B: {Type: Number, Default: 443}";
    let kept = "compliant only while `A` and `B` keep their defaults";
    let tcp = |from: &str, to: &str| format!("IpProtocol: tcp, FromPort: {from}, ToPort: {to}");
    let undetermined = format!("Undetermined undetermined-value ({kept})");
    assert_eq!(open(&rule(numbers, &tcp("!Ref A", "!Ref B"))), [undetermined]);
    // The same parameter on both sides is one port, whatever its value.
    assert_eq!(open(&rule(numbers, &tcp("!Ref A", "!Ref A"))), [""; 0]);
    // A violation with the defaults is an error and is reported once.
    let wide = "A: {Type: Number, Default: 443}, B: {Type: Number, Default: 444}";
    assert_eq!(open(&rule(wide, &tcp("!Ref A", "!Ref B"))), ["NonCompliant port-range"]);
    // A default that does not affect the rule.
    assert_eq!(open(&rule(numbers, &tcp("443", "443"))), [""; 0]);
}

#[test]
fn the_values_that_a_declaration_allows_are_tried() {
    let tcp = |from: &str, to: &str| format!("IpProtocol: tcp, FromPort: {from}, ToPort: {to}");
    let one = "P: {Type: Number, Default: 443, AllowedValues: [443]}";
    assert_eq!(open(&rule(one, &tcp("443", "!Ref P"))), [""; 0]);
    let bounds = "P: {Type: Number, Default: 443, MinValue: 443, MaxValue: 443}";
    assert_eq!(open(&rule(bounds, &tcp("443", "!Ref P"))), [""; 0]);
    let few = "P: {Type: Number, Default: 443, MinValue: 442, MaxValue: 443}";
    let reversed = "Undetermined reversed-range (if `P` is 442; compliant only while `P` keeps its default)";
    assert_eq!(open(&rule(few, &tcp("443", "!Ref P"))), [reversed]);
    let two = "P: {Type: String, Default: '443', AllowedValues: ['443', '444']}";
    let range = "Undetermined port-range (if `P` is 444; compliant only while `P` keeps its default)";
    assert_eq!(open(&rule(two, &tcp("443", "!Ref P"))), [range]);
    assert_eq!(open(&rule(two, &tcp("!Ref P", "!Sub '${P}'"))), [""; 0]);
    // Through a mapping, one value complies with the rule and one does not.
    let stage = "Env: {Type: String, Default: dev, AllowedValues: [dev, prod]}";
    let mapped = tcp("!FindInMap [Ports, !Ref Env, From]", "!FindInMap [Ports, !Ref Env, To]");
    let range = "Undetermined port-range (if `Env` is prod; compliant only while `Env` keeps its default)";
    assert_eq!(open(&rule(stage, &mapped)), [range]);
    let same = tcp("!FindInMap [Ports, !Ref Env, From]", "443");
    assert_eq!(open(&rule(stage, &same)), [""; 0]);
    // Without a default, every allowed value breaks the rule, so the violation is certain.
    let no_default = "P: {Type: Number, AllowedValues: [80, 81]}";
    assert_eq!(open(&rule(no_default, &tcp("443", "!Ref P"))), ["NonCompliant reversed-range (if `P` is 80)"]);
    // Each value breaks the rule, but only under a condition.
    let conditional = "P: {Type: Number, AllowedValues: [80, 81]}, Open: {Type: String}";
    let range = "Undetermined port-range (if `IsOpen` is true and `P` is 80)";
    assert_eq!(open(&rule(conditional, &tcp("!Ref P", "!If [IsOpen, 443, !Ref P]"))), [range]);
    let open_end = "P: {Type: Number, MinValue: 1, MaxValue: 65535, Default: 443}";
    let undetermined = "Undetermined undetermined-value (compliant only while `P` keeps its default)";
    assert_eq!(open(&rule(open_end, &tcp("443", "!Ref P"))), [undetermined]);
}

#[test]
fn a_condition_that_a_parameter_decides_stays_with_the_value_that_is_tried() {
    let text = rule(
        "P: {Type: Number, AllowedValues: [443, 444, 445]}",
        "IpProtocol: tcp, FromPort: 443, ToPort: !If [IsBig, !Ref P, 443]",
    );
    let text = text.replace("IsOpen: !Equals [!Ref Open, 'yes']", "IsBig: !Not [!Equals [!Ref P, 443]]");
    assert_eq!(open(&text), ["Undetermined port-range (if `IsBig` is true and `P` is 444)"]);
}

/// At most 64 combinations of values are tried for one resource.
#[test]
fn the_combinations_of_values_that_are_tried_are_bounded() {
    let values = |name: &str, count: usize| {
        let values: Vec<String> = (1000..1000 + count).map(|port| port.to_string()).collect();
        format!("{name}: {{Type: Number, AllowedValues: [{}]}}", values.join(", "))
    };
    let outcome = |found: &String| found.split_once(' ').unwrap().0.to_owned();
    for (count, expected) in [(63, "NonCompliant"), (64, "NonCompliant"), (65, "Undetermined")] {
        let found = open(&rule(&values("P", count), "IpProtocol: tcp, FromPort: 443, ToPort: !Ref P"));
        assert_eq!(found.iter().map(outcome).collect::<Vec<_>>(), [expected], "{count}");
    }
    // The rules of a group share the bound.
    for (count, expected) in [(32, "NonCompliant"), (33, "Undetermined")] {
        let egress =
            "{IpProtocol: tcp, FromPort: 443, ToPort: !Ref P}, {IpProtocol: tcp, FromPort: 443, ToPort: !Ref Q}";
        let text = format!(
            "Parameters: {{{}, {}}}\nResources:\n  Sg: {{Type: AWS::EC2::SecurityGroup, Properties: \
             {{SecurityGroupEgress: [{egress}]}}}}\n",
            values("P", 32),
            values("Q", count)
        );
        assert_eq!(open(&text).iter().map(outcome).collect::<Vec<_>>(), ["NonCompliant", expected], "{count}");
    }
}

/// A list is no port, whatever is in it; one of its entries may be.
#[test]
fn a_value_that_is_a_list_is_no_port() {
    for (list, port) in [
        ("!Ref L", "!Select [0, !Ref L]"),
        ("!Split [',', !Ref S]", "!Select [0, !Split [',', !Ref S]]"),
        ("!GetAZs ''", "!Ref S"),
    ] {
        let parameters = "L: {Type: CommaDelimitedList}, S: {Type: String}";
        let found = |port: &str| open(&rule(parameters, &format!("IpProtocol: tcp, FromPort: {port}, ToPort: {port}")));
        assert_eq!(found(list), ["NonCompliant invalid-port"], "{list}");
        assert_eq!(found(port), [""; 0], "{port}");
    }
}

#[test]
fn a_loop_that_may_add_the_properties_leaves_them_open() {
    let text = "Transform: AWS::LanguageExtensions\nResources:\n  B:\n    Type: AWS::EC2::SecurityGroup\n    \
                Fn::ForEach::P: [N, [Properties], {'${N}': {SecurityGroupEgress: [{IpProtocol: '-1'}]}}]\n";
    assert_eq!(checked(text).1.verdict(), Verdict::Undetermined);
}

#[test]
fn a_resource_that_a_default_switches_off_is_looked_at() {
    let off = |condition: &str, egress: &str| {
        format!(
            "Parameters:\n  Open: {{Type: String, Default: 'no'}}\nConditions:\n  IsOpen: !Equals [!Ref Open, \
             'yes']\n  Both: !And [!Condition IsOpen, !Not [!Equals [!Ref Open, maybe]]]\nResources:\n  Sg:\n    \
             Type: AWS::EC2::SecurityGroup\n{condition}    Properties:\n      SecurityGroupEgress: {egress}\n"
        )
    };
    let wide = "[{IpProtocol: tcp, FromPort: 1, ToPort: 2}]";
    let kept = "compliant only while `Open` keeps its default";
    let expected = format!("Undetermined port-range (if `IsOpen` is true; {kept})");
    assert_eq!(open(&off("    Condition: IsOpen\n", wide)), std::slice::from_ref(&expected));
    let entry = "[!If [IsOpen, {IpProtocol: tcp, FromPort: 1, ToPort: 2}, !Ref AWS::NoValue]]";
    assert!(open(&off("", entry)).contains(&expected));
    let both = format!("Undetermined port-range (if `Both` is true; {kept})");
    assert_eq!(open(&off("    Condition: Both\n", wide)), [both]);
    assert_eq!(open(&off("    Condition: IsOpen\n", "[{IpProtocol: tcp, FromPort: 1, ToPort: 1}]")), [""; 0]);
}

#[test]
fn entries_of_a_loop_over_a_default_are_looked_at() {
    let text = "Transform: AWS::LanguageExtensions\nParameters:\n  Ports: {Type: CommaDelimitedList, Default: '80,443'}\n\
                Resources:\n  Fn::ForEach::Each:\n    - Port\n    - !Ref Ports\n    - Sg${Port}:\n        \
                Type: AWS::EC2::SecurityGroup\n        Properties:\n          SecurityGroupEgress:\n            \
                - {IpProtocol: tcp, FromPort: !Ref Port, ToPort: TO}\n";
    assert_eq!(open(&text.replace("TO", "!Ref Port")), [""; 0]);
    let found = open(&text.replace("TO", "443"));
    assert_eq!(found.len(), 2, "Sg80 and what any other port makes: {found:?}");
    assert!(found[1].contains("compliant only while `Ports` keeps its default"), "{found:?}");
}

#[test]
fn properties_of_a_loop_over_a_default_are_checked_with_other_values() {
    let text = "Transform: AWS::LanguageExtensions\nParameters:\n  Ends: {Type: CommaDelimitedList, Default: To}\n\
                Resources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Properties:\n      CidrIp: 10.0.0.0/8\n      \
                IpProtocol: tcp\n      FromPort: 443\n      Fn::ForEach::Each: [End, !Ref Ends, {'${End}Port': 443}]\n";
    let found = open(text);
    assert_eq!(found.len(), 1, "with the default, ToPort is 443: {found:?}");
    assert!(found[0].starts_with("Undetermined") && found[0].contains("while `Ends` keeps its default"), "{found:?}");
}

#[test]
fn other_values_than_the_defaults_count_only_where_they_may_change() {
    let of_condition =
        rule("Open: {Type: String, Default: 'no'}", "IpProtocol: tcp, FromPort: 443, ToPort: !If [IsOpen, 444, 443]");
    let of_loop = "Transform: AWS::LanguageExtensions\nParameters:\n  Ports: {Type: CommaDelimitedList, Default: '443'}\n\
                   Resources:\n  Fn::ForEach::Each:\n    - Port\n    - !Ref Ports\n    - Sg${Port}:\n        \
                   Type: AWS::EC2::SecurityGroup\n        Properties:\n          SecurityGroupEgress:\n            \
                   - {IpProtocol: tcp, FromPort: !Ref Port, ToPort: 443}\n";
    for text in [of_condition.as_str(), of_loop] {
        assert_eq!(open(text).len(), 1, "{text}");
        let (_, checked) = checked(text);
        assert_eq!((checked.verdict(), checked.resources.len()), (Verdict::Compliant, 1), "{text}");
    }
}

#[test]
fn a_rule_of_its_own_replaces_the_default_rule_of_its_group() {
    let text = |extra: &str, group: &str| {
        format!(
            "Resources:\n  Sg: {{Type: AWS::EC2::SecurityGroup}}\n  Rule:\n    Type: \
             AWS::EC2::SecurityGroupEgress\n{extra}    Properties: {{GroupId: {group}, IpProtocol: tcp, FromPort: 1, \
             ToPort: 1}}\n"
        )
    };
    for group in [
        "!GetAtt Sg.GroupId",
        "!GetAtt Sg.Id",
        "!Ref Sg",
        "{'Fn::GetAtt': [Sg, GroupId]}",
        "!Sub '${Sg}'",
        "!Sub '${Sg.GroupId}'",
        "!If [Sometimes, !Ref Sg, !GetAtt Sg.GroupId]",
    ] {
        assert_eq!(open(&text("", group)), [""; 0], "{group}");
    }
    for (extra, group) in [
        ("", "sg-1"),
        ("", "!GetAtt Sg.VpcId"),
        ("", "!If [Sometimes, !Ref Sg, sg-1]"),
        ("    Condition: Sometimes\n", "!Ref Sg"),
    ] {
        assert_eq!(open(&text(extra, group)), ["Note default-egress"], "{extra}{group}");
    }
}

#[test]
fn the_same_unknown_port_is_certain_only_if_it_cannot_be_minus_one() {
    let effective = Policy::from(crate::rule::Preset::Effective);
    let open = |parameters: &str| {
        let text = rule(parameters, "IpProtocol: tcp, FromPort: !Ref P, ToPort: !Ref P");
        let document = source::parse(&text).unwrap();
        let terms = CheckContext { defaults: Defaults::MayChange, ..CheckContext::of(&effective, TODAY) };
        check(&document.root, &Scope::default(), &terms).unwrap().verdict()
    };
    for (parameters, expected) in [
        ("P: {Type: Number}", Verdict::Undetermined),
        ("P: {Type: Number, Default: 443}", Verdict::Undetermined),
        ("P: {Type: Number, MinValue: -1}", Verdict::Undetermined),
        ("P: {Type: Number, MinValue: 0, Default: 443}", Verdict::Compliant),
        ("P: {Type: Number, MinValue: 1, MaxValue: 65535}", Verdict::Compliant),
        ("P: {Type: Number, AllowedValues: [80, 443]}", Verdict::Compliant),
        ("P: {Type: Number, AllowedValues: [80, -1]}", Verdict::Undetermined),
        ("P: {Type: Number, AllowedValues: [-1]}", Verdict::NonCompliant),
    ] {
        assert_eq!(open(parameters), expected, "{parameters}");
    }
}

#[test]
fn what_passes_although_ec2_opens_more_is_noted() {
    let at = |egress: &str| described(&group("", "", &format!("        - {egress}\n")));
    assert_eq!(at("{IpProtocol: '-1', FromPort: 0, ToPort: 0}"), ["all-traffic `'-1'`"]);
    assert_eq!(at("{IpProtocol: 50, FromPort: 50, ToPort: 50}"), ["protocol-without-ports `50`"]);
    assert_eq!(at("{IpProtocol: tcp, FromPort: -1, ToPort: -1}"), ["minus-one-ports `-1`"]);
    assert_eq!(at("{IpProtocol: icmp, FromPort: -1, ToPort: -1}"), [""; 0]);
    // Traffic to the host itself leaves no host.
    assert_eq!(at("{IpProtocol: '-1', FromPort: 1, ToPort: 1, CidrIp: 127.0.0.1/32}"), [""; 0]);
    assert_eq!(at("{IpProtocol: '-1', FromPort: 1, ToPort: 1, CidrIp: 127.0.0.1/31}"), ["all-traffic `'-1'`"]);
}

#[test]
fn what_rests_on_a_number_that_readers_differ_on_is_undetermined() {
    let at = |condition: &str| {
        let text = format!(
            "Parameters: {{Env: {{Type: String}}}}\nMappings:\n  M:\n    a: {{Octal: 012, Plain: 10}}\nConditions:\n  C: \
             {condition}\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    Condition: C\n    Properties: \
             {{IpProtocol: '-1'}}\n"
        );
        let document = source::parse(&text).unwrap();
        let policy = Policy::default();
        let terms = CheckContext::of(&policy, TODAY);
        let mut explained = Verdict::Compliant;
        explain_each(&document.root, &Scope::default(), &terms, &mut |resource| {
            for one in resource.worlds.iter().flat_map(|world| &world.explained) {
                if let DecidedBy::Finding(finding) = &one.decided {
                    explained = explained.max(finding.outcome.verdict());
                }
            }
        })
        .unwrap();
        let verdict = check(&document.root, &Scope::default(), &terms).unwrap().verdict();
        assert_eq!(explained, verdict, "{condition}");
        verdict
    };
    for (condition, expected) in [
        ("!Equals [012, 10]", Verdict::Undetermined),
        ("!Equals [!FindInMap [M, a, Octal], 10]", Verdict::Undetermined),
        ("!Not [!Equals [!FindInMap [M, !Ref Env, Octal], 10]]", Verdict::Undetermined),
        ("!Equals [!FindInMap [M, a, Plain], !Ref Env]", Verdict::NonCompliant),
        ("!Equals [!Ref Env, prod]", Verdict::NonCompliant),
    ] {
        assert_eq!(at(condition), expected, "{condition}");
    }
}

#[test]
fn an_explanation_comes_to_no_other_verdict_than_the_check() {
    let standalone = "Resources:\n  Sg: {Type: AWS::EC2::SecurityGroup}\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    \
                      Properties: {GroupId: !Ref Sg, IpProtocol: tcp, FromPort: 1, ToPort: 1}\n";
    let by_parameters = |protocol: &str, from: &str, to: &str| {
        format!(
            "Parameters: {{P: {{Type: Number, AllowedValues: [80, 443], Default: 80}}, Open: {{Type: Number}}, Name: {{Type: \
             String, AllowedValues: [tcp, udp]}}}}\nResources:\n  Rule:\n    Type: AWS::EC2::SecurityGroupEgress\n    \
             Properties: {{IpProtocol: {protocol}, FromPort: {from}, ToPort: {to}}}\n"
        )
    };
    let overrides = Setting::ALL.iter().map(|setting| (*setting, Treatment::Block)).collect();
    let policy = Policy { overrides, ..Policy::default() };
    let terms = CheckContext { defaults: Defaults::MayChange, ..CheckContext::of(&policy, TODAY) };
    for (text, expected) in [
        (standalone.to_owned(), Verdict::Compliant),
        (by_parameters("tcp", "!Ref P", "!Sub '${P}'"), Verdict::Compliant),
        (by_parameters("tcp", "!Ref P", "!Join ['', [!Ref P]]"), Verdict::Compliant),
        (by_parameters("!Ref Name", "80", "80"), Verdict::Compliant),
        (by_parameters("tcp", "!Ref P", "!Ref Open"), Verdict::Undetermined),
        (by_parameters("tcp", "!Ref P", "81"), Verdict::NonCompliant),
    ] {
        let document = source::parse(&text).unwrap();
        let mut decided = Vec::new();
        explain_each(&document.root, &Scope::default(), &terms, &mut |resource| {
            decided.extend(resource.worlds.into_iter().flat_map(|world| world.explained).map(|one| one.decided));
        })
        .unwrap();
        let verdict = |decided: &DecidedBy| match decided {
            DecidedBy::Finding(finding) => finding.outcome.verdict(),
            _ => Verdict::Compliant,
        };
        assert_eq!(decided.iter().map(verdict).max(), Some(expected), "{text}");
        assert_eq!(check(&document.root, &Scope::default(), &terms).unwrap().verdict(), expected, "{text}");
    }
}

#[test]
fn what_an_egress_rule_comes_to_does_not_depend_on_those_beside_it() {
    let parameters = "Parameters:\n  P: {Type: Number, AllowedValues: [80, 443]}\nResources:\n  Sg:\n    Type: \
                      AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupEgress:\n";
    let port = "        - {IpProtocol: tcp, FromPort: !Ref P, ToPort: !Join ['', [!Ref P]]}\n";
    let either = "        - {IpProtocol: tcp, FromPort: !Ref P, ToPort: 443}\n";
    let range = "        - {IpProtocol: tcp, FromPort: 1, ToPort: 2}\n";
    let undetermined = "Undetermined port-range (if `P` is 80)";
    for (rules, expected) in [
        ([port, port], &[][..]),
        ([port, range], &["NonCompliant port-range"]),
        ([either, port], &[undetermined]),
        ([either, range], &[undetermined, "NonCompliant port-range"]),
        ([range, either], &["NonCompliant port-range", undetermined]),
    ] {
        assert_eq!(open(&format!("{parameters}{}", rules.concat())), expected, "{rules:?}");
    }
}

#[test]
fn an_exemption_by_logical_id_and_type_covers_a_resource_of_a_template() {
    let text = group("", "", "        - {IpProtocol: tcp, FromPort: 80, ToPort: 87}\n");
    let document = source::parse(&text).unwrap();
    let outcome = |condition: &str| {
        let policy = format!(
            "[[exemption]]\nid = \"a\"\nreason = \"x\"\nowner = \"x\"\nexpires = 2099-12-31\nports = \"80-87\"\n{condition}\n"
        );
        let policy = crate::policy::parse(&policy).unwrap();
        let checked = check(&document.root, &Scope::default(), &CheckContext::of(&policy, TODAY)).unwrap();
        checked.resources[0].findings[0].finding.outcome
    };
    for (condition, expected) in [
        ("logical_id = \"Sg\"", Outcome::Exempted),
        ("logical_id = \"Other\"", Outcome::NonCompliant),
        ("resource_type = \"AWS::EC2::SecurityGroup\"", Outcome::Exempted),
        ("resource_type = \"AWS::EC2::SecurityGroupEgress\"", Outcome::NonCompliant),
    ] {
        assert_eq!(outcome(condition), expected, "{condition}");
    }
}

#[test]
fn a_resource_exists_unless_its_condition_is_never_true() {
    for (condition, exists) in [("!Equals [a, a]", true), ("!Equals [a, b]", false), ("!Equals [!Ref Env, prod]", true)]
    {
        let text =
            group("", &format!("  Made: {condition}\n"), "        - {IpProtocol: tcp, FromPort: 1, ToPort: 1}\n");
        let (_, checked) = checked(&text.replace("  Sg:\n", "  Sg:\n    Condition: Made\n"));
        assert_eq!(
            checked.resources.iter().map(|resource| resource.exists).collect::<Vec<_>>(),
            [exists],
            "{condition}"
        );
    }
}
