//! Runs the decision table of the documentation as a test, and checks properties in addition to it.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::path::PropertyPath;
use crate::security_group::{ResourceType, assess};
use crate::value::Value;

mod texts;

const TABLE: &str = include_str!("decision-table.md");

/// Returns the rows of the document's table with this number of columns.
fn rows(columns: usize) -> Vec<Vec<Option<String>>> {
    TABLE
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().trim_matches('`').to_owned())
                .map(|cell| (cell != "—").then_some(cell))
                .collect::<Vec<_>>()
        })
        .filter(|cells| cells.len() == columns)
        .skip(1) // the heading
        .collect()
}

fn value(json: &Json) -> Value {
    serde_json::from_str(&json.to_string()).unwrap()
}

/// Returns `compliant`, or the code of the first reason.
fn verdict(resource_type: ResourceType, properties: &Json, preset: Preset) -> &'static str {
    let assessment = assess(resource_type, &value(properties), &preset.into(), Knowledge::Final);
    let code = assessment.of(Outcome::NonCompliant).map(|finding| finding.reason.code()).next();
    assert_eq!(code.is_some(), assessment.verdict() == Verdict::NonCompliant);
    code.unwrap_or("compliant")
}

fn inline(rule: &Json) -> Json {
    json!({ "SecurityGroupEgress": [rule] })
}

/// The published check of KICS and Datadog: `FromPort != ToPort`, undefined if a key is absent.
fn published_code(rule: &Json) -> &'static str {
    match (rule.get("FromPort"), rule.get("ToPort")) {
        (Some(from), Some(to)) if from != to => "flag",
        _ => "pass",
    }
}

#[test]
fn the_table_of_the_documentation_holds() {
    let rows = rows(8);
    assert!(rows.len() > 60, "the table is read: {} rows", rows.len());
    for row in rows {
        let [protocol, from, to, destination, literal, effective, code, why] = row.as_slice() else {
            panic!("{row:?}")
        };
        let mut rule = serde_json::Map::new();
        for (key, cell) in [("IpProtocol", protocol), ("FromPort", from), ("ToPort", to), ("CidrIp", destination)] {
            if let Some(cell) = cell {
                rule.insert(key.to_owned(), serde_json::from_str(cell).unwrap());
            }
        }
        let rule = Json::Object(rule);
        for (preset, expected) in [(Preset::Literal, literal), (Preset::Effective, effective)] {
            let expected = expected.as_deref().unwrap();
            assert_eq!(verdict(ResourceType::SecurityGroupEgress, &rule, preset), expected, "{preset} {rule}");
            assert_eq!(verdict(ResourceType::SecurityGroup, &inline(&rule), preset), expected, "{preset} {rule}");
        }
        assert_eq!(published_code(&rule), code.as_deref().unwrap(), "{rule}");
        assert!(why.as_deref().is_some_and(|why| why.ends_with('.')), "{rule} has a reason");
    }
}

#[test]
fn the_table_of_odd_lists_holds() {
    let rows = rows(4);
    assert_eq!(rows.len(), 10);
    for row in rows {
        let [egress, literal, effective, why] = row.as_slice() else { panic!("{row:?}") };
        assert!(why.as_deref().is_some_and(|why| why.ends_with('.')), "{egress:?} has a reason");
        let properties = match egress {
            Some(egress) => json!({ "SecurityGroupEgress": serde_json::from_str::<Json>(egress).unwrap() }),
            None => json!({}),
        };
        for (preset, expected) in [(Preset::Literal, literal), (Preset::Effective, effective)] {
            let found = verdict(ResourceType::SecurityGroup, &properties, preset);
            assert_eq!(found, expected.as_deref().unwrap(), "{preset} {properties}");
        }
    }
}

/// The table contains each reason that a setting can change, under both verdicts.
#[test]
fn the_table_shows_each_setting_on_which_the_presets_differ() {
    let changed: Vec<_> = rows(8)
        .into_iter()
        .filter(|row| row.get(4) != row.get(5))
        .flat_map(|row| [row.get(4).cloned(), row.get(5).cloned()])
        .flatten()
        .flatten()
        .collect();
    for reason in [
        Reason::AllTraffic,
        Reason::ProtocolWithoutPorts,
        Reason::MinusOnePorts,
        Reason::UnrecognizedProtocol,
        Reason::IcmpTypeAndCode,
        Reason::IcmpWithoutType,
        Reason::NoTrafficPlaceholder,
        Reason::LoopbackOnly,
    ] {
        assert!(changed.iter().any(|code| code == reason.code()), "{reason:?}");
    }
}

