//! Tests of dates, precedence, and values that never match, and a comparison of the matcher with one that tries
//! everything.

use proptest::prelude::*;

use super::*;
use crate::rule::{Destination, InvalidPort, InvalidPortProblem, Knowledge, Unknown, Verdict};
use crate::security_group::finding;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn exemption(id: &str, expires: &str, conditions: Conditions) -> Exemption {
    let (reason, owner) = ("why".parse().unwrap(), "who".parse().unwrap());
    Exemption::new(id.parse().unwrap(), reason, owner, day(expires), conditions).unwrap()
}

fn globs(pattern: &str) -> Vec<Glob> {
    vec![pattern.parse().unwrap()]
}

fn in_account() -> Conditions {
    Conditions { accounts: globs("111122223333"), ..Conditions::default() }
}

fn policy(exemptions: Vec<Exemption>) -> Policy {
    Policy { exemptions, ..Policy::default() }
}

fn rule_of(protocol: Protocol, from: Port, to: Port, destinations: Vec<Destination>) -> EgressRule {
    EgressRule { path: PropertyPath::root(), protocol, from, to, destinations, origins: Origins::default() }
}

fn range() -> EgressRule {
    let anywhere = Destination::from_cidr("0.0.0.0/0");
    rule_of(Protocol::Tcp, Port::from_integer(80), Port::from_integer(87), vec![anywhere])
}

fn assessment(rule: EgressRule) -> Assessment {
    let findings = finding(rule, &Settings::default(), Knowledge::Final).into_iter().collect();
    Assessment { judged: 1, findings }
}

const HERE: Context<'static> = Context {
    account: Some("111122223333"),
    region: Some("eu-central-1"),
    stack_name: Some("lb-prod"),
    stack_id: Some("arn:aws:cloudformation:eu-central-1:111122223333:stack/lb-prod/1a2b"),
    logical_id: Some("Group"),
    resource_type: Some("AWS::EC2::SecurityGroup"),
    tags: Some(&[]),
};

fn on(today: &str) -> ResourceContext<'static> {
    ResourceContext { context: HERE, unchanged: &UnchangedRules::Nothing, today: day(today) }
}

/// Returns the outcome of the only finding of one rule, and the days left of its exemption.
fn outcome(policy: &Policy, case: &ResourceContext<'_>) -> (Outcome, Option<i64>) {
    let assessment = policy.apply(assessment(range()), case);
    let [finding] = assessment.findings.as_slice() else { panic!("{assessment:?}") };
    (finding.outcome, finding.exemption.as_ref().map(|exemption| exemption.days_left))
}

#[test]
fn an_exemption_holds_until_the_end_of_its_last_day() {
    let until = |expires| policy(vec![exemption("a", expires, in_account())]);
    for (expires, today, expected) in [
        ("2027-06-30", "2027-06-29", (Outcome::Exempted, Some(1))),
        ("2027-06-30", "2027-06-30", (Outcome::Exempted, Some(0))),
        ("2027-06-30", "2027-07-01", (Outcome::NonCompliant, Some(-1))),
        ("2028-02-29", "2028-02-28", (Outcome::Exempted, Some(1))),
        ("2028-02-29", "2028-02-29", (Outcome::Exempted, Some(0))),
        ("2028-02-29", "2028-03-01", (Outcome::NonCompliant, Some(-1))),
        ("2028-02-28", "2028-02-29", (Outcome::NonCompliant, Some(-1))),
        ("2027-02-28", "2027-03-01", (Outcome::NonCompliant, Some(-1))),
        ("2027-12-31", "2027-12-31", (Outcome::Exempted, Some(0))),
        ("2027-12-31", "2028-01-01", (Outcome::NonCompliant, Some(-1))),
    ] {
        assert_eq!(outcome(&until(expires), &on(today)), expected, "{expires} on {today}");
    }
}

