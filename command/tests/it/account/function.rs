//! The function behind the hook, in the shapes of `GetFunctionConfiguration`, `GetFunctionConcurrency`,
//! `GetAlias` and `GetFunction` (REST and JSON; source: the output structures and error codes of
//! aws-sdk-lambda 1.156) and of `GetMetricData` (CBOR, Smithy RPC v2; aws-sdk-cloudwatch 1.140).

use std::io::Write as _;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::server::{Reply, Request};

/// A function and the answers about it.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) arn: String,
    /// Changes of `FunctionConfiguration`.
    pub(crate) more: Json,
    pub(crate) reserved: Option<i32>,
    /// `AdditionalVersionWeights` of the alias.
    pub(crate) weights: Json,
    /// The zip file that is served.
    pub(crate) zip: Vec<u8>,
    /// The hash that Lambda returns for it.
    pub(crate) code_sha256: String,
    /// Sums of metrics, by the query's ID.
    pub(crate) sums: Vec<(&'static str, f64)>,
    /// A refused operation, with the error code.
    pub(crate) refused: Option<(&'static str, &'static str)>,
}

impl Function {
    pub(crate) fn new() -> Self {
        let zip = zipped(&[("bootstrap", "program"), ("policy.toml", "# a policy")]);
        Self {
            arn: "arn:aws:lambda:eu-west-1:123456789012:function:guard:live".to_owned(),
            more: json!({}),
            reserved: None,
            weights: json!({}),
            code_sha256: base64_sha256(&zip),
            zip,
            sums: vec![("invocations", 40.0), ("throttles", 0.0)],
            refused: None,
        }
    }

    /// The same function with other files in its zip file.
    pub(crate) fn with(self, files: &[(&str, &str)]) -> Self {
        let zip = zipped(files);
        Self { code_sha256: base64_sha256(&zip), zip, ..self }
    }

    /// The answer to a request about the function; nothing for other requests.
    pub(crate) fn reply(&self, request: &Request) -> Option<Reply> {
        let (path, query) = request.action.split_once('?').unwrap_or((&request.action, ""));
        let operation = match path.rsplit('/').next() {
            _ if path.starts_with("/code") => "download",
            Some("GetMetricData") => "GetMetricData",
            _ if !path.contains("/functions/") => return None,
            Some("configuration") => "GetFunctionConfiguration",
            Some("concurrency") => "GetFunctionConcurrency",
            Some("live") => "GetAlias",
            Some(_) => "GetFunction",
            None => return None,
        };
        if let Some((_, code)) = self.refused.filter(|(refused, _)| *refused == operation) {
            return Some(refusal(operation, code));
        }
        // Qualified for a version, never for settings of the whole function.
        let unqualified = self.arn.strip_suffix(":live").unwrap_or(&self.arn).replace(':', "%3A");
        let known = operation == "GetMetricData" || operation == "download" || path.contains(&unqualified);
        assert!(known && !path.contains("%3Alive"), "{path}");
        if operation == "GetMetricData" && request.body.contains("undecided") {
            // A metric is requested with every dimension that it has: `Guard` and `verdict`.
            assert!(["Guard", "guard", "verdict"].iter().all(|part| request.body.contains(part)), "{}", request.body);
        }
        Some(match operation {
            "download" => Reply { status: 200, headers: "", body: self.zip.clone() },
            "GetFunctionConfiguration" => {
                assert_eq!(query, "Qualifier=live");
                reply(&self.configuration())
            }
            "GetFunctionConcurrency" => {
                reply(&self.reserved.map_or(json!({}), |number| json!({"ReservedConcurrentExecutions": number})))
            }
            "GetAlias" => reply(&json!({"Name": "live", "FunctionVersion": "7",
                "RoutingConfig": {"AdditionalVersionWeights": self.weights}})),
            "GetFunction" => reply(&json!({"Configuration": self.configuration(),
                "Code": {"RepositoryType": "S3", "Location": format!("http://{}/code/{}.zip?X-Amz-Signature=do-not-show-me", request.host, request.region)}})),
            _ => sums(&self.sums),
        })
    }

    /// The configuration, by whichever form of the function's name.
    pub(crate) fn configured(&self) -> Reply {
        match self.refused {
            Some(("GetFunctionConfiguration", code)) => refusal("GetFunctionConfiguration", code),
            _ => reply(&self.configuration()),
        }
    }

    fn configuration(&self) -> Json {
        let mut configuration = json!({
            "FunctionName": "guard", "FunctionArn": self.arn, "Runtime": "provided.al2023", "Handler": "bootstrap",
            "CodeSize": self.zip.len(), "Timeout": 10, "MemorySize": 256, "Version": "7",
            "LastModified": "2026-11-20T10:00:00.000+0000", "CodeSha256": self.code_sha256,
            "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip", "Architectures": ["arm64"]
        });
        for (key, value) in self.more.as_object().unwrap() {
            configuration[key] = value.clone();
        }
        configuration
    }
}

fn reply(body: &Json) -> Reply {
    Reply { status: 200, headers: "content-type: application/json\r\n", body: body.to_string().into_bytes() }
}

/// An error in each service's form: Lambda in a header, CloudWatch and Amazon S3 in the body.
fn refusal(operation: &str, code: &'static str) -> Reply {
    let status = if code == "ResourceNotFoundException" { 404 } else { 403 };
    let lambda = match code {
        "ResourceNotFoundException" => "x-amzn-errortype: ResourceNotFoundException\r\n",
        _ => "x-amzn-errortype: AccessDeniedException\r\n",
    };
    let message = format!("User: arn:aws:iam::123456789012:user/x is not authorized to perform: lambda:{operation}");
    match operation {
        "download" => Reply { status, headers: "", body: b"<Error><Code>AccessDenied</Code></Error>".to_vec() },
        "GetMetricData" => {
            let mut body = map(2);
            text(&mut body, "__type");
            text(&mut body, code);
            text(&mut body, "message");
            text(&mut body, "no");
            Reply { status, headers: CBOR, body }
        }
        _ if status == 404 => Reply { status, headers: lambda, body: b"{\"Message\":\"Function not found\"}".to_vec() },
        _ => Reply { status, headers: lambda, body: json!({"Message": message}).to_string().into_bytes() },
    }
}

const CBOR: &str = "smithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\n";

/// `GetMetricDataOutput`: for each metric its ID and one value.
fn sums(sums: &[(&str, f64)]) -> Reply {
    let mut body = map(1);
    text(&mut body, "MetricDataResults");
    body.push(0x80 | u8::try_from(sums.len()).unwrap());
    for (id, sum) in sums {
        body.extend(map(2));
        text(&mut body, "Id");
        text(&mut body, id);
        text(&mut body, "Values");
        body.extend([0x81, 0xfb]);
        body.extend(sum.to_be_bytes());
    }
    Reply { status: 200, headers: CBOR, body }
}

/// CBOR (RFC 8949): the head of a short map, and a text.
fn map(pairs: u8) -> Vec<u8> {
    vec![0xa0 | pairs]
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend([0x78, u8::try_from(text.len()).unwrap()]);
    out.extend(text.bytes());
}

/// A zip file with these files.
pub(crate) fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        out.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        out.write_all(content.as_bytes()).unwrap();
    }
    out.finish().unwrap().into_inner()
}

/// The hash that Lambda returns for a zip file.
pub(crate) fn base64_sha256(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(Sha256::digest(bytes))
}
