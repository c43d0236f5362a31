"""Injects faults into the function and prints the result of each: `make faults`.

    python3 tests/parts/fault_matrix.py [--bootstrap PROGRAM]

Runs the real program over loopback; nothing leaves this machine, and no fault takes longer than a minute. Exits with 1
if an answer is wrong.
"""

import argparse
import contextlib
import copy
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import jsonschema

import faulty_downloads
from emulator import Emulator
from loopback_runtime import Function, Runtime
from protocol import DOCUMENTED_ANSWER, group, resource_request, rule
from server import PARTS

ROOT = Path(__file__).resolve().parents[2]
ACCEPTABLE = jsonschema.Draft202012Validator(DOCUMENTED_ANSWER)

RANGE = resource_request(group(rule(80, 87)))
PORT = resource_request(group(rule()))
CALL = json.loads((ROOT / "tests/fixtures/direct-calls/authorize.json").read_text())

# NOT_JUDGED: a stack's document that arrives but cannot be read is left to RESOURCE, which judges each group.
BLOCKED, CLOSED, PASSED, NOT_JUDGED, RECORDED = "NonCompliant", "InternalFailure", "SUCCESS", "not judged", "recorded"
WHOLE = json.dumps(RANGE).encode()


def outcome(answer):
    """Returns a one-word summary of an answer. Raises if the sender does not accept the answer."""
    answer = json.loads(answer)
    if answer is None:
        return RECORDED  # EventBridge waits for no answer
    ACCEPTABLE.validate(answer)
    if answer["hookStatus"] == PASSED and "The RESOURCE target" in answer["message"]:
        return NOT_JUDGED
    return answer.get("errorCode", answer["hookStatus"])


class Table:
    """Prints a row for each fault as it completes."""

    def __init__(self):
        self.rows, self.wrong = 0, []
        print(f"{'':5}  {'fault':<64} {'times':>6}  answers")

    def row(self, fault, times, answers, as_it_should_be):
        self.rows += 1
        if not as_it_should_be:
            self.wrong.append(fault)
        print(f"{'ok' if as_it_should_be else 'WRONG':<5}  {fault:<64} {times:>6,}  {answers}", flush=True)

    def play(self, function, fault, events, expected, seconds=30):
        """Sends events. Each answer must be an allowed one, and afterwards the same process must still answer
        normally."""
        counts = {}
        for event in events:
            try:
                said = outcome(function.invoke(event, seconds))
            except (queue.Empty, RuntimeError, ValueError, KeyError, jsonschema.ValidationError) as problem:
                said = f"no answer ({type(problem).__name__})"
            counts[said] = counts.get(said, 0) + 1
        answers = ", ".join(f"{said} {times:,}" for said, times in sorted(counts.items()))
        alive = function.process.poll() is None and outcome(function.invoke(json.dumps(PORT).encode())) == PASSED
        self.row(fault, sum(counts.values()), answers + ("" if alive else "; then it is gone"), alive and set(counts) <= expected)