#[test]
fn a_clock_that_jumps_back_changes_nothing_but_the_day() {
    let policy = policy(vec![exemption("a", "2027-06-30", in_account())]);
    let days = ["2027-06-30", "2027-07-01", "2027-06-30", "1970-01-01", "2027-07-01"];
    let outcomes: Vec<_> = days.into_iter().map(|today| outcome(&policy, &on(today)).0).collect();
    let (held, expired) = (Outcome::Exempted, Outcome::NonCompliant);
    assert_eq!(outcomes, [held, expired, held, held, expired]);
}

#[test]
fn it_warns_from_thirty_days_before_its_end() {
    for (today, soon, holds) in [
        ("2027-05-30", false, true),
        ("2027-05-31", true, true),
        ("2027-06-30", true, true),
        ("2027-07-01", false, false),
    ] {
        let now = exemption("a", "2027-06-30", in_account()).on(day(today));
        assert_eq!((now.expires_soon(), now.is_active()), (soon, holds), "{today}");
    }
}

#[test]
fn of_several_exemptions_the_one_that_holds_longest_is_reported() {
    let all = policy(vec![
        exemption("expired", "2027-01-01", in_account()),
        exemption("first", "2027-06-30", in_account()),
        exemption("second", "2027-06-30", in_account()),
        exemption("shorter", "2027-06-29", in_account()),
    ]);
    let described = |today| {
        let assessment = all.apply(assessment(range()), &on(today));
        assessment
            .findings
            .first()
            .and_then(|finding| finding.exemption.clone())
            .map(|exemption| exemption.id.to_string())
    };
    assert_eq!(described("2027-02-01").as_deref(), Some("first"));
    assert_eq!(described("2028-01-01").as_deref(), Some("first"), "expired last, first in the file");
}

#[test]
fn what_is_unknown_matches_no_condition_about_it() {
    let what = |identity: Option<&str>| Unknown::new(identity.map(str::to_owned), "tcp", "?");
    let unknown = || Port::Unknown(what(Some("P")));
    let invalid = || Port::Invalid(InvalidPort { found: "85".to_owned(), problem: InvalidPortProblem::NotANumber });
    let port = Port::from_integer;
    let inside = || Destination::from_cidr("10.0.0.0/16");
    let wide = Conditions { accounts: globs("*3333"), ..Conditions::default() };
    let by_protocol = Conditions { protocols: vec![Protocol::Tcp], ..Conditions::default() };
    let by_ports = Conditions { ports: vec!["0-65535".parse().unwrap()], ..Conditions::default() };
    let by_destination = Conditions {
        destinations: ["0.0.0.0/0", "::/0", "sg-*", "pl-*"].map(|range| range.parse().unwrap()).into(),
        ..Conditions::default()
    };
    let rule = |protocol, from, to, destinations| rule_of(protocol, from, to, destinations);
    for (rule, expected) in [
        // wide, protocol, ports, destination
        (rule(Protocol::Tcp, port(80), port(87), vec![inside()]), [true, true, true, true]),
        (rule(Protocol::Udp, port(80), port(87), vec![inside()]), [true, false, true, true]),
        (rule(Protocol::All, port(80), port(87), vec![inside()]), [true, false, false, true]),
        (rule(Protocol::Number(6), port(80), port(87), vec![inside()]), [true, false, false, true]),
        (rule(Protocol::Icmp, port(8), port(9), vec![inside()]), [true, false, false, true]),
        (rule(Protocol::Unknown(what(None)), port(80), port(87), vec![inside()]), [true, false, false, true]),
        (rule(Protocol::Unrecognized(None), port(80), port(87), vec![inside()]), [false; 4]),
        (rule(Protocol::Tcp, port(-1), port(-1), vec![inside()]), [true, true, false, true]),
        (rule(Protocol::Tcp, port(-1), port(87), vec![inside()]), [true, true, false, true]),
        (rule(Protocol::Tcp, port(87), port(80), vec![inside()]), [true, true, false, true]),
        (rule(Protocol::Tcp, Port::Absent, Port::Absent, vec![inside()]), [true, true, false, true]),
        (rule(Protocol::Tcp, Port::Absent, port(87), vec![inside()]), [true, true, false, true]),
        (rule(Protocol::Tcp, unknown(), unknown(), vec![inside()]), [true, true, false, true]),
        (rule(Protocol::Tcp, port(80), unknown(), vec![inside()]), [true, true, false, true]),
        (rule(Protocol::Tcp, port(80), invalid(), vec![inside()]), [false; 4]),
        (rule(Protocol::Tcp, port(80), port(87), vec![]), [true, true, true, false]),
        (rule(Protocol::Tcp, port(80), port(87), vec![inside(), inside()]), [true, true, true, false]),
        (
            rule(Protocol::Tcp, port(80), port(87), vec![inside(), Destination::Unknown(what(None))]),
            [true, true, true, false],
        ),
        (
            rule(Protocol::Tcp, port(80), port(87), vec![Destination::Unknown(what(Some("10.0.0.0/16")))]),
            [true, true, true, false],
        ),
        (rule(Protocol::Tcp, port(80), port(87), vec![Destination::from_cidr("10.0.0.0")]), [false; 4]),
        (rule(Protocol::Tcp, port(80), port(87), vec![Destination::from_security_group("sg-1")]), [true; 4]),
        (rule(Protocol::Tcp, port(80), port(87), vec![Destination::from_prefix_list("pl-1")]), [true; 4]),
        (
            rule(Protocol::Tcp, port(80), port(87), vec![Destination::from_prefix_list("sg-1")]),
            [true, true, true, false],
        ),
    ] {
        let found = [&wide, &by_protocol, &by_ports, &by_destination].map(|to| to.match_rule(&HERE, &rule));
        assert_eq!(found, expected, "{rule:?}");
    }
}

