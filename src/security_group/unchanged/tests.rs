use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::read::read_properties;
use super::*;

fn value(json: &Json) -> Value {
    serde_json::from_str(&json.to_string()).unwrap()
}

fn group(egress: &[Json]) -> Json {
    json!({ "GroupDescription": "x", "SecurityGroupEgress": egress, "SecurityGroupIngress": ["now"] })
}

/// Returns the indices of the unchanged entries of a group in which something else changed.
fn indices(now: &[Json], before: &[Json]) -> Vec<usize> {
    let mut previous = group(before);
    previous["SecurityGroupIngress"] = json!(["before"]);
    match unchanged(ResourceType::SecurityGroup, &value(&group(now)), Some(&value(&previous))) {
        UnchangedRules::Entries(paths) => (0..now.len())
            .filter(|index| paths.contains(&PropertyPath::root().key("SecurityGroupEgress").index(*index)))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn range() -> Json {
    json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "10.0.0.0/8"})
}

fn with(key: &str, to: Json) -> Json {
    let mut rule = range();
    rule[key] = to;
    rule
}

#[test]
fn the_same_rule_in_other_words_is_unchanged() {
    for other in [
        range(),
        with("FromPort", json!("80")),
        with("ToPort", json!(" 87 ")),
        with("ToPort", json!(87.0)),
        with("IpProtocol", json!(6)),
        with("IpProtocol", json!("TCP")),
        with("CidrIp", json!("10.1.2.3/8")),
        with("CidrIpv6", json!(null)),
        with("Description", json!("what for")),
    ] {
        assert_eq!(indices(std::slice::from_ref(&other), &[range()]), [0], "{other}");
        assert_eq!(indices(&[range()], std::slice::from_ref(&other)), [0], "{other}");
    }
}

#[test]
fn a_description_is_no_part_of_a_rule_in_an_event_either() {
    let read = |properties: Json| {
        read_properties(&mut serde_json::Deserializer::from_str(&properties.to_string())).unwrap().unwrap()
    };
    let unchanged = |resource_type, now: Json, before: Json| unchanged(resource_type, &read(now), Some(&read(before)));
    let described = |text: &str| with("Description", json!(text));
    let first = PropertyPath::root().key("SecurityGroupEgress").index(0);
    assert_eq!(
        unchanged(ResourceType::SecurityGroup, group(&[described("a")]), group(&[described("b")])),
        UnchangedRules::Entries([first].into())
    );
    assert_eq!(
        unchanged(ResourceType::SecurityGroupEgress, described("a"), range()),
        UnchangedRules::Entries([PropertyPath::root()].into())
    );
    // Every other property counts.
    let other = unchanged(ResourceType::SecurityGroupEgress, with("Elsewhere", json!("a")), range());
    assert_eq!(other, UnchangedRules::Entries([].into()));
}

#[test]
fn another_rule_is_not() {
    for other in [
        with("FromPort", json!(79)),
        with("ToPort", json!(88)),
        with("ToPort", json!(null)),
        with("IpProtocol", json!("udp")),
        with("IpProtocol", json!("-1")),
        with("CidrIp", json!("10.0.0.0/7")),
        with("CidrIp", json!("10.0.0.0/9")),
        with("CidrIp", json!(null)),
        with("CidrIpv6", json!("::/0")),
        with("DestinationSecurityGroupId", json!("sg-1")),
        with("GroupId", json!("sg-2")),
        with("Else", json!({"a": [1]})),
        json!(null),
        json!("tcp"),
    ] {
        assert_eq!(indices(std::slice::from_ref(&other), &[range()]), [0_usize; 0], "{other}");
        assert_eq!(indices(&[range()], std::slice::from_ref(&other)), [0_usize; 0], "{other}");
    }
}

#[test]
fn long_texts_that_are_shown_alike_are_distinguished() {
    let long = |end: &str| with("DestinationPrefixListId", json!(format!("pl-{}{end}", "0".repeat(60))));
    assert_eq!(indices(&[long("1")], &[long("2")]), [0_usize; 0]);
    assert_eq!(indices(&[long("1")], &[long("1")]), [0]);
    let port = |end: &str| with("ToPort", json!(format!("{}{end}", "9".repeat(60))));
    assert_eq!(indices(&[port("1")], &[port("2")]), [0_usize; 0]);
}

