"""MiniStack with the part of CloudFormation that it lacks: Lambda Hooks.

    python ministack_with_hooks.py        (address in BIND_HOST and GATEWAY_PORT, as for MiniStack)

MiniStack parses and deploys templates, orders resources, resolves intrinsics, rolls back, keeps stack events, and runs
functions behind the Lambda API. This driver adds, in the same process:

- AWS::CloudFormation::LambdaHook, checked against CloudFormation's own schema of the type. Unsupported properties
  (role filters, FilteringCriteria ANY, TargetFilters.Targets) are rejected, never ignored.
- An account that may use only the Regions in REGIONS, if that is set.
- Failures that a test requests, in the file that REFUSED names: each line is update or rollback, and a logical ID.
- AWS::EC2::SecurityGroupEgress, created and removed through MiniStack's EC2 API.
- AWS::Logs::QueryDefinition, checked against CloudFormation's own schema and not stored.
- StartQuery of Logs Insights through insights.py, because MiniStack does not support `stats`.
- DescribeStackResources by the physical ID of a resource; MiniStack requires the stack's name.
- AWS::CloudFormation::StackSet, also checked and written to the log as "StackSet: {…}": it creates no instances.
- ActivateOrganizationsAccess, which answers and does nothing.
- TemplateURL with the bucket in the host name; MiniStack looks for it only in the path.
- Fn::Join, Fn::Split, an Fn::Sub of parameters and AWS::AccountId within Conditions, which MiniStack does not
  resolve there.
- BatchDescribeTypeConfigurations and SetTypeConfiguration of these hooks: status, failure mode, and the rest unchanged.
- The code of a function's published version at GetFunction's Code.Location; MiniStack serves the unpublished code.
- Before a resource is created or updated, an invocation of the function of every enabled hook with matching
  filters, through MiniStack's Lambda API with the documented payload, and the effects of the answer: the two
  stack events per hook and, with FailureMode FAIL, the failure of the resource. The texts of these events come from
  AWS's documentation and published stack events. After that, MiniStack continues: the CREATE_FAILED or
  UPDATE_FAILED event, the rollback, and the stack's status.
- CloudFormation Hook Invocation Progress, on MiniStack's EventBridge, with the fields that AWS publishes.

It does not play: hooks on STACK, CHANGE_SET and CLOUD_CONTROL, on deletes and on nested stacks, retries and the
30-second limit, and the execution role's permissions. AWS does not document whether hooks run during a rollback: here
they do if HOOKS_ON_ROLLBACKS is set. A replacement counts as an update (AWS does not document this either).
"""

import fnmatch
import json
import os
import re
import uuid
from pathlib import Path

import boto3
import cfnlint.data.schemas
import jsonschema
from botocore.config import Config
from ministack import app
from ministack.core.responses import get_account_id, get_region
from ministack.services import account, cloudwatch_logs, eventbridge, lambda_svc
from ministack.services.cloudformation import (
    _stack_events,
    _stacks,
    changesets,
    engine,
    handlers,
    helpers,
    provisioners,
    stacks,
)
from ministack.services.cloudformation.helpers import _esc

import insights
from protocol import resource_request

HOOK = "AWS::CloudFormation::LambdaHook"
EGRESS = "AWS::EC2::SecurityGroupEgress"
QUERY = "AWS::Logs::QueryDefinition"
STACK_SET = "AWS::CloudFormation::StackSet"
HOOKED = ("AWS::EC2::SecurityGroup", EGRESS)  # runs off the event loop, so that a hook can call back
REASON_CHARS = 1024


def client(service):
    """Returns a client of MiniStack's own API, in the account and Region of the current operation."""
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        region_name=get_region(),
        aws_access_key_id=get_account_id(),  # MiniStack's way to identify the calling account
        aws_secret_access_key="test",
        config=Config(connect_timeout=2, read_timeout=30, retries={"total_max_attempts": 1}, proxies={}),
    )