#[test]
fn a_context_that_is_not_known_matches_no_condition_about_it() {
    let tag = TagCondition { key: "team".to_owned(), values: globs("*") };
    for conditions in [
        in_account(),
        Conditions { regions: globs("eu-*"), ..Conditions::default() },
        Conditions { stack_names: globs("lb-*"), ..Conditions::default() },
        Conditions { stack_ids: globs("arn:*"), ..Conditions::default() },
        Conditions { logical_ids: globs("G*"), ..Conditions::default() },
        Conditions { resource_types: vec!["AWS::EC2::SecurityGroup".to_owned()], ..Conditions::default() },
    ] {
        assert!(conditions.match_rule(&HERE, &range()), "{conditions:?}");
        assert!(!conditions.match_rule(&Context::default(), &range()), "{conditions:?}");
    }
    let conditions = Conditions { tags: vec![tag], ..Conditions::default() };
    let tagged = |key: &str, value: Option<&str>| Tag { key: key.to_owned(), value: value.map(str::to_owned) };
    for (tags, expected) in [
        (None, false),
        (Some(vec![]), false),
        (Some(vec![tagged("team", Some(""))]), true),
        (Some(vec![tagged("team", Some("data"))]), true),
        (Some(vec![tagged("Team", Some("data"))]), false),
        (Some(vec![tagged("team", None)]), false),
        (Some(vec![tagged("team", Some("data")), tagged("team", Some("data"))]), false),
        (Some(vec![tagged("other", None), tagged("team", Some("data"))]), true),
    ] {
        let context = Context { tags: tags.as_deref(), ..HERE };
        assert_eq!(conditions.match_rule(&context, &range()), expected, "{tags:?}");
    }
}

