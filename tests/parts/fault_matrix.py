"""Faults, played on the real function over loopback, and a table of what became of each: `make faults`.

    python3 fault_matrix.py [--bootstrap PROGRAM] [--soak INVOCATIONS]

Ends with 1 if something is not as it should be. Everything is bounded, and nothing leaves this machine.
"""

import argparse
import contextlib
import copy
import datetime
import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from emulator import Emulator
from loopback_runtime import Function, Runtime
from protocol import assert_acceptable, group, resource_request, rule

RANGE = resource_request(group(rule(80, 87)))
PORT = resource_request(group(rule()))
TEMPLATE = json.dumps({"Resources": {"A": {"Type": "AWS::EC2::SecurityGroup", "Properties": group(rule(80, 87))}}})
DOCUMENT = json.dumps({"template": TEMPLATE, "previousTemplate": ""}).encode()
ROWS = []


def row(fault, times, expected, got, right):
    ROWS.append((fault, times, expected, got, right))
    print(f"{'ok   ' if right else 'WRONG'}  {fault:<52} {times:>7}  {got}", flush=True)


def code(answer):
    """What an answer says, in one word; raises if CloudFormation would not accept it."""
    answer = json.loads(answer)
    assert_acceptable(answer)
    return answer.get("errorCode", answer["hookStatus"])


def play(function, fault, events, expected, seconds=30):
    """Sends events and compares what the answers say with what may come."""
    got, count = {}, 0
    for event in events:
        try:
            said = code(function.invoke(event, seconds))
        except Exception as problem:
            said = f"no answer in shape ({type(problem).__name__})"
        got[said] = got.get(said, 0) + 1
        count += 1
    alive = function.process.poll() is None and code(function.invoke(json.dumps(PORT).encode())) == "SUCCESS"
    told = ", ".join(f"{said} {times}" for said, times in sorted(got.items()))
    row(fault, count, expected, told + ("" if alive else ", and the process is gone"), alive and set(got) <= expected)


def fields(value, path=()):
    """The path of each field of an event."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from fields(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield (*path, index)
            yield from fields(inner, (*path, index))


def with_each_type(event):
    for path in fields(event):
        for value in (None, True, 1, -1.5, 1e300, "", "x", [], [[]], {}, {"a": []}):
            changed = copy.deepcopy(event)
            place = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
            yield json.dumps(changed).encode()


def events(program, folder):
    anything = {"SUCCESS", "NonCompliant", "InternalFailure"}
    text = json.dumps(RANGE).encode()
    with Function(program, folder) as function:
        play(function, "truncated at every byte", (text[:end] for end in range(len(text))), {"InternalFailure"})
        play(function, "every JSON type in place of every field", with_each_type(RANGE), anything)
        play(function, "every JSON type in place of the event", map(json.dumps(0).encode().replace, [b"0"] * 7, [
            b"null", b"true", b"1", b"-1.5", b'"x"', b"[]", b"{}"]), {"InternalFailure"})  # fmt: skip
        play(function, "a byte that is no UTF-8 at every place", (text[:at] + b"\xff" + text[at:] for at in range(len(text))), {"InternalFailure"})  # fmt: skip
        surrogate = (text.replace(b'"WebSecurityGroup"', b'"' + pair + b'"') for pair in (b"\\ud800", b"\\udfff", b"\\ud800x"))
        play(function, "a lone surrogate", surrogate, {"InternalFailure", "NonCompliant"})
        deep = ((open * depth + close * depth).encode() for depth in (127, 1000, 100_000) for open, close in (("[", "]"), ('{"a":', "}")))  # fmt: skip
        play(function, "nested 127 to 100,000 deep", deep, {"InternalFailure"})
        wide = {f"k{number}": number for number in range(80_000)}
        play(function, "an object of 80,000 keys in the properties", [json.dumps(resource_request({**group(rule(80, 87)), **wide})).encode()], {"NonCompliant"})  # fmt: skip
        play(function, "6 MB of one string", [b'{"x":"' + b"y" * 6_000_000 + b'"}'], {"InternalFailure"})
        play(function, "6 MB of brackets that never close", [b"[" * 6_000_000], {"InternalFailure"})
        many = resource_request(group(*[rule(80, 87)] * 20_000))
        play(function, "20,000 egress rules", [json.dumps(many).encode()], {"NonCompliant"})


class Host:
    """Serves one document on loopback in a way of its own; `serve` is given the connection and its number."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.number = 0

        def run():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = self.listener.accept()
                    self.number += 1
                    threading.Thread(target=self.one, args=(serve, connection, self.number), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()

    def one(self, serve, connection, number):
        with contextlib.suppress(OSError), connection:
            if serve is not silent:
                connection.recv(65536)
            serve(connection, number)

    def event(self):
        changed = copy.deepcopy(RANGE)
        changed["requestData"] = {"targetName": "STACK", "targetType": "STACK", "targetLogicalId": "web",
            "payload": f"http://127.0.0.1:{self.listener.getsockname()[1]}/document"}  # fmt: skip
        return json.dumps(changed).encode()


def answer(status="200 OK", body=DOCUMENT, headers=b"", length=None):
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n".encode() + headers + b"\r\n"
    return lambda connection, _: connection.sendall(head + body)


def silent(_connection, _number):
    time.sleep(20)


def drip(connection, _):
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(DOCUMENT)}\r\n\r\n".encode())
    for byte in DOCUMENT:
        connection.sendall(bytes([byte]))
        time.sleep(0.5)


