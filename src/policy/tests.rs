//! Tests of reading policies, and of every error for a broken file.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::rule::policy::{Conditions, PortRange, Remark};
use crate::rule::wording::policy as wording;
use crate::rule::{Preset, Protocol, Setting, Settings, Treatment};

const DEFAULT: &str = include_str!("../../policy.toml");

/// Returns an exemption with one condition, as text.
fn exemption(lines: &str) -> String {
    format!("[[exemption]]\nid = \"a\"\nreason = \"b\"\nowner = \"c\"\nexpires = 2027-06-30\n{lines}\n")
}

fn conditions(lines: &str) -> Conditions {
    parse(&exemption(lines)).unwrap().exemptions[0].conditions().clone()
}

#[test]
fn the_file_in_the_repository_is_the_published_rule() {
    assert_eq!(parse(DEFAULT).unwrap(), Policy::default());
    assert_eq!(parse("").unwrap(), Policy::default());
    assert_eq!(Policy::default().settings(), Settings::of(Preset::Literal));
}

/// The comments of the file are a policy too: uncommented, they set every setting to the other value and define an
/// exemption with every condition.
#[test]
fn the_file_documents_every_setting_and_every_condition() {
    let without_signs: Vec<&str> = DEFAULT
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#', ':'])).unwrap_or(line))
        .collect();
    let policy = parse(&without_signs.join("\n")).unwrap();
    let settings: Vec<_> = policy.overrides.iter().map(|(setting, _)| *setting).collect();
    assert_eq!(settings, Setting::ALL);
    for &setting in Setting::ALL {
        assert_ne!(policy.settings().get(setting), Settings::of(Preset::Literal).get(setting), "{setting:?}");
        let of = |preset| Settings::of(preset).get(setting).name();
        let presets = format!(
            "# [literal: {}, effective: {}]\n#{} = ",
            of(Preset::Literal),
            of(Preset::Effective),
            setting.name()
        );
        assert!(DEFAULT.contains(&presets), "{presets}");
    }
    assert_eq!((policy.contact.unwrap().as_str(), policy.max_days), ("platform@example.com", Some(365)));
    let conditions = policy.exemptions[0].conditions();
    let Conditions {
        accounts,
        regions,
        stack_names,
        stack_ids,
        logical_ids,
        resource_types,
        protocols,
        ports,
        destinations,
        tags,
    } = conditions;
    assert_eq!(
        [
            accounts.len(),
            regions.len(),
            stack_names.len(),
            stack_ids.len(),
            logical_ids.len(),
            resource_types.len(),
            protocols.len(),
            ports.len(),
            destinations.len(),
            tags.len(),
        ],
        [1, 2, 1, 1, 1, 1, 1, 1, 1, 1]
    );
}

#[test]
fn settings_start_from_the_preset() {
    let policy = parse("preset = 'effective'\nunchanged_rules = 'allow'\n[settings]\nloopback_only = 'block'").unwrap();
    assert_eq!(policy.preset, Preset::Effective);
    assert_eq!(policy.unchanged_rules, Treatment::Allow);
    assert_eq!(policy.settings(), Settings::of(Preset::Effective).with(Setting::LoopbackOnly, Treatment::Block));
}

#[test]
fn a_value_may_be_a_list_and_a_date_may_be_text() {
    let one = conditions("account = '111122223333'\nprotocol = 'TCP'\nports = '80-87'");
    let list = conditions("account = ['111122223333']\nprotocol = ['6']\nports = ['80 - 87']");
    assert_eq!(one, list);
    assert_eq!(one.protocols, [Protocol::Tcp]);
    assert_eq!(one.ports, [PortRange::new(80, 87).unwrap()]);
    let dated = exemption("account = '111122223333'");
    assert_eq!(parse(&dated), parse(&dated.replace("2027-06-30", "'2027-06-30'")));
    let tags = conditions("tags = { team = ['data-*', 'x'], \"a b\" = '*' }").tags;
    assert_eq!(
        tags.iter().map(|tag| (tag.key.as_str(), tag.values.len())).collect::<Vec<_>>(),
        [("a b", 1), ("team", 2)]
    );
}

