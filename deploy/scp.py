"""Writes the two service control policies of ORGANIZATION.md into dist/, for the names of one deployment.

    make scp STACK=cfn-egress-guard ALIAS=Security::Egress::SinglePort DEPLOYER=cfn-egress-guard-deployment \\
      REGIONS=eu-west-1,us-east-1 ALLOW=cdk,cloudformation=cfn-service-*

STACK     name of the guard's stack and of its StackSet; separate several with commas
ALIAS     name of the hook (HookAlias)
DEPLOYER  name of each role that deploys the guard: the one that calls CloudFormation and, if there is one, the
          service role that it hands to CloudFormation; with its path, if it has one
REGIONS   Regions that have a guard, or all
ALLOW     optional: who may still call EC2 directly, by the names that this command lists, or as NAME=ROLE for a role
          that does not have the usual name

What would protect nothing, or lock what is not the guard's, is refused.
"""

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from scp_callers import CALLERS

OUTPUT = Path(__file__).resolve().parent.parent / "dist"

# The maximum length of a service control policy in characters, including white space (AWS Organizations, "Quotas"). The
# quota was raised since; a policy within this limit works everywhere. An eighth remains free for your additions.
MAX_CHARACTERS = 5120 * 7 // 8

# The roles with which service-managed StackSets act in a member account, including custom ones.
STACK_SET_ROLES = "stacksets-exec-*"

# The minimum number of characters of a stack's name that CloudFormation keeps in generated names of functions, roles,
# rules and queues, as in StackSet-cfn-custom-resou-CloudWatchAlarmTaggerFun-BY3KGvhxtgfW.
KEPT_CHARACTERS = 24


class Refused(Exception):
    """The reason why no policy is written."""


@dataclass(frozen=True)
class Deployment:
    """The names in the policies."""

    stacks: tuple[str, ...]
    hook: str
    deployers: tuple[str, ...]
    regions: tuple[str, ...]  # empty: all
    allowed: tuple[tuple[str, str], ...] = ()  # of CALLERS, with a role's name or an empty text

    def roles_let_through(self):
        """Returns the names of the roles that may call EC2 directly, in addition to those that deploy the guard."""
        return [role for name, given in self.allowed for role in ([given] if given else CALLERS[name].roles)]

    def services_of_roles(self):
        return sorted({service for name, _ in self.allowed for service in CALLERS[name].passed_to})

    def services_let_through(self):
        named = [service for name, given in self.allowed if not given for service in CALLERS[name].called_via]
        return ["cloudformation.amazonaws.com", *named]


# ---- What may not be done ------------------------------------------------------------------------------------------

OF_THE_REGISTRY = (
    "ActivateType", "DeactivateType", "DeregisterType", "RegisterType", "SetTypeConfiguration", "SetTypeDefaultVersion",
)  # fmt: skip
# A second name for a stack would bypass its first one.
OF_STACK_ALIASES = ("RemoveAlias", "SetAlias")
OF_THE_GUARD = {
    "cloudformation": (
        "CancelUpdateStack", "ContinueUpdateRollback", "CreateChangeSet", "CreateStack", "CreateStackInstances",
        "CreateStackRefactor", "DeleteStack", "DeleteStackInstances", "DeleteStackSet", "ExecuteChangeSet",
        "ExecuteStackRefactor", "ImportStacksToStackSet", "RollbackStack", "SetStackPolicy", "StopStackSetOperation",
        "UpdateStack", "UpdateStackInstances", "UpdateStackSet", "UpdateTerminationProtection",
    ),
    "cloudwatch": ("DeleteAlarms", "DisableAlarmActions", "PutAlarmMuteRule", "PutMetricAlarm"),
    "events": ("DeleteRule", "DisableRule", "PutRule", "PutTargets", "RemoveTargets"),
    "iam": (
        "AttachRolePolicy", "CreateRole", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy",
        "DetachRolePolicy", "PassRole", "PutRolePermissionsBoundary", "PutRolePolicy", "UpdateAssumeRolePolicy",
        "UpdateRole", "UpdateRoleDescription",
    ),
    "lambda": (
        "AddPermission", "CreateAlias", "DeleteAlias", "DeleteFunction", "DeleteFunctionConcurrency",
        "DeleteFunctionEventInvokeConfig", "PublishVersion", "PutFunctionCodeSigningConfig", "PutFunctionConcurrency",
        "PutFunctionEventInvokeConfig", "PutRuntimeManagementConfig", "RemovePermission", "UpdateAlias",
        "UpdateFunctionCode", "UpdateFunctionConfiguration", "UpdateFunctionEventInvokeConfig",
    ),
    "logs": (
        "AssociateKmsKey", "DeleteLogGroup", "DeleteLogStream", "DeleteMetricFilter", "DeleteRetentionPolicy",
        "PutDataProtectionPolicy", "PutMetricFilter", "PutRetentionPolicy",
    ),
    # The events of direct calls that did not reach the function.
    "sqs": ("AddPermission", "DeleteMessage", "DeleteQueue", "PurgeQueue", "RemovePermission", "SetQueueAttributes"),
}  # fmt: skip