#[test]
fn order_is_ignored_and_duplicates_count() {
    let other = with("ToPort", json!(90));
    assert_eq!(indices(&[range(), other.clone()], &[other.clone(), range()]), [0, 1]);
    assert_eq!(indices(&[range(), range()], &[range()]), [0]);
    assert_eq!(indices(&[range(), range()], &[range(), range(), range()]), [0, 1]);
    assert_eq!(indices(&[range(), other.clone(), range()], &[other, range()]), [0, 1]);
}

#[test]
fn what_may_resolve_to_something_else_is_not_unchanged() {
    for (key, reference) in [
        ("FromPort", "{{resolve:secretsmanager:port}}"),
        ("ToPort", "{{resolve:ssm:port}}"),
        ("IpProtocol", "{{resolve:ssm:protocol}}"),
        ("CidrIp", "{{resolve:ssm:cidr}}"),
        ("GroupId", "{{changeSet:KNOWN_AFTER_APPLY}}"),
    ] {
        let rule = with(key, json!(reference));
        assert_eq!(indices(std::slice::from_ref(&rule), std::slice::from_ref(&rule)), [0_usize; 0], "{rule}");
    }
}

#[test]
fn a_malformed_entry_is_unchanged_only_as_it_was() {
    for entry in [json!("tcp"), json!(null), with("ToPort", json!("http")), with("IpProtocol", json!("all"))] {
        assert_eq!(indices(std::slice::from_ref(&entry), std::slice::from_ref(&entry)), [0], "{entry}");
    }
    assert_eq!(indices(&[with("ToPort", json!("http"))], &[with("ToPort", json!("https"))]), [0_usize; 0]);
}

#[test]
fn without_previous_properties_nothing_is_unchanged() {
    let now = value(&group(&[range()]));
    for previous in [None, Some(json!(null)), Some(json!({})), Some(json!([])), Some(json!("x"))] {
        let previous = previous.as_ref().map(value);
        assert_eq!(unchanged(ResourceType::SecurityGroup, &now, previous.as_ref()), UnchangedRules::Nothing);
    }
}

#[test]
fn equal_properties_are_unchanged_altogether() {
    let reference = json!("{{resolve:secretsmanager:port}}");
    for properties in [
        group(&[range(), with("ToPort", reference)]),
        json!({"SecurityGroupEgress": "tcp"}),
        json!({"GroupDescription": "x"}),
    ] {
        let properties = value(&properties);
        assert_eq!(unchanged(ResourceType::SecurityGroup, &properties, Some(&properties)), UnchangedRules::Everything);
    }
    let now = json!({"A": [1, "true"], "B": {"x": 1, "y": null}});
    let before = json!({"B": {"x": "1"}, "A": ["1", true]});
    assert_eq!(unchanged(ResourceType::SecurityGroup, &value(&now), Some(&value(&before))), UnchangedRules::Everything);
    let unknown = value(&json!({"A": "{{changeSet:KNOWN_AFTER_APPLY}}", "SecurityGroupEgress": "x"}));
    assert_eq!(unchanged(ResourceType::SecurityGroup, &unknown, Some(&unknown)), UnchangedRules::Nothing);
}

#[test]
fn a_group_that_had_no_egress_rule_either() {
    let (now, before) =
        (value(&json!({"GroupDescription": "x"})), value(&json!({"GroupDescription": "x", "SecurityGroupEgress": []})));
    let root = UnchangedRules::Entries([PropertyPath::root()].into());
    assert_eq!(unchanged(ResourceType::SecurityGroup, &now, Some(&before)), root);
    let had = value(&group(&[range()]));
    assert_eq!(
        unchanged(ResourceType::SecurityGroup, &now, Some(&had)),
        UnchangedRules::Entries([].into()),
        "removing the last rule is a change"
    );
}