#[test]
fn an_exemption_narrows_and_does_not_contradict_itself() {
    let new = |conditions| {
        Exemption::new("a".parse().unwrap(), "b".parse().unwrap(), "c".parse().unwrap(), day("2027-01-01"), conditions)
            .map(|_| ())
    };
    assert_eq!(new(Conditions::default()), Err(ExemptionError::CoversEverything));
    let anything = Conditions { accounts: globs("*"), stack_names: globs("**"), ..Conditions::default() };
    assert_eq!(new(anything), Err(ExemptionError::CoversEverything));
    // The spelling does not matter.
    let cidr = |text: &str| vec![DestinationRange::Cidr(text.parse().unwrap())];
    let types = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (group, rule) = ("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress");
    for everything in [
        Conditions { accounts: globs("????????????"), ..Conditions::default() },
        Conditions { regions: globs("*-*"), stack_ids: globs("arn:*:stack/*"), ..Conditions::default() },
        Conditions { stack_names: globs("?*"), logical_ids: globs("*?"), ..Conditions::default() },
        Conditions { resource_types: types(&[group, rule]), ..Conditions::default() },
        Conditions { destinations: cidr("0.0.0.0/0"), ..Conditions::default() },
        Conditions { destinations: cidr("::/0"), accounts: globs("*"), ..Conditions::default() },
    ] {
        assert_eq!(new(everything.clone()), Err(ExemptionError::CoversEverything), "{everything:?}");
    }
    for something in [
        Conditions { accounts: globs("1???????????"), ..Conditions::default() },
        Conditions { regions: globs("eu-*"), ..Conditions::default() },
        Conditions { stack_names: globs("*-*"), ..Conditions::default() },
        Conditions { resource_types: types(&[group, group]), ..Conditions::default() },
        Conditions { destinations: cidr("10.0.0.0/8"), ..Conditions::default() },
    ] {
        assert_eq!(new(something.clone()), Ok(()), "{something:?}");
    }
    let ports = vec!["80-87".parse().unwrap()];
    let icmp = Conditions { ports: ports.clone(), protocols: vec![Protocol::Icmp, Protocol::All], ..in_account() };
    assert_eq!(new(icmp), Err(ExemptionError::PortsWithoutProtocol));
    let both = Conditions { ports, protocols: vec![Protocol::Icmp, Protocol::Udp], ..in_account() };
    assert_eq!(new(both), Ok(()));
}

#[test]
fn unchanged_rules_are_known_debt_only_if_the_policy_says_so() {
    let debt = UnchangedRules::Entries([PropertyPath::root()].into());
    let elsewhere = UnchangedRules::Entries([PropertyPath::root().key("x")].into());
    let allow = Policy { unchanged_rules: Treatment::Allow, ..Policy::default() };
    let expired = Policy { exemptions: vec![exemption("a", "2027-01-01", in_account())], ..allow.clone() };
    let holding = Policy { exemptions: vec![exemption("a", "2028-01-01", in_account())], ..allow.clone() };
    for (policy, unchanged, expected) in [
        (&Policy::default(), &debt, (Outcome::NonCompliant, None)),
        (&Policy::default(), &UnchangedRules::Everything, (Outcome::NonCompliant, None)),
        (&allow, &debt, (Outcome::KnownDebt, None)),
        (&allow, &UnchangedRules::Everything, (Outcome::KnownDebt, None)),
        (&allow, &elsewhere, (Outcome::NonCompliant, None)),
        (&allow, &UnchangedRules::Nothing, (Outcome::NonCompliant, None)),
        (&expired, &debt, (Outcome::KnownDebt, Some(-1))),
        (&holding, &debt, (Outcome::Exempted, Some(364))),
    ] {
        assert_eq!(outcome(policy, &ResourceContext { unchanged, ..on("2027-01-02") }), expected);
    }
}

#[test]
fn what_is_no_egress_rule_has_no_exemption() {
    let finding = |subject| Finding {
        outcome: Outcome::NonCompliant,
        reason: crate::rule::Reason::MalformedEntry,
        path: PropertyPath::root(),
        origin: crate::path::Origin::NONE,
        subject,
        settings: Vec::new(),
        exemption: None,
        contact: None,
        when: None,
    };
    let what = Unknown::new(None, "x", "y");
    let everywhere = policy(vec![exemption("a", "2028-01-01", in_account())]);
    for (subject, expected) in [
        (FindingSubject::NoRule("text"), Outcome::NonCompliant),
        (FindingSubject::Unknown(what), Outcome::NonCompliant),
        (FindingSubject::Nothing, Outcome::Exempted),
    ] {
        let assessment = Assessment { judged: 0, findings: vec![finding(subject.clone())] };
        let applied = everywhere.apply(assessment, &on("2027-01-01"));
        assert_eq!(applied.findings.first().map(|finding| finding.outcome), Some(expected), "{subject:?}");
    }
    let to_anywhere = Conditions { destinations: vec!["0.0.0.0/0".parse().unwrap()], ..in_account() };
    let assessment = Assessment { judged: 0, findings: vec![finding(FindingSubject::Nothing)] };
    let applied = policy(vec![exemption("a", "2028-01-01", to_anywhere)]).apply(assessment, &on("2027-01-01"));
    assert_eq!(applied.verdict(), Verdict::NonCompliant, "EC2's default rule lies within no destination");
}