def resource_schema(type_name):
    schemas = Path(cfnlint.data.schemas.__file__).parent
    name = json.loads((schemas / "providers" / "us-east-1.json").read_text())[type_name]
    text = (schemas / "resources" / f"{name}.json").read_text()
    # Python requires a pattern's flags at its start.
    return json.loads(text.replace("(?!(?i)aws)", "(?!(?i:aws))"))


def create_only(schema):
    return tuple(pointer.rsplit("/", 1)[-1] for pointer in schema["createOnlyProperties"])


# ---- AWS::CloudFormation::LambdaHook ------------------------------------------------------------------------------

HOOK_SCHEMA = resource_schema(HOOK)
hooks = {}  # ARN → properties


def put_hook(properties):
    jsonschema.validate(properties, HOOK_SCHEMA)
    filters = properties.get("StackFilters", {})
    not_played = [
        name
        for name, used in (
            ("StackFilters.StackRoles", "StackRoles" in filters),
            ("StackFilters.FilteringCriteria ANY", filters.get("FilteringCriteria") == "ANY"),
            ("TargetFilters.Targets", "Targets" in properties.get("TargetFilters", {})),
        )
        if used
    ]
    if not_played:
        raise ValueError(f"the driver does not play {', '.join(not_played)}")
    arn = hook_arn(properties)
    hooks[arn] = properties
    return arn, {"HookArn": arn}


def hook_arn(properties):
    name = properties["Alias"].replace("::", "-")
    return f"arn:aws:cloudformation:{get_region()}:{get_account_id()}:type/hook/{name}"


def create_hook(_logical_id, properties, _stack_name):
    if hook_arn(properties) in hooks:
        raise ValueError(f"a hook named {properties['Alias']} exists already")
    return put_hook(properties)


def update_hook(_arn, _old, new, _stack_name):
    return put_hook(new)


def delete_hook(arn, _properties):
    del hooks[arn]


def described_types(params):
    """Plays BatchDescribeTypeConfigurations for a hook by its name."""
    alias = params["TypeConfigurationIdentifiers.member.1.TypeName"][0]
    arn = hook_arn({"Alias": alias})
    if arn not in hooks:
        error = f"<Errors><member><ErrorCode>TypeNotFound</ErrorCode><ErrorMessage>{_esc(alias)}</ErrorMessage></member></Errors>"
        return answered("BatchDescribeTypeConfigurations", error)
    hook = hooks[arn]
    configuration = {
        "HookInvocationStatus": hook["HookStatus"],
        "FailureMode": hook["FailureMode"],
        "TargetOperations": hook["TargetOperations"],
        "Properties": {"LambdaFunction": hook["LambdaFunction"]},
        **{name: hook[name] for name in ("TargetFilters", "StackFilters") if name in hook},
    }
    text = json.dumps({"CloudFormationConfiguration": {"HookConfiguration": configuration}})
    member = f"<Arn>{arn}</Arn><Configuration>{_esc(text)}</Configuration><TypeName>{alias}</TypeName>"
    return answered(
        "BatchDescribeTypeConfigurations", f"<TypeConfigurations><member>{member}</member></TypeConfigurations>"
    )


def set_type(params):
    """Plays SetTypeConfiguration: the input replaces the whole configuration."""
    given = json.loads(params["Configuration"][0])["CloudFormationConfiguration"]["HookConfiguration"]
    arn = hook_arn({"Alias": params["TypeName"][0]})
    properties = {
        "Alias": params["TypeName"][0],
        "ExecutionRole": hooks[arn]["ExecutionRole"],
        "HookStatus": given["HookInvocationStatus"],
        "LambdaFunction": given["Properties"]["LambdaFunction"],
        **{name: given[name] for name in ("FailureMode", "TargetOperations", "TargetFilters", "StackFilters") if name in given},
    }
    put_hook(properties)
    return answered("SetTypeConfiguration", f"<ConfigurationArn>{arn}/default</ConfigurationArn>")


