"""moto with the parts of StackSets that it lacks: the resource type, and operations with their preferences.

    python moto_with_stack_sets.py -H 127.0.0.1 -p PORT

moto creates organizations and accounts, keeps stacks, parameters and templates, and supports StackSets through their
API. This driver adds, in the same process:

- AWS::CloudFormation::StackSet, service-managed, checked against CloudFormation's own schema of the type: created,
  and updated when parameters or template change. It creates the stacks in the members' accounts, where they can be
  described and updated like others.
- Its operations, according to the API Reference's StackSetOperationPreferences: one Region after the other or all at
  once, a maximum number of concurrent accounts, strict or soft concurrency, failure tolerance per Region; a Region with
  more failures stops the operation and those after it. A stack counts as two minutes: the EndTimestamp shows how long
  the operation takes. The file that FAILING_ACCOUNTS names lists the accounts whose stacks fail, one a line; StackSets skips one with `suspended:` before it.
- A stack whose StackSet's operation failed: UPDATE_ROLLBACK_COMPLETE, with the previous parameters and StackSet.
- UsePreviousValue of a parameter that was never given, for which moto raises KeyError, and lists and numbers among
  a stack's parameters as the texts that CloudFormation returns.

It does not play: queued operations, automatic deployment, and AWS's own throttling.
"""

import copy
import functools
import json
import math
import os
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import cfnlint.data.schemas
import jsonschema
from moto import server
from moto.cloudformation import models, parsing
from moto.cloudformation.models import StackInstance, cloudformation_backends, get_stack_from_s3_url
from moto.core.common_models import CloudFormationModel
from moto.utilities.utils import get_partition

TYPE = "AWS::CloudFormation::StackSet"
MINUTES_A_STACK = 2


def schema():
    schemas = Path(cfnlint.data.schemas.__file__).parent
    name = json.loads((schemas / "providers" / "us-east-1.json").read_text())[TYPE]
    return json.loads((schemas / "resources" / f"{name}.json").read_text())


def failing():
    path = Path(os.environ.get("FAILING_ACCOUNTS", ""))
    return set(path.read_text().split()) if path.is_file() else set()


# ---- Operations ---------------------------------------------------------------------------------------------------


def share(percentage, accounts):
    return math.floor(int(percentage) * accounts / 100)


def region_of_operation(accounts, preferences, work):
    """Updates the accounts of one Region. Returns the number of rounds, and whether the Region was stopped."""
    tolerance = share(preferences.get("FailureTolerancePercentage", 0), len(accounts))
    concurrent = max(1, share(preferences.get("MaxConcurrentPercentage", 1), len(accounts)))
    strict = preferences.get("ConcurrencyMode", "STRICT_FAILURE_TOLERANCE") == "STRICT_FAILURE_TOLERANCE"
    rounds, failures, left = 0, 0, list(accounts)
    while left and failures <= tolerance:
        at_once = min(concurrent, tolerance + 1 - failures) if strict else concurrent
        failures += sum(not work(account) for account in left[:at_once])
        left, rounds = left[at_once:], rounds + 1
    return rounds, failures > tolerance


def operate(regions, accounts, preferences, work):
    """Updates every account in every Region. Returns the number of minutes that this takes, and whether it
    succeeded."""
    in_parallel = preferences.get("RegionConcurrencyType") == "PARALLEL"
    order = preferences.get("RegionOrder", []) or regions
    rounds, stopped = [], False
    for region in sorted(regions, key=lambda region: order.index(region) if region in order else len(order)):
        if stopped and not in_parallel:
            break
        of_region, failed = region_of_operation(accounts, preferences, lambda account, region=region: work(account, region))
        rounds.append(of_region)
        stopped = stopped or failed
    return MINUTES_A_STACK * (max if in_parallel else sum)(rounds), not stopped


# ---- The members' stacks ------------------------------------------------------------------------------------------


class MemberStack(StackInstance):
    """A stack in the member's account, named by StackSets."""

    __module__ = models.__name__  # moto sorts its models by this

    def __init__(self, account_id, region, stack_set):
        self.account_id, self.region_name, self.stackset_id = account_id, region, stack_set.id
        self.stack_name = f"StackSet-{stack_set.name}-{uuid.uuid4()}"
        self.permission_model = "SELF_MANAGED"  # in moto: a stack that is visible and that its owner deletes
        self.template, self.parameters, self.status, self.reason = stack_set.template, [], "CURRENT", ""
        self.stack = cloudformation_backends[account_id][region].create_stack(
            name=self.stack_name, template=stack_set.template, parameters=dict(stack_set.parameters)
        )

    def bring_up_to_date(self, stack_set):
        if f"suspended:{self.account_id}" in failing():
            self.status, self.reason = "OUTDATED", "the account is suspended"
            return True
        if self.account_id in failing():
            self.status, self.reason = "OUTDATED", "ResourceLogicalId:EgressHook: the account does not let StackSets in"
            return False
        self.stack.update(stack_set.template, parameters=dict(stack_set.parameters))
        self.status, self.reason = "CURRENT", ""
        return True

    def to_dict(self):
        described = {**super().to_dict(), "StackId": self.stack.stack_id, "Status": self.status}
        skipped = self.reason == "the account is suspended"
        detailed = "SKIPPED_SUSPENDED_ACCOUNT" if skipped else {"CURRENT": "SUCCEEDED", "OUTDATED": "FAILED"}[self.status]
        return {**described, "StatusReason": self.reason, "StackInstanceStatus": {"DetailedStatus": detailed}}


