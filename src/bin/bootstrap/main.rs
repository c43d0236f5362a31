//! The Lambda function behind the hook: polls the Lambda Runtime API, lets the core decide, answers and
//! logs. The one place that knows Lambda, the environment and the clock.
#![expect(clippy::disallowed_methods, reason = "a program owns its environment, clock and standard output")]

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cfn_egress_guard::hook::{self, Config, Response, log};
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};

/// Chooses the preset: `literal` (the default) or `effective`.
const ENV_PRESET: &str = "EGRESS_PRESET";
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
    let config = Arc::new(Config::from_preset(
        std::env::var_os(ENV_PRESET).map(|name| name.to_string_lossy().into_owned()).as_deref(),
    ));
    if let Some(problem) = config.problem() {
        tracing::error!(event = "misconfigured", problem, "every invocation will fail closed");
    }
    let handler = service_fn(move |event: LambdaEvent<String>| {
        let response = handle(&event, &config);
        async move { Ok::<_, Error>(response) }
    });
    Runtime::new(handler).layer(MapRequestLayer::new(as_json_text)).run().await
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
    let decision = hook::guarded(event.payload.as_bytes(), |event| hook::decide(event, config));
    let response = decision.response();
    let lines = log::lines(
        &decision,
        &response,
        &log::Invocation {
            request_id: &event.context.request_id,
            timestamp_millis: millis_since_epoch(),
            evaluation_micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        },
    );
    // A log that cannot be written must not cost the answer.
    let _ = std::io::stdout().lock().write_all(lines.as_bytes());
    response
}

fn millis_since_epoch() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
