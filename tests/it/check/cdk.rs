//! What `cdk synth` writes, as `cfn-egress-guard check cdk.out` sees it (see `tests/fixtures/cdk`).

use serde_json::Value as Json;

use super::check;
use crate::support::root;

/// What the literal rule says of each stack: codes of errors and, in brackets, of everything else.
const LITERAL: &[(&str, &str)] = &[
    ("AllIcmp", ""),
    ("AllTcp", "port-range"),
    ("AllTraffic", "all-traffic"),
    ("AllUdp", "port-range"),
    ("AllowAllOutbound", "all-traffic"),
    ("Condition", "port-range if `IsProduction` is false"),
    ("Database", "all-traffic [default-egress]"),
    ("Esp", ""),
    // The load balancer's rule to the service is 80/80; the service's own group is CDK's default.
    ("Fargate", "[default-egress] all-traffic"),
    ("IcmpPing", "icmp-type-and-code"),
    ("IcmpTypeAndCode", "icmp-type-and-code"),
    ("NoTraffic", "no-traffic-placeholder"),
    // The same parameter on both sides is one port, whatever it is. A reference makes CDK write a rule of its own.
    ("Parameter", "[default-egress]"),
    ("StandaloneRules", "[default-egress]"),
    ("Tcp", ""),
    ("TcpRange", "port-range"),
    ("VpcFunction", "all-traffic"),
];

/// What EC2 really opens: ICMP is no port range, CDK's placeholder opens nothing, ESP opens everything.
const EFFECTIVE: &[(&str, &str)] = &[
    ("Esp", "protocol-without-ports protocol-without-ports"),
    ("IcmpPing", ""),
    ("IcmpTypeAndCode", ""),
    ("NoTraffic", ""),
];

fn verdicts(preset: &str) -> Vec<(String, String)> {
    let (code, text) =
        check(&root().join("tests/fixtures/cdk"), &["cdk.out", "--format", "json", "--preset", preset]).told();
    assert_eq!(code, 1);
    let report: Json = serde_json::from_str(&text).unwrap();
    let tell = |finding: &Json| {
        let code = finding["code"].as_str().unwrap();
        let code = if finding["level"] == "error" { code.to_owned() } else { format!("[{code}]") };
        finding["when"].as_str().map_or(code.clone(), |when| format!("{code} {when}"))
    };
    let files = report["files"].as_array().unwrap().iter();
    files
        .map(|file| {
            let name = file["path"].as_str().unwrap().trim_start_matches("cdk.out/").trim_end_matches(".template.json");
            let findings: Vec<_> = file["findings"].as_array().unwrap().iter().map(tell).collect();
            (name.to_owned(), findings.join(" "))
        })
        .collect()
}

#[test]
fn each_construct_is_judged_as_the_rule_says() {
    let own = |(stack, verdict): &(&str, &str)| ((*stack).to_owned(), (*verdict).to_owned());
    assert_eq!(verdicts("literal"), LITERAL.iter().map(own).collect::<Vec<_>>());
    let effective: Vec<_> = LITERAL
        .iter()
        .map(|literal| own(EFFECTIVE.iter().find(|(stack, _)| *stack == literal.0).unwrap_or(literal)))
        .collect();
    assert_eq!(verdicts("effective"), effective);
}