/// An exemption's conditions and a case as plain texts. The oracle reads them independently.
#[derive(Debug, Clone)]
struct Spec {
    globs: [Option<&'static str>; 5],
    resource_type: Option<&'static str>,
    protocols: Vec<&'static str>,
    ports: Vec<(u16, u16)>,
    destinations: Vec<&'static str>,
    tag: Option<&'static str>,
    expires: u8,
}

#[derive(Debug, Clone)]
struct Situation {
    texts: [Option<&'static str>; 5],
    resource_type: Option<&'static str>,
    protocol: &'static str,
    ports: [Option<i64>; 2],
    destinations: Vec<&'static str>,
    tags: Option<Vec<(&'static str, &'static str)>>,
    today: u8,
}

const CIDRS: [&str; 9] = [
    "10.0.0.0/28",
    "10.0.0.0/30",
    "10.0.0.4/30",
    "10.0.0.6/31",
    "10.0.0.7/32",
    "fd00::/124",
    "fd00::8/125",
    "sg-1",
    "pl-1",
];

fn some<T: std::fmt::Debug + Clone + 'static>(values: &'static [T]) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.15, prop::sample::select(values))
}

/// Generates mostly empty lists, so that enough situations are covered for the properties to be meaningful.
fn few<T: Clone + std::fmt::Debug>(one: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..4)]
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let glob = || some(&["a", "a*", "*b", "?", "a?*", "ab"]);
    (
        [glob(), glob(), glob(), glob(), glob()],
        some(&["G", "E"]),
        few(prop::sample::select(&["tcp", "tcp", "udp", "icmp", "-1", "50"][..])),
        few((0..9_u16, 0..9_u16).prop_map(|(from, more)| (from, from + more))),
        few(prop::sample::select(&CIDRS[..])),
        some(&["a*", "b"]),
        1..28_u8,
    )
        .prop_map(|(globs, resource_type, protocols, ports, destinations, tag, expires)| Spec {
            globs,
            resource_type,
            protocols,
            ports,
            destinations,
            tag,
            expires,
        })
}

fn any_situation() -> impl Strategy<Value = Situation> {
    let text = || prop::option::weighted(0.9, prop::sample::select(&["a", "b", "ab", "abb"][..]));
    let port = || prop::option::weighted(0.9, -1..12_i64);
    let tag = (prop::sample::select(&["t", "u"][..]), prop::sample::select(&["a", "ab", "b"][..]));
    (
        [text(), text(), text(), text(), text()],
        prop::option::weighted(0.9, prop::sample::select(&["G", "E"][..])),
        prop::sample::select(&["tcp", "tcp", "udp", "icmp", "-1", "50", "nonsense", "{{resolve:ssm:p}}"][..]),
        [port(), port()],
        prop_oneof![
            4 => prop::collection::vec(prop::sample::select(&CIDRS[..]), 1),
            1 => prop::collection::vec(prop::sample::select(&CIDRS[..]), 0..3),
        ],
        prop::option::weighted(0.9, prop::collection::vec(tag, 0..3)),
        1..28_u8,
    )
        .prop_map(|(texts, resource_type, protocol, ports, destinations, tags, today)| Situation {
            texts,
            resource_type,
            protocol,
            ports,
            destinations,
            tags,
            today,
        })
}

