"""This project's evaluator against two others: MiniStack's and LocalStack's CloudFormation engines.

Each deploys the same templates (tests/fixtures/engines, which together use every intrinsic function) and is recorded
where a hook gets a resource's properties; ours is what `rehearse` sends to a hook. All properties of security groups
and egress rules must be equal, value by value and type by type. The known differences are listed below with their
reasons; the test fails for a new difference, and for one that no longer occurs.

Values that ours reports as "not known here" (an ID, an import, a Systems Manager parameter) must be known to the other.
"""

import re

import pytest

from conftest import ROOT
from engines import NOT_ASKED, Ours, localstack, ministack

FOLDER = ROOT / "tests" / "fixtures" / "engines"
EXPORTS = FOLDER / "exports.yaml"  # deployed before the others, which import from it
TEMPLATES = {path.stem: path for path in sorted(FOLDER.iterdir()) if path != EXPORTS}
ENGINES = {"ministack": ministack, "localstack": localstack}
GIVEN = {"ref": {"Given": "8443"}}
INCLUDED = {
    "rule.yaml": "IpProtocol: tcp\nFromPort: 80\nToPort: 443\nCidrIp: 10.0.0.0/8\n",
    "tags.yaml": "Tags: [{Key: team, Value: web}]\n",
}
NOT_KNOWN = "not known here"

