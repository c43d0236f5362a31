"""The service control policies of deploy/scp.py, judged by two independent evaluators.

MiniStack's evaluator accepts any action and resource. @cloud-copilot/iam-simulate also knows AWS's Service
Authorization Reference: the existing actions and the resources of each. Both handle a Deny, conditions on principals
and missing context keys as AWS documents them.

iam-simulate is AGPL-3.0-or-later. Tests run it as a separate program; nothing that is built or released contains any
part of it.
"""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from conftest import ROOT
from server import PARTS

sys.path.append(str(ROOT / "deploy"))
import scp  # noqa: E402

ACCOUNT = "123456789012"
REGION = "eu-west-1"
GIVEN = {
    "STACK": "cfn-egress-guard",
    "ALIAS": "Security::Egress::SinglePort",
    "DEPLOYER": "cfn-egress-guard-deployment",
    "REGIONS": "eu-west-1,us-east-1",
}
ALLOW_ALL = parse_policy_document(
    json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
)

# New in CloudFormation's API reference of November 2026; the Service Authorization Reference in iam-simulate is older,
# so it does not contain their resources.
NOT_LISTED_YET = {"cloudformation:SetAlias", "cloudformation:RemoveAlias"}


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def policy(name, **given):
    return scp.rendered(name, scp.deployment_of({**GIVEN, **given}))


@dataclass(frozen=True)
class Request:
    """A call that everything else allows."""

    action: str
    resource: str
    principal: str
    region: str = REGION
    context: dict = field(default_factory=dict, hash=False)

    def keys(self):
        return {"aws:PrincipalArn": self.principal, "aws:RequestedRegion": self.region, **self.context}


def ministack(text, requests):
    document = parse_policy_document(text)
    for request in requests:
        context = EvalContext(
            principal_arn=request.principal,
            principal_type="AssumedRole",
            principal_account=ACCOUNT,
            action=request.action,
            resource_arn=request.resource,
            region=request.region,
            service_context={name.lower(): value for name, value in request.keys().items()},
        )
        result = evaluate(context, [ALLOW_ALL], [ALLOW_ALL, document])
        yield result.matched_sid if result.decision == "Deny" else None


def iam_simulate(text, requests):
    """Like ministack(), with "impossible" if AWS has no such action or resource."""
    questions = {
        "policy": json.loads(text),
        "requests": [
            {"action": r.action, "resource": r.resource, "principal": r.principal, "context": r.keys()} for r in requests
        ],
    }
    script = Path(__file__).with_name("policy_evaluator.cjs")
    run = subprocess.run(
        ["node", script, PARTS / "cdk"], input=json.dumps(questions), capture_output=True, text=True, timeout=100,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for answer in json.loads(run.stdout):
        if "impossible" in answer:
            assert set(answer["impossible"]) == {"message"}, answer
            assert answer["impossible"]["message"] in ("invalid.action", "no.resource.types", "must.use.wildcard"), answer
            yield "impossible"
        else:
            denied = {"ExplicitlyDenied": True, "Allowed": False}[answer["decision"]]
            assert denied == bool(answer["by"]), answer
            [sid] = set(answer["by"]) or {None}
            yield sid


def denied_by(text, requests):
    """Returns the statement that denies each request, or None if no statement does. Both evaluators must agree."""
    requests = list(requests)
    first, second = list(ministack(text, requests)), list(iam_simulate(text, requests))
    judged_by_both = set()
    for request, one, other in zip(requests, first, second, strict=True):
        if other != "impossible":
            assert one == other, f"MiniStack says {one}, iam-simulate {other}: {request}"
            judged_by_both.add(request.action)
    actions = {request.action for request in requests}
    assert actions - judged_by_both <= NOT_LISTED_YET, "each action with a resource that AWS has for it"
    return first


def statements(text):
    return {statement["Sid"]: statement for statement in json.loads(text)["Statement"]}


def product(actions, resources, principals, **more):
    return [Request(a, r, p, **more) for a, r, p in itertools.product(actions, resources, principals)]
