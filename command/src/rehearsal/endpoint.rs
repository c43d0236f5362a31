//! A function behind Lambda's Invoke API.

use std::fmt;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::invoke::InvokeError;

/// A Lambda Invoke endpoint (Lambda API, `Invoke`): another runtime emulator, `cargo lambda watch`, `sam local
/// start-lambda`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    authority: String,
    address: String,
    path: String,
}

/// An endpoint URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError(String);

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: pass an address such as http://127.0.0.1:8080", self.0)
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// Creates an endpoint from a URL such as `http://127.0.0.1:9000`, or from the full URL of an Invoke request.
    ///
    /// # Errors
    /// When it is not a plain http URL with a host.
    pub fn new(url: &str, function_name: &str) -> Result<Self, EndpointError> {
        let uri: Uri = url.parse().map_err(|error| EndpointError(format!("`{url}` is not a URL ({error})")))?;
        if uri.scheme_str() != Some("http") {
            return Err(EndpointError(format!("`{url}` is not an http:// URL")));
        }
        let authority = uri.authority().ok_or_else(|| EndpointError(format!("`{url}` has no host")))?;
        let path = match uri.path() {
            "" | "/" => format!("/2015-03-31/functions/{function_name}/invocations"),
            path => path.to_owned(),
        };
        Ok(Self {
            authority: authority.to_string(),
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            path,
        })
    }

    pub(super) async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let failed = |error: &dyn fmt::Display| InvokeError::Endpoint(format!("{}: {error}", self.address));
        let stream = TcpStream::connect(&self.address).await.map_err(|error| failed(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        tokio::spawn(connection);
        let request = Request::post(&self.path)
            .header("host", &self.authority)
            .header("content-type", "application/json")
            .body(Full::new(event))
            .map_err(|error| failed(&error))?;
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = response.status();
        let function_error = response.headers().contains_key("x-amz-function-error");
        let body = response.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
        if function_error {
            return Err(InvokeError::Function(String::from_utf8_lossy(&body).into_owned()));
        }
        if !status.is_success() {
            return Err(failed(&format!("{status} {}", String::from_utf8_lossy(&body))));
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_plain_http_urls() {
        let endpoint = Endpoint::new("http://127.0.0.1:9000", "function").unwrap();
        assert_eq!(endpoint.path, "/2015-03-31/functions/function/invocations");
        assert_eq!(endpoint.address, "127.0.0.1:9000");
        assert_eq!(Endpoint::new("http://localhost/x/y", "f").unwrap().path, "/x/y");
        for wrong in ["https://127.0.0.1:9000", "127.0.0.1:9000", "", "http://"] {
            assert!(Endpoint::new(wrong, "function").is_err(), "{wrong}");
        }
    }
}