/// Every way in which a file can be broken, and the error that its author reads.
#[test]
fn every_refusal() {
    let narrow = "account = '111122223333'";
    let with = |line: &str| exemption(&format!("{narrow}\n{line}"));
    let without = |key: &str| {
        let lines = exemption(narrow);
        lines.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n")
    };
    let instead = |line: &str| {
        let key = line.split(' ').next().unwrap();
        format!("{}\n{line}", without(key))
    };
    let mut files = vec![
        "preset = literal".to_owned(),
        "preset = ".to_owned(),
        "preset = 'literal'\npreset = 'effective'".to_owned(),
        "[settings\nloopback_only = 'allow'".to_owned(),
        "\u{feff}preset = 'x'".to_owned(),
        "preset = \"a\u{0}b\"".to_owned(),
        format!("x = {}1{}", "[".repeat(200), "]".repeat(200)),
        "preset = 'efective'".to_owned(),
        "preset = 'lax'".to_owned(),
        "preset = 1".to_owned(),
        "presets = 'literal'".to_owned(),
        "rules = []".to_owned(),
        "unchanged_rules = 'alow'".to_owned(),
        "unchanged_rules = true".to_owned(),
        "settings = 'literal'".to_owned(),
        "[settings]\nloopbackonly = 'allow'".to_owned(),
        "[settings]\nloopback_only = 'yes'".to_owned(),
        "[settings]\nloopback_only = false".to_owned(),
        "loopback_only = 'allow'".to_owned(),
        "[exemption]\nid = 'a'".to_owned(),
        "exemption = ['a']".to_owned(),
        "[[exemptions]]\nid = 'a'".to_owned(),
        "[[exemption]]".to_owned(),
        exemption(""),
        format!("{}\n{}", exemption(narrow), exemption(narrow)),
        without("id"),
        without("reason"),
        without("owner"),
        without("expires"),
    ];
    files.extend(["id = 'A b'", "id = ''", "id = 7"].map(instead));
    files.extend([r"reason = ''", r"reason = '   '", "reason = \"a\\nb\"", "reason = 'b\u{202e}c'"].map(instead));
    files.push(instead(&format!("reason = '{}'", "long ".repeat(40))));
    files.push(instead(&format!("owner = '{}'", "x".repeat(81))));
    files.extend(
        [
            "expires = 2027-02-29",
            "expires = '2027-02-29'",
            "expires = 2027-06-30T00:00:00Z",
            "expires = 12:00:00",
            "expires = '30.06.2027'",
            "expires = 'never'",
            "expires = 20270630",
        ]
        .map(instead),
    );
    files.extend(
        [
            "expire = 2027-06-30",
            "stack-name = 'lb'",
            "accounts = ['111122223333']",
            "description = 'x'",
            "account = '*'",
            "account = '1111'",
            "account = 'prod'",
            "account = 111122223333",
            "account = []",
            "account = ['111122223333', 7]",
            "account = ''",
            "account = '111122223333 '",
            "region = '*'",
            "region = 'EU-*'",
            "region = ['eu-*', '**']",
            "stack_name = 'lb_*'",
            "stack_id = 'stack/lb'",
            "logical_id = 'My Group'",
            "resource_type = 'AWS::EC2::SecurityGroups'",
            "resource_type = 'AWS::EC2::Instance'",
            "protocol = 'tpc'",
            "protocol = 6",
            "protocol = '256'",
            "protocol = '{{resolve:ssm:p}}'",
            "ports = 443",
            "ports = '443-'",
            "ports = '87-80'",
            "ports = '0-65536'",
            "ports = '080-087'",
            "ports = '-1'",
            "ports = '80,443'",
            "ports = ['80-87', 'x']",
            "destination = '10.0.0.0'",
            "destination = '10.0.0.1/8'",
            "destination = 'fd00::1/8'",
            "destination = '10.0.0.0/33'",
            "destination = '010.0.0.0/8'",
            "destination = 'sg-'",
            "destination = 'vpc-1'",
            "destination = '*'",
            "tags = 'team'",
            "tags = {}",
            "tags = { team = 1 }",
            "tags = { team = [] }",
            "ports = '80-87'\nprotocol = ['icmp', '-1']",
            "tags = { team = 'a' }\nresource_type = 'AWS::EC2::SecurityGroupEgress'",
        ]
        .map(|line| if line.starts_with("account =") { exemption(line) } else { with(line) }),
    );
    files.push(format!("stack_name = '{}'", "x".repeat(257)).as_str().to_owned());
    files.push(with(&format!("stack_name = '{}'", "x".repeat(257))));
    files.push(
        "presset = 'x'\nunchanged_rules = 'y'\n[settings]\nz = 1\n[[exemption]]\nid = ''\nports = 'a'\n".to_owned(),
    );
    files.extend(
        ["contact = ''", "contact = 1", "max_days = 0", "max_days = '90'", "max_days = 4000"].map(str::to_owned),
    );
    files.push("# x\n".repeat(MAX_BYTES));

    let mut list = String::new();
    for file in files {
        let error = parse(&file).unwrap_err();
        // For an exemption, only the lines that differ from a valid one.
        let valid = exemption(narrow);
        let own = file.lines().take(30).filter(|line| !valid.lines().any(|other| other == *line)).map(str::to_owned);
        let missing = valid.lines().filter(|line| !file.contains(line)).map(|line| format!("(without) {line}"));
        let own: Vec<_> = if file.contains("[[exemption]]") { own.chain(missing).collect() } else { own.collect() };
        let shown = own.join(" ⏎ ");
        writeln!(list, "{}", crate::rule::excerpt(&shown, 100)).unwrap();
        for problem in error.problems() {
            assert!(!problem.to_string().contains('\n'), "{problem}");
            writeln!(list, "    {problem}").unwrap();
        }
        assert!(error.to_string().chars().count() < 400, "{error}");
    }
    insta::assert_snapshot!("refusals", list);
}

