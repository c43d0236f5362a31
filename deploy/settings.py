"""The settings of `make deploy`: environment variables, checked before anything is built.

    python3 deploy/settings.py names            check that no name is misspelled (needs only Python)
    .venv/bin/python deploy/settings.py plan    check the values, and that a first deployment sets FAILURE_MODE

`plan` asks CloudFormation for the stack, and prints the architecture and then SAM's parameter overrides, one a line.
"""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STACK = "cfn-egress-guard"  # as in samconfig.toml
# Names that may be set although they are not settings: for make, for tools, and in deploy/ORGANIZATION.md.
OTHERS = re.compile(r"STACK_NAME|REGIONS|ORGANIZATION|VENV|SAM_CLI_\w+|AWS_\w+|CARGO\w*|RUST\w*")


class Refused(Exception):
    """Why nothing is deployed."""


def settings():
    """Environment variable → parameter. switch.sh has the list."""
    listed = subprocess.run([ROOT / "deploy" / "switch.sh", "--settings"], check=True, capture_output=True, text=True)
    return dict(line.split()[:2] for line in listed.stdout.splitlines())


# ---- Names --------------------------------------------------------------------------------------------------------


def distance(one, other):
    """The edit distance: letters added, removed, changed, or swapped with their neighbor."""
    before, row = [], list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
            if i > 1 and j > 1 and (a, one[i - 2]) == (other[j - 2], b):
                row[j] = min(row[j], older[j - 2] + 1)
    return row[-1]


def meant(name, known):
    """The setting whose name is similar, or None. A parameter's name counts as its variable."""
    squashed = re.sub(r"[^A-Z0-9]", "", name.upper())
    found = []
    for variable, parameter in {**known, "STACK_NAME": "StackName"}.items():
        for spelling in (variable.replace("_", ""), parameter.upper()):
            allowed = 0 if len(spelling) < 5 else 1 if len(spelling) < 9 else 2
            letters = distance(squashed, spelling)
            if letters <= allowed:
                found.append((letters, variable))
    return min(found)[1] if found else None


def check_names(environment, named):
    """Refuses unknown names on make's command line, and misspelled settings in the environment."""
    known = settings()
    for name in [*named, *environment]:
        if name in known or OTHERS.fullmatch(name):
            continue
        suggestion = meant(name, known)
        if suggestion and suggestion not in environment:
            raise Refused(f"{name} is not a setting: did you mean {suggestion}? (If it has nothing to do with this deployment: unset {name})")
        if name in named:
            raise Refused(f"{name} is not a setting. The settings are: STACK_NAME {' '.join(known)}")


# ---- Values -------------------------------------------------------------------------------------------------------


def problem(parameter, value):
    """Why template.yaml does not allow a value, or None."""
    if '"' in value:
        return "must not contain quotation marks"  # SAM drops them silently
    if parameter["Type"] == "Number":
        if not re.fullmatch(r"-?\d+", value):
            return parameter["ConstraintDescription"]
        number = int(value)
        fits = parameter.get("MinValue", number) <= number <= parameter.get("MaxValue", number)
        fits = fits and number in parameter.get("AllowedValues", [number])
    else:
        values = [one.strip() for one in value.split(",")] if parameter["Type"] == "CommaDelimitedList" else [value]
        fits = all(
            one in parameter.get("AllowedValues", [one]) and re.search(parameter.get("AllowedPattern", ""), one)
            for one in values
        )
    return None if fits else parameter["ConstraintDescription"]


def given(environment, parameters):
    """Parameter → value of each setting in the environment."""
    values = {}
    for variable, parameter in settings().items():
        if variable in environment and not (variable == "ARCH" and environment[variable] == ""):
            values[parameter] = environment[variable]
            wrong = problem(parameters[parameter], environment[variable])
            if wrong:
                raise Refused(f"{variable}={environment[variable]!r}: {wrong}")
    return values


# ---- The stack ----------------------------------------------------------------------------------------------------


def deployed(name):
    """Parameter → value of the deployed stack, or None if there is no such stack."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    try:
        client = boto3.Session(region_name=region).client("cloudformation")
        [stack] = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise Refused(f"cannot look for the stack {name}: {error}") from error
    except BotoCoreError as error:
        raise Refused(f"needs AWS credentials and a Region (AWS_REGION) that work: {error}") from error
    if stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    if stack["StackStatus"] == "ROLLBACK_COMPLETE":
        raise Refused(f"the stack {name} was never created completely; delete it: aws cloudformation delete-stack --stack-name {name}")
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}


def plan(environment):
    """The architecture to build for, and the parameters to set."""
    from samcli.yamlhelper import yaml_parse

    values = given(environment, yaml_parse((ROOT / "template.yaml").read_text())["Parameters"])
    name = environment.get("STACK_NAME") or STACK
    before = deployed(name)
    if before is None and "FailureMode" not in values:
        raise Refused(
            f"the stack {name} does not exist yet. A first deployment must set FAILURE_MODE: WARN reports and allows"
            " deployments, FAIL blocks them"
        )
    host = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    architecture = values.pop("Architecture", None) or (before or {}).get("Architecture") or host
    if not {**(before or {}), **values}.get("AlarmTopicArn"):
        print("deploy: warning: the alarms have no SNS topic, so they notify nobody; set ALARM_TOPIC_ARN", file=sys.stderr)
    return architecture, values


def main(arguments):
    try:
        if arguments == ["names"]:
            check_names(os.environ, os.environ.get("GIVEN", "").split())
        elif arguments == ["plan"]:
            architecture, values = plan(os.environ)
            print(architecture)
            print(f"Architecture={architecture}", *(f'{name}="{value}"' for name, value in values.items()), sep="\n")
        else:
            sys.exit(__doc__)
    except Refused as why:
        print(f"deploy: {why}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