def stops(connection, _):
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(DOCUMENT)}\r\n\r\n".encode() + DOCUMENT[:20])
    time.sleep(20)


def once_500(connection, number):
    answer("500 Internal Server Error" if number == 1 else "200 OK")(connection, number)


def downloads(program, folder):
    closed, failed = {"InternalFailure"}, {"NonCompliant"}
    cases = {
        "as it should be": (answer(), failed),
        "never answers": (silent, closed),
        "drips a byte every half second": (drip, closed),
        "stops in the middle": (stops, closed),
        "promises more than it sends": (answer(length=len(DOCUMENT) + 10), closed),
        "sends more than it promised": (answer(length=len(DOCUMENT) - 10), closed),
        "promises 8 GB": (answer(length=8_000_000_000), closed),
        "sends 9 MB": (answer(body=b'{"template":"' + b"x" * 9_000_000 + b'"}'), closed),
        "redirects": (answer("302 Found", b"", b"Location: http://127.0.0.1:1/\r\n"), closed),
        "compresses unasked": (answer(body=gzip.compress(DOCUMENT), headers=b"Content-Encoding: gzip\r\n"), closed),
        "returns HTML": (answer(body=b"<html>sign in</html>", headers=b"Content-Type: text/html\r\n"), closed),
        "403": (answer("403 Forbidden", b"<Error/>"), closed),
        "404": (answer("404 Not Found", b"<Error/>"), closed),
        "500, then 200": (once_500, failed),
        "closes at once": (lambda connection, _: connection.close(), closed),
        "speaks no HTTP": (lambda connection, _: connection.sendall(b"\x16\x03\x01 hello\r\n\r\n"), closed),
    }  # fmt: skip
    with Function(program, folder, EGRESS_LOOPBACK_PAYLOADS="1") as function:
        for name, (serve, expected) in cases.items():
            started = time.monotonic()
            play(function, f"a download that {name}" if " " in name else f"a download: {name}", [Host(serve).event()], expected, 12)
            took = time.monotonic() - started
            if took > 10:
                row("  within 10 s", 1, None, f"{took:.1f} s", False)