# Functions that only the section Rules supports: they do not produce a property.
OF_RULES = {"Contains", "EachMemberEquals", "EachMemberIn", "RefAll", "ValueOf", "ValueOfAll"}
PSEUDO_PARAMETERS = {"AccountId", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix"}

# LocalStack: a Number parameter, or text that looks like a number after Fn::Sub, is a number. In CloudFormation it is
# text ("Parameters": "When you use the parameter elsewhere in your template, … the parameter value becomes a string").
NUMBER = "LocalStack hands a number on where CloudFormation has text"


def numbers(*paths):
    return {path: (str(number), number) for path, number in paths}


INCLUDE = "what AWS::Include brings in stands in S3, where ours does not look"
TAGS = {"Web.Tags[0].Key": (None, "team"), "Web.Tags[0].Value": (None, "web")}
TRANSFORM_IN_LIST = "LocalStack fails on Fn::Transform within a list"
NO_PATH = "refused: exception while calling cloudformation.CreateStack: Parse error at 1:47 near token 0 (NUMBER)"
STACK_OUTPUT = {"Fn::GetStackOutput": {"StackName": "exports", "OutputName": "Port"}}


DISPUTED = (
    "ours leaves as text the numbers that YAML 1.1 and 1.2 read differently, and calls such a port ambiguous; theirs is YAML 1.1",
    {
        "Web.SecurityGroupEgress[0].FromPort": ("0443", 291),
        "Web.SecurityGroupEgress[1].FromPort": ("0x1bb", 443),
        "Web.SecurityGroupEgress[1].ToPort": ("4_43", 443),
    },
)

DIFFERENCES = {
    ("ministack", "scalars-in-dispute"): DISPUTED,
    ("localstack", "scalars-in-dispute"): DISPUTED,
    ("localstack", "scalars-null"): (
        "LocalStack fails on null",
        "refused: exception while calling cloudformation.CreateStack: Unsupported type <class 'NoneType'>",
    ),
    ("ministack", "conditions-of-functions"): (
        "MiniStack does not resolve Fn::FindInMap in conditions: IsOpen is false",
        {"Web.SecurityGroupEgress[0].FromPort": (1, 2)},
    ),
    ("ministack", "get-att-of-vpc"): (
        "MiniStack has no attribute CidrBlock of a VPC",
        "failed: Requested attribute CidrBlock does not exist in schema for AWS::EC2::VPC",
    ),
    ("ministack", "get-stack-output"): (
        "MiniStack does not know the function, which is newer",
        "refused: Template format error: could not determine a constructor for the tag '!GetStackOutput'",
    ),
    ("ministack", "include"): (INCLUDE, TAGS),
    ("ministack", "include-value"): (
        INCLUDE,
        {
            "Web": (NOT_ASKED, None),
            "Web.GroupDescription": (None, "included"),
            "Web.SecurityGroupEgress[0].CidrIp": (None, "10.0.0.0/8"),
            "Web.SecurityGroupEgress[0].FromPort": (None, 80),
            "Web.SecurityGroupEgress[0].IpProtocol": (None, "tcp"),
            "Web.SecurityGroupEgress[0].ToPort": (None, 443),
        },
    ),
    ("ministack", "pseudo-in-conditions"): (
        "MiniStack does not resolve AWS::Region in conditions: IsHere is false",
        {"Web.SecurityGroupEgress[0].FromPort": (443, 1)},
    ),
    ("ministack", "tags"): (
        "MiniStack does not know the short forms of AWS::LanguageExtensions",
        "refused: Template format error: could not determine a constructor for the tag '!ToJsonString'",
    ),
    ("ministack", "transform-tag"): (
        "MiniStack does not know this short form",
        "refused: Template format error: could not determine a constructor for the tag '!Transform'",
    ),
    ("localstack", "cidr"): (
        "LocalStack does not resolve Fn::Cidr within Fn::Select",
        "refused: Template error: Fn::Select requires a list argument with two elements: an integer index and a list",
    ),
    ("localstack", "conditions-of-functions"): (
        "LocalStack's Fn::Equals tells the text 443 from the number: SecondIsHttps is false. CloudFormation compares texts",
        {"Web.SecurityGroupEgress[0].ToPort": (3, 4)},
    ),
    ("localstack", "find-in-map-default"): (
        "LocalStack fails on a default value",
        "refused: exception while calling cloudformation.CreateStack: ChangeSetModelPreproc._resolve_mapping() "
        "takes 4 positional arguments but 5 were given",
    ),
    ("localstack", "for-each"): (
        "LocalStack does not expand a loop within a loop",
        "refused: Template format error: Unresolved resource dependencies [Name] in the Resources block of the template",
    ),
    ("localstack", "for-each-letters"): (
        "LocalStack does not know &{Identifier}",
        "refused: Fn::ForEach: no placeholder in logical resource id",
    ),
    ("localstack", "for-each-references"): (
        "LocalStack does not replace an identifier in Fn::Sub within Fn::GetAtt",
        "refused: Template format error: Unresolved resource dependencies [${Name}Group] in the Resources block of the template",
    ),
    ("localstack", "forms"): (NUMBER, numbers(("Web.SecurityGroupEgress[0].FromPort", 443))),
    ("localstack", "get-stack-output"): (
        "LocalStack does not know the function, which is newer, and hands it on",
        {f"Web.SecurityGroupEgress[0].{port}": (NOT_KNOWN, STACK_OUTPUT) for port in ("FromPort", "ToPort")},
    ),
    ("localstack", "if"): (NUMBER, numbers(("List.SecurityGroupEgress[1].FromPort", 2))),
    ("localstack", "include"): (INCLUDE, TAGS),
    ("localstack", "include-value"): (TRANSFORM_IN_LIST, NO_PATH),
    ("localstack", "pseudo"): (
        "LocalStack's AWS::URLSuffix is its own domain",
        {"Web.SecurityGroupEgress[1].Description": ("amazonaws.com", "localhost.localstack.cloud")},
    ),
    ("localstack", "ref"): (
        NUMBER,
        numbers(
            ("Parameters.SecurityGroupEgress[0].FromPort", 443),
            ("Parameters.SecurityGroupEgress[0].ToPort", 443),
            ("Parameters.SecurityGroupEgress[1].FromPort", 8443),
            ("Parameters.SecurityGroupEgress[1].ToPort", 8443),
            ("Parameters.SecurityGroupEgress[3].FromPort", 443),
            ("Parameters.SecurityGroupEgress[3].ToPort", 8443),
        ),
    ),
    ("localstack", "select-numbers"): (
        "LocalStack does not select with an index that is a parameter",
        "failed: Fn::Select list contains unresolved elements",
    ),
    ("localstack", "sub"): (
        NUMBER,
        numbers(
            ("Text.SecurityGroupEgress[0].FromPort", 443),
            ("Text.SecurityGroupEgress[0].ToPort", 443),
            ("Text.SecurityGroupEgress[1].FromPort", 8443),
            ("Values.SecurityGroupEgress[0].FromPort", 8480),
            ("Values.SecurityGroupEgress[0].ToPort", 8480),
        ),
    ),
    ("localstack", "sub-literal"): (
        "LocalStack takes ${!Literal} for a name",
        "refused: Template format error: Unresolved resource dependencies [!Port] in the Resources block of the template",
    ),
    ("localstack", "transform-tag"): (TRANSFORM_IN_LIST, NO_PATH),
    ("localstack", "to-json-string-of-functions"): (
        "LocalStack makes JSON of the function; CloudFormation of its value (\"Fn::ToJsonString\")",
        {"Web.GroupDescription": ('{"name":"web"}', '{"name":{"Ref":"Name"}}')},
    ),
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request, tmp_path_factory):
    """Another implementation, with the values that the templates look up there."""
    engine = ENGINES[request.param](tmp_path_factory.mktemp(request.param))
    try:
        engine.client("ssm").put_parameter(Name="/network/port", Value="443", Type="String")
        engine.client("ssm").put_parameter(Name="/network/ports", Value="80,443", Type="StringList")
        engine.client("s3").create_bucket(Bucket="snippets")
        for name, snippet in INCLUDED.items():
            engine.client("s3").put_object(Bucket="snippets", Key=name, Body=snippet.encode())
        assert engine.resolve(EXPORTS, {}) == {}
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="module")
def ours(program, tmp_path_factory):
    ours = Ours(program, tmp_path_factory.mktemp("ours"))
    yield ours
    ours.stop()


