//! Measures STACK invocations: the function downloads its document over TLS from a server in this process, and answers.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::goals::Goals;
use super::inputs::{GROUPS_OF_1_MB, RULES, document, part, stack_event, written, yaml};
use super::lambda::{self, Candidate};
use super::statistics::mega;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn measure(goals: &mut Goals) {
    let server = Server::new();
    let mut candidates = Vec::new();
    for (name, groups, rules, starts, warm) in [("1.3 kB", 1, 6, 100, 100), ("1 MB", GROUPS_OF_1_MB, RULES, 10, 5)] {
        let url = server.serve(document(&yaml(groups, rules))).await;
        candidates.push(Candidate {
            name: format!("cfn-egress-guard, template of {name}"),
            program: part("BOOTSTRAP", "target/function/bootstrap"),
            arguments: Vec::new(),
            environment: server.environment(),
            event: stack_event(&url).into(),
            answer: "NonCompliant",
            starts,
            warm,
        });
    }
    let measured = lambda::measure(&candidates).await;
    println!(
        "\n{:<44} {:>13} {:>12} {:>9} {:>9}",
        "STACK invocations over TLS", "first answer", "warm median", "warm p99", "peak MB"
    );
    for (candidate, measured) in candidates.iter().zip(&measured) {
        println!(
            "{:<44} {:>10.2} ms {:>9.2} ms {:>6.1} ms {:>9.1}",
            candidate.name,
            measured.first_answer.median_ms(),
            measured.warm.median_ms(),
            measured.warm.quantile(0.99).as_secs_f64() * 1e3,
            mega(measured.peak_kib * 1024),
        );
    }
    if let Some(small) = measured.first() {
        goals.at_most("STACK: first answer with its download over TLS", 10.0, small.first_answer.median_ms(), "ms");
    }
}

/// A server on loopback, and the certificate that the function must trust.
pub(crate) struct Server {
    acceptor: TlsAcceptor,
    roots: PathBuf,
}

impl Server {
    pub(crate) fn new() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let roots = written("localhost.pem", &cert.pem());
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), roots }
    }

    /// Returns the environment that allows the function to download from this server.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        vec![
            ("EGRESS_LOOPBACK_PAYLOADS".to_owned(), "1".to_owned()),
            ("EGRESS_LOOPBACK_ROOTS".to_owned(), self.roots.display().to_string()),
        ]
    }

    /// Serves a document to every client, and returns its URL.
    pub(crate) async fn serve(&self, document: Vec<u8>) -> String {
        let document = Bytes::from(document);
        let acceptor = self.acceptor.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let (acceptor, document) = (acceptor.clone(), document.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    // One request, which fits one record.
                    let _ = stream.read(&mut [0; 4_096]).await?;
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", document.len());
                    stream.write_all(head.as_bytes()).await?;
                    stream.write_all(&document).await?;
                    stream.shutdown().await
                });
            }
        });
        format!("https://localhost:{port}/document")
    }
}