def surroundings(program, folder):
    event = json.dumps(RANGE).encode()
    # Lambda starts the function anew after its process has ended.
    runtime = Runtime()
    function = Function(program, folder, runtime)
    before = code(function.invoke(event))
    runtime.stop()
    ended = None
    with contextlib.suppress(subprocess.TimeoutExpired):
        ended = function.process.wait(10)
    function.process.kill()
    with Function(program, folder, Runtime(runtime.port)) as anew:
        after = code(anew.invoke(event))
    row("the Runtime API goes away and comes back", 1, None, f"{before}, ended with {ended}, {after} after its start",
        before == after == "NonCompliant")  # fmt: skip

    reader, writer = os.pipe()
    os.close(reader)
    with Function(program, folder, stdout=writer) as function:
        play(function, "standard output closed at the other end", [event] * 100, {"NonCompliant"})
    os.close(writer)

    if limit := shutil.which("prlimit"):
        many = json.dumps(resource_request(group(*[rule(80, 87)] * 50_000))).encode()[:6_291_456]
        with Function(program, folder, prefix=(limit, f"--data={256 << 20}")) as function:
            play(function, "6 MB of egress rules, cut, with 256 MB of memory", [many] * 3, {"InternalFailure"})
    if faketime := shutil.which("faketime"):
        policy = '[[exemption]]\nid = "x"\nreason = "r"\nowner = "o@example.com"\nexpires = 2027-06-30\nports = "80-87"\n'
        (folder / "policy.toml").write_text(policy)
        for day, expected in (("2027-06-30 12:00:00", "SUCCESS"), ("2027-07-02", "NonCompliant"), ("1970-01-02", "SUCCESS")):
            with Function(program, folder, prefix=(faketime, "-f", f"@{day}"), LAMBDA_TASK_ROOT=str(folder)) as function:
                play(function, f"the clock says {day[:10]}, an exemption ends 2027-06-30", [event], {expected})
        (folder / "policy.toml").unlink()
    else:
        print("not run: a clock that is wrong (needs `faketime`)")

    functions = [Function(program, folder) for _ in range(64)]
    said = []

    def many_times(function):
        said.extend(code(function.invoke(event, 60)) for _ in range(20))

    threads = [threading.Thread(target=many_times, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory = max(function.memory() for function in functions)
    for function in functions:
        function.__exit__()
    row("64 functions at once", len(said), None, f"NonCompliant {said.count('NonCompliant')}, {memory // 1024} MB the largest",
        said == ["NonCompliant"] * 1280)  # fmt: skip

    host = Host(silent)
    emulator = Emulator(program, folder, EGRESS_LOOPBACK_PAYLOADS="1", AWS_LAMBDA_FUNCTION_TIMEOUT="2")
    try:
        started = time.monotonic()
        status, _ = emulator_answer(emulator, host.event())
        took = time.monotonic() - started
        _, then = emulator_answer(emulator, event)
        row("AWS's emulator ends it after 2 s", 1, None, f"after {took:.1f} s, then {then}", took < 6 and then == "NonCompliant")
    finally:
        emulator.stop()


def emulator_answer(emulator, event):
    import requests

    got = requests.post(f"{emulator.endpoint}/2015-03-31/functions/function/invocations", data=event, timeout=30)
    with contextlib.suppress(ValueError, KeyError, AttributeError):
        return got.status_code, got.json().get("errorCode", got.json().get("hookStatus"))
    return got.status_code, None


def soak(program, folder, times):
    """Memory stays flat and no invocation gets slower: the last tenth beside the second."""
    texts = [json.dumps(PORT).encode(), json.dumps(RANGE).encode()]
    tenth = max(times // 10, 1)
    with Function(program, folder) as function:
        took, memory = [], []
        for part in range(10):
            started = time.perf_counter()
            for number in range(tenth):
                function.invoke(texts[number % 2])
            took.append((time.perf_counter() - started) / tenth * 1e6)
            memory.append(function.memory())
        last = code(function.invoke(texts[1]))
    told = f"{memory[1]} kB to {memory[-1]} kB, {took[1]:.0f} µs to {took[-1]:.0f} µs each, {last}"
    row(f"{tenth * 10:,} invocations in a row", tenth * 10, None, told,
        memory[-1] <= memory[1] * 1.1 and took[-1] <= 2 * sorted(took)[5] and last == "NonCompliant")  # fmt: skip


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bootstrap", default="target/function/bootstrap")
    arguments.add_argument("--soak", type=int, default=20_000)
    given = arguments.parse_args()
    program = Path(given.bootstrap).resolve()
    print(f"{'':5}  {'fault':<52} {'times':>7}  answers")
    with tempfile.TemporaryDirectory() as folder:
        for part in (events, downloads, surroundings):
            part(program, Path(folder))
        soak(program, Path(folder), given.soak)
    wrong = [fault for fault, _, _, _, right in ROWS if not right]
    print(f"\n{len(ROWS)} faults on {datetime.date.today()}: {len(wrong)} not as they should be")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