def answered(action, content):
    text = f"<{action}Response><{action}Result>{content}</{action}Result></{action}Response>"
    return 200, {"Content-Type": "text/xml"}, text.encode()


def matches(value, patterns):
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns)


def applies(hook, stack_name, resource_type, action):
    targets = hook.get("TargetFilters", {})
    names = hook.get("StackFilters", {}).get("StackNames", {})
    return (
        hook["HookStatus"] == "ENABLED"
        and "RESOURCE" in hook["TargetOperations"]
        and matches(resource_type, targets.get("TargetNames", ["*"]))
        and action in targets.get("Actions", ["CREATE", "UPDATE", "DELETE"])
        and "PRE_PROVISION" in targets.get("InvocationPoints", ["PRE_PROVISION"])
        and matches(stack_name, names.get("Include", ["*"]))
        and not matches(stack_name, names.get("Exclude", []))
    )


# ---- Invocations and their events ---------------------------------------------------------------------------------


class HooksFailed(Exception):
    """Fails the resource; MiniStack includes the text in its event."""


def run_hooks(action, resource_type, logical_id, stack_name, properties, previous):
    failed = []
    invoked = False
    of_this_region = [hook for arn, hook in hooks.items() if arn == hook_arn(hook)]
    for hook in [hook for hook in of_this_region if applies(hook, stack_name, resource_type, action)]:
        invoked = True
        fields = {
            "HookType": hook["Alias"],
            "HookInvocationPoint": "PRE_PROVISION",
            "HookFailureMode": hook["FailureMode"],
            "HookInvocationId": str(uuid.uuid4()),
        }

        def event(status, reason, fields=fields):
            record(stack_name, logical_id, resource_type, action, "",
                   HookStatus=status, HookStatusReason=reason[:REASON_CHARS], **fields)  # fmt: skip

        event("HOOK_IN_PROGRESS", "Invoking hook")
        status, reason = invoke(hook, action, resource_type, logical_id, stack_name, properties, previous)
        event(status, reason)
        publish(hook, action, resource_type, logical_id, status, reason)
        if status != "HOOK_COMPLETE_SUCCEEDED" and hook["FailureMode"] == "FAIL":
            failed.append(hook["Alias"])
    if failed:
        raise HooksFailed(f"The following hook(s) failed: [{', '.join(failed)}]")
    if invoked:
        initiated = {"CREATE": "creation", "UPDATE": "update"}[action]
        record(stack_name, logical_id, resource_type, action, f"Hook invocations complete.  Resource {initiated} initiated")