#[test]
fn a_default_egress_is_blocked_by_its_own_setting_only() {
    let settings = Settings::default().with(Setting::DefaultEgress, Treatment::Block);
    for properties in [json!({}), json!({"SecurityGroupEgress": []}), json!({"SecurityGroupEgress": null})] {
        let allowed = assess(ResourceType::SecurityGroup, &value(&properties), &Settings::default(), Knowledge::Final);
        assert_eq!(allowed.verdict(), Verdict::Compliant);
        assert_eq!(allowed.of(Outcome::Note).count(), 1, "a note tells of EC2's default rule");
        let blocked = assess(ResourceType::SecurityGroup, &value(&properties), &settings, Knowledge::Final);
        assert_eq!(blocked.verdict(), Verdict::NonCompliant);
    }
}

#[test]
fn two_destinations_are_never_an_idiom() {
    for rule in [
        json!({"IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "CidrIpv6": "::/0"}),
        json!({"IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "DestinationSecurityGroupId": "sg-1"}),
    ] {
        assert_eq!(verdict(ResourceType::SecurityGroupEgress, &rule, Preset::Effective), "all-traffic");
    }
    let placeholder = json!({"IpProtocol": "icmp", "FromPort": 252, "ToPort": 86, "CidrIp": "255.255.255.255/32"});
    let mut two = placeholder.clone();
    two["CidrIpv6"] = json!("::/0");
    for (rule, code) in [(placeholder, "no-traffic-placeholder"), (two, "icmp-type-and-code")] {
        assert_eq!(verdict(ResourceType::SecurityGroupEgress, &rule, Preset::Literal), code);
    }
}

fn unknown(identity: Option<&str>) -> Port {
    Port::Unknown(Unknown::new(identity.map(str::to_owned), "Ref Port", "it has no value"))
}

fn rule_of(protocol: Protocol, from: Port, to: Port, destination: Destination) -> EgressRule {
    EgressRule {
        path: PropertyPath::root(),
        protocol,
        from,
        to,
        destinations: vec![destination],
        origins: Origins::default(),
    }
}

#[test]
fn unknown_ports_are_never_a_pass_unless_they_are_the_same_in_a_template() {
    use Judgement::{Compliant, NonCompliant, Undetermined};
    use Knowledge::{Final, Partial};
    let anywhere = Destination::from_cidr("0.0.0.0/0");
    let known = Port::from_integer(443);
    for (from, to, partial, finally) in [
        (unknown(Some("P")), unknown(Some("P")), Compliant(None), NonCompliant(Reason::UnresolvedValue)),
        (unknown(Some("P")), unknown(Some("Q")), Undetermined, NonCompliant(Reason::UnresolvedValue)),
        (unknown(None), unknown(None), Undetermined, NonCompliant(Reason::UnresolvedValue)),
        (unknown(Some("P")), known.clone(), Undetermined, NonCompliant(Reason::UnresolvedValue)),
        (known, unknown(Some("P")), Undetermined, NonCompliant(Reason::UnresolvedValue)),
        (unknown(Some("P")), Port::Absent, NonCompliant(Reason::MissingPorts), NonCompliant(Reason::MissingPorts)),
    ] {
        for preset in Preset::ALL {
            let rule = rule_of(Protocol::Tcp, from.clone(), to.clone(), anywhere.clone());
            // The same unknown on both sides may be -1, which the preset `effective` blocks.
            let may_be_all = preset == Preset::Effective && partial == Compliant(None);
            let partial = if may_be_all { Undetermined } else { partial };
            assert_eq!(judge(&rule, &preset.into(), Partial), partial, "{rule:?}");
            assert_eq!(judge(&rule, &preset.into(), Final), finally, "{rule:?}");
        }
    }
}

#[test]
fn an_unknown_protocol_or_destination_matters_only_where_it_can_change_the_verdict() {
    use Knowledge::Partial;
    let what = Unknown::new(Some("X".to_owned()), "Ref X", "?");
    let port = |number| Port::from_integer(number);
    let anywhere = Destination::from_cidr("0.0.0.0/0");
    let literal = Settings::of(Preset::Literal);
    let effective = Settings::of(Preset::Effective);

    let single = rule_of(Protocol::Unknown(what.clone()), port(443), port(443), anywhere.clone());
    assert_eq!(judge(&single, &literal, Partial), Judgement::Compliant(None));
    assert_eq!(judge(&single, &effective, Partial), Judgement::Undetermined);

    let range = rule_of(Protocol::Unknown(what.clone()), port(80), port(87), anywhere);
    assert_eq!(judge(&range, &literal, Partial), Judgement::NonCompliant(Reason::PortRange));
    assert_eq!(judge(&range, &effective, Partial), Judgement::Undetermined, "it may be ICMP");

    let all = rule_of(Protocol::All, Port::Absent, Port::Absent, Destination::Unknown(what.clone()));
    assert_eq!(judge(&all, &literal, Partial), Judgement::NonCompliant(Reason::AllTraffic));
    assert_eq!(judge(&all, &effective, Partial), Judgement::Undetermined, "it may be the loopback address");

    // Two destinations never match an idiom, whichever of them is unknown and whatever its value.
    for destinations in [
        [Destination::Unknown(what.clone()), Destination::from_cidr("10.0.0.0/8")],
        [Destination::from_cidr("10.0.0.0/8"), Destination::Unknown(what.clone())],
        [Destination::loopback(), Destination::Unknown(what.clone())],
        [Destination::loopback(), Destination::from_cidr("10.0.0.0/8")],
        [Destination::from_cidr("10.0.0.0/8"), Destination::loopback()],
    ] {
        let two = EgressRule { destinations: destinations.into(), ..all.clone() };
        assert_eq!(judge(&two, &effective, Partial), Judgement::NonCompliant(Reason::AllTraffic), "{two:?}");
    }

    let group = rule_of(Protocol::All, Port::Absent, Port::Absent, Destination::UnknownId(what.clone()));
    assert_eq!(judge(&group, &effective, Partial), Judgement::NonCompliant(Reason::AllTraffic), "no group is loopback");

    let tcp = rule_of(Protocol::Tcp, port(80), port(87), Destination::Unknown(what));
    assert_eq!(judge(&tcp, &effective, Partial), Judgement::NonCompliant(Reason::PortRange));
}

/// Returns one finding for each reason, as the rule creates it.
fn example_of_each_reason() -> Vec<Finding> {
    let mut found: std::collections::BTreeMap<Reason, Finding> = std::collections::BTreeMap::new();
    let mut keep = |resource_type, properties: &Json, settings: &Settings, knowledge| {
        for finding in assess(resource_type, &value(properties), settings, knowledge).findings {
            found.entry(finding.reason).or_insert(finding);
        }
    };
    for row in rows(8) {
        let mut rule = json!({});
        for (key, cell) in ["IpProtocol", "FromPort", "ToPort", "CidrIp"].iter().zip(&row) {
            if let Some(cell) = cell {
                rule[*key] = serde_json::from_str(cell).unwrap();
            }
        }
        for preset in Preset::ALL {
            keep(ResourceType::SecurityGroup, &inline(&rule), &preset.into(), Knowledge::Final);
            keep(ResourceType::SecurityGroup, &inline(&rule), &preset.into(), Knowledge::Partial);
        }
    }
    for row in rows(4) {
        let egress = row.first().cloned().flatten().map_or(Json::Null, |cell| serde_json::from_str(&cell).unwrap());
        let properties = json!({ "SecurityGroupEgress": egress });
        keep(ResourceType::SecurityGroup, &properties, &Settings::default(), Knowledge::Final);
    }
    keep(ResourceType::SecurityGroup, &json!("text"), &Settings::default(), Knowledge::Final);
    found.into_values().collect()
}

/// The complete list of reasons with their texts, for review.
#[test]
fn every_reason_has_its_texts() {
    let findings = example_of_each_reason();
    let mut list = String::new();
    for &reason in Reason::ALL {
        let finding = findings.iter().find(|finding| finding.reason == reason);
        let finding = finding.unwrap_or_else(|| panic!("no example of {reason:?}"));
        let (statement, remedy) = (wording::statement(finding), wording::remedy(finding));
        for text in [&statement, &remedy] {
            assert!(!text.contains('\n') && text.chars().count() <= wording::ANNOTATION_CHARS, "{text}");
            assert!(!text.is_empty());
        }
        let hint = wording::setting_hint(finding).unwrap_or_else(|| "(no setting changes this)".to_owned());
        list.push_str(&format!("{}\n  {}\n  {remedy}\n  {hint}\n", reason.code(), statement));
    }
    insta::assert_snapshot!("reasons", list);
}

#[test]
fn reason_codes_are_unique() {
    let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Reason::ALL.len());
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        (-2i64..70_000).prop_map(Json::from),
        (-2i64..70_000).prop_map(|port| Json::from(port.to_string())),
        ".{0,12}".prop_map(Json::from),
        prop_oneof!["tcp", "udp", "icmp", "icmpv6", "-1", "50", "127.0.0.1/32", "255.255.255.255/32"]
            .prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = prop_oneof![
            3 => prop_oneof![
                Just("SecurityGroupEgress".to_owned()), Just("IpProtocol".to_owned()), Just("FromPort".to_owned()),
                Just("ToPort".to_owned()), Just("CidrIp".to_owned()), Just("CidrIpv6".to_owned()),
                Just("DestinationSecurityGroupId".to_owned())
            ],
            1 => "[A-Za-z]{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map(key, inner, 0..5).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn any_rule() -> impl Strategy<Value = Json> {
    let port = prop_oneof![
        2 => Just(None),
        4 => (-1i64..10).prop_map(|port| Some(Json::from(port))),
        1 => any_json().prop_map(Some),
        2 => prop_oneof![Just(443), Just(252), Just(86)].prop_map(|port| Some(Json::from(port))),
    ];
    let protocol = prop_oneof!["tcp", "udp", "icmp", "icmpv6", "-1", "50", "x"];
    let destination = prop_oneof!["127.0.0.1/32", "0.0.0.0/0", "255.255.255.255/32"];
    (port.clone(), port, protocol, destination).prop_map(|(from, to, protocol, destination)| {
        let mut rule = json!({ "IpProtocol": protocol, "CidrIp": destination });
        for (key, port) in [("FromPort", from), ("ToPort", to)] {
            if let Some(port) = port {
                rule[key] = port;
            }
        }
        rule
    })
}

fn any_settings() -> impl Strategy<Value = Settings> {
    prop::collection::vec(any::<bool>(), Setting::ALL.len()).prop_map(|flips| {
        Setting::ALL.iter().zip(flips).fold(Settings::default(), |settings, (&setting, flip)| {
            if flip { settings.flipped(setting) } else { settings }
        })
    })
}

fn blocked(resource_type: ResourceType, properties: &Json, settings: &Settings) -> bool {
    assess(resource_type, &value(properties), settings, Knowledge::Final).verdict() == Verdict::NonCompliant
}

proptest! {
    #[test]
    fn total_on_any_json(properties in any_json(), settings in any_settings()) {
        for resource_type in ResourceType::ALL {
            for knowledge in [Knowledge::Final, Knowledge::Partial] {
                let assessment = assess(resource_type, &value(&properties), &settings, knowledge);
                for finding in &assessment.findings {
                    prop_assert!(!wording::line(finding).contains('\n'));
                    prop_assert!(wording::statement(finding).chars().count() <= wording::ANNOTATION_CHARS);
                    prop_assert!(wording::remedy(finding).chars().count() <= wording::ANNOTATION_CHARS);
                }
                prop_assert!(knowledge == Knowledge::Partial || assessment.verdict() != Verdict::Undetermined);
            }
        }
    }

    #[test]
    fn the_order_of_keys_and_rules_never_changes_the_verdict(
        rules in prop::collection::vec(any_rule(), 0..6), settings in any_settings(), seed in any::<u64>(),
    ) {
        let mut shuffled = rules.clone();
        let middle = usize::try_from(seed).unwrap_or(0).checked_rem(shuffled.len().max(1)).unwrap_or(0);
        shuffled.rotate_left(middle);
        let reversed_keys: Vec<String> = shuffled
            .iter()
            .map(|rule| {
                let pairs: Vec<_> = rule.as_object().unwrap().iter().rev().collect();
                let body: Vec<_> = pairs.iter().map(|(key, value)| format!("{}:{value}", Json::from(key.as_str()))).collect();
                format!("{{{}}}", body.join(","))
            })
            .collect();
        let text = format!("{{\"Tags\":[],\"SecurityGroupEgress\":[{}]}}", reversed_keys.join(","));
        let other: Value = serde_json::from_str(&text).unwrap();
        let one = blocked(ResourceType::SecurityGroup, &json!({ "SecurityGroupEgress": rules }), &settings);
        let two = assess(ResourceType::SecurityGroup, &other, &settings, Knowledge::Final).verdict();
        prop_assert_eq!(one, two == Verdict::NonCompliant);
    }

    #[test]
    fn inline_and_standalone_rules_agree(rule in any_rule(), settings in any_settings()) {
        let standalone = assess(ResourceType::SecurityGroupEgress, &value(&rule), &settings, Knowledge::Final);
        let inline = assess(ResourceType::SecurityGroup, &value(&inline(&rule)), &settings, Knowledge::Final);
        let codes = |assessment: &Assessment| assessment.findings.iter().map(|finding| finding.reason).collect::<Vec<_>>();
        prop_assert_eq!(codes(&standalone), codes(&inline));
    }

    #[test]
    fn adding_a_rule_never_turns_a_failure_into_a_pass(
        rules in prop::collection::vec(any_rule(), 1..5), more in any_rule(), settings in any_settings(),
    ) {
        let before = blocked(ResourceType::SecurityGroup, &json!({ "SecurityGroupEgress": rules }), &settings);
        let mut longer = rules;
        longer.push(more);
        let after = blocked(ResourceType::SecurityGroup, &json!({ "SecurityGroupEgress": longer }), &settings);
        prop_assert!(after || !before);
    }

    #[test]
    fn a_named_setting_really_changes_the_verdict(rule in any_rule(), settings in any_settings()) {
        for finding in assess(ResourceType::SecurityGroupEgress, &value(&rule), &settings, Knowledge::Final).findings {
            for setting in finding.settings {
                let blocks = blocked(ResourceType::SecurityGroupEgress, &rule, &settings.flipped(setting));
                prop_assert_eq!(blocks, finding.outcome == Outcome::Note);
            }
        }
    }
}

#[test]
fn ports_that_ec2_ignores_are_open_only_where_equal_ones_pass() {
    let to = Destination::from_cidr("10.0.0.0/8");
    let rule = rule_of(Protocol::All, Port::from_integer(443), unknown(Some("Port")), to);
    for (preset, expected) in
        [(Preset::Literal, Judgement::Undetermined), (Preset::Effective, Judgement::NonCompliant(Reason::AllTraffic))]
    {
        assert_eq!(judge(&rule, &preset.into(), Knowledge::Partial), expected, "{preset}");
    }
}

#[test]
fn only_cdks_own_rule_is_its_placeholder() {
    let nowhere = Destination::from_cidr("255.255.255.255/32");
    let judged = |protocol, from, to, destination: &Destination| {
        let rule = rule_of(protocol, Port::from_integer(from), Port::from_integer(to), destination.clone());
        judge(&rule, &Preset::Literal.into(), Knowledge::Final)
    };
    let placeholder = Judgement::NonCompliant(Reason::NoTrafficPlaceholder);
    let other = Judgement::NonCompliant(Reason::IcmpTypeAndCode);
    assert_eq!(judged(Protocol::Icmp, 252, 86, &nowhere), placeholder);
    assert_eq!(judged(Protocol::Icmp, 252, 85, &nowhere), other);
    assert_eq!(judged(Protocol::Icmp, 1, 2, &nowhere), other);
    assert_eq!(judged(Protocol::Icmpv6, 252, 86, &nowhere), other);
    assert_eq!(judged(Protocol::Icmp, 252, 86, &Destination::from_cidr("10.0.0.0/8")), other);
}

#[test]
fn a_port_that_is_a_fraction_or_a_text_says_what_is_wrong_with_it() {
    for (number, expected) in
        [(-1.0, Some(-1)), (0.0, Some(0)), (65_535.0, Some(65_535)), (-2.0, None), (65_536.0, None)]
    {
        let port = Port::from_float(number);
        assert_eq!(matches!(port, Port::Known(port) if Some(port.get()) == expected), expected.is_some(), "{number}");
    }
    // As written, not as the nearest 64-bit number.
    for number in [1e19, -1e19] {
        let Port::Invalid(invalid) = Port::from_float(number) else { panic!("{number}") };
        assert_eq!(
            (invalid.found.as_str(), invalid.problem),
            (number.to_string().as_str(), InvalidPortProblem::OutOfRange)
        );
    }
    for (text, problem) in [
        ("0x1bb", InvalidPortProblem::Ambiguous(NumberForm::Prefix)),
        ("0b11", InvalidPortProblem::Ambiguous(NumberForm::Prefix)),
        ("1_000", InvalidPortProblem::Ambiguous(NumberForm::Underscores)),
        ("0443", InvalidPortProblem::Ambiguous(NumberForm::Octal)),
        ("_1", InvalidPortProblem::NotANumber),
        ("4x", InvalidPortProblem::NotANumber),
        ("https", InvalidPortProblem::NotANumber),
        ("443.", InvalidPortProblem::NotANumber),
        (".5", InvalidPortProblem::NotANumber),
        ("443.5", InvalidPortProblem::NotAnInteger),
        ("65536", InvalidPortProblem::OutOfRange),
        ("-2", InvalidPortProblem::OutOfRange),
    ] {
        let Port::Invalid(invalid) = Port::from_text(text) else { panic!("{text}") };
        assert_eq!(invalid.problem, problem, "{text}");
    }
}

#[test]
fn statements_say_which_ports_there_are() {
    let statement = |rule: Json, preset: Preset| {
        let assessment = assess(ResourceType::SecurityGroupEgress, &value(&rule), &preset.into(), Knowledge::Final);
        let [finding] = assessment.findings.as_slice() else { panic!("{rule}: {assessment:?}") };
        if finding.outcome == Outcome::Note { wording::note(finding) } else { wording::statement(finding) }
    };
    let with =
        |from: Json, to: Json| json!({"IpProtocol": "tcp", "FromPort": from, "ToPort": to, "CidrIp": "10.0.0.0/8"});
    let all = |from: Json| json!({"IpProtocol": "-1", "FromPort": from, "ToPort": from, "CidrIp": "10.0.0.0/8"});
    let statements = [
        statement(with(json!(-1), json!(443)), Preset::Literal),
        statement(with(json!(443), json!(444)), Preset::Literal),
        statement(with(Json::Null, json!(443)), Preset::Literal),
        statement(with(json!(443), Json::Null), Preset::Literal),
        statement(with(Json::Null, Json::Null), Preset::Literal),
        statement(all(json!(443)), Preset::Literal),
        statement(all(json!(443)), Preset::Effective),
        statement(all(Json::Null), Preset::Effective),
    ];
    insta::assert_snapshot!(statements.join("\n"), @r#"
    tcp -1/443 to 10.0.0.0/8 opens a range of 65536 ports
    tcp 443-444 to 10.0.0.0/8 opens a range of 2 ports
    tcp to 10.0.0.0/8 has no FromPort
    tcp to 10.0.0.0/8 has no ToPort
    tcp to 10.0.0.0/8 has neither FromPort nor ToPort
    Properties: passes, but IpProtocol -1 to 10.0.0.0/8 opens every port of every protocol, and EC2 ignores the ports (443). The setting ignored_ports = "allow" allows this; "block" would block it.
    IpProtocol -1 to 10.0.0.0/8 opens every port of every protocol, and EC2 ignores the ports (443)
    IpProtocol -1 to 10.0.0.0/8 opens every port of every protocol
    "#);
}

#[test]
fn only_an_unresolved_value_needs_all_that_will_be_known() {
    let known = |reason: &Reason| witness(*reason).knowledge == Knowledge::Final;
    let reasons: Vec<_> = Reason::ALL.iter().copied().filter(known).collect();
    assert_eq!(reasons, [Reason::UnresolvedValue]);
}