#[test]
fn all_mistakes_are_reported_at_once_and_the_first_one_leads() {
    let error = parse("presset = 'x'\n[settings]\nz = 1\nloopback_only = 2\n").unwrap_err();
    assert_eq!(error.problems().count(), 3);
    let text = "line 1, column 1: unknown key `presset`: did you mean `preset`? (and 2 more mistakes)";
    assert_eq!(error.to_string(), text);
    let source = "\"ä\" = 'x'\n";
    let span = parse(source).unwrap_err().problems().next().unwrap().span;
    assert_eq!(span.text(source), Some("\"ä\""));
}

const MANY: &str = r#"
preset = "effective"
unchanged_rules = "allow"

[settings]
loopback_only = "block"

[[exemption]]
id = "lb-bridge-mode"
reason = "The load balancer reaches bridge-mode containers on ephemeral host ports."
owner = "platform@example.com"
expires = 2027-06-30
account = ["111122223333", "444455556666"]
region = "eu-*"
stack_name = "lb-*"
protocol = "tcp"
ports = "32768-65535"
destination = ["10.0.0.0/8", "sg-0a1b2c3d"]

[[exemption]]
id = "old"
reason = "was needed once"
owner = "network"
expires = 2027-06-01
stack_name = "lb-prod"
logical_id = ["Group", "Sg*"]

[[exemption]]
id = "last-day"
reason = "x"
owner = "y"
expires = 2027-06-15
tags = { team = ["data-*", "ml"], stage = "*" }
protocol = ["tcp", "icmp", "-1"]

[[exemption]]
id = "one-port"
reason = "x"
owner = "y"
expires = 2027-06-16
account = "777777777777"
ports = ["443", "8443"]

[[exemption]]
id = "elsewhere"
reason = "x"
owner = "y"
expires = 2028-02-29
account = "777777777777"
stack_id = "arn:aws:cloudformation:eu-*:111122223333:stack/lb/*"
resource_type = "AWS::EC2::SecurityGroupEgress"
destination = "fd00::/8"

[[exemption]]
id = "exact-stack"
reason = "x"
owner = "y"
expires = 2028-02-29
region = "us-east-1"
stack_id = "arn:aws:cloudformation:us-east-1:888888888888:stack/db/1a2b3c"
destination = "pl-0a1b2c3d"
"#;

/// The output of `policy check` for a policy that uses every feature.
#[test]
fn what_a_policy_means() {
    let policy = parse(MANY).unwrap();
    let today = "2027-06-15".parse().unwrap();
    let mut text = wording::meaning(&policy, today).join("\n");
    for remark in wording::remarks(&policy.review(today, 30)) {
        write!(text, "\n{:?}: {}", remark.level, remark.message).unwrap();
    }
    insta::assert_snapshot!("meaning", text);
    insta::assert_snapshot!("meaning_of_the_default", wording::meaning(&Policy::default(), today).join("\n"));
    assert!(Policy::default().review(today, 30).is_empty());
}