fn exemption_of(spec: &Spec, id: usize) -> Option<Exemption> {
    let parse = |glob: &Option<&str>| glob.iter().map(|glob| glob.parse().unwrap()).collect::<Vec<Glob>>();
    let [accounts, regions, stack_names, stack_ids, logical_ids] = spec.globs.each_ref().map(parse);
    let conditions = Conditions {
        accounts,
        regions,
        stack_names,
        stack_ids,
        logical_ids,
        resource_types: spec.resource_type.iter().map(ToString::to_string).collect(),
        protocols: spec.protocols.iter().map(|protocol| Protocol::from_text(protocol)).collect(),
        ports: spec.ports.iter().map(|(from, to)| PortRange::new(*from, *to).unwrap()).collect(),
        destinations: spec.destinations.iter().map(|to| to.parse().unwrap()).collect(),
        tags: spec.tag.iter().map(|glob| TagCondition { key: "t".to_owned(), values: globs(glob) }).collect(),
    };
    let expires = Date::new(2027, 6, spec.expires).unwrap();
    let id = format!("e-{id}").parse().unwrap();
    Exemption::new(id, "why".parse().unwrap(), "who".parse().unwrap(), expires, conditions).ok()
}

fn with_case<T>(situation: &Situation, then: impl FnOnce(&ResourceContext<'_>, EgressRule) -> T) -> T {
    let tag = |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: Some((*value).to_owned()) };
    let tags: Option<Vec<Tag>> = situation.tags.as_ref().map(|tags| tags.iter().map(tag).collect());
    let [account, region, stack_name, stack_id, logical_id] = situation.texts;
    let context = Context {
        account,
        region,
        stack_name,
        stack_id,
        logical_id,
        resource_type: situation.resource_type,
        tags: tags.as_deref(),
    };
    let [from, to] = situation.ports.map(|port| port.map_or(Port::Absent, Port::from_integer));
    let destination = |text: &&str| match text.get(..3) {
        Some("sg-") => Destination::from_security_group(text),
        Some("pl-") => Destination::from_prefix_list(text),
        _ => Destination::from_cidr(text),
    };
    let destinations = situation.destinations.iter().map(destination).collect();
    let rule = rule_of(Protocol::from_text(situation.protocol), from, to, destinations);
    let today = Date::new(2027, 6, situation.today).unwrap();
    then(&ResourceContext { context, unchanged: &UnchangedRules::Nothing, today }, rule)
}

/// Returns every address of a small block.
fn addresses(cidr: &str) -> Vec<String> {
    let net: ipnet::IpNet = cidr.parse().unwrap();
    let first = match net.network() {
        std::net::IpAddr::V4(address) => u128::from(u32::from(address)),
        std::net::IpAddr::V6(address) => u128::from(address),
    };
    (0..1_u128 << (net.max_prefix_len() - net.prefix_len()))
        .map(|more| format!("{}-{}", net.max_prefix_len(), first + more))
        .collect()
}

fn by_trying(pattern: &str, text: &str) -> bool {
    let rest = |text: &str| text.chars().skip(1).collect::<String>();
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), None) => by_trying(&rest(pattern), text),
        (Some('*'), Some(_)) => by_trying(&rest(pattern), text) || by_trying(pattern, &rest(text)),
        (Some(wanted), Some(found)) if wanted == '?' || wanted == found => by_trying(&rest(pattern), &rest(text)),
        _ => false,
    }
}