# ---- The two policies ---------------------------------------------------------------------------------------------


def role_arns(names):
    return [f"arn:*:iam::*:role/{name}" for name in names]


def deny(sid, actions, resources, condition):
    return {"Sid": sid, "Effect": "Deny", "Action": sorted(actions), "Resource": resources, "Condition": condition}


def all_but(deployment, *more, **other):
    """Returns a condition that is true for everyone except `more` and the roles that deploy the guard."""
    roles = role_arns([STACK_SET_ROLES, *deployment.deployers, *more])
    return {"ArnNotLike": {"aws:PrincipalArn": roles}, **other}


def in_its_regions(deployment):
    """Returns a condition on the Regions. Not for IAM, whose calls are in the Region of the partition's IAM."""
    return {"StringEquals": {"aws:RequestedRegion": list(deployment.regions)}} if deployment.regions else {}


def named_after(stacks, pattern):
    """Returns the resources that are named after a stack or after a StackSet's stacks."""
    return [pattern.format(name) for stack in stacks for name in (stack, f"StackSet-{stack}")]


def shortened(stacks, pattern):
    return [pattern.format(name[:KEPT_CHARACTERS]) for stack in stacks for name in (stack, f"StackSet-{stack}-")]


def protect_hook(deployment):
    stacks = deployment.stacks
    guard = [
        *named_after(stacks, "arn:*:cloudformation:*:*:stack/{}*"),
        *(f"arn:*:cloudformation:*:*:stackset/{stack}*" for stack in stacks),
        *named_after(stacks, "arn:*:logs:*:*:log-group:/aws/*/{}*"),
        *shortened(stacks, "arn:*:lambda:*:*:function:{}*"),
        *shortened(stacks, "arn:*:cloudwatch:*:*:alarm:{}*"),
        *shortened(stacks, "arn:*:events:*:*:rule/{}*"),
        *shortened(stacks, "arn:*:sqs:*:*:{}*"),
        *shortened(stacks, "arn:*:iam::*:role/{}*"),
        *role_arns([STACK_SET_ROLES]),
        *locked(role_arns(deployment.deployers), stacks),
    ]
    return [
        # For all resources: AWS documents no resource of these actions that a policy could name.
        deny("HooksAndStackAliases", of("cloudformation", *OF_THE_REGISTRY, *OF_STACK_ALIASES), ["*"],
             all_but(deployment, **in_its_regions(deployment))),
        # One statement, because all have the same condition: an action applies only to resources of its own service.
        deny("GuardByName", [action for service, operations in OF_THE_GUARD.items() for action in of(service, *operations)],
             guard, all_but(deployment)),
    ]  # fmt: skip


def of(service, *operations):
    return [f"{service}:{operation}" for operation in operations]


def locked(deployers, stacks):
    """Returns the deploying roles that no pattern of the guard's names covers already."""
    covered = tuple(f"arn:*:iam::*:role/{stack}"[: len("arn:*:iam::*:role/") + KEPT_CHARACTERS] for stack in stacks)
    return [role for role in deployers if not role.startswith(covered)]


def refuse_direct_egress(deployment):
    roles = deployment.roles_let_through()
    not_through_them = {"aws:CalledViaLast": deployment.services_let_through()}
    statements = [
        deny("EgressOnlyThroughCloudFormation",
             of("ec2", "AuthorizeSecurityGroupEgress", "ModifySecurityGroupRules"), ["*"],
             all_but(deployment, *roles, StringNotEqualsIfExists=not_through_them, **in_its_regions(deployment))),
    ]  # fmt: skip
    if not roles:
        return statements
    changes = [
        "AttachRolePolicy", "CreateRole", "DeleteRolePermissionsBoundary", "PutRolePermissionsBoundary",
        "PutRolePolicy", "UpdateAssumeRolePolicy",
    ]  # fmt: skip
    statements.append(deny("ExemptRoles", of("iam", *changes), role_arns(roles), all_but(deployment)))
    # Passing a role to its own service is normal; passing it to another would bypass the policy.
    elsewhere = all_but(deployment)
    if services := deployment.services_of_roles():
        elsewhere["StringNotEqualsIfExists"] = {"iam:PassedToService": services}
    statements.append(deny("ExemptRolesOnlyForTheirServices", of("iam", "PassRole"), role_arns(roles), elsewhere))
    return statements