#[test]
fn the_ends_within_the_days_asked_for_are_reported() {
    let policy = parse(&exemption("account = '111122223333'")).unwrap();
    for (today, within, expected) in [
        ("2027-05-30", 30, 0),
        ("2027-05-31", 30, 1),
        ("2027-05-31", 29, 0),
        ("2027-06-30", 0, 1),
        ("2027-07-01", 0, 1),
        ("2000-01-01", u32::MAX, 1),
    ] {
        let remarks = policy.review(today.parse().unwrap(), within);
        let described =
            remarks.iter().filter(|remark| matches!(remark, Remark::Expires(..) | Remark::Expired(..))).count();
        assert_eq!(described, expected, "{today} {within}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_policy_or_refused(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    /// Any edit of a real file produces another policy or an error with a place within the file.
    #[test]
    fn any_slip_is_reported_within_the_file(at in any::<prop::sample::Index>(), instead in "\\PC{0,3}", cut in 0..20_usize) {
        let file = exemption("account = '111122223333'\nports = ['80-87']\ntags = { a = 'b' }\n[settings]\nloopback_only = 'allow'");
        let start = file.floor_char_boundary(at.index(file.len()));
        let end = file.floor_char_boundary((start + cut).min(file.len()));
        let (head, tail) = (file.get(..start).unwrap(), file.get(end..).unwrap());
        let broken = format!("{head}{instead}{tail}");
        if let Err(error) = parse(&broken) {
            for problem in error.problems() {
                prop_assert!((problem.span.line as usize) <= broken.matches('\n').count() + 1);
                prop_assert!(!problem.to_string().contains('\n'));
            }
        }
    }
}

/// The schema is for editors. It never rejects what the programs accept, and it rejects all errors that it can express.
#[cfg(feature = "schema")]
mod schema {
    use serde_json::{Map, Value as Json};
    use toml::de::DeValue;

    use super::*;

    fn json(value: &DeValue<'_>) -> Json {
        match value {
            DeValue::String(text) => text.as_ref().into(),
            DeValue::Integer(number) => number.as_str().parse::<i64>().unwrap_or_default().into(),
            DeValue::Float(_) => 0.5.into(),
            DeValue::Boolean(truth) => (*truth).into(),
            DeValue::Datetime(date) => date.to_string().into(),
            DeValue::Array(list) => list.iter().map(|value| json(value.get_ref())).collect(),
            DeValue::Table(table) => json_table(table),
        }
    }

    fn json_table(table: &DeTable<'_>) -> Json {
        let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            (key.to_string(), json(value.get_ref()))
        };
        Json::Object(table.iter().map(entry).collect::<Map<_, _>>())
    }

    fn is_valid(validator: &jsonschema::Validator, text: &str) -> Option<bool> {
        DeTable::parse(text).ok().map(|table| validator.is_valid(&json_table(table.get_ref())))
    }

    fn validator() -> jsonschema::Validator {
        let schema = json_schema().to_value();
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
    }

    #[test]
    fn the_schema_refuses_what_it_can_state() {
        let validator = validator();
        assert_eq!(is_valid(&validator, DEFAULT), Some(true));
        for broken in [
            "presets = 'literal'",
            "preset = 'lax'",
            "settings = { loopbackonly = 'allow' }",
            "settings = { loopback_only = true }",
            "unchanged_rules = 'no'",
            "exemption = { id = 'a' }",
            "[[exemption]]\nid = 'a'",
        ] {
            assert_eq!(is_valid(&validator, broken), Some(false), "{broken}");
        }
        for line in
            ["accounts = '1'", "account = 'prod'", "account = []", "ports = 443", "destination = '*'", "tags = {}"]
        {
            assert_eq!(is_valid(&validator, &exemption(line)), Some(false), "{line}");
        }
    }

    proptest! {
        #[test]
        fn the_schema_takes_what_the_programs_take(lines in prop::collection::vec(any_line(), 0..4)) {
            let validator = validator();
            let text = exemption(&lines.join("\n"));
            if parse(&text).is_ok() {
                prop_assert_eq!(is_valid(&validator, &text), Some(true), "{}", text);
            }
        }
    }

    fn any_line() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            "[0-9*?]{1,12}",
            "[a-z0-9*?-]{1,6}",
            "(pl|sg)-[a-z0-9*]{1,3}",
            "[0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}",
            "[0-9a-f:]{2,8}/[0-9]{1,3}",
            "[0-9]{1,5} ?- ?[0-9]{1,5}",
            "(tcp|UDP|Icmp|icmpv6|-1|[0-9]{1,3})",
            "arn:[a-z:*/]{0,9}",
            "AWS::EC2::SecurityGroup(Egress)?",
            "\\PC{0,6}",
        ];
        let key = prop::sample::select(
            &[
                "account",
                "region",
                "stack_name",
                "stack_id",
                "logical_id",
                "resource_type",
                "protocol",
                "ports",
                "destination",
            ][..],
        );
        (key, prop::collection::vec(value, 1..3)).prop_map(|(key, values)| match values.as_slice() {
            [one] => format!("{key} = {one:?}"),
            list => format!("{key} = {list:?}"),
        })
    }
}

