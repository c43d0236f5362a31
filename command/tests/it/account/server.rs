//! A loopback server in place of AWS; a function of the test answers each request.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use crate::support::{coverage, root};

/// A request in the form that the tests read.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The Region that it was signed for.
    pub(crate) region: String,
    /// The ID of the access key that signed it.
    pub(crate) access_key: String,
    /// `Action` of the query protocol, the operation of the JSON protocol, or the path of another request.
    pub(crate) action: String,
    /// The form's fields.
    pub(crate) form: BTreeMap<String, String>,
    /// The host that it was sent to.
    pub(crate) host: String,
    /// The whole body, if it is text.
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// An answer of any protocol.
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Header lines, each with its line break.
    pub(crate) headers: &'static str,
    pub(crate) body: Vec<u8>,
}

impl From<Answer> for Reply {
    fn from(Answer { status, body }: Answer) -> Self {
        Self { status, headers: "", body: body.into_bytes() }
    }
}

/// A successful answer of the query protocol (source: the SDK's own protocol tests for `awsQuery`).
pub(crate) fn answered(action: &str, result: &str) -> Answer {
    let xmlns = "http://cloudformation.amazonaws.com/doc/2010-05-15/";
    let body = format!(
        "<{action}Response xmlns=\"{xmlns}\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
    );
    Answer { status: 200, body }
}

/// An error of the query protocol (CloudFormation API Reference, "Common errors").
pub(crate) fn refused(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    );
    Answer { status, body }
}

/// The constraints of AWS's model on fields of requests about hooks (source: botocore 1.43, cloudformation 2010-05-15).
/// An ARN with a version after the type's name matches the first of them, but not the second.
const PATTERNS: [(&str, &str, &str); 6] = [
    ("DescribeType", "Arn", "arn:aws[A-Za-z0-9-]{0,64}:cloudformation:[A-Za-z0-9-]{1,64}:([0-9]{12})?:type/.+"),
    (
        "ListHookResults",
        "TypeArn",
        "arn:aws[A-Za-z0-9-]{0,64}:cloudformation:[A-Za-z0-9-]{1,64}:([0-9]{12})?:type/hook/[A-Za-z0-9-]+/?",
    ),
    (
        "ListHookResults",
        "TargetId",
        "[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/]*|[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}",
    ),
    ("DescribeType", "TypeName", TYPE_NAME),
    ("BatchDescribeTypeConfigurations", "TypeConfigurationIdentifiers.member.1.TypeName", TYPE_NAME),
    (
        "BatchDescribeTypeConfigurations",
        "TypeConfigurationIdentifiers.member.1.TypeConfigurationAlias",
        "[a-zA-Z0-9]{1,256}",
    ),
];

const TYPE_NAME: &str = "[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}(::MODULE){0,1}";

/// The rejection of a request with a field that AWS's model does not allow.
fn refused_by_the_model(request: &Request) -> Option<Answer> {
    let wrong = PATTERNS.iter().find(|(action, field, pattern)| {
        let value = request.form.get(*field).filter(|_| request.action == *action);
        let schema = serde_json::json!({"pattern": format!("^(?:{pattern})$")});
        value.is_some_and(|value| !jsonschema::is_valid(&schema, &value.as_str().into()))
    });
    let (_, field, pattern) = wrong?;
    let message = format!("1 validation error detected: Value at '{field}' failed to satisfy constraint: {pattern}");
    Some(refused(400, "ValidationError", &message))
}

/// A server on the loopback interface that runs until the test's process ends.
pub(crate) struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start<A: Into<Reply>>(answer: impl Fn(&Request) -> A + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer = move |request: &Request| -> Reply { answer(request).into() };
        let (answer, log) = (Arc::new(answer), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                std::thread::spawn(move || serve(&stream, &*answer, &log));
            }
        });
        Self { url, seen }
    }

    /// Returns the requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// Runs the command against this server, with an otherwise empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        self.prepared(arguments).output().unwrap()
    }

    pub(crate) fn prepared(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cfn-egress-guard"));
        command
            .args(arguments)
            .current_dir(root())
            .env_clear()
            .envs(coverage())
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "do-not-print-me")
            .env("AWS_SESSION_TOKEN", "nor-me")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_MAX_ATTEMPTS", "1");
        command
    }
}

fn serve(stream: &TcpStream, answer: &dyn Fn(&Request) -> Reply, log: &Mutex<Vec<Request>>) {
    // Otherwise a body would wait until its head is acknowledged, 40 ms each.
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        log.lock().unwrap().push(request.clone());
        let reply = refused_by_the_model(&request).map_or_else(|| answer(&request), Reply::from);
        let Reply { status, headers, body } = reply;
        let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n", body.len());
        let mut out = stream;
        if out.write_all(head.as_bytes()).and_then(|()| out.write_all(&body)).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut region, mut access_key, mut host, mut length) = (String::new(), String::new(), String::new(), 0);
    let mut target = None;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "x-amz-target" => target = value.trim().rsplit('.').next().map(str::to_owned),
            "host" => value.trim().clone_into(&mut host),
            "authorization" => {
                let mut credential = value.split("Credential=").nth(1)?.split('/');
                credential.next()?.clone_into(&mut access_key);
                credential.nth(1)?.clone_into(&mut region);
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body);
    let form: BTreeMap<_, _> = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect();
    let action = form.get("Action").cloned().or(target).unwrap_or(path);
    let body = body.into_owned();
    Some(Request { region, access_key, action, form, host, body })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// Escapes a text as in XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
