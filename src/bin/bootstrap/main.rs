//! The Lambda function behind the hook. It polls the Lambda Runtime API, calls the core for the decision, answers, and
//! logs. For an EventBridge event, it only logs the decision and answers with `null`. Only this program knows Lambda,
//! the environment, and the clock.
#![expect(clippy::disallowed_methods, reason = "a program owns its environment, clock, and standard output")]

mod download;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cfn_egress_guard_core::event::Sender;
use cfn_egress_guard_core::hook::{
    self, Config, Decision, ENV_LOOPBACK_PAYLOADS, ENV_LOOPBACK_ROOTS, ENV_PRESET, HookPlan, Response,
};
use cfn_egress_guard_core::log::{Delivery, ENV_GUARD};
use cfn_egress_guard_core::policy;
use cfn_egress_guard_core::rule::policy::Date;
use cfn_egress_guard_core::watch::{self, WatchOutcome};
use download::Downloader;
use hyper::body::Bytes;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{Context, Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};

/// The folder where Lambda unpacked the function's code.
const ENV_TASK_ROOT: &str = "LAMBDA_TASK_ROOT";
/// The address of the Lambda Runtime API, set by Lambda and by its emulators.
const ENV_RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The function's name, set by Lambda. It is the guard's name if the stack does not set one.
const ENV_FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// The state that all invocations share.
struct FunctionState {
    config: Config,
    downloader: Downloader,
    guard: String,
}

fn main() -> ExitCode {
    if std::env::var_os(ENV_RUNTIME_API).is_none() {
        let _ = writeln!(
            std::io::stderr(),
            "bootstrap is the AWS Lambda function; Lambda starts it ({ENV_RUNTIME_API} is not set).\nTo try it on \
             this machine, run: cfn-egress-guard rehearse TEMPLATE"
        );
        return ExitCode::from(2);
    }
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(tracing::Level::INFO).init();
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(
            event = "panic",
            place = panic.location().map(ToString::to_string),
            "internal error (a bug): {panic}"
        );
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
    let loopback = std::env::var_os(ENV_LOOPBACK_PAYLOADS).is_some();
    let config = if loopback { configured().with_loopback_payloads() } else { configured() };
    if let Some(problem) = config.problem() {
        tracing::error!(event = "misconfigured", problem, "every invocation will fail closed");
    }
    let downloader = if loopback {
        Downloader::for_loopback(std::env::var_os(ENV_LOOPBACK_ROOTS).map(PathBuf::from))
    } else {
        Downloader::default()
    };
    let guard = [ENV_GUARD, ENV_FUNCTION_NAME]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "unnamed".to_owned());
    let shared = Arc::new(FunctionState { config, downloader, guard });
    let waiting = RawEvent::default();
    let arrived = waiting.clone();
    let handler = service_fn(move |event: LambdaEvent<()>| {
        let (shared, bytes) = (shared.clone(), waiting.take());
        async move { Ok::<_, Error>(handle(&bytes, &event.context, &shared).await) }
    });
    Runtime::new(handler).layer(MapRequestLayer::new(move |invocation| arrived.put(invocation))).run().await
}

/// Returns the configuration: the policy file beside the program, if there is one, and the environment.
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

/// Returns the path of the packaged policy: in the function's code, whose folder Lambda sets, or beside this program.
fn policy_file() -> Option<PathBuf> {
    let code = std::env::var_os(ENV_TASK_ROOT).map(PathBuf::from);
    let folder = code.or_else(|| std::env::current_exe().ok()?.parent().map(Path::to_path_buf))?;
    Some(folder.join(policy::FILE_NAME))
}

/// An event that bypasses lambda_runtime's parsing, so that the core decides whatever bytes arrived; lambda_runtime
/// would answer broken JSON with its own error. It stores one event at a time: the next one is polled after this one is
/// answered.
#[derive(Clone, Default)]
struct RawEvent(Arc<Mutex<Bytes>>);

impl RawEvent {
    fn put(&self, mut invocation: LambdaInvocation) -> LambdaInvocation {
        let bytes = std::mem::replace(&mut invocation.body, Bytes::from_static(b"null"));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        invocation
    }

    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The answer: a hook's answer for a hook's event, `null` for an EventBridge event.
type FunctionResponse = Option<Response>;

async fn handle(event: &[u8], context: &Context, shared: &FunctionState) -> FunctionResponse {
    let FunctionState { config, downloader, guard } = shared;
    let started = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is broken. The date is then the last possible day, on which no exemption applies.
    let seconds = now.as_ref().map_or(i64::MAX, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let today = Date::of_unix_seconds(seconds);
    let delivery = || Delivery {
        request_id: &context.request_id,
        guard,
        policy_source: config.policy_origin().source(),
        policy_sha256: config.policy_origin().sha256(),
        timestamp_millis: u64::try_from(now.clone().unwrap_or_default().as_millis()).unwrap_or(u64::MAX),
        evaluation_micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
    };
    let (answer, lines) = match Sender::of(event) {
        Sender::Hook => {
            let decision = decided(event, context, config, downloader, today).await;
            let described = hook::guarded(event, || {
                let response = decision.response();
                let lines = hook::log::lines(&decision, &response, &delivery());
                (response, lines)
            });
            let (response, lines) = described.unwrap_or_else(|failed| (failed.response(), String::new()));
            (Some(response), lines)
        }
        Sender::EventBridge => match watch::decide(event, config.policy(), today) {
            WatchOutcome::Decided(decision) => (None, watch::lines(&decision, &delivery())),
            WatchOutcome::Ignored(_) => (None, String::new()),
        },
    };
    // A failure to write the log must not prevent the answer.
    let _ = std::io::stdout().lock().write_all(lines.as_bytes());
    answer
}

/// Returns the decision, after downloading the document if one is needed.
async fn decided(bytes: &[u8], context: &Context, config: &Config, downloader: &Downloader, today: Date) -> Decision {
    let fetch = match hook::guarded(bytes, || hook::plan(bytes, config, today)) {
        Ok(HookPlan::Decided(decision)) | Err(decision) => return *decision,
        Ok(HookPlan::Fetch(fetch)) => fetch,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(context.deadline).saturating_sub(now);
    let document = downloader.get(fetch.url(), left).await;
    if let Err(problem) = &document {
        tracing::warn!(event = "download", host = fetch.url().host(), problem, "a document could not be downloaded");
    }
    let document = document.as_deref().map_err(String::as_str);
    hook::guarded(bytes, || fetch.decide(document, config, today)).unwrap_or_else(|decision| *decision)
}