class GuardStackSet(CloudFormationModel):
    """The resource in a template."""

    __module__ = models.__name__

    def __init__(self, properties, account_id, region):
        for parameter in properties["Parameters"]:
            parameter["ParameterValue"] = str(parameter["ParameterValue"])  # a Number's, which moto parses as a number
        jsonschema.validate(properties, schema())
        self.account_id, self.region, self.properties, self.failed = account_id, region, properties, False
        self.physical_resource_id = properties["StackSetName"]

    @property
    def backend(self):
        return cloudformation_backends[self.account_id][self.region]

    @staticmethod
    def cloudformation_name_type():
        return "StackSetName"

    @staticmethod
    def cloudformation_type():
        return TYPE

    @classmethod
    def has_cfn_attr(cls, _attribute):
        return True

    def is_created(self):
        return True

    def values(self):
        """Returns the template and parameters that the members get."""
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in self.properties["Parameters"]}
        return get_stack_from_s3_url(self.properties["TemplateURL"], self.account_id, get_partition(self.region)), parameters

    def targets(self, stack_set):
        """Returns the accounts of the units, and the Regions."""
        [group] = self.properties["StackInstancesGroup"]
        units = group["DeploymentTargets"]["OrganizationalUnitIds"]
        members = [one.id for one in stack_set.instances.org_backend.accounts if one.parent_id in units]
        return members, group["Regions"]

    def operation(self, stack_set, action):
        members, regions = self.targets(stack_set)

        def work(account, region):
            instance = stack_set.instances.get_instance(account, region)
            if instance:
                return instance.bring_up_to_date(stack_set)
            stack_set.stack_instances.append(MemberStack(account, region, stack_set))
            return True

        for instance in stack_set.stack_instances:
            instance.status, instance.reason = "OUTDATED", "not tried"
        minutes, succeeded = operate(regions, members, self.properties.get("OperationPreferences", {}), work)
        status = "SUCCEEDED" if succeeded else "FAILED"
        made = stack_set._create_operation(str(uuid.uuid4()), action, status, members, regions)
        made["EndTimestamp"] = made["CreationTimestamp"] + timedelta(minutes=minutes)
        self.failed = not succeeded

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_more):
        made = cls(cloudformation_json["Properties"], account_id, region_name)
        template, parameters = made.values()
        stack_set = made.backend.create_stack_set(
            made.physical_resource_id, template, parameters, {}, "SERVICE_MANAGED", None, None, ""
        )
        stack_set.resource = made
        made.operation(stack_set, "CREATE")
        return made

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
        made = cls(cloudformation_json["Properties"], account_id, region_name)
        stack_set = made.backend.describe_stack_set(made.physical_resource_id)
        before, after = original_resource.values(), made.values()
        stack_set.template, stack_set.parameters = after
        stack_set.resource = made
        if before != after or original_resource.failed:
            made.operation(stack_set, "UPDATE")
        return made

    @classmethod
    def delete_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name):
        stack_set = cloudformation_backends[account_id][region_name].describe_stack_set(resource_name)
        for instance in list(stack_set.stack_instances):
            instance.delete()
        stack_set.stack_instances.clear()
        stack_set.delete()


# ---- Into moto ----------------------------------------------------------------------------------------------------


def with_rollback(update):
    """Runs Stack.update, and rolls back if an operation of a StackSet failed."""

    def update_or_back(stack, template, role_arn=None, parameters=None, tags=None):
        before = stack.template, dict(stack.parameters)
        update(stack, template, role_arn, parameters, tags)
        failed = [one for one in stack.resource_map._parsed_resources.values() if getattr(one, "failed", False) is True]
        if failed:
            event = models.Event(stack.stack_id, stack.name, "GuardStackSet", failed[0].physical_resource_id, TYPE,
                                 "UPDATE_FAILED", "The operation of the StackSet failed: too many accounts failed", None)  # fmt: skip
            stack.events.append(event)
            update(stack, before[0], role_arn, before[1], tags)
            stack.status = "UPDATE_ROLLBACK_COMPLETE"
            stack._add_stack_event("UPDATE_ROLLBACK_COMPLETE")

    return update_or_back


def as_given(stack):
    """Returns a stack's parameters as texts, as CloudFormation stores and describes them."""
    values = stack.resource_map.resolved_parameters.items()
    return {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in values}


def parsed_once(parse):
    """Caches Stack.parse_template, which parses the same text for each of a StackSet's stacks and takes half a
    second."""
    parse = functools.cache(parse)
    return staticmethod(lambda template: copy.deepcopy(parse(template)))


def update_stack_set(backend, stackset_name, **_given):
    """Plays UpdateStackSet with the previous values: repeats the operation with the resource's preferences."""
    stack_set = backend.describe_stack_set(stackset_name)
    stack_set.resource.operation(stack_set, "UPDATE")
    return stack_set.operations[-1]


def previous_or_default(_backend, instance, incoming_params):
    known = as_given(instance) if isinstance(instance, models.Stack) else instance.parameters
    return {
        one["ParameterKey"]: known[one["ParameterKey"]] if one.get("UsePreviousValue") else one["ParameterValue"]
        for one in incoming_params
    }


def install():
    models.Stack.update = with_rollback(models.Stack.update)
    models.Stack.parse_template = parsed_once(models.Stack.parse_template)
    models.Stack.parameter_list = property(
        lambda stack: [{"ParameterKey": name, "ParameterValue": value} for name, value in as_given(stack).items()]
    )
    models.CloudFormationBackend.update_stack_set = update_stack_set
    models.CloudFormationBackend._resolve_update_parameters = previous_or_default
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()


if __name__ == "__main__":
    install()
    server.main(sys.argv[1:])
