//! The documents of STACK and CHANGE_SET invocations, behind URLs on this machine.
//!
//! CloudFormation puts them behind presigned Amazon S3 URLs. The function accepts URLs of this machine only when
//! `EGRESS_LOOPBACK_PAYLOADS` is set.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type ServedDocuments = Arc<Mutex<Vec<Bytes>>>;

/// Documents that can be downloaded until this value is dropped.
#[derive(Debug)]
pub(super) struct Documents {
    address: SocketAddr,
    shelf: ServedDocuments,
    server: JoinHandle<()>,
}

impl Documents {
    /// Opens a port on the loopback address.
    pub(super) async fn serve() -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr()?;
        let shelf = ServedDocuments::default();
        let server = tokio::spawn(accept(listener, shelf.clone()));
        Ok(Self { address, shelf, server })
    }

    /// Publishes a document under a separate URL.
    pub(super) fn publish(&self, document: Vec<u8>) -> String {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.push(document.into());
        format!("http://{}/{}", self.address, shelf.len() - 1)
    }
}

impl Drop for Documents {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, shelf: ServedDocuments) {
    while let Ok((stream, _)) = listener.accept().await {
        let shelf = shelf.clone();
        let service = hyper::service::service_fn(move |request| {
            let answer = answer(&request, &shelf);
            async move { Ok::<_, std::convert::Infallible>(answer) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(request: &Request<Incoming>, shelf: &ServedDocuments) -> Response<Full<Bytes>> {
    let number = request.uri().path().strip_prefix('/').and_then(|number| number.parse::<usize>().ok());
    let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    let document = number.filter(|_| request.method() == Method::GET).and_then(|number| shelf.get(number).cloned());
    let mut response = Response::new(Full::new(Bytes::new()));
    match document {
        Some(document) => *response.body_mut() = Full::new(document),
        None => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    response
}
