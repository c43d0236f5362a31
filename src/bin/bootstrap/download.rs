//! The only download: the document of a STACK or CHANGE_SET invocation. It is bounded in size and time, retried while
//! time remains, and never redirected. Its URL is a credential and is never shown.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cfn_egress_guard_core::hook::{Fetch, PayloadUrl};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The timeout of one attempt. A presigned GET of a megabyte within a Region takes a few hundredths of a second.
const ATTEMPT: Duration = Duration::from_secs(3);
/// The timeout of all attempts, well below the 30 s that CloudFormation waits.
const ALTOGETHER: Duration = Duration::from_secs(8);
/// The part of Lambda's own timeout that is reserved for deciding and answering.
const RESERVE: Duration = Duration::from_secs(1);
/// The pause before the second attempt; it doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Downloads documents. The TLS configuration is created on first use.
#[derive(Default)]
pub(crate) struct Downloader {
    tls: OnceLock<Result<TlsConnector, String>>,
    /// Additional certificates to trust, for tests on this machine.
    extra_roots: Option<std::path::PathBuf>,
    /// Whether plain http is allowed, for tests on this machine.
    loopback: bool,
}

/// The reason why an attempt failed.
enum AttemptError {
    /// A temporary error: another attempt may succeed.
    Passing(String),
    /// A permanent error.
    Final(String),
}

impl Downloader {
    /// Creates a downloader that trusts additional certificates and accepts plain HTTP on this machine, only for tests.
    pub(crate) fn for_loopback(extra_roots: Option<std::path::PathBuf>) -> Self {
        Self { tls: OnceLock::new(), extra_roots, loopback: true }
    }

    /// Downloads the document at a URL within the time left for this invocation.
    ///
    /// # Errors
    /// Returns the last error, in words that do not show the URL.
    pub(crate) async fn get(&self, url: &PayloadUrl, left: Duration) -> Result<Bytes, String> {
        let deadline = Instant::now() + ALTOGETHER.min(left.saturating_sub(RESERVE));
        let mut pause = FIRST_PAUSE;
        loop {
            let time = ATTEMPT.min(deadline.saturating_duration_since(Instant::now()));
            let problem = match tokio::time::timeout(time, self.attempt(url)).await {
                Ok(Ok(document)) => return Ok(document),
                Ok(Err(AttemptError::Final(problem))) => return Err(problem),
                Ok(Err(AttemptError::Passing(problem))) => problem,
                Err(_) => "no answer in time".to_owned(),
            };
            if Instant::now() + pause >= deadline {
                return Err(problem);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    fn tls(&self) -> Result<TlsConnector, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = &self.extra_roots {
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
            roots.add_parsable_certificates(certificates.flatten());
        }
        let config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }

    async fn attempt(&self, url: &PayloadUrl) -> Result<Bytes, AttemptError> {
        let uri = url.secret();
        let plain = self.loopback && uri.scheme_str() == Some("http");
        let port = uri.port_u16().unwrap_or(if plain { 80 } else { 443 });
        // An IPv6 address has brackets only in a URL.
        let host = url.host().trim_start_matches('[').trim_end_matches(']');
        let stream =
            TcpStream::connect((host, port)).await.map_err(|error| AttemptError::Passing(error.to_string()))?;
        let response = if plain {
            request(uri, TokioIo::new(stream)).await?
        } else {
            let tls =
                self.tls.get_or_init(|| self.tls()).as_ref().map_err(|problem| AttemptError::Final(problem.clone()))?;
            let name = ServerName::try_from(host.to_owned()).map_err(|error| AttemptError::Final(error.to_string()))?;
            let stream = tls.connect(name, stream).await.map_err(|error| AttemptError::Passing(error.to_string()))?;
            request(uri, TokioIo::new(stream)).await?
        };
        document(response).await
    }
}

/// Requests a document over a new connection; there is only one download per invocation.
async fn request(
    uri: &Uri,
    stream: impl Read + Write + Unpin + Send + 'static,
) -> Result<Response<Incoming>, AttemptError> {
    let failed = |error: hyper::Error| AttemptError::Passing(cause(&error));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(failed)?;
    tokio::spawn(connection);
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header("host", host)
        .body(Empty::<Bytes>::new())
        .map_err(|_| AttemptError::Final("its URL is not valid".to_owned()))?;
    sender.send_request(request).await.map_err(failed)
}

async fn document(response: Response<Incoming>) -> Result<Bytes, AttemptError> {
    let status = response.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(AttemptError::Passing(format!("the answer was {status}")));
    }
    if !status.is_success() {
        let expired = if status == StatusCode::FORBIDDEN { " (the URL may have expired)" } else { "" };
        return Err(AttemptError::Final(format!("the answer was {status}{expired}")));
    }
    let body = Limited::new(response.into_body(), Fetch::MAX_BYTES).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            AttemptError::Final(format!("it is larger than {} MB", Fetch::MAX_BYTES / (1024 * 1024)))
        } else {
            AttemptError::Passing(format!("the transfer was interrupted: {error}"))
        }
    })?;
    Ok(body.to_bytes())
}

/// Returns the innermost cause of an error. The outer errors say only that a request failed.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