POLICIES = {"protect-hook": protect_hook, "refuse-direct-egress": refuse_direct_egress}


def rendered(name, deployment):
    """Formats a policy: one member of a statement on each line."""
    statements = []
    for statement in POLICIES[name](deployment):
        members = [f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in statement.items()]
        statements.append("{" + ",\n ".join(members) + "}")
    text = '{"Version": "2012-10-17", "Statement": [\n' + ",\n".join(statements) + "\n]}\n"
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"{name} would have {len(text)} characters, and more than {MAX_CHARACTERS} leave no room below the "
                      "5,120 that every organization takes: name fewer stacks, roles or callers, or REGIONS=all")  # fmt: skip
    return text


# ---- What is given ------------------------------------------------------------------------------------------------


def names(variable, given):
    found = tuple(filter(None, re.split(r"[,\s]+", given.get(variable, ""))))
    if not found:
        raise Refused(f"{variable} is not set; without it a policy protects nothing")
    return found


def role_name(variable, name):
    if name.startswith("arn:"):
        raise Refused(f"{variable} takes the names of roles, not ARNs: {name}")
    if not re.fullmatch(r"[A-Za-z0-9_+=.@*?/-]+", name) or name.startswith("/") or len(name) > 512:
        raise Refused(f"{variable}: {name} is not the name of a role")
    characters = re.sub(r"[*?]", "", name.rsplit("/", 1)[-1])
    if len(characters) < len(name.rsplit("/", 1)[-1]) and len(characters) < 8:
        raise Refused(f"{variable}: {name} fits other people's roles too, and the policy would allow them; "
                      "give at least 8 characters beside * and ?")  # fmt: skip
    return name


def allowed(entry):
    name, _, role = entry.partition("=")
    if name not in CALLERS:
        raise Refused(f"ALLOW: {name} is unknown; there are {', '.join(CALLERS)}")
    if role:
        return name, role_name("ALLOW", role)
    if not CALLERS[name].roles and not CALLERS[name].called_via:
        raise Refused(f"ALLOW: {name} has no usual role; name yours: {name}=ROLE")
    return name, ""


def deployment_of(given):
    """Creates the deployment from environment variables."""
    stacks = names("STACK", given)
    for stack in stacks:
        if not re.fullmatch(r"[A-Za-z][-A-Za-z0-9]{0,127}", stack):
            raise Refused(f"STACK: {stack} is not the name of a stack")
        if stack.startswith("StackSet-"):
            raise Refused(f"STACK: give the name of the StackSet, not of a stack that it made: {stack}")
        if len(stack) < 8:
            raise Refused(f"STACK: the policy locks whatever begins with {stack}, other people's resources included; "
                          "the name needs at least 8 characters")  # fmt: skip
    hook = given.get("ALIAS", "")
    if not re.fullmatch(r"(?![Aa][Ww][Ss])[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,59}", hook):
        raise Refused(f"ALIAS must be the name of the hook, such as Security::Egress::SinglePort, not {hook or 'empty'}")
    regions = names("REGIONS", given)
    for region in regions if regions != ("all",) else ():
        if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]", region):
            raise Refused(f"REGIONS: {region} is not a Region; write eu-west-1,us-east-1 or all")
    deployers = tuple(role_name("DEPLOYER", name) for name in names("DEPLOYER", given))
    callers = tuple(allowed(entry) for entry in filter(None, re.split(r"[,\s]+", given.get("ALLOW", ""))))
    return Deployment(stacks, hook, deployers, () if regions == ("all",) else regions, callers)


def summary(deployment):
    where = ", ".join(deployment.regions) or "every Region"
    hooks = [f"{deployment.hook}{suffix}" for suffix in ("", "Stack")]
    yield f"protect-hook locks the hooks {' and '.join(hooks)} in {where}, and with them every other hook, resource type and"
    yield "module of CloudFormation's registry there: nobody else can activate, register or configure an extension."
    yield "refuse-direct-egress would stop, unless ALLOW names them:"
    chosen = {name for name, _ in deployment.allowed}
    for name, caller in CALLERS.items():
        yield f"  {'allows' if name in chosen else 'stops'}  {name}: {caller.who}"


def main():
    try:
        deployment = deployment_of(os.environ)
        texts = {name: rendered(name, deployment) for name in POLICIES}
    except Refused as refused:
        sys.exit(f"scp: {refused}")
    OUTPUT.mkdir(exist_ok=True)
    for name, text in texts.items():
        path = OUTPUT / f"{name}.scp.json"
        path.write_text(text)
        print(f"{path.relative_to(OUTPUT.parent)}: {len(text)} characters of {MAX_CHARACTERS}")
    print("\n".join(summary(deployment)))


if __name__ == "__main__":
    main()
