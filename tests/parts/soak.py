"""Invokes one function a million times in a row and compares the end with the beginning: `make soak`.

    python3 tests/parts/soak.py [--times N] [--bootstrap PROGRAM]

Exits with 1 if memory grew by a twentieth or more from the first tenth to the last, an invocation became a quarter
slower or more, or an answer is wrong. For time, the fastest tenth of each half counts: other load on the machine slows
some tenths down, but a function that gets slower has no fast tenth at the end. The first thousand invocations, in which
the process grows to its size, are not measured.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from loopback_runtime import Function
from protocol import group, resource_request, rule

ROOT = Path(__file__).resolve().parents[2]
EVENTS = [
    (json.dumps(resource_request(group(rule(), rule(53, 53)))).encode(), b'"hookStatus":"SUCCESS"'),
    (json.dumps(resource_request(group(rule(80, 87)))).encode(), b'"errorCode":"NonCompliant"'),
    (b'{"requestData": 7', b'"errorCode":"InternalFailure"'),
]
TICK = os.sysconf("SC_CLK_TCK")


def processor_seconds(process):
    """Returns the processor time of the function's process, which other load on the machine does not affect."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def ask(function, times):
    wrong = 0
    for number in range(times):
        event, expected = EVENTS[number % len(EVENTS)]
        wrong += expected not in function.invoke(event)
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--times", type=int, default=1_000_000)
    arguments.add_argument("--bootstrap", type=Path, default=ROOT / "target/function/bootstrap")
    given = arguments.parse_args()
    tenth = max(given.times // 10, 1)
    took, memory, wrong = [], [], 0
    print("tenth  invocations  memory in kB  microseconds of processor each")
    with tempfile.TemporaryDirectory() as folder, Function(given.bootstrap.resolve(), folder) as function:
        wrong += ask(function, 1_000)
        for part in range(1, 11):
            before = processor_seconds(function.process)
            wrong += ask(function, tenth)
            took.append((processor_seconds(function.process) - before) / tenth * 1e6)
            memory.append(function.memory())
            print(f"{part:>5}  {part * tenth:>11,}  {memory[-1]:>12,}  {took[-1]:>10.1f}", flush=True)
    grown, slower = memory[-1] / memory[0], min(took[5:]) / max(min(took[:5]), 1)
    print(f"\n{grown:.3f} times the memory and {slower:.2f} times the processor time at the end; {wrong} wrong answers")
    sys.exit(wrong > 0 or grown >= 1.05 or slower >= 1.25)


if __name__ == "__main__":
    main()
