"""Changes the core in small ways, one at a time, and fails where no test notices: `make mutants`.

    python3 tests/mutants/mutants.py [--part K/N] [FOLDER…]

Runs cargo-mutants over the folders of src/ that .cargo/mutants.toml names, or over those that are named here (rule,
policy, security_group, check, hook), and compares the mutants that survive with survivors.txt, which says of each why it
is equivalent. Ends with 1 if a survivor is not listed there. `--part 2/3` runs the second of three parts of equal size.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIST = HERE / "survivors.txt"
WORK = ROOT / ".parts" / "mutants"
VERSION = "27.1.0"


class Mistake(Exception):
    """The list cannot be used."""


def without_place(name):
    """A mutant's name without line and column, which change with every edit above it."""
    return re.sub(r":\d+:\d+: ", ": ", name, count=1)


def listed(text):
    """How often each mutant is on the list. A line is a mutant's name, two spaces, `#` and the reason."""
    counts = collections.Counter()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.partition("  # ")
        if len(reason.split()) < 3:
            raise Mistake(f"line {number} gives no reason; write: MUTANT  # why no test can notice it")
        counts[name.strip()] += 1
    return counts


def compared(survivors, known):
    """The survivors that are not on the list, with their places. Of mutants with one name as many are known as there are
    lines."""
    left, new = collections.Counter(known), []
    for survivor in survivors:
        name = without_place(survivor)
        if left[name] > 0:
            left[name] -= 1
        else:
            new.append(survivor)
    return new


def idle(tested, survivors, known):
    """Lines of the list whose mutants were tested and did not survive, or do not exist any more in a tested file."""
    survived = collections.Counter(map(without_place, survivors))
    files = {name.partition(":")[0] for name in tested}
    return sorted(name for name, times in known.items() if name.partition(":")[0] in files and survived[name] < times)


def outcomes(folder):
    """The names of mutants by outcome, as cargo-mutants writes them."""
    found = collections.defaultdict(list)
    for one in json.loads((folder / "mutants.out" / "outcomes.json").read_text())["outcomes"]:
        if one["scenario"] != "Baseline":
            found[one["summary"]].append(one["scenario"]["Mutant"]["name"])
    return found


def verdict(found, known, whole, say=print):
    """Prints what a run came to; whether nothing is new."""
    survivors = found.get("MissedMutant", [])
    new = compared(survivors, known)
    counts = [(len(names), words) for words, names in (
        ("caught by a test", found.get("CaughtMutant", [])),
        ("ended by the time limit", found.get("Timeout", [])),
        ("that do not compile", found.get("Unviable", [])),
        ("that survive", survivors),
    )]  # fmt: skip
    say(f"{sum(number for number, _ in counts)} mutants: " + ", ".join(f"{number} {words}" for number, words in counts))
    tested = [name for names in found.values() for name in names]
    for name in idle(tested, survivors, known) if whole else []:
        say(f"no longer survives, take it off {LIST.name}: {name}")
    for name in new:
        say(f"survives and is not listed: {name}")
    if new:
        say(f"Write a test that fails with each, or a line of {LIST.relative_to(ROOT)} that says why none can.")
    return not new


def installed():
    """cargo-mutants of the pinned version, installed beside the other parts where it is not."""
    program = WORK / "bin" / "cargo-mutants"
    if not (program.is_file() and VERSION in subprocess.run([program, "mutants", "--version"], capture_output=True, text=True).stdout):
        command = ["cargo", "install", "--locked", "--quiet", "--force", "--root", WORK, f"cargo-mutants@{VERSION}"]
        subprocess.run(command, check=True)
    return program


def run(part, folders):
    folder = WORK / "-".join(["run", *sorted(folders), *([part.replace("/", "-of-")] if part else [])])
    folder.mkdir(parents=True, exist_ok=True)
    runner = f"target.'cfg(all())'.runner = ['{HERE / 'runner'}']"
    jobs = str(os.cpu_count() or 1)
    command = [installed(), "mutants", "--dir", ROOT, "--output", folder, "--jobs", jobs, "--colors", "never", "--no-times",
        "--cargo-arg=--config", f"--cargo-arg={runner}"]  # fmt: skip
    if part:
        number, of = map(int, part.split("/"))
        command += ["--shard", f"{number - 1}/{of}"]
    if folders:
        command += ["--re", f"^src/({'|'.join(folders)})[./]"]
    # Each job builds in a folder of its own, which this variable would make one folder.
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    status = subprocess.run(command, env=environment).returncode
    if status not in (0, 2, 3):  # all caught, some survive, some took too long
        sys.exit(f"mutants: cargo-mutants ended with {status}")
    return outcomes(folder)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--part", metavar="K/N", help="the K-th of N parts")
    arguments.add_argument("folders", metavar="FOLDER", nargs="*", help="of src/; all that are examined without it")
    given = arguments.parse_args()
    if given.part and not re.fullmatch(r"[1-9]\d*/[1-9]\d*", given.part):
        arguments.error("--part is K/N, as in 2/3")
    try:
        known = listed(LIST.read_text())
    except Mistake as mistake:
        sys.exit(f"{LIST.relative_to(ROOT)}: {mistake}")
    sys.exit(not verdict(run(given.part, given.folders), known, whole=not given.part))


if __name__ == "__main__":
    main()
