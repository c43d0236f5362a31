"""The scripts and the documented commands run in bash 3.2, which is the bash of macOS, and with the AWS CLI 2.

All scripts and commands were run once with bash 3.2.48; what follows refuses the constructs that it does not know, and
those that it reads in another way than later versions do.
"""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "deploy").glob("*.sh"))
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "deploy" / "ORGANIZATION.md"]

# What it is → how it looks. Sources: bash's NEWS, "This is a terse description of the new features added to bash-4.0"
# and so on up to 5.3.
LATER = {
    "mapfile and readarray (4.0)": r"\b(mapfile|readarray)\b",
    "associative arrays (4.0), -g (4.2), namerefs (4.3)": r"\b(declare|local|typeset)\s+-[a-zA-Z]*[Agn]",
    "case modification (4.0)": r"\$\{[A-Za-z_]\w*(\[[^]]*\])?(\^|,)",
    "transformation (4.4)": r"\$\{[A-Za-z_]\w*(\[[^]]*\])?@[A-Za-z]\}",
    "|& and &>> (4.0)": r"\|&|&>>",
    "coproc (4.0)": r"^\s*coproc\b",
    ";& and ;;& (4.0)": r";;?&",
    "globstar, lastpipe, nullglob's later relatives (4.0, 4.2)": r"shopt\s+-s\s+(globstar|lastpipe|inherit_errexit|localvar_inherit)",
    "read -i, -N (4.0, 4.1)": r"\bread\s+(-[a-z]+\s+)*-[a-z]*[iN]",
    "test -v (4.2)": r"\[\[?\s+(!\s+)?-v\s",
    "printf of times (4.2)": r"%\([^)]*\)T",
    "wait -n (4.3)": r"\bwait\s+-n",
    "negative positions (4.2, 4.3)": r"\$\{\w+\[-\d+\]\}|\$\{\w+:\s*\d+:\s*-\d+\}",
    "variables of later versions": r"\$\{?(BASHPID|EPOCHSECONDS|EPOCHREALTIME|SRANDOM|BASH_ARGV0)\b",
    "a fd that bash chooses (4.1)": r"\{[a-z_]+\}[<>]",
    "sequences with a step or with zeros (4.0)": r"\{\d+\.\.\d+\.\.\d+\}|\{0\d+\.\.",
    # 3.2 keeps the quotation marks of the new part; 5.2 reads & in one without.
    "a new part in ${text/old/new}": r"\$\{\w+//?(\"[^\"]*\"|[^}/\"]+)/[^}]*[\"$&]",
    # With the AWS CLI 2, file:// is base64 where bytes are asked for.
    "bytes as file://": r"--(payload|zip-file)\s+\"?file://",
}


def without_comments(text):
    return re.sub(r"(?m)(^|\s)#(?![\[{]).*$", r"\1", text)


def blocks(page):
    return re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def later_constructs(text):
    return [(name, found[0]) for name, how in LATER.items() for found in re.finditer(how, without_comments(text), re.MULTILINE)]


def unguarded_arrays(text):
    """Arrays that may be empty and are expanded bare, which `set -u` refuses before bash 4.4."""
    text = without_comments(text)
    may_be_empty = set(re.findall(r"\b(\w+)=\(\s*\)", text))
    bare = re.findall(r'(?<!\+)"\$\{(\w+)\[@\][^}+]*\}"', text)
    guarded_by_count = set(re.findall(r"\$\{#(\w+)\[@\]\}\" ?-gt 0|\$\{#(\w+)\[@\]\} -gt 0", text))
    counted = {name for pair in guarded_by_count for name in pair if name}
    return sorted((set(bare) & may_be_empty) - counted)


class Shell(unittest.TestCase):
    def test_scripts_and_pages_use_what_bash_3_2_has(self):
        self.assertGreaterEqual(len(SCRIPTS), 6)
        texts = {script.name: script.read_text() for script in SCRIPTS}
        texts |= {f"{page.name}, block {n}": text for page in PAGES for n, text in enumerate(blocks(page.read_text()))}
        for name, text in texts.items():
            with self.subTest(name):
                self.assertEqual(later_constructs(text), [])

    def test_an_empty_array_is_expanded_with_care(self):
        for script in SCRIPTS:
            with self.subTest(script.name):
                self.assertEqual(unguarded_arrays(script.read_text()), [])

    def test_no_script_opens_a_pager(self):
        for name in ("switch.sh", "policy.sh"):
            text = (ROOT / "deploy" / name).read_text()
            self.assertTrue('export AWS_PAGER=""' in text or ". \"$here/switch.sh\"" in text, name)

    def test_every_script_can_be_parsed(self):
        for script in SCRIPTS:
            subprocess.run(["bash", "-n", script], check=True)
        for page in PAGES:
            for block in blocks(page.read_text()):
                subprocess.run(["bash", "-n"], input=block, text=True, check=True)

    def test_a_failed_update_without_events_does_not_stop_the_script(self):
        """The AWS CLI prints None for an empty list, and grep finds nothing but that."""
        for printed, shown in (("None", ""), ("A\tdenied\nNone\nB\tdenied", "A\tdenied\nB\tdenied")):
            script = ". deploy/switch.sh; call() { out=$1; }; why=$(failures \"$1\" guard); printf '%s' \"$why\""
            run = subprocess.run(["bash", "-c", script, "bash", printed], cwd=ROOT, capture_output=True, text=True)
            self.assertEqual((run.returncode, run.stdout), (0, shown), run.stderr)

    def test_the_refusals_refuse(self):
        for bad in (
            "mapfile -t lines < x",
            "declare -A seen",
            "local -n other=$1",
            "echo ${name,,}",
            "echo ${name^}",
            'echo "${list[@]@Q}"',
            "a |& b",
            "a &>> b",
            "[[ -v name ]]",
            "printf '%(%F)T'",
            "wait -n",
            "echo ${list[-1]}",
            "echo $EPOCHSECONDS",
            'x=${text/"$old"/"$new"}',
            "x=${text//old/$new}",
            "exec {fd}>x",
            "aws lambda invoke --payload file://event.json",
        ):
            with self.subTest(bad):
                self.assertEqual(len(later_constructs(bad)), 1)
        for good in ("x=${bucket//'${AWS::Region}'/r}", "y=${name%%,*}", "a > b 2>&1", "echo ${x:+,}", "kept=$kept${kept:+,}$element"):
            with self.subTest(good):
                self.assertEqual(later_constructs(good), [])
        self.assertEqual(unguarded_arrays('rest=()\nf "${rest[@]}"\n'), ["rest"])
        self.assertEqual(unguarded_arrays('rest=()\nf ${rest[@]+"${rest[@]}"}\n'), [])


if __name__ == "__main__":
    unittest.main()