/// The oracle: implements the documentation of an exemption by trying every port and every address.
fn covers(spec: &Spec, situation: &Situation) -> bool {
    let globs = spec.globs.iter().zip(situation.texts);
    let here =
        globs.into_iter().all(|(glob, text)| glob.is_none_or(|glob| text.is_some_and(|text| by_trying(glob, text))));
    let of_type = spec.resource_type.is_none() || spec.resource_type == situation.resource_type;
    let known = situation.protocol != "nonsense";
    let protocol = spec.protocols.is_empty() || spec.protocols.contains(&situation.protocol);
    let ports = spec.ports.is_empty()
        || (matches!(situation.protocol, "tcp" | "udp")
            && match situation.ports {
                [Some(from), Some(to)] if from <= to => spec.ports.iter().any(|(first, last)| {
                    (from..=to).all(|port| (i64::from(*first)..=i64::from(*last)).contains(&port))
                }),
                _ => false,
            });
    let destination = spec.destinations.is_empty()
        || match situation.destinations.as_slice() {
            [only] if only.contains('/') => spec.destinations.iter().filter(|range| range.contains('/')).any(|range| {
                let range = addresses(range);
                addresses(only).iter().all(|address| range.contains(address))
            }),
            [only] => spec.destinations.contains(only),
            _ => false,
        };
    let tag = spec.tag.is_none_or(|glob| {
        let values: Vec<_> =
            situation.tags.iter().flatten().filter(|(key, _)| *key == "t").map(|(_, value)| *value).collect();
        matches!(values.as_slice(), [only] if by_trying(glob, only))
    });
    here && of_type && known && protocol && ports && destination && tag
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// An exemption affects the rules within its conditions until its last day, and no others.
    #[test]
    fn an_exemption_affects_exactly_what_it_covers(specs in prop::collection::vec(any_spec(), 1..4), situation in any_situation()) {
        let specs: Vec<_> = specs.iter().enumerate().filter_map(|(id, spec)| Some((spec, exemption_of(spec, id)?))).collect();
        let covered = specs.iter().any(|(spec, _)| covers(spec, &situation) && situation.today <= spec.expires);
        let once = specs.iter().any(|(spec, _)| covers(spec, &situation));
        let policy = policy(specs.into_iter().map(|(_, exemption)| exemption).collect());
        let (before, after) = with_case(&situation, |case, rule| {
            let before = assessment(rule);
            (before.clone(), policy.apply(before, case))
        });
        for (before, after) in before.findings.iter().zip(&after.findings) {
            if before.outcome == Outcome::Note {
                prop_assert_eq!(before, after);
                continue;
            }
            prop_assert_eq!(after.outcome == Outcome::Exempted, covered);
            prop_assert_eq!(after.exemption.is_some(), once);
            prop_assert_eq!((before.reason, &before.path, &before.subject), (after.reason, &after.path, &after.subject));
        }
        prop_assert_eq!(after.verdict() == Verdict::Compliant, before.verdict() == Verdict::Compliant || covered);
    }

    #[test]
    fn removing_an_exemption_never_turns_a_failure_into_a_pass(
        specs in prop::collection::vec(any_spec(), 1..4), situation in any_situation(), which in any::<prop::sample::Index>(),
    ) {
        let exemptions: Vec<_> = specs.iter().enumerate().filter_map(|(id, spec)| exemption_of(spec, id)).collect();
        let mut fewer = exemptions.clone();
        if !fewer.is_empty() {
            fewer.remove(which.index(fewer.len()));
        }
        let verdict = |exemptions: Vec<Exemption>| {
            with_case(&situation, |case, rule| policy(exemptions).apply(assessment(rule), case).verdict())
        };
        prop_assert!(verdict(exemptions) <= verdict(fewer));
    }

    /// If two exemptions cover the same rule, the review reports an overlap.
    #[test]
    fn exemptions_that_cover_one_rule_are_said_to_overlap(one in any_spec(), two in any_spec(), situation in any_situation()) {
        // The ARNs of these situations are not valid, which the review would also report.
        let without_arn = |spec: &Spec| Spec { globs: [spec.globs[0], spec.globs[1], spec.globs[2], None, spec.globs[4]], ..spec.clone() };
        let (one, two) = (without_arn(&one), without_arn(&two));
        let (Some(first), Some(second)) = (exemption_of(&one, 1), exemption_of(&two, 2)) else { return Ok(()) };
        let blocked = with_case(&situation, |_, rule| assessment(rule).verdict() == Verdict::NonCompliant);
        if blocked && covers(&one, &situation) && covers(&two, &situation) {
            let policy = policy(vec![first, second]);
            let remarks = policy.review(day("2027-01-01"), 0);
            prop_assert!(remarks.iter().any(|remark| matches!(remark, Remark::Overlap(..))), "{remarks:?}");
        }
    }
}