def leaves(value, path):
    """Returns the scalars in a value, lists and objects without scalars, and unresolved functions, by path."""
    if isinstance(value, dict) and value and not any(key == "Ref" or key.startswith("Fn::") for key in value):
        return {at: leaf for key, entry in value.items() for at, leaf in leaves(entry, f"{path}.{key}").items()}
    if isinstance(value, list) and value:
        return {at: leaf for n, entry in enumerate(value) for at, leaf in leaves(entry, f"{path}[{n}]").items()}
    return {path: value}


def differences(ours, theirs):
    """Returns the differences by path: our value and theirs, each `None` if missing."""
    if isinstance(theirs, str):
        return theirs
    ours, theirs = ({at: leaf for name in it for at, leaf in leaves(it[name], name).items()} for it in (ours, theirs))
    return {
        at: (ours.get(at), theirs.get(at))
        for at in sorted(ours.keys() | theirs.keys())
        if (ours.get(at), type(ours.get(at))) != (theirs.get(at), type(theirs.get(at)))
    }


@pytest.mark.parametrize("name", TEMPLATES)
def test_both_resolve_a_template_to_the_same_properties(ours, engine, name):
    resolved = ours.resolve(TEMPLATES[name], GIVEN.get(name, {}))
    assert resolved, "the template has nothing to compare"
    found = differences(resolved, engine.resolve(TEMPLATES[name], GIVEN.get(name, {})))
    if isinstance(found, dict):
        found = {
            at: (NOT_KNOWN if at in ours.unknown else mine, its)
            for at, (mine, its) in found.items()
            if at not in ours.unknown or not isinstance(its, str | int)
        }
    _, expected = DIFFERENCES.get((engine.name, name), ("", {}))
    assert found == expected


def test_the_templates_use_every_function_in_every_form():
    text = "\n".join(path.read_text() for path in TEMPLATES.values())
    table = (ROOT / "src" / "source" / "tag.rs").read_text()
    known = dict(re.findall(r'\("!(\w+)", "((?:Fn::)?\w+)"\)', table))
    assert len(known) > len(OF_RULES), "the table of tags is not found any more"
    for tag, name in known.items():
        if tag not in OF_RULES:
            assert re.search(rf"!{tag}\b", text), f"no template has !{tag}"
            assert re.search(rf"(['\"]?)\b{name}\1: ", text), f"no template has {name}"
    assert set(re.findall(r"AWS::(\w+)\b(?!::)", text)) >= PSEUDO_PARAMETERS
    assert "Fn::ForEach::" in text


def test_every_listed_difference_is_one_of_a_template_and_has_a_reason():
    for (engine, name), (reason, found) in DIFFERENCES.items():
        assert engine in ENGINES and name in TEMPLATES and reason and found