/// A policy of 5,000 exemptions is read and reviewed, and identical remarks appear once.
#[test]
fn five_thousand_exemptions_are_a_policy() {
    let long = "x".repeat(152);
    let mut text = String::new();
    for number in 0..5_000 {
        write!(
            text,
            "[[exemption]]\nid = 'debt-{account:012}-{number:012x}'\nreason = 'REVIEW: {}'\nowner = 'UNKNOWN: name an owner'\n\
             expires = 2027-06-30\naccount = '{account:012}'\nregion = 'eu-central-1'\nstack_name = 'stack-{number}'\n\
             logical_id = 'Group{number}'\nprotocol = 'tcp'\nports = '1024-65535'\ndestination = '10.0.0.0/8'\n",
            long,
            account = number % 40,
        )
        .unwrap();
    }
    assert!(text.len() < MAX_BYTES, "{}", text.len());
    let policy = parse(&text).unwrap();
    assert_eq!(policy.exemptions.len(), 5_000);
    let remarks = wording::remarks(&policy.review("2027-01-01".parse().unwrap(), 30));
    let drafts: Vec<_> = remarks.iter().filter(|remark| remark.code.starts_with("draft")).collect();
    assert_eq!(drafts.len(), 2, "each once");
    assert!(drafts.iter().all(|remark| remark.exemptions.len() == 5_000));
    assert!(drafts[0].message.starts_with("Exemptions debt-000000000000-000000000000, "), "{}", drafts[0].message);
    assert!(drafts[0].message.contains(" and 4995 more are drafts"), "{}", drafts[0].message);
    assert!(remarks.iter().all(|remark| remark.code != "overlap"), "no stack has two");
    let chosen: Vec<_> = remarks.iter().filter(|remark| remark.code == "deployer-chooses").collect();
    assert_eq!(chosen.len(), 1, "once for 40 accounts: {chosen:?}");
    assert!(
        chosen[0].message.ends_with("everyone who can deploy to their accounts and Regions."),
        "{}",
        chosen[0].message
    );
}

#[test]
fn what_covers_everything_is_said_however_it_is_written() {
    let code = |lines: &str| {
        let policy = parse(&exemption(&format!("account = '111122223333'\n{lines}"))).unwrap();
        let remarks = policy.review("2027-01-01".parse().unwrap(), 0);
        let found: Vec<_> = wording::remarks(&remarks).iter().map(|remark| remark.code).collect();
        found.join(" ")
    };
    for everything in [
        "",
        "ports = '0-65535'",
        "ports = '1-65535'",
        "ports = ['1024-65535', '0-1023']",
        "protocol = '-1'",
        "protocol = ['tcp', 'udp']\nports = '0-65535'",
        "protocol = ['tcp', '-1']\ndestination = '0.0.0.0/0'",
        "destination = '::/0'",
        "destination = ['0.0.0.0/1', '128.0.0.0/1']\nports = '0-65535'",
        "destination = ['10.0.0.0/8', '0.0.0.0/0']",
    ] {
        assert_eq!(code(everything), "covers-everything", "{everything}");
    }
    for all_ports in ["protocol = 'tcp'", "protocol = 'udp'\nports = '0-65535'\ndestination = '0.0.0.0/0'"] {
        assert_eq!(code(all_ports), "covers-all-ports", "{all_ports}");
    }
    for narrow in [
        "ports = '1024-65535'",
        "ports = ['0-1023', '1025-65535']",
        "destination = '10.0.0.0/8'",
        "destination = ['0.0.0.0/1', '10.0.0.0/8']",
        "protocol = '-1'\ndestination = '10.0.0.0/8'",
        "protocol = '50'",
        "protocol = 'icmp'",
        "destination = 'pl-*'",
    ] {
        assert_eq!(code(narrow), "", "{narrow}");
    }
}