#[test]
fn an_exemption_that_only_its_place_leaves_open_is_named() {
    let conditions = || Conditions {
        accounts: globs("111122223333"),
        regions: globs("eu-*"),
        stack_names: globs("lb-*"),
        protocols: vec![Protocol::Tcp],
        ..Conditions::default()
    };
    let policy = policy(vec![exemption("a", "2027-06-30", conditions())]);
    let asked = |rule: &EgressRule, context: Context<'static>, today: &str| {
        let case = ResourceContext { context, ..on(today) };
        let nearly = policy.nearly_exempted(rule, &case)?;
        assert_eq!(nearly.exemption.id().to_string(), "a");
        Some(nearly.asked.into_iter().map(|(place, globs)| (place, globs.to_vec())).collect::<Vec<_>>())
    };
    let unknown_account = Context { account: None, ..HERE };
    let nothing = Context { account: None, region: None, stack_name: None, ..HERE };
    let (account, region, name) = (
        (ContextCondition::Account, globs("111122223333")),
        (ContextCondition::Region, globs("eu-*")),
        (ContextCondition::StackName, globs("lb-*")),
    );
    for (context, today, expected) in [
        (unknown_account, "2027-06-30", Some(vec![account.clone()])),
        (nothing, "2027-06-30", Some(vec![account, region, name.clone()])),
        (Context { stack_name: None, ..HERE }, "2027-06-30", Some(vec![name])),
        (HERE, "2027-06-30", None),            // nothing is open
        (unknown_account, "2027-07-01", None), // it has expired
        (Context { region: Some("us-east-1"), ..unknown_account }, "2027-06-30", None),
        (Context { stack_name: Some("web"), ..unknown_account }, "2027-06-30", None),
    ] {
        assert_eq!(asked(&range(), context, today), expected, "{context:?} {today}");
    }
    let other = rule_of(Protocol::Udp, Port::from_integer(80), Port::from_integer(87), Vec::new());
    assert_eq!(asked(&other, unknown_account, "2027-06-30"), None);
    // A condition that the exemption does not have is not open.
    let of_account =
        super::Policy { exemptions: vec![exemption("a", "2027-06-30", in_account())], ..Policy::default() };
    let case = ResourceContext { context: nothing, ..on("2027-06-30") };
    let asked = of_account.nearly_exempted(&range(), &case).unwrap().asked;
    assert_eq!(asked, [(ContextCondition::Account, globs("111122223333").as_slice())]);
}

#[test]
fn tags_are_looked_at_where_an_exemption_asks_for_one() {
    assert!(!policy(vec![exemption("a", "2027-06-30", in_account())]).looks_at_tags());
    assert!(!policy(Vec::new()).looks_at_tags());
    let tags = vec![TagCondition { key: "team".to_owned(), values: globs("a") }];
    let tagged = exemption("b", "2027-06-30", Conditions { tags, ..Conditions::default() });
    assert!(policy(vec![exemption("a", "2027-06-30", in_account()), tagged]).looks_at_tags());
}

#[test]
fn ranges_of_ports_have_the_ports_of_both() {
    let range = |from, to| PortRange::new(from, to).unwrap();
    for (one, two, both) in [
        (range(1, 100), range(50, 200), Some(range(50, 100))),
        (range(50, 200), range(1, 100), Some(range(50, 100))),
        (range(1, 100), range(100, 200), Some(range(100, 100))),
        (range(1, 100), range(101, 200), None),
        (range(1, 100), range(20, 30), Some(range(20, 30))),
    ] {
        assert_eq!(one.intersection(two), both, "{one} {two}");
    }
}

#[test]
fn a_glob_is_as_long_as_it_may_be_and_no_longer() {
    assert!("a".repeat(Glob::MAX_CHARS).parse::<Glob>().is_ok());
    assert_eq!("a".repeat(Glob::MAX_CHARS + 1).parse::<Glob>(), Err(GlobError::TooLong));
    assert_eq!("".parse::<Glob>(), Err(GlobError::Empty));
}
