//! The Lambda Runtime API on loopback, with a real function program behind it.
//!
//! Source: Lambda Developer Guide, "Using the Lambda runtime API".
#![expect(clippy::disallowed_methods, reason = "an edge module: the deadline of an invocation needs the clock")]

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use super::invoke::{ANSWER_TIMEOUT, InvokeError};

/// The number of lines of the function's last output that an error repeats.
const KEPT_LINES: usize = 20;

struct PendingInvocation {
    event: Bytes,
    answer: oneshot::Sender<Result<Bytes, InvokeError>>,
}

#[derive(Default)]
struct RuntimeState {
    next_id: u64,
    answers: HashMap<String, oneshot::Sender<Result<Bytes, InvokeError>>>,
    /// Set when the function reports that it cannot start.
    init_error: Option<String>,
    output: Vec<String>,
}

type SharedRuntimeState = Arc<Mutex<RuntimeState>>;

/// A function program with its own Runtime API. Dropping this value stops it.
pub struct LocalFunction {
    child: Child,
    events: mpsc::Sender<PendingInvocation>,
    shared: SharedRuntimeState,
}

impl fmt::Debug for LocalFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalFunction").field("pid", &self.child.id()).finish_non_exhaustive()
    }
}

/// A function that cannot be started.
#[derive(Debug)]
pub enum StartError {
    /// No port on loopback could be opened.
    Listen(std::io::Error),
    /// The program could not be started.
    Spawn {
        program: String,
        /// The reason.
        error: std::io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => write!(f, "could not open a port on the loopback address: {error}"),
            Self::Spawn { program, error } => write!(f, "could not start the function `{program}`: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl LocalFunction {
    /// Starts a function program: `program` with `arguments`. Its environment contains only `PATH`, the variables that
    /// Lambda sets, and `environment`.
    ///
    /// # Errors
    /// When no loopback port or process is available. Must be called within a tokio runtime.
    pub async fn start(
        program: &std::path::Path,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Result<Self, StartError> {
        let listener =
            TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", FUNCTION_NAME)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_REGION", REGION)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| StartError::Spawn { program: program.display().to_string(), error })?;
        let shared = SharedRuntimeState::default();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(keep_output(BufReader::new(stdout), shared.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(keep_output(BufReader::new(stderr), shared.clone()));
        }
        let (events, queue) = mpsc::channel(1);
        tokio::spawn(accept(listener, Arc::new(tokio::sync::Mutex::new(queue)), shared.clone()));
        Ok(Self { child, events, shared })
    }

    /// Passes an event to the function and waits for its answer, at most as long as CloudFormation would.
    ///
    /// # Errors
    /// When the function reports an error, ends, or does not answer in time.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Bytes, InvokeError> {
        let (answer, answered) = oneshot::channel();
        let exchange = async {
            self.events.send(PendingInvocation { event, answer }).await.map_err(|_| InvokeError::Unreachable)?;
            answered.await.unwrap_or(Err(InvokeError::Unreachable))
        };
        let answer = tokio::select! {
            answer = tokio::time::timeout(ANSWER_TIMEOUT, exchange) => answer.unwrap_or(Err(InvokeError::TimedOut)),
            status = self.child.wait() => Err(ended(status)),
        };
        answer.map_err(|error| match lock(&self.shared).init_error.take() {
            Some(report) => InvokeError::Function(report),
            None => error,
        })
    }

    /// Returns the last lines of the function's log.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        lock(&self.shared).output.clone()
    }

    /// Returns the process ID, for measurements.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }
}

/// The function's name in Lambda.
const FUNCTION_NAME: &str = "cfn-egress-guard";
/// The default Region of a rehearsal.
const REGION: &str = "us-east-1";

fn ended(status: std::io::Result<ExitStatus>) -> InvokeError {
    InvokeError::Ended(status.map_or_else(|error| error.to_string(), |status| status.to_string()))
}

fn lock(shared: &SharedRuntimeState) -> std::sync::MutexGuard<'_, RuntimeState> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn keep_output(reader: impl tokio::io::AsyncBufRead + Unpin, shared: SharedRuntimeState) {
    let mut lines = reader.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let output = &mut lock(&shared).output;
        if output.len() == KEPT_LINES {
            output.remove(0);
        }
        output.push(line);
    }
}

type InvocationQueue = Arc<tokio::sync::Mutex<mpsc::Receiver<PendingInvocation>>>;

async fn accept(listener: TcpListener, queue: InvocationQueue, shared: SharedRuntimeState) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (queue, shared) = (queue.clone(), shared.clone());
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| serve(request, queue.clone(), shared.clone()));
            // A function that disconnects during a request is reported by its exit, not here.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Answers one request of the function.
async fn serve(
    request: Request<Incoming>,
    queue: InvocationQueue,
    shared: SharedRuntimeState,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let Some(call) = path.strip_prefix("/2018-06-01/runtime/") else {
        return Ok(status(StatusCode::NOT_FOUND));
    };
    if request.method() == Method::GET && call == "invocation/next" {
        let Some(invocation) = queue.lock().await.recv().await else {
            return Ok(status(StatusCode::GONE));
        };
        return Ok(next(invocation, &shared));
    }
    let body = request.into_body().collect().await?.to_bytes();
    if call == "init/error" {
        lock(&shared).init_error = Some(String::from_utf8_lossy(&body).into_owned());
        return Ok(status(StatusCode::ACCEPTED));
    }
    let (id, outcome) = match call.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) {
        Some((id, "response")) => (id, Ok(body)),
        Some((id, "error")) => (id, Err(InvokeError::Function(String::from_utf8_lossy(&body).into_owned()))),
        _ => return Ok(status(StatusCode::NOT_FOUND)),
    };
    let waiting = lock(&shared).answers.remove(id);
    Ok(match waiting {
        Some(answer) => {
            let _ = answer.send(outcome);
            status(StatusCode::ACCEPTED)
        }
        None => status(StatusCode::BAD_REQUEST),
    })
}

fn next(invocation: PendingInvocation, shared: &SharedRuntimeState) -> Response<Full<Bytes>> {
    let id = {
        let mut pending = lock(shared);
        pending.next_id += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", pending.next_id);
        pending.answers.insert(id.clone(), invocation.answer);
        id
    };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + ANSWER_TIMEOUT;
    let mut response = Response::new(Full::new(invocation.event));
    for (name, value) in [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:{REGION}:000000000000:function:{FUNCTION_NAME}"),
        ),
    ] {
        // All of them consist of digits, letters and punctuation.
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}