#[test]
fn a_standalone_rule_moved_to_another_group_is_another_rule() {
    let rule = |group: &str, tag: &str| {
        let mut rule = with("GroupId", json!(group));
        rule["Description"] = json!(tag);
        value(&rule)
    };
    let of = |now, before| unchanged(ResourceType::SecurityGroupEgress, &now, Some(&before));
    assert_eq!(of(rule("sg-1", "a"), rule("sg-1", "b")), UnchangedRules::Entries([PropertyPath::root()].into()));
    assert_eq!(of(rule("sg-1", "a"), rule("sg-2", "a")), UnchangedRules::Entries([].into()));
}

fn any_entry() -> impl Strategy<Value = Json> {
    let port = prop_oneof![Just(json!(1)), Just(json!("1")), Just(json!(2)), Just(json!(null)), Just(json!("x"))];
    let protocol = prop_oneof![Just(json!("tcp")), Just(json!(6)), Just(json!("-1")), Just(json!("y"))];
    let cidr = prop_oneof![Just("10.0.0.0/8"), Just("10.1.0.0/8"), Just("0.0.0.0/0")];
    prop_oneof![
        1 => prop_oneof![Just(json!("tcp")), Just(json!(null)), Just(json!([1]))],
        9 => (port.clone(), port, protocol, cidr).prop_map(|(from, to, protocol, cidr)| {
            json!({"FromPort": from, "ToPort": to, "IpProtocol": protocol, "CidrIp": cidr})
        }),
    ]
}

/// Returns a rule in one spelling, implemented independently: the oracle of the property below.
fn plain(entry: &Json) -> String {
    let Some(map) = entry.as_object() else { return entry.to_string() };
    let scalar = |key: &str| map[key].as_str().map_or_else(|| map[key].to_string(), str::to_owned);
    let protocol = if scalar("IpProtocol") == "6" { "tcp".to_owned() } else { scalar("IpProtocol") };
    format!("{protocol} {} {} {}", scalar("FromPort"), scalar("ToPort"), scalar("CidrIp").replace("10.1.", "10.0."))
}

proptest! {
    /// There are never more unchanged entries of a kind than before, and as many as before if enough are proposed.
    #[test]
    fn each_previous_entry_counts_once(
        now in prop::collection::vec(any_entry(), 0..6), before in prop::collection::vec(any_entry(), 1..6),
    ) {
        let unchanged = indices(&now, &before);
        for entry in &now {
            let kind = plain(entry);
            // Malformed entries are compared as written, which is stricter than the oracle.
            let strict = kind.contains('x') || kind.contains('y');
            let count = |entries: &[Json]| entries.iter().filter(|entry| plain(entry) == kind).count();
            let found = unchanged.iter().filter(|index| plain(&now[**index]) == kind).count();
            let most = count(&now).min(count(&before));
            prop_assert!(found <= most, "{kind}: {found} of {most}");
            prop_assert!(strict || found == most, "{kind}: {found} of {most}");
        }
    }
}

#[test]
fn nothing_of_a_group_that_is_replaced_stood_there() {
    let before = value(&json!({
        "GroupDescription": "x", "GroupName": "g", "VpcId": "vpc-1", "SecurityGroupEgress": [range()]
    }));
    let stood = |key: &str, to: Json| {
        let mut now = json!({
            "GroupDescription": "x", "GroupName": "g", "VpcId": "vpc-1", "SecurityGroupEgress": [range()],
            "SecurityGroupIngress": []
        });
        now[key] = to;
        unchanged(ResourceType::SecurityGroup, &value(&now), Some(&before)) != UnchangedRules::Nothing
    };
    assert!(stood("Tags", json!([])));
    for key in CREATED_WITH {
        assert!(!stood(key, json!("other")), "{key}");
        assert!(!stood(key, json!(null)), "{key} taken away");
    }
    // A reference may or may not have the same value as before, so it is not certain that the rule existed.
    assert!(!stood("VpcId", json!("{{resolve:secretsmanager:vpc}}")));
}