def places(value, path=()):
    """Returns the path of every field of an event."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


def with_every_type(event):
    """Yields the event with a value of each JSON type in place of each field."""
    for path in places(event):
        for value in (None, True, 1, -1.5, 1e300, "", "x", [], [[]], {}, {"a": []}):
            changed = copy.deepcopy(event)
            place = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
            yield json.dumps(changed).encode()


def truncated(text):
    return (text[:end] for end in range(len(text)))


def with_byte_at_every_place(text, byte):
    return (text[:at] + byte + text[at:] for at in range(len(text)))


def events(table, program, folder):
    anything = {PASSED, BLOCKED, CLOSED, NOT_JUDGED}
    kinds = [b"", b"null", b"true", b"1", b"-1.5", b'"x"', b"[]", b"{}"]
    logical_id = b'"WebSecurityGroup"'
    lone = [WHOLE.replace(logical_id, b'"' + half + b'"') for half in (rb"\ud800", rb"\udfff", rb"\ud800x", rb"\udc00\ud800")]
    deep = [(opening * depth + closing * depth).encode() for depth in (127, 1_000, 100_000, 1_000_000)
            for opening, closing in (("[", "]"), ('{"a":', "}"))]  # fmt: skip
    nested = [WHOLE.replace(b'"FromPort": 80', b'"FromPort": ' + b"[" * depth + b"]" * depth) for depth in (100, 1_000, 100_000)]
    wide = resource_request({**group(rule(80, 87)), **{f"k{number}": number for number in range(80_000)}})
    many = resource_request(group(*[rule(80, 87)] * 20_000))
    call = json.dumps(CALL).encode()
    with Function(program, folder) as function:
        table.play(function, "an event, truncated at every byte", truncated(WHOLE), {CLOSED})
        table.play(function, "every JSON type in place of every field", with_every_type(RANGE), anything)
        table.play(function, "every JSON type in place of the event", kinds, {CLOSED})
        table.play(function, "a byte that is no UTF-8, at every place", with_byte_at_every_place(WHOLE, b"\xff"), {CLOSED})
        table.play(function, "a control character, at every place", with_byte_at_every_place(WHOLE, b"\x01"), {CLOSED})
        table.play(function, "half of a surrogate pair in a name", lone, {BLOCKED, CLOSED})
        table.play(function, "127 to 1,000,000 levels deep", deep, {CLOSED})
        table.play(function, "a port that is 100 to 100,000 lists deep", nested, {BLOCKED, CLOSED})
        table.play(function, "80,000 more keys in the properties", [json.dumps(wide).encode()], {BLOCKED})
        table.play(function, "20,000 egress rules", [json.dumps(many).encode()], {BLOCKED})
        table.play(function, "6 MB in one string", [b'{"x":"' + b"y" * 6_000_000 + b'"}'], {CLOSED})
        table.play(function, "6 MB of brackets that never close", [b"[" * 6_000_000, b'{"a":' * 1_200_000], {CLOSED})
        # Cut off or invalid JSON has no recognizable sender: it is answered as a hook's event.
        table.play(function, "CloudTrail's event, truncated at every byte", truncated(call), {CLOSED})
        table.play(function, "every JSON type in place of every field of CloudTrail's event", with_every_type(CALL), {RECORDED})
        table.play(function, "CloudTrail's event with a byte that is no UTF-8, at every place",
            with_byte_at_every_place(call, b"\xff"), {CLOSED, RECORDED})  # fmt: skip


def downloads(table, program, folder):
    with Function(program, folder, EGRESS_LOOPBACK_PAYLOADS="1") as function:
        expected = {"read": BLOCKED, "unreadable": NOT_JUDGED, "failed": CLOSED}
        for name, serve, became in faulty_downloads.CASES:
            host = faulty_downloads.Host(serve)
            started = time.monotonic()
            table.play(function, f"a download that {name}", [about(host.url)], {expected[became]}, 20)
            took = time.monotonic() - started
            if took > 12:
                table.row("… within 12 s", 1, f"{took:.1f} s", False)
    # Close to Lambda's own limit: the function answers before Lambda does.
    with Function(program, folder, Runtime(deadline_seconds=4), EGRESS_LOOPBACK_PAYLOADS="1") as function:
        host = faulty_downloads.Host(faulty_downloads.silent)
        started = time.monotonic()
        answer = outcome(function.invoke(about(host.url), 20))
        took = time.monotonic() - started
        table.row("a download that never answers, 4 s before Lambda's limit", 1, f"{answer} after {took:.1f} s",
            answer == CLOSED and took < 4)  # fmt: skip


def about(url):
    """Returns an event about a stack whose document is at a URL."""
    data = {"targetName": "STACK", "targetType": "STACK", "targetLogicalId": "web", "payload": url}
    return json.dumps({**RANGE, "requestData": data}).encode()


def surroundings(table, program, folder):
    # Lambda restarts the function after its process has ended.
    with Function(program, folder) as function:
        before = outcome(function.invoke(WHOLE))
        port = function.runtime.port
        function.runtime.stop()
        ended = "still running"
        with contextlib.suppress(subprocess.TimeoutExpired):
            ended = f"ended with {function.process.wait(10)}"
    with Function(program, folder, Runtime(port=port)) as anew:
        after = outcome(anew.invoke(WHOLE))
    table.row("the Runtime API goes away and comes back", 1, f"{before}, {ended}, {after} after its start",
        before == after == BLOCKED and ended == "ended with 1")  # fmt: skip

    reader, writer = os.pipe()
    os.close(reader)
    with Function(program, folder, stdout=writer) as function:
        table.play(function, "standard output is a pipe that nobody reads", [WHOLE] * 100, {BLOCKED})
    os.close(writer)
    with Function(program, folder, prefix=("sh", "-c", 'exec "$0" >&-')) as function:
        table.play(function, "standard output is closed", [WHOLE] * 100, {BLOCKED})
    with open("/dev/full", "w") as full, Function(program, folder, stdout=full) as function:
        table.play(function, "standard output is a full disk", [WHOLE] * 100, {BLOCKED})

    for day, expected in (("2027-06-30 12:00", PASSED), ("2027-07-01 12:00", BLOCKED), ("1969-12-31 12:00", BLOCKED), ("2400-01-01 12:00", BLOCKED)):  # fmt: skip
        clock(table, program, folder, day, expected)
    memory(table, program, folder)
    side_by_side(table, program, folder)
    time_out(table, program, folder)


POLICY = '[[exemption]]\nid = "x"\nreason = "r"\nowner = "o@example.com"\nexpires = 2027-06-30\nports = "80-87"\n'


def clock(table, program, folder, day, expected):
    """Runs the function with another clock, through a library that is loaded before the C library."""
    library = folder / "clock.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("clock.c")], check=True)
        (folder / "policy.toml").write_text(POLICY)
    seconds = subprocess.run(["date", "--utc", "--date", day, "+%s"], check=True, capture_output=True, text=True).stdout.strip()
    variables = {"LD_PRELOAD": str(library), "CLOCK_SECONDS": seconds, "LAMBDA_TASK_ROOT": str(folder)}
    with Function(program, folder, **variables) as function:
        answer = outcome(function.invoke(WHOLE))
    table.row(f"the clock says {day[:10]}, an exemption ends on 2027-06-30", 1, answer, answer == expected)


def memory(table, program, folder):
    """Runs the function at its memory limit: an event that does not fit ends the process, which Lambda restarts; others
    are answered."""
    largest = json.dumps(resource_request(group(*[rule(80, 87)] * 79_000))).encode()
    assert 6_000_000 < len(largest) < 6 * 1024 * 1024, len(largest)
    limit = shutil.which("prlimit")
    with Function(program, folder, prefix=(limit, f"--data={256 << 20}")) as function:
        table.play(function, "the largest event that Lambda takes, with 256 MB of memory", [largest] * 3, {BLOCKED})
        table.play(function, "the same, cut off", [largest[:-1]] * 3, {CLOSED})
    small = 24
    with Function(program, folder, prefix=(limit, f"--data={small << 20}")) as function:
        first = outcome(function.invoke(WHOLE))
        try:
            answer = outcome(function.invoke(largest, 10))
        except (queue.Empty, RuntimeError):
            function.process.wait(10)
            answer = "no answer: the process ends"
        gone = function.process.poll() is not None
    table.row(f"the same event with {small} MB of memory", 1, f"{first}; then {answer}",
        first == BLOCKED and (gone or answer in (BLOCKED, CLOSED)))  # fmt: skip


def side_by_side(table, program, folder):
    functions = [Function(program, folder) for _ in range(64)]
    answers = []

    def ask(function):
        with function:
            answers.extend(outcome(function.invoke(WHOLE, 60)) for _ in range(20))

    threads = [threading.Thread(target=ask, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table.row("64 functions at once", len(answers), f"{BLOCKED} {answers.count(BLOCKED):,}", answers == [BLOCKED] * 64 * 20)


def time_out(table, program, folder):
    """Runs the function in AWS's emulator, which ends it at its timeout."""
    if not os.access(PARTS / "aws-lambda-rie", os.X_OK):
        sys.exit("the parts are not there; get them with: tests/parts/setup")
    emulator = Emulator(program, folder, EGRESS_LOOPBACK_PAYLOADS="1", AWS_LAMBDA_FUNCTION_TIMEOUT="3")
    try:
        host = faulty_downloads.Host(faulty_downloads.silent)
        started = time.monotonic()
        answer = outcome(json.dumps(emulator.invoke(about(host.url))))
        took = time.monotonic() - started
        after = outcome(json.dumps(emulator.invoke(WHOLE)))
        starts = emulator.starts()
        table.row("AWS's emulator with a time-out of 3 s, and a download that never answers", 1,
            f"{answer} after {took:.1f} s, then {after}", answer == CLOSED and after == BLOCKED and took < 3 and starts <= 1)  # fmt: skip
        emulator.hang()
        ended = emulator.post(WHOLE).text
        after = outcome(json.dumps(emulator.invoke(WHOLE)))
        table.row("AWS's emulator with a time-out of 3 s, and a process that hangs", 1, f"{ended}, then {after}",
            ended == "Task timed out after 3.00 seconds" and after == BLOCKED and emulator.starts() == starts + 1)  # fmt: skip
    finally:
        emulator.stop()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bootstrap", type=Path, default=ROOT / "target/function/bootstrap")
    program = arguments.parse_args().bootstrap.resolve()
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        for part in (events, downloads, surroundings):
            part(table, program, Path(folder))
    print(f"\n{table.rows} faults, {len(table.wrong)} with another outcome than they should have")
    sys.exit(bool(table.wrong))


if __name__ == "__main__":
    main()
