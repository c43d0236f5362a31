"""The release binary downloads a STACK invocation's document over TLS, from a server on this machine.

The certificate is created here. The function trusts it only through a variable that template.yaml never sets.
"""

import datetime
import http.server
import json
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulator import Emulator
from protocol import assert_acceptable, group, resource_request, rule


class Document(http.server.BaseHTTPRequestHandler):
    template = json.dumps(
        {"Resources": {"Web": {"Type": "AWS::EC2::SecurityGroupEgress", "Properties": rule(80, 87)}}}
    )

    def do_GET(self):
        body = json.dumps({"template": self.template, "previousTemplate": ""}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def certificate(folder):
    """Creates a self-signed certificate for `localhost`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "certificate.pem", folder / "key.pem"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, private


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    chain, private = certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Document)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, chain
    server.shutdown()


def stack_invocation(port):
    event = resource_request(group(rule()))
    event["requestData"] = {
        "targetName": "STACK",
        "targetType": "STACK",
        "targetLogicalId": "web",
        "payload": f"https://localhost:{port}/document?X-Amz-Signature=feedc0ffee",
    }
    return event


@pytest.mark.parametrize(("trusted", "code"), [(True, "NonCompliant"), (False, "InternalFailure")])
def test_a_document_comes_over_tls_from_a_server_that_is_trusted(bootstrap, tmp_path, server, trusted, code):
    port, chain = server
    roots = {"EGRESS_LOOPBACK_ROOTS": str(chain)} if trusted else {}
    emulator = Emulator(bootstrap, tmp_path, EGRESS_LOOPBACK_PAYLOADS="1", **roots)
    try:
        event = stack_invocation(port)
        answer = emulator.invoke(event)
        assert_acceptable(answer, event)
        assert answer["errorCode"] == code, answer
        assert ("certificate" in answer["message"]) != trusted, answer["message"]
        assert "feedc0ffee" not in json.dumps(answer) + emulator.server.log()
    finally:
        emulator.stop()