def publish(hook, action, resource_type, logical_id, status, reason):
    """Publishes the event about the end of an invocation (its fields: aws-cdk's mixins for aws.cloudformation)."""
    detail = {
        "hook-detail": {
            "hook-type-name": hook["Alias"], "hook-type-arn": hook_arn(hook), "hook-version": "00000001",
            "failure-mode": hook["FailureMode"], "description": "", "documentation-url": "", "source-url": "",
        },
        "target-detail": {
            "target-name": resource_type, "target-type": "RESOURCE", "target-id": logical_id, "target-action": action,
            "target-invocation-point": "PRE_PROVISION",
        },
        "status": status,
        "status-reason": reason[:REASON_CHARS],
        "result": {"data": ""},
    }  # fmt: skip
    entry = {"Source": "aws.cloudformation", "DetailType": "CloudFormation Hook Invocation Progress", "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def refused():
    path = Path(os.environ.get("REFUSED", ""))
    return path.read_text().splitlines() if path.is_file() else []


def invoke(hook, action, resource_type, logical_id, stack_name, properties, previous):
    """Calls the hook's function once. Returns the hook's status and the reason that a user reads."""
    request = resource_request(
        without_system_tags(properties),
        previous=previous and without_system_tags(previous),
        action=f"{action}_PRE_PROVISION",
        target=resource_type,
        logical_id=logical_id,
        stack_id=_stacks[stack_name]["StackId"],
        alias=hook["Alias"],
        function=hook["LambdaFunction"],
    )
    try:
        result = client("lambda").invoke(FunctionName=hook["LambdaFunction"], Payload=json.dumps(request))
        payload = result["Payload"].read()
        if "FunctionError" in result:
            raise ValueError(f"the function failed: {payload!r}")
        answer = json.loads(payload)
        message = answer.get("message", "")
        if answer["hookStatus"] == "SUCCESS":
            return "HOOK_COMPLETE_SUCCEEDED", f"Hook succeeded with message: {message}"
        return "HOOK_COMPLETE_FAILED", f"Hook failed with message: {message}"
    except Exception as error:  # of any kind: the hook could not be evaluated
        return "HOOK_FAILED", f"The driver could not evaluate the hook: {error}"


def without_system_tags(properties):
    """Returns the template's properties: MiniStack adds CloudFormation's and the stack's tags beforehand."""
    tags = [tag for tag in properties.get("Tags", []) if not tag["Key"].startswith("aws:cloudformation:")]
    rest = {name: value for name, value in properties.items() if name != "Tags"}
    return {**rest, "Tags": tags} if tags else rest


def record(stack_name, logical_id, resource_type, action, reason, **hook_fields):
    stack_id = _stacks[stack_name]["StackId"]
    stacks._add_event(stack_id, stack_name, logical_id, resource_type, f"{action}_IN_PROGRESS", reason)
    _stack_events[stack_id][-1].update(hook_fields)


def with_hook_fields(describe_stack_events):
    """Adds the fields of hooks to MiniStack's DescribeStackEvents, which returns only the fields that it knows."""

    def answer(params):
        status, headers, body = describe_stack_events(params)
        text = body.decode()
        for events in _stack_events.values():
            for event in events:
                if "HookType" in event:
                    fields = "".join(f"<{k}>{_esc(v)}</{k}>" for k, v in event.items() if k.startswith("Hook"))
                    mark = f"<EventId>{event['EventId']}</EventId>"
                    text = text.replace(mark, mark + fields)
        return status, headers, text.encode()

    return answer


# ---- AWS::EC2::SecurityGroupEgress --------------------------------------------------------------------------------


def permission(properties):
    described = {"Description": properties["Description"]} if "Description" in properties else {}
    ports = {name: int(properties[name]) for name in ("FromPort", "ToPort") if name in properties}
    for member, list_name, field in (
        ("CidrIp", "IpRanges", "CidrIp"),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
        ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ):
        if member in properties:
            destination = {list_name: [{field: properties[member], **described}]}
    return {"GroupId": properties["GroupId"],
            "IpPermissions": [{"IpProtocol": str(properties["IpProtocol"]), **ports, **destination}]}  # fmt: skip


def create_egress(_logical_id, properties, _stack_name):
    client("ec2").authorize_security_group_egress(**permission(properties))
    rule_id = f"sgr-{uuid.uuid4().hex[:17]}"
    return rule_id, {"Id": rule_id}


def delete_egress(_rule_id, properties):
    client("ec2").revoke_security_group_egress(**permission(properties))


# ---- AWS::Logs::QueryDefinition -----------------------------------------------------------------------------------


def put_query(properties):
    jsonschema.validate(properties, resource_schema(QUERY))
    query_id = str(uuid.uuid4())
    return query_id, {"QueryDefinitionId": query_id}


def with_statistics(start_query):
    """Plays StartQuery, with the results of insights.py."""

    def answer(data):
        status, headers, body = start_query(data)
        if status == 200:
            query = cloudwatch_logs._queries[json.loads(body)["queryId"]]
            groups = cloudwatch_logs._resolve_query_log_groups(data)
            records = cloudwatch_logs._collect_query_records(groups, data["startTime"], data["endTime"])
            lines = [(one["@message"], one["@timestamp"]) for one in records if one["@message"].startswith("{")]
            rows = insights.Query(data["queryString"]).run(sorted(lines, key=lambda line: line[1]))
            query["results"] = [
                [{"field": name, "value": str(value)} for name, value in row.items() if value is not None] for row in rows
            ]
        return status, headers, body

    return answer


# ---- DescribeStackResources ---------------------------------------------------------------------------------------


def by_physical_id(describe_stack_resources):
    """Plays DescribeStackResources: the resources of the stack that has a resource with this physical ID."""

    def answer(params):
        if "PhysicalResourceId" in params:
            [wanted] = params["PhysicalResourceId"]
            for name, stack in _stacks.items():
                if any(one.get("PhysicalResourceId") == wanted for one in stack.get("_resources", {}).values()):
                    return describe_stack_resources({"StackName": [name]})
            return helpers._error("ValidationError", f"Stack for {wanted} does not exist")
        return describe_stack_resources(params)

    return answer


# ---- AWS::CloudFormation::StackSet and what belongs to it -----------------------------------------------------------


def put_stack_set(properties):
    preferences = properties["OperationPreferences"]
    for name in ("MaxConcurrentPercentage", "FailureTolerancePercentage"):
        preferences[name] = int(preferences[name])  # CloudFormation converts a parameter's text to a number
    jsonschema.validate(properties, resource_schema(STACK_SET))
    print("StackSet:", json.dumps(properties), flush=True)
    return properties["StackSetName"], {"StackSetId": f"{properties['StackSetName']}:{uuid.uuid4()}"}


def activate_organizations_access(_params):
    return helpers._xml(200, "ActivateOrganizationsAccessResponse", "<ActivateOrganizationsAccessResult/>")


def path_style(urlparse):
    """Converts a URL with the bucket in the host name to one with the bucket in the path."""

    def parse(url):
        parsed = urlparse(url)
        bucket, separator, _ = parsed.netloc.partition(".s3.")
        return parsed._replace(path=f"/{bucket}{parsed.path}") if separator else parsed

    return parse


# ---- Conditions ---------------------------------------------------------------------------------------------------


def with_lists(evaluate_conditions):
    """Evaluates a template's Conditions with MiniStack, after resolving functions of texts and lists in them."""

    def evaluate(template, parameters):
        def elements(value):
            # In MiniStack, a CommaDelimitedList is the given text.
            return value if isinstance(value, list) else [element.strip() for element in value.split(",")]

        def resolve(value):
            if isinstance(value, list):
                return [resolve(element) for element in value]
            if not isinstance(value, dict):
                return value
            if "Ref" in value and value["Ref"] in parameters:
                return parameters[value["Ref"]]["Value"]
            if value == {"Ref": "AWS::AccountId"}:
                return get_account_id()
            if "Fn::Join" in value:
                separator, parts = resolve(value["Fn::Join"])
                return separator.join(elements(parts))
            if "Fn::Split" in value:
                separator, text = resolve(value["Fn::Split"])
                return text.split(separator)
            if "Fn::Sub" in value:
                return re.sub(r"\$\{(\w+)\}", lambda name: parameters[name[1]]["Value"], value["Fn::Sub"])
            return {name: resolve(member) for name, member in value.items()}

        return evaluate_conditions({**template, "Conditions": resolve(template.get("Conditions", {}))}, parameters)

    return evaluate


# ---- The code of a version ---------------------------------------------------------------------------------------


def with_code_of_the_version(get_function):
    """Plays GetFunction, with the version in Code.Location."""

    def answer(name, qualifier=None):
        status, headers, body = get_function(name, qualifier)
        described = json.loads(body)
        version = described.get("Configuration", {}).get("Version", "$LATEST")
        if version != "$LATEST":
            code = described["Code"]
            code["Location"] = code["Location"].replace(f"/{name}?", f"/{name}:{version}?")
        return status, headers, json.dumps(described).encode()

    return answer


def of_the_version(serve_function_code):
    def serve(name, account_id=None, region=None):
        name, _, version = name.partition(":")
        if not version:
            return serve_function_code(name, account_id=account_id, region=region)
        function = lambda_svc._functions.get_scoped(account_id, region, name)
        return 200, {"Content-Type": "application/zip"}, function["versions"][version]["code_zip"]

    return serve


# ---- Into MiniStack -----------------------------------------------------------------------------------------------


def install():
    provisioners._RESOURCE_HANDLERS[HOOK] = {"create": create_hook, "update": update_hook, "delete": delete_hook}
    provisioners._RESOURCE_HANDLERS[EGRESS] = {"create": create_egress, "delete": delete_egress}
    provisioners._RESOURCE_HANDLERS[QUERY] = {
        "create": lambda _logical_id, properties, _stack_name: put_query(properties),
        "delete": lambda _query_id, _properties: None,
    }
    provisioners._RESOURCE_HANDLERS[STACK_SET] = {
        "create": lambda _logical_id, properties, _stack_name: put_stack_set(properties),
        "update": lambda _name, _old, new, _stack_name: put_stack_set(new),
        "delete": lambda _name, _properties: None,
    }
    handlers._ACTION_HANDLERS["ActivateOrganizationsAccess"] = activate_organizations_access
    helpers.urlparse = path_style(helpers.urlparse)
    provisioners._REPLACING_PROPERTIES[HOOK] = create_only(HOOK_SCHEMA)
    provisioners._REPLACING_PROPERTIES[EGRESS] = create_only(resource_schema(EGRESS))

    create, update, off_the_loop = stacks._provision_resource, stacks._update_resource, stacks._runs_on_worker_thread

    def create_after_hooks(resource_type, logical_id, properties, stack_name):
        run_hooks("CREATE", resource_type, logical_id, stack_name, properties, None)
        return create(resource_type, logical_id, properties, stack_name)

    def update_after_hooks(resource_type, physical_id, old, new, stack_name, logical_id=None, attributes=None):
        rolls_back = "ROLLBACK" in _stacks[stack_name]["StackStatus"]
        if f"{'rollback' if rolls_back else 'update'} {logical_id}" in refused():
            raise ValueError("Access denied (ordered by the test)")
        if old != new and (not rolls_back or "HOOKS_ON_ROLLBACKS" in os.environ):
            run_hooks("UPDATE", resource_type, logical_id, stack_name, new, old)
        return update(resource_type, physical_id, old, new, stack_name, logical_id, attributes)

    stacks._provision_resource = create_after_hooks
    stacks._update_resource = update_after_hooks
    stacks._runs_on_worker_thread = lambda resource_type: resource_type in HOOKED or off_the_loop(resource_type)
    evaluate_conditions = with_lists(engine._evaluate_conditions)
    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = evaluate_conditions
    handlers._ACTION_HANDLERS["BatchDescribeTypeConfigurations"] = described_types
    handlers._ACTION_HANDLERS["SetTypeConfiguration"] = set_type
    if "REGIONS" in os.environ:
        account._REGIONS_LIST = os.environ["REGIONS"].split(",")
    lambda_svc._get_function = with_code_of_the_version(lambda_svc._get_function)
    lambda_svc.serve_function_code = of_the_version(lambda_svc.serve_function_code)
    handlers._ACTION_HANDLERS["DescribeStackResources"] = by_physical_id(handlers._describe_stack_resources)
    cloudwatch_logs._start_query = with_statistics(cloudwatch_logs._start_query)
    handlers._ACTION_HANDLERS["DescribeStackEvents"] = with_hook_fields(handlers._describe_stack_events)


if __name__ == "__main__":
    install()
    app.main()
