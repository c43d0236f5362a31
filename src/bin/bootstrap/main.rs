//! The Lambda function behind the hook: polls the Lambda Runtime API, lets the core decide, answers and
//! logs. The one place that knows Lambda, the environment and the clock.
#![expect(clippy::disallowed_methods, reason = "a program owns its environment, clock and standard output")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cfn_egress_guard::hook::{self, Config, Response, log};
use cfn_egress_guard::policy;
use cfn_egress_guard::rule::policy::Date;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};

/// Chooses the preset: `literal` (the default) or `effective`.
const ENV_PRESET: &str = "EGRESS_PRESET";
/// Where Lambda unpacked the function's code.
const ENV_TASK_ROOT: &str = "LAMBDA_TASK_ROOT";
/// Where the Lambda Runtime API listens; set by Lambda and by everything that plays its part.
const ENV_RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

fn main() -> ExitCode {
    if std::env::var_os(ENV_RUNTIME_API).is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "bootstrap is the function that AWS Lambda starts ({ENV_RUNTIME_API} is not set).\nTo try it here: \
             cfn-egress-guard rehearse TEMPLATE"
        );
        return ExitCode::from(2);
    }
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(tracing::Level::INFO).init();
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(event = "panic", place = panic.location().map(ToString::to_string), "a defect: {panic}");
    }));
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(event = "stopped", %error, "the Lambda Runtime API failed");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let config = Arc::new(configured());
    if let Some(problem) = config.problem() {
        tracing::error!(event = "misconfigured", problem, "every invocation will fail closed");
    }
    let handler = service_fn(move |event: LambdaEvent<String>| {
        let response = handle(&event, &config);
        async move { Ok::<_, Error>(response) }
    });
    Runtime::new(handler).layer(MapRequestLayer::new(as_json_text)).run().await
}

/// The configuration: the policy file beside the program, if there is one, and the environment.
fn configured() -> Config {
    let preset = std::env::var_os(ENV_PRESET).map(|name| name.to_string_lossy().into_owned());
    let file = match policy_file().map(std::fs::read_to_string) {
        Some(Ok(text)) => Some(text),
        Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
            return Config::unreadable(&error.to_string());
        }
        Some(Err(_)) | None => None,
    };
    Config::read(file.as_deref(), preset.as_deref())
}

/// Where the policy was packaged: in the function's code, which Lambda names, or beside this program.
fn policy_file() -> Option<PathBuf> {
    let code = std::env::var_os(ENV_TASK_ROOT).map(PathBuf::from);
    let folder = code.or_else(|| std::env::current_exe().ok()?.parent().map(Path::to_path_buf))?;
    Some(folder.join(policy::FILE_NAME))
}

/// Hands the event over as text, so that the core judges whatever bytes arrived: lambda_runtime would
/// answer broken JSON with an error of its own, and stop at bytes that are not UTF-8.
fn as_json_text(mut invocation: LambdaInvocation) -> LambdaInvocation {
    let text = String::from_utf8_lossy(&invocation.body);
    // Text always serializes.
    invocation.body = serde_json::to_vec(&text).unwrap_or_default().into();
    invocation
}

fn handle(event: &LambdaEvent<String>, config: &Config) -> Response {
    let started = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock that stands before 1970 is broken: no exemption holds on the last of all days.
    let seconds = now.as_ref().map_or(i64::MAX, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let today = Date::of_unix_seconds(seconds);
    let decision = hook::guarded(event.payload.as_bytes(), |event| hook::decide(event, config, today));
    let response = decision.response();
    let lines = log::lines(
        &decision,
        &response,
        &log::Invocation {
            request_id: &event.context.request_id,
            timestamp_millis: u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX),
            evaluation_micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        },
    );
    // A log that cannot be written must not cost the answer.
    let _ = std::io::stdout().lock().write_all(lines.as_bytes());
    response
}