/// What an exemption covers depends on its protocols: -1 in an exemption is the protocol -1, not every protocol.
#[test]
fn what_covers_everything_is_said_of_the_protocols_that_it_names() {
    for (lines, says) in [
        (
            "",
            "covers every egress rule in scope, including rules that open all ports to all destinations: name the \
              protocol, ports, or destination that is needed.",
        ),
        (
            "protocol = '-1'",
            "covers every egress rule in scope with protocol -1, to all destinations, and protocol -1 \
                             opens all traffic: name the destination, or the protocol and ports, that are needed.",
        ),
        (
            "protocol = ['tcp', 'udp']",
            "with protocol tcp or udp, including rules that open all ports to all \
                                       destinations: name the ports or the destination that is needed.",
        ),
        ("ports = '0-65535'", "every egress rule in scope with protocol tcp or udp, including"),
        ("protocol = ['tcp', '-1']\nports = '0-65535'", "every egress rule in scope with protocol tcp, including"),
    ] {
        let policy = parse(&exemption(&format!("account = '111122223333'\n{lines}"))).unwrap();
        let remarks = wording::remarks(&policy.review("2027-01-01".parse().unwrap(), 0));
        let [remark] = remarks.as_slice() else { panic!("{lines}: {remarks:?}") };
        assert!(remark.code == "covers-everything" && remark.message.contains(says), "{lines}: {}", remark.message);
    }
}

#[test]
fn a_region_that_no_name_can_match_is_said() {
    let remarks = |region: &str| {
        let policy = parse(&exemption(&format!("region = {region}\nports = '80-87'"))).unwrap();
        wording::remarks(&policy.review("2027-01-01".parse().unwrap(), 0))
    };
    for region in ["'eu-west-1'", "'eu-*'", "['us-gov-west-1', '*-1']"] {
        assert_eq!(remarks(region), [], "{region}");
    }
    for (region, says) in [
        ("'mars-1'", "Exemption a names Region mars-1, which can never match"),
        ("['eu-west-1', 'eu-west1', 'mars-?']", "Exemption a names Region eu-west1 or mars-?, which can never match"),
    ] {
        let found = remarks(region);
        let [remark] = found.as_slice() else { panic!("{region}: {found:?}") };
        assert_eq!((remark.code, remark.level), ("not-a-region", crate::rule::policy::RemarkLevel::Action));
        assert!(remark.message.starts_with(says), "{}", remark.message);
    }
}

#[test]
fn an_end_that_is_far_away_is_a_warning_or_an_error() {
    let worst = |max_days: &str, today: &str| {
        let policy = parse(&format!("{max_days}\n{}", exemption("account = '111122223333'\nports = '80-87'"))).unwrap();
        policy.review(today.parse().unwrap(), 0).iter().map(Remark::level).max()
    };
    use crate::rule::policy::RemarkLevel;
    assert_eq!(worst("", "2026-06-29"), None, "366 days");
    assert_eq!(worst("", "2026-06-28"), Some(RemarkLevel::Warning));
    assert_eq!(worst("max_days = 90", "2027-04-01"), None, "90 days");
    assert_eq!(worst("max_days = 90", "2027-03-31"), Some(RemarkLevel::Error));
    assert_eq!(worst("max_days = 3650", "2026-06-28"), None, "the policy says how long is long");
}

