//! The real function downloads the document of a STACK invocation from a server that behaves well or badly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{answer, function, group};

/// The server's behavior on the first, the second, … connection; the last one repeats.
#[derive(Clone)]
enum Does {
    Answer(&'static str, Vec<u8>),
    Break,
    Hang,
}

/// Starts a server on loopback; returns its URL and the number of its connections.
async fn server(behavior: Vec<Does>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/document?X-Amz-Signature=SECRET", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let index = counted.fetch_add(1, Ordering::SeqCst).min(behavior.len() - 1);
            let does = behavior[index].clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                match does {
                    Does::Answer(status, body) => {
                        let head =
                            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                        let _ = stream.write_all(head.as_bytes()).await;
                        let _ = stream.write_all(&body).await;
                    }
                    Does::Break => drop(stream),
                    Does::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
                }
            });
        }
    });
    (url, connections)
}

fn stack_event(url: &str) -> String {
    let mut event = group(443, 443);
    event["requestData"] =
        json!({"targetName": "STACK", "targetType": "STACK", "targetLogicalId": "web", "payload": url});
    event.to_string()
}

fn document() -> Vec<u8> {
    let template = json!({"Resources": {"Web": {"Type": "AWS::EC2::SecurityGroupEgress", "Properties": {
        "IpProtocol": "tcp", "FromPort": 80, "ToPort": 87, "CidrIp": "0.0.0.0/0"}}}});
    json!({"template": template.to_string(), "previousTemplate": ""}).to_string().into_bytes()
}

async fn answered(behavior: Vec<Does>) -> (Json, usize) {
    let (url, connections) = server(behavior).await;
    let mut function = function(&[("EGRESS_LOOPBACK_PAYLOADS", "1")]).await;
    let answer = answer(&mut function, stack_event(&url)).await;
    let log = function.output().join("\n");
    assert!(!answer.to_string().contains("SECRET") && !log.contains("SECRET"), "{answer}\n{log}");
    (answer, connections.load(Ordering::SeqCst))
}

#[tokio::test]
async fn the_document_is_downloaded_and_judged() {
    let (answer, connections) = answered(vec![Does::Answer("200 OK", document())]).await;
    assert_eq!(answer["errorCode"], "NonCompliant");
    assert!(answer["message"].as_str().unwrap().contains("tcp 80-87"), "{answer}");
    assert_eq!(connections, 1);
}

#[tokio::test]
async fn passing_faults_are_tried_again() {
    for fault in [Does::Answer("503 Slow Down", Vec::new()), Does::Answer("500 Oops", Vec::new()), Does::Break] {
        let (answer, connections) = answered(vec![fault.clone(), fault, Does::Answer("200 OK", document())]).await;
        assert_eq!(answer["errorCode"], "NonCompliant", "{answer}");
        assert_eq!(connections, 3);
    }
}

#[tokio::test]
async fn final_answers_are_not_tried_again_and_fail_closed() {
    for (fault, says) in [
        (Does::Answer("403 Forbidden", Vec::new()), "403 Forbidden (the URL may have expired)"),
        (Does::Answer("404 Not Found", Vec::new()), "404"),
        (Does::Answer("302 Found", Vec::new()), "302"),
        (Does::Answer("200 OK", vec![b' '; 8 * 1024 * 1024 + 1]), "larger than 8 MB"),
    ] {
        let (answer, connections) = answered(vec![fault]).await;
        assert_eq!(answer["errorCode"], "InternalFailure", "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{says}: {answer}");
        assert_eq!(connections, 1, "{says}");
    }
    // An answer that is not a document is left to the RESOURCE target.
    let (answer, connections) = answered(vec![Does::Answer("200 OK", b"<html>".to_vec())]).await;
    assert_eq!((&answer["hookStatus"], connections), (&json!("SUCCESS"), 1), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("could not read the document"), "{answer}");
}

#[tokio::test]
async fn a_server_that_hangs_costs_seconds_not_the_answer() {
    let (answer, connections) = answered(vec![Does::Hang]).await;
    assert_eq!(answer["errorCode"], "InternalFailure", "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("no answer in time"), "{answer}");
    assert!(connections >= 2, "a hanging attempt is given up for another");
}

#[tokio::test]
async fn without_the_setting_of_tests_this_machine_is_not_downloaded_from() {
    let (url, connections) = server(vec![Does::Answer("200 OK", document())]).await;
    let mut function = function(&[]).await;
    for url in [url.as_str(), "https://127.0.0.1:1/x", "https://169.254.169.254/latest/meta-data"] {
        assert_eq!(answer(&mut function, stack_event(url)).await["errorCode"], "InternalFailure");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    let template = crate::support::read("template.yaml");
    assert!(!template.contains("EGRESS_LOOPBACK"), "the template never sets it");
}
