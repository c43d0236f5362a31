"""Hosts on loopback that serve a stack's document with various faults."""

import contextlib
import gzip
import json
import socket
import threading
import time

from protocol import group, rule

TEMPLATE = {"Resources": {"A": {"Type": "AWS::EC2::SecurityGroup", "Properties": group(rule(80, 87))}}}
DOCUMENT = json.dumps({"template": json.dumps(TEMPLATE), "previousTemplate": ""}).encode()


class Host:
    """Serves each connection with `serve`, which gets the connection and its number."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/document"

        def accept():
            number = 0
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = self.listener.accept()
                    number += 1
                    threading.Thread(target=self.one, args=(serve, connection, number), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def one(self, serve, connection, number):
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            serve(connection, number)


def head(length, status="200 OK", headers=b""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n".encode() + headers + b"\r\n"


def answer(status="200 OK", body=DOCUMENT, headers=b"", length=None):
    whole = head(len(body) if length is None else length, status, headers) + body
    return lambda connection, _: connection.sendall(whole)


def silent(_connection, _number):
    time.sleep(20)


def drip(connection, _number):
    connection.sendall(head(len(DOCUMENT)))
    for byte in DOCUMENT:
        connection.sendall(bytes([byte]))
        time.sleep(0.5)


def stop(connection, _number):
    connection.sendall(head(len(DOCUMENT)) + DOCUMENT[:20])
    time.sleep(20)


def endless(connection, _number):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def first_500(connection, number):
    answer(*(["500 Internal Server Error", b"<Error/>"] if number == 1 else []))(connection, number)


def first_reset(connection, number):
    if number > 1:
        answer()(connection, number)


# The behavior, the function, and the result: the document is read, arrives but is unreadable, or the download fails.
CASES = [
    ("is as it should be", answer(), "read"),
    ("never answers", silent, "failed"),
    ("drips a byte every half second", drip, "failed"),
    ("stops in the middle", stop, "failed"),
    ("never ends", endless, "failed"),
    ("has more length in its header than in its body", answer(length=len(DOCUMENT) + 10), "failed"),
    ("has less length in its header than in its body", answer(length=len(DOCUMENT) - 10), "unreadable"),
    ("announces 8 GB", answer(length=8_000_000_000), "failed"),
    ("announces a length that is no number", answer(length="many"), "failed"),
    ("has 9 MB", answer(body=b'{"template":"' + b"x" * 9_000_000 + b'"}'), "failed"),
    ("redirects", answer("302 Found", b"", b"Location: http://127.0.0.1:1/\r\n"), "failed"),
    ("is compressed unasked", answer(body=gzip.compress(DOCUMENT), headers=b"Content-Encoding: gzip\r\n"), "unreadable"),
    ("is HTML", answer(body=b"<html>sign in</html>", headers=b"Content-Type: text/html\r\n"), "unreadable"),
    ("is empty", answer(body=b""), "unreadable"),
    ("is 403", answer("403 Forbidden", b"<Error/>"), "failed"),
    ("is 404", answer("404 Not Found", b"<Error/>"), "failed"),
    ("is 500 every time", answer("500 Internal Server Error", b"<Error/>"), "failed"),
    ("is 500, then 200", first_500, "read"),
    ("breaks off, then is 200", first_reset, "read"),
    ("breaks off every time", lambda connection, _: connection.close(), "failed"),
    ("speaks no HTTP", lambda connection, _: connection.sendall(b"\x16\x03\x01 hello\r\n\r\n"), "failed"),
]