#[test]
fn a_stack_id_of_another_place_is_said_unless_the_lists_are_long() {
    let is_said = |accounts: usize, region: &str| {
        let accounts: Vec<_> = (1..=accounts).map(|account| format!("'{account:012}'")).collect();
        let text = exemption(&format!(
            "account = [{}]\nregion = ['{region}', 'eu-west-2']\nstack_id = 'arn:aws:cloudformation:eu-west-1:000000000001:stack/a/*'",
            accounts.join(", ")
        ));
        let policy = parse(&text).unwrap();
        let remarks = policy.review("2027-01-01".parse().unwrap(), 0);
        wording::remarks(&remarks).iter().any(|remark| remark.code == "stack-id-elsewhere")
    };
    assert!(!is_said(1, "eu-west-1"));
    assert!(is_said(1, "us-east-1"));
    assert!(is_said(1_000, "us-east-1"), "2,000 combinations");
    assert!(!is_said(1_001, "us-east-1"));
}

#[test]
fn whom_an_exemption_by_name_reaches_is_named_with_account_and_region() {
    for (place, expected) in [
        ("", "to any account under this policy."),
        ("account = '111122223333'", "to account 111122223333."),
        ("region = 'eu-west-1'", "to Region eu-west-1 of any account under this policy."),
        ("account = '111122223333'\nregion = 'eu-west-1'", "to account 111122223333 in Region eu-west-1."),
    ] {
        let policy = parse(&exemption(&format!("stack_name = 'lb-*'\nports = '80-87'\n{place}"))).unwrap();
        let remarks = wording::remarks(&policy.review("2027-01-01".parse().unwrap(), 0));
        let remark = remarks.iter().find(|remark| remark.code == "deployer-chooses").unwrap();
        assert!(remark.message.ends_with(expected), "{}", remark.message);
    }
}

#[test]
fn each_level_of_a_remark_has_its_name_in_reports() {
    use crate::rule::policy::RemarkLevel;
    let levels =
        [RemarkLevel::Notice, RemarkLevel::Warning, RemarkLevel::Soon, RemarkLevel::Action, RemarkLevel::Error];
    assert_eq!(levels.map(RemarkLevel::name), ["note", "warning", "soon", "action", "error"]);
    assert!(levels.is_sorted(), "the worst one comes last");
}

#[test]
fn a_text_that_a_draft_left_is_said() {
    let codes = |reason: &str, owner: &str| {
        let text = exemption("account = '111122223333'\nports = '80-87'");
        let text = text.replace("reason = \"b\"", &format!("reason = '{reason}'"));
        let policy = parse(&text.replace("owner = \"c\"", &format!("owner = '{owner}'"))).unwrap();
        let remarks = policy.review("2027-01-01".parse().unwrap(), 0);
        let found: Vec<_> = wording::remarks(&remarks).iter().map(|remark| remark.code).collect();
        found.join(" ")
    };
    assert_eq!(codes("REVIEW: deployed before enforcement", "UNKNOWN: name an owner"), "draft-reason draft-owner");
    assert_eq!(codes("REVIEW", "team"), "draft-reason");
    assert_eq!(codes("REVIEWED in May", "UNKNOWNS"), "");
    assert_eq!(codes("code review", "team unknown"), "");
}

#[test]
fn a_protocol_is_written_as_ec2_writes_it() {
    for (written, expected) in [
        ("-1", Some(Protocol::All)),
        ("0", Some(Protocol::from_text("0"))),
        ("6", Some(Protocol::Tcp)),
        ("icmpv6", Some(Protocol::Icmpv6)),
        ("06", None),
        ("00", None),
        ("+6", None),
        ("-6", None),
        (" tcp", None),
        ("tcp ", None),
        ("256", None),
        ("", None),
    ] {
        let policy = parse(&exemption(&format!("protocol = '{written}'")));
        let protocol = policy.ok().and_then(|policy| policy.exemptions[0].conditions().protocols.first().cloned());
        assert_eq!(protocol, expected, "`{written}`");
    }
}

#[test]
fn a_policy_is_read_up_to_its_bound() {
    let comment = |length: usize| format!("#{}", "x".repeat(length - 1));
    assert_eq!(parse(&comment(MAX_BYTES)).unwrap(), Policy::default());
    assert!(parse(&comment(MAX_BYTES + 1)).unwrap_err().to_string().contains("is larger than"));
}

