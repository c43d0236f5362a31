"""Our parser against PyYAML, which reads YAML 1.1 as CloudFormation does, and Python's json: on the fixtures, on a
document for each syntax, and on random documents. The trees are equal, or differ for a listed reason.

PyYAML rejects more than CloudFormation (tabs, `=`): documents that it rejects are not compared.
"""

import json
import os
import random
import re
import subprocess

import pytest
import yaml

from conftest import ROOT

FIXTURES = sorted(
    path
    for folder in ("tests/fixtures", "examples", "deploy")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".yaml", ".json") and path.stat().st_size < 1_000_000
) + [ROOT / "template.yaml"]


class Loader(yaml.SafeLoader):
    """PyYAML, adapted where CloudFormation differs ("Template formats"; deployed templates)."""

    # In CloudFormation, dates are text, because it does not support the tag timestamp, and so is `=`.
    yaml_implicit_resolvers = {
        first: [it for it in resolvers if not it[0].endswith((":timestamp", ":value"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def function(loader, name, node):
    """Converts a function's short form to the long form, as our parser does."""
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt" and "." in value:
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


Loader.add_multi_constructor("!", function)


def name(key):
    """Returns a key as our parser does: a boolean becomes text."""
    return str(key).lower() if isinstance(key, bool) else key


def tree(value):
    """Returns a value in the form that `tree` prints. Raises for a key that is neither text nor a boolean: our parser
    reads it as written, but CloudFormation rejects it ("map keys must be strings", aws-cloudformation/cfn-lint#292)."""
    match value:
        case None:
            return ["null", None]
        case bool():
            return ["bool", value]
        case int():
            return ["int", value]
        case float():
            return ["float", value]
        case str():
            return ["text", value]
        case list():
            return ["list", [tree(entry) for entry in value]]
        case dict() if all(isinstance(key, str | bool) for key in value):
            return ["map", {name(key): tree(entry) for key, entry in value.items()}]
    raise OtherKey


class OtherKey(Exception):
    pass


def by_pyyaml(text):
    try:
        return tree(yaml.load(text, Loader=Loader))
    except (yaml.YAMLError, OtherKey, RecursionError):
        return None
    except (TypeError, ValueError, AttributeError, KeyError):
        return None  # PyYAML's constructors fail: `!!int x`, a list as a key


def plain(value):
    kind, content = value
    if kind == "list":
        return [kind, [plain(entry) for entry in content]]
    if kind == "map":
        return [kind, {key: plain(entry) for key, entry in content}]
    return [kind, float(content)] if kind == "float" else value


@pytest.fixture(scope="session")
def read():
    """Returns our parser's trees of texts."""
    program = (ROOT / os.environ.get("TREE", "target/debug/examples/tree")).resolve()
    assert os.access(program, os.X_OK), f"{program} is not there; build it with: cargo build --example tree"

    def read(texts):
        run = subprocess.run([program], input=json.dumps(texts), capture_output=True, text=True, check=True)
        return [None if kind == "refused" else plain([kind, content]) for kind, content in json.loads(run.stdout)]

    return read


# A number that YAML versions or parsers read differently is not a number in ours.
IN_DISPUTE = re.compile(
    r"""[-+]?( 0[0-9_]+ | 0x[0-9a-fA-F_]+ | 0b[01_]+ | 0o[0-7]+ | [0-9][0-9_]*_[0-9_]*        # base, underscores
        | [0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?                                             # base 60
        | [0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)? | \.[0-9][0-9_]*([eE][-+]?[0-9]+)?       # fractions, exponents
        | \.(inf|nan) )""",
    re.VERBOSE | re.IGNORECASE,
)


def differences(ours, theirs, path=""):
    """Yields the differences between two trees that no reason listed here explains."""
    (kind, mine), (other, its) = ours, theirs
    if kind == "disputed" and other in ("int", "float", "text") and IN_DISPUTE.fullmatch(mine):
        return
    # Not a 64-bit integer, so not a port, account or version either.
    if kind == "float" and other == "int" and abs(its) >= 2**63 and mine == float(its):
        return
    # Between quotes, PyYAML keeps YAML 1.1's other line breaks; ours turns them into spaces and line breaks, in text
    # only.
    if kind == other == "text" and re.sub(r"\s+", " ", mine).strip() == re.sub(r"\s+", " ", its).strip():
        if mine == its or re.search("[\x85\u2028\u2029]", its):
            return
    if kind == other == "map" and mine.keys() == its.keys():
        for key in mine:
            yield from differences(mine[key], its[key], f"{path}.{key}")
    elif kind == other == "list" and len(mine) == len(its):
        for index, pair in enumerate(zip(mine, its)):
            yield from differences(*pair, f"{path}[{index}]")
    elif ours != theirs:
        yield path, ours, theirs


def compare(read, texts, reader=by_pyyaml):
    """Compares the results of both parsers; returns the number of texts that both accepted."""
    both = 0
    for text, ours in zip(texts, read(texts)):
        theirs = reader(text)
        if theirs is None:
            continue
        assert ours is not None, f"ours refuses {text!r}"
        found = list(differences(ours, theirs))
        assert not found, f"{text!r}: {found[:3]}"
        both += 1
    return both


def test_the_fixtures_are_read_alike(read):
    texts = [path.read_text() for path in FIXTURES]
    broken = {"broken.yaml"}
    kept = [text for path, text in zip(FIXTURES, texts) if path.name not in broken]
    assert compare(read, kept) == len(kept)


def test_json_is_read_alike(read):
    texts = [path.read_text() for path in FIXTURES if path.suffix == ".json"]
    assert compare(read, texts, lambda text: tree(json.loads(text))) == len(texts) > 0


# Everything that YAML 1.1 reads as a boolean, null or a number, and text that only looks like one.
WORDS = [case(word) for word in ("yes", "no", "on", "off", "true", "false", "null", "y", "n", "nan", ".inf")
         for case in (str.lower, str.upper, str.capitalize, str.swapcase, lambda it: it[:1] + it[1:].upper())]  # fmt: skip
SCALARS = WORDS + """~ 0 1 -1 +1 -0 443 0443 08 00 0x1BB 0X1BB 0b11 0o17 1_000 1__0 0_7 _1 1:30 1:60 190:20:30 1:5.5 01:30 1.
    .5 -.5 +.5 0.5 1.10 1.0 443.00 1e3 1.5e3 1.5e+3 12e+3 1.5E-3 1_0.5_0 ._5 . .. - -- a:b a#b = << 2010-09-09
    2001-12-14T21:59:43Z 12:30:45 10.0.0.0/8 1.2.3 99999999999999999999 9223372036854775807 9223372036854775808 ::/0 2001:db8::1
    123456789012 012345678901 tcp AWS::Region""".split()  # fmt: skip
FORMS = ["a: {}\n", "- {}\n", "a: [{}, b]\n", "a: {{b: {}}}\n", "a: '{}'\n", 'a: "{}"\n', "a: !!str {}\n", "a: |-\n  {}\n",
         "a: !Equals [{}, '{}']\n", "a: !Ref {}\n", "{}: 1\n", "'{}': 1\n", "a: &x {}\nb: *x\n", "a: {} # c\n", "a: {}\r\nb: 1\r\n"]  # fmt: skip


def test_every_scalar_is_read_alike_in_every_form(read):
    texts = [form.replace("{}", scalar).replace("{{", "{").replace("}}", "}") for form in FORMS for scalar in SCALARS]
    # `<<` alone is a merge key or nothing in PyYAML. A number as a key is text in ours.
    assert compare(read, texts) > 0.8 * len(texts)


# Each syntax in which the parser that ours is built on differs from YAML 1.1, or might.
DOCUMENTS = [
    "a: !Join [-, [b, c]]\n", "a: [-]\n", "a: [b, -]\n", "a: {b: -, c: 1}\n", "a: [-,-]\n", "a: [b,\n-, c]\n", "- -\n- - a\n",
    "a: [b]# c\n", "a: {b: c}# d\n", 'a: "b"# c\n', "a: 'b'# c\n", "a: {b:{c: 1}}\n", "a: {Fn::If:[A, 1, 2]}\n", "a: [b:[1]]\n",
    "a: {Ref:Foo}\n", "a: {b: 1,}\n", "a: [1, 2,]\n", "{a: 1}\n", "{'a': 1, b: [2,],}\n", '{"a": 1, # c\n"b": 2}\n', "{a}\n",
    "a: 1\na: 2\n", "a: {b: 1, b: 2}\n", '{"a": 1, "a": 2}', '{"\\u0061": 1, "a": 2}', "a: &x {b: 1}\nc: {<<: *x, b: 2}\n",
    "a: &x {b: 1}\nc: {<<: *x, d: 2}\ne: {<<: [*x, {b: 3, f: 4}]}\n", "<<: {a: 1}\n<<: {a: 2, b: 1}\n", "<<: {a: 1}\na: 2\n",
    "'<<': {a: 1}\n", "a: &x 1\nb: *x\n", "a: &x [1, 2]\nb: [*x, *x]\n", "&x a: 1\nb: *x\n", "a: !!int '443'\n", "a: !!int 0443\n",
    "a: !!bool yes\n", "a: !!bool 'no'\n", "a: !!null x\n", "a: !!float 1\n", "a: !!str\n", "a: !!str 1\n", "a: ! [1]\n", "a: ! {b: 1}\n",
    "a: !<tag:yaml.org,2002:str> yes\n", "%YAML 1.1\n---\na: yes\n", "%YAML 1.2\n---\na: yes\n", "---\na: 1\n...\n", "--- {a: 1}\n",
    "a: 1\n---\n", "a: 1\n...\n# b\n", "\ufeffa: 1\n", "a: 1\r\nb:\r\n  - 2\r\n", "a: 1\rb: 2\r", "a: |\n  b\n   c\n\n  d\n", "a: >\n  b\n  c\n\n  d\n",
    "a: |+\n  b\n\n", "a: >-\n  b\n", "a: |2\n   b\n", "a: |\n  b", "a: >\n  b", "a: b\n  c\n", 'a: "b\n  c\\\n  d"\n', "a: 'b\n\n  c'\n", 'a: "\\x41\\u00e9\\/"\n',
    "? a\n: b\n", "? a\n", "a: 'it''s'\n", "a: b # c\u2028d: e\n", "a: b\x85c: d\n", "a: 'b\u2028c'\n", "a:\n- b\n- c\n", "a:\n  b:\n", "a: !GetAtt b.c.d\n",
    "a: !Sub\n  - ${b}\n  - {b: yes}\n", "a: !Ref yes\n", "a: !If [yes, 1, 2]\n", "on: 1\nyes: 2\n", "a: [yes, 'yes', !!str yes]\n", "#\na: 1 #\n",
]  # fmt: skip


def test_each_way_of_writing_is_read_alike(read):
    assert compare(read, DOCUMENTS) > 0.9 * len(DOCUMENTS)


def any_value(pick, depth):
    """Returns a value between brackets, with each part in a random syntax."""
    if depth == 0 or pick.random() < 0.4:
        scalar = pick.choice([it for it in SCALARS if not re.search(r"[,\[\]{}#]|^[-!&*=<]|:$", it)] + ["-", "b c", "a, b"])
        style = pick.choice(["plain", "plain", "single", "double", "str"])
        plain_scalar = scalar if "," not in scalar else json.dumps(scalar)
        written = {"single": f"'{scalar}'", "double": json.dumps(scalar), "str": f"!!str {plain_scalar}"}
        return written.get(style, plain_scalar)
    parts = [any_value(pick, depth - 1) for _ in range(pick.randrange(4))]
    space = pick.choice(["", " ", "\n  ", " # c\n  "])
    if pick.random() < 0.5:
        tag = pick.choice(["", "", "!Join ", "!If ", "!Select ", "! ", "!!seq "])
        return f"{tag}[{', '.join(parts)}{space}]"
    keys = pick.sample(["a", "b", "Ref", "'c'", '"d"', "on", "Fn::If", "a"], len(parts))
    colon = pick.choice([": ", ": ", " : "])
    return f"{{{', '.join(key + colon + part for key, part in zip(keys, parts))}{space}}}"


def any_document(pick):
    lines = []
    for key in pick.sample(["a", "b", "'c'", "no", "Resources", "a"], pick.randrange(1, 5)):
        style = pick.choice(["flow", "flow", "list", "nested", "literal", "folded", "quoted"])
        value = any_value(pick, 3)
        lines.append({
            "flow": f"{key}: {value}",
            "list": f"{key}:\n- {any_value(pick, 2)}\n- {any_value(pick, 2)}",
            "nested": f"{key}:\n  x: {any_value(pick, 2)}\n  y:\n    - {any_value(pick, 1)}",
            "literal": f"{key}: |\n  {value.splitlines()[0]}\n   [-, x]# y",
            "folded": f"{key}: >-\n  x: -\n  {value.splitlines()[0]}",
            "quoted": f"{key}: {json.dumps(value)}",
        }[style])  # fmt: skip
    return pick.choice(["\n", "\r\n"]).join("\n".join(lines).split("\n")) + pick.choice(["", "\n"])


def test_documents_made_at_random_are_read_alike(read):
    pick = random.Random(20260901)
    texts = [any_document(pick) for _ in range(1_500)]
    assert compare(read, texts) > 0.6 * len(texts), "too few documents are read by both"


def test_json_made_at_random_is_read_alike(read):
    pick = random.Random(20260902)

    def value(depth):
        if depth == 0 or pick.random() < 0.4:
            return pick.choice([None, True, False, 0, -1, 443, 65536, 1.5, "", "yes", "0443", "é\u2028\"\\", "{", "//", "#"])
        if pick.random() < 0.5:
            return [value(depth - 1) for _ in range(pick.randrange(4))]
        return {pick.choice(["a", "b", "yes", "<<", "é", "Ref", "//", ""]): value(depth - 1) for _ in range(pick.randrange(4))}

    styles = [{}, {"indent": 1}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}]
    texts = [json.dumps({"a": value(4)}, **pick.choice(styles)) for _ in range(1_000)]
    assert compare(read, texts, lambda text: tree(json.loads(text))) == len(texts)
    # With a comma after the last entry, and comments, ours reads the same.
    loose = [re.sub(r"\}$", ', // c\n "z": [1, /* , */ 2,],}', text) for text in texts]
    expected = [tree(json.loads(text) | {"z": [1, 2]}) for text in texts]
    for text, ours, theirs in zip(loose, read(loose), expected):
        assert ours is not None, f"ours refuses {text!r}"
        assert not list(differences(ours, theirs)), text
