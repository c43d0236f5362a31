//! Measures `scan` as a whole process, with simulated accounts of growing size: the time for each stack, and the memory
//! it retains.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use super::LIMIT;
use super::goals::Goals;
use super::inputs::{RULES, part, root, yaml};
use super::process::Invocation;
use super::statistics::mega;

/// The sizes of the accounts, in stacks. CloudFormation's quota is 2,000 per Region, and more on request.
const STACKS: [usize; 4] = [10, 100, 1_000, 10_000];

/// The number of groups in a stack. Each has [`RULES`] egress rules, and every third one breaks the rule.
const GROUPS: usize = 2;

/// The number of stacks on a page of a list.
const PAGE: usize = 100;

pub(crate) fn measure(goals: &mut Goals) {
    let template = yaml(GROUPS, RULES);
    println!(
        "\n{:>14} {:>12} {:>14} {:>12} {:>12} {:>14}",
        "scan, stacks", "scanned", "a stack", "peak MB", "--from, MB", "result's MB"
    );
    let mut rows = Vec::new();
    for stacks in STACKS {
        let url = serve(stacks, &template);
        let result = root().join("target/bench/scan.json");
        let file = |name: &str| root().join("target/bench").join(name).display().to_string();
        let json = result.display().to_string();
        let (csv, html, toml) = (file("scan.csv"), file("scan.html"), file("scan.toml"));
        // `scan` never overwrites it.
        let _ = std::fs::remove_file(&toml);
        let scanned = program(
            &url,
            &[
                "--region",
                "eu-west-1",
                "--output",
                &json,
                "--output",
                &csv,
                "--output",
                &html,
                "--suggest-exemptions",
                &toml,
            ],
        )
        .observe(LIMIT);
        let read = program(&url, &["--from", &json, "--format", "html"]).observe(LIMIT);
        let (Some(took), Ok(file)) = (scanned.took, std::fs::metadata(&result)) else {
            println!("{stacks:>14} {:>12}", "stopped");
            continue;
        };
        let one = took.as_secs_f64() * 1e3 / f64::from(u32::try_from(stacks).unwrap());
        let [peak, peak_read] = [&scanned, &read].map(|observed| mega(observed.peak_kib * 1024));
        println!(
            "{stacks:>14} {:>9.0} ms {one:>11.2} ms {peak:>12.1} {peak_read:>12.1} {:>14.1}",
            took.as_secs_f64() * 1e3,
            mega(file.len())
        );
        rows.push((one, peak, peak_read));
    }
    if let ([_, few, .., most], [_, from, .., to]) = (rows.as_slice(), STACKS.as_slice()) {
        goals.at_most("scan: a stack of 10,000, beside one of 100", 1.5, most.0 / few.0, "x");
        let more = f64::from(u32::try_from(to - from).unwrap()) / 1e3;
        goals.at_most("scan: memory for one stack more", 1.0, (most.1 - few.1) / more, "kB");
        goals.at_most("scan --from: memory for one stack more", 1.0, (most.2 - few.2) / more, "kB");
    }
}

fn program(url: &str, arguments: &[&str]) -> Invocation {
    let variables = [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "measured"),
        ("AWS_SECRET_ACCESS_KEY", "measured"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let program = part("CFN_EGRESS_GUARD", "target/release/cfn-egress-guard");
    let scan = [program.to_str().unwrap(), "scan"];
    let variables = variables.map(|(name, value)| format!("{name}={value}"));
    let arguments: Vec<&str> =
        variables.iter().map(String::as_str).chain(scan).chain(arguments.iter().copied()).collect();
    Invocation::of(Path::new("env"), &arguments, &[1])
}

/// Serves an account with this many stacks, all with this template, until the bench ends.
fn serve(stacks: usize, template: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let template = format!("<TemplateBody>{template}</TemplateBody>");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let template = template.clone();
            std::thread::spawn(move || while answer(&stream, stacks, &template).is_some() {});
        }
    });
    url
}

/// Answers one request of a connection (query protocol, as aws-sdk-cloudformation 1.136 reads it).
fn answer(mut stream: &TcpStream, stacks: usize, template: &str) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            None if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut form = vec![0; length];
    reader.read_exact(&mut form).ok()?;
    let form = String::from_utf8(form).ok()?;
    let field = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let action = field("Action")?;
    let result = match action {
        "GetTemplate" => template.to_owned(),
        "ListStacks" => format!("<StackSummaries>{}", page(stacks, field("NextToken"), "", "</StackSummaries>")),
        _ => {
            let parameter = format!(
                "<Parameters><member><ParameterKey>Key</ParameterKey><ParameterValue>{}</ParameterValue></member>\
                 </Parameters><Tags><member><Key>owner</Key><Value>a-team</Value></member></Tags>",
                "value ".repeat(100)
            );
            format!("<Stacks>{}", page(stacks, field("NextToken"), &parameter, "</Stacks>"))
        }
    };
    let body = format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>");
    // In one write: a second packet would wait for the acknowledgment of the first.
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).ok()
}

fn page(stacks: usize, token: Option<&str>, given: &str, end: &str) -> String {
    let first: usize = token.and_then(|token| token.parse().ok()).unwrap_or(0);
    let mut page = String::new();
    for number in (first..stacks).take(PAGE) {
        let _ = write!(
            page,
            "<member><StackId>arn:aws:cloudformation:eu-west-1:123456789012:stack/measured-{number:05}/1</StackId>\
             <StackName>measured-{number:05}</StackName><CreationTime>2026-01-02T03:04:05Z</CreationTime>\
             <StackStatus>UPDATE_COMPLETE</StackStatus>{given}</member>"
        );
    }
    page.push_str(end);
    if first + PAGE < stacks {
        let _ = write!(page, "<NextToken>{}</NextToken>", first + PAGE);
    }
    page
}