/// Whether the review reports an overlap of two exemptions, one row for each condition.
#[test]
fn exemptions_overlap_where_every_condition_lets_them() {
    let today = "2027-06-15".parse().unwrap();
    let stack = |region: &str, account: &str, name: &str| {
        format!("stack_id = \"arn:aws:cloudformation:{region}:{account}:stack/{name}/1\"")
    };
    for (one, two, overlap) in [
        ("account = \"111111111111\"", "account = \"111111111111\"", true),
        ("account = \"111111111111\"", "account = \"222222222222\"", false),
        ("account = \"111111111111\"", "region = \"eu-west-1\"", true),
        ("region = \"eu-*\"", "region = \"*-west-1\"", true),
        ("region = \"eu-*\"", "region = \"us-*\"", false),
        ("stack_name = \"web-*\"", "stack_name = \"web-1\"", true),
        ("stack_name = \"web-1\"", "stack_name = \"web-2\"", false),
        ("stack_name = [\"a\", \"b\"]", "stack_name = [\"b\", \"c\"]", true),
        ("logical_id = \"A*\"", "logical_id = \"AB\"", true),
        ("logical_id = \"A\"", "logical_id = \"B\"", false),
        ("resource_type = \"AWS::EC2::SecurityGroup\"", "resource_type = \"AWS::EC2::SecurityGroup\"", true),
        ("resource_type = \"AWS::EC2::SecurityGroup\"", "resource_type = \"AWS::EC2::SecurityGroupEgress\"", false),
        ("protocol = \"tcp\"", "protocol = [\"udp\", \"tcp\"]", true),
        ("protocol = \"tcp\"", "protocol = \"udp\"", false),
        ("protocol = \"icmp\"", "protocol = \"icmp\"", true),
        ("protocol = \"icmp\"", "ports = \"1-100\"", false),
        ("ports = \"1-100\"", "protocol = \"icmp\"", false),
        ("protocol = \"tcp\"", "ports = \"1-100\"", true),
        ("protocol = \"icmp\"", "account = \"111111111111\"", true),
        ("ports = \"1-100\"", "ports = \"50-200\"", true),
        ("ports = \"1-100\"", "ports = \"100-200\"", false), // a single port needs no exemption
        ("ports = \"1-100\"", "ports = \"101-200\"", false),
        ("destination = \"10.0.0.0/8\"", "destination = \"10.1.0.0/16\"", true),
        ("destination = \"10.1.0.0/16\"", "destination = \"10.0.0.0/8\"", true),
        ("destination = \"10.0.0.0/8\"", "destination = \"11.0.0.0/8\"", false),
        ("destination = \"10.0.0.0/8\"", "destination = \"pl-1\"", false),
        ("destination = \"pl-1*\"", "destination = \"pl-12\"", true),
        ("destination = \"pl-1\"", "destination = \"pl-2\"", false),
        ("destination = \"sg-1\"", "destination = \"sg-1\"", true),
        ("destination = \"sg-1\"", "destination = \"pl-1\"", false),
        ("tags = { team = \"a\" }", "tags = { team = \"a\" }", true),
        ("tags = { team = \"a\" }", "tags = { team = \"b\" }", false),
        ("tags = { team = \"a\" }", "tags = { other = \"b\" }", true),
        (&stack("eu-west-1", "111111111111", "a"), &stack("eu-west-1", "111111111111", "a"), true),
        (&stack("eu-west-1", "111111111111", "a"), &stack("eu-west-1", "111111111111", "b"), false),
        (&stack("eu-west-1", "111111111111", "a"), "account = \"111111111111\"", true),
        (&stack("eu-west-1", "111111111111", "a"), "account = \"222222222222\"", false),
        (&stack("eu-west-1", "111111111111", "a"), "region = \"eu-west-2\"", false),
        (&stack("eu-west-1", "111111111111", "a"), "stack_name = \"b\"", false),
        ("stack_name = \"b\"", &stack("eu-west-1", "111111111111", "a"), false),
        ("stack_name = \"a\"", &stack("eu-west-1", "111111111111", "a"), true),
    ] {
        let two = exemption(two).replace("id = \"a\"", "id = \"b\"");
        let policy = parse(&format!("{}{two}", exemption(one))).unwrap();
        let remarks = policy.review(today, 0);
        let said = remarks.iter().any(|remark| matches!(remark, Remark::Overlap(..)));
        assert_eq!(said, overlap, "{one}\n{two}");
    }
}
