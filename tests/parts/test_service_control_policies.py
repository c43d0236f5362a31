"""The service control policies of deploy/scp.py, judged by two independent evaluators (policies.py).

Neither models that a service control policy does not apply to the management account, and nothing here tests it.
"""

import fnmatch
import json

import pytest
from cfnlint.decode import cfn_yaml
from moto.iam.aws_managed_policies import aws_managed_policies_data

from conftest import ROOT
from policies import ACCOUNT, GIVEN, REGION, Request, denied_by, policy, product, role, scp, statements

DEPLOYMENT = role("cfn-egress-guard-deployment")
STACK_SETS = role("stacksets-exec-0a1b2c3d4e5f60718293a4b5c6d7e8f9")
CUSTOM_STACK_SETS = role("stacksets-exec-custom-guard")
NOBODY_SPECIAL = [
    role("Admin"),
    f"arn:aws:iam::{ACCOUNT}:user/root-like",
    f"arn:aws:iam::{ACCOUNT}:root",
    role("my-stacksets-exec-1"),
    role("cfn-egress-guard-deployment-2"),
]
PROTECT = policy("protect-hook")
HOOK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:type/hook/Security-Egress-SinglePort"
RANDOM = "1A2B3C4D5E6F7"


def name_made(stack, logical_id):
    """Forms a name as CloudFormation does for a function, role or rule: 64 characters, at least 24 from either part."""
    if len(stack) + len(logical_id) > 49:
        logical_id = logical_id[: max(24, 49 - len(stack))]
        stack = stack[: 49 - len(logical_id)]
    return f"{stack}-{logical_id}-{RANDOM}"


def resources_of_the_guard(stack_name="cfn-egress-guard"):
    """Returns the ARNs of the guard's resources."""
    template = cfn_yaml.load(str(ROOT / "template.yaml"))["Resources"]
    of_type = {}
    for name, resource in template.items():
        of_type.setdefault(resource["Type"], []).append(name)
    at = f"{REGION}:{ACCOUNT}"
    for stack in (stack_name, f"StackSet-{stack_name}-1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809"):
        yield f"arn:aws:cloudformation:{at}:stack/{stack}/0a1b2c3d"
        for name in of_type["AWS::Serverless::Function"]:
            function = f"arn:aws:lambda:{at}:function:{name_made(stack, name)}"
            yield from (function, f"{function}:live")
        for name in of_type["AWS::IAM::Role"]:
            yield role(name_made(stack, name))
        for name in of_type["AWS::Events::Rule"]:
            yield f"arn:aws:events:{at}:rule/{name_made(stack, name)}"
        for name in of_type["AWS::CloudWatch::Alarm"]:
            yield f"arn:aws:cloudwatch:{at}:alarm:{name_made(stack, name)}"
        for name in of_type["AWS::SQS::Queue"]:
            yield f"arn:aws:sqs:{at}:{name_made(stack, name)}"
        for group in (f"/aws/lambda/{stack}", f"/aws/events/{stack}/0a1b2c3d"):
            yield from (f"arn:aws:logs:{at}:log-group:{group}", f"arn:aws:logs:{at}:log-group:{group}:log-stream:x")
    yield f"arn:aws:cloudformation:{at}:stackset/{stack_name}:1a2b3c4d-5e6f"
    yield from (STACK_SETS, CUSTOM_STACK_SETS)


def requests_about_the_guard(text, principals, resources):
    """Yields each action of the policy on each resource of its service."""
    for resource in resources:
        service = resource.split(":")[2]
        actions = [a for a in statements(text)["GuardByName"]["Action"] if a.startswith(f"{service}:")]
        assert actions, f"nothing is said about {resource}"
        yield from product(actions, [resource], principals)


def hooks_and_aliases(principals, resources=("*", HOOK), **more):
    return product(statements(PROTECT)["HooksAndStackAliases"]["Action"], resources, principals, **more)


# ---- protect-hook ------------------------------------------------------------------------------------------------


def test_nobody_else_touches_hooks_or_gives_a_stack_a_second_name():
    # AWS's documents disagree on whether it applies to the hook's ARN or to everything.
    asked = hooks_and_aliases(NOBODY_SPECIAL)
    assert set(denied_by(PROTECT, asked)) == {"HooksAndStackAliases"}


def test_nobody_else_touches_what_belongs_to_the_guard():
    asked = list(requests_about_the_guard(PROTECT, NOBODY_SPECIAL, [*resources_of_the_guard(), DEPLOYMENT]))
    for request, sid in zip(asked, denied_by(PROTECT, asked), strict=True):
        assert sid == "GuardByName", request


def test_every_part_of_the_watch_and_of_the_notifications_is_covered():
    """By the names that CloudFormation generates, for the parts that report direct calls and for those that notify."""
    rules = {name for name, one in cfn_yaml.load(str(ROOT / "template.yaml"))["Resources"].items() if one["Type"] == "AWS::Events::Rule"}
    assert {"DirectCallsRule", "BlocksNotificationRule", "WarningsNotificationRule", "CallsNotificationRule"} <= rules
    at, made = f"{REGION}:{ACCOUNT}", ("cfn-egress-guard-{}-" + RANDOM).format
    asked = [
        *product(["events:DeleteRule", "events:DisableRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"],
                 [f"arn:aws:events:{at}:rule/{made(name)}" for name in rules], NOBODY_SPECIAL),
        *product(["sqs:DeleteQueue", "sqs:PurgeQueue", "sqs:SetQueueAttributes", "sqs:AddPermission", "sqs:RemovePermission",
                  "sqs:DeleteMessage"], [f"arn:aws:sqs:{at}:{made('LostCallsQueue')}"], NOBODY_SPECIAL),
        *product(["lambda:PutFunctionEventInvokeConfig", "lambda:UpdateFunctionEventInvokeConfig", "lambda:DeleteFunctionEventInvokeConfig"],
                 [f"arn:aws:lambda:{at}:function:{made('GuardFunction')}"], NOBODY_SPECIAL),
        *product(["iam:PutRolePolicy", "iam:DeleteRole"], [role(made("NotificationRole"))], NOBODY_SPECIAL),
        *product(["cloudwatch:DeleteAlarms", "cloudwatch:DisableAlarmActions"],
                 [f"arn:aws:cloudwatch:{at}:alarm:{made(name)}" for name in ("DirectCallsAlarm", "LostCallsAlarm")], NOBODY_SPECIAL),
    ]  # fmt: skip
    for request, sid in zip(asked, denied_by(PROTECT, asked), strict=True):
        assert sid == "GuardByName", request


def test_who_deploys_the_guard_is_not_bound():
    deployers = [DEPLOYMENT, STACK_SETS, CUSTOM_STACK_SETS]
    asked = [*requests_about_the_guard(PROTECT, deployers, resources_of_the_guard()), *hooks_and_aliases(deployers)]
    assert set(denied_by(PROTECT, asked)) == {None}


@pytest.mark.parametrize("stack", ["egress-guard", "a-guard-of-egress-rules-with-a-long-name"])
def test_the_names_are_those_of_the_deployment(stack):
    text = policy("protect-hook", STACK=stack, DEPLOYER="pipelines/GuardPipeline,GuardDeployment")
    own = list(resources_of_the_guard(stack))
    deployers = [role("pipelines/GuardPipeline"), role("GuardDeployment")]
    asked = list(requests_about_the_guard(text, [NOBODY_SPECIAL[0], DEPLOYMENT], [*own, *deployers]))
    assert set(denied_by(text, asked)) == {"GuardByName"}
    assert set(denied_by(text, requests_about_the_guard(text, deployers, own))) == {None}
    # The names of another deployment are not affected.
    others = [*resources_of_the_guard(), DEPLOYMENT]
    others = [r for r in others if r not in (STACK_SETS, CUSTOM_STACK_SETS)]
    assert set(denied_by(text, requests_about_the_guard(text, [NOBODY_SPECIAL[0]], others))) == {None}


def test_where_no_guard_is_hooks_stay_everybodys():
    asked = hooks_and_aliases(NOBODY_SPECIAL, region="ap-south-1")
    assert set(denied_by(PROTECT, asked)) == {None}
    assert set(denied_by(policy("protect-hook", REGIONS="all"), asked)) == {"HooksAndStackAliases"}
    # IAM's calls are in the Region of IAM, wherever the guard is.
    roles = [r for r in resources_of_the_guard() if ":iam:" in r]
    elsewhere = policy("protect-hook", REGIONS="eu-west-1")
    asked = product(["iam:PutRolePolicy"], roles, NOBODY_SPECIAL, region="us-east-1")
    assert set(denied_by(elsewhere, asked)) == {"GuardByName"}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("cloudformation:UpdateStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/web/1"),
        ("cloudformation:ExecuteStackRefactor", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/web/1"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/StackSet-baseline-1/1"),
        ("cloudformation:UpdateStackSet", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stackset/baseline:1"),
        ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/cfn-egress-guard/1"),
        ("cloudformation:ListAllHookResults", "*"),
        ("cloudformation:GetHookResult", "*"),
        ("cloudformation:DescribeType", "*"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:web"),
        ("lambda:GetFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:cfn-egress-guard-GuardFunction-1"),
        ("iam:PutRolePolicy", role("web")),
        ("events:PutRule", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/web"),
        ("sqs:PurgeQueue", f"arn:aws:sqs:{REGION}:{ACCOUNT}:web"),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:cfn-egress-guard-LostCallsQueue-1"),
        ("logs:DeleteLogGroup", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/web"),
        ("logs:AssociateKmsKey", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/web"),
        ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:web"),
        ("cloudwatch:PutAlarmMuteRule", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm-mute-rule:any"),
    ],
)
def test_what_is_not_the_guards_stays_everybodys(action, resource):
    assert denied_by(PROTECT, [Request(action, resource, NOBODY_SPECIAL[0])]) == [None]


# ---- refuse-direct-egress ----------------------------------------------------------------------------------------

EGRESS = ["ec2:AuthorizeSecurityGroupEgress", "ec2:ModifySecurityGroupRules"]
GROUP = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-1"
REFUSE = policy("refuse-direct-egress")
REFUSED = "EgressOnlyThroughCloudFormation"
# A role of ours for each caller for which AWS has no usual role.
OURS = {"cloudformation": "cfn-service-*", "directory-service": "DirectoryAdmin", "terraform": "TerraformDeploy"}
# A role for each caller that its usual names cover.
USUAL = {
    "cdk": ["cdk-hnb659fds-cfn-exec-role-123456789012-eu-west-1"],
    "cloudformation": ["cfn-service-web"],
    "emr": ["EMR_DefaultRole", "EMR_DefaultRole_V2", "EMR_Notebooks_DefaultRole",
            "service-role/AmazonEMR-ServiceRole-20250310T153207"],
    "ecs-express": ["ecsInfrastructureRoleForExpressServices"],
    "elastic-beanstalk": ["aws-elasticbeanstalk-service-role", "service-role/aws-elasticbeanstalk-service-role"],
    "rosa": ["acme-HCP-ROSA-Installer-Role", "cluster-kube-system-control-plane-operator"],
    "ssm-remediation": ["AWS-SSM-RemediationExecutionRole-eu-west-1"],
    "sagemaker": ["service-role/AmazonSageMakerProvisioning-123456789012"],
    "directory-service": ["DirectoryAdmin"],
    "load-balancer-controller": ["AmazonEKSLoadBalancerControllerRole"],
    "terraform": ["TerraformDeploy"],
}  # fmt: skip
CALLED_VIA = {"ec2-fast-launch": "ec2fastlaunch", "launch-wizard": "launchwizard", "application-migration": "mgn"}


def called_via(*chain):
    """Returns the context keys of a call in a chain of services; the first one was called by the principal.

    IAM User Guide, "AWS global condition context keys": all three are missing when the principal calls directly.
    """
    services = [f"{service}.amazonaws.com" for service in chain]
    return {"aws:CalledVia": services, "aws:CalledViaFirst": services[0], "aws:CalledViaLast": services[-1]}


def allow(name):
    return f"{name}={OURS[name]}" if name in OURS else name


def calls(principals, **more):
    return product(EGRESS, [GROUP], principals, **more)


def test_direct_egress_calls_are_refused_and_those_of_cloudformation_are_not():
    assert set(denied_by(REFUSE, calls(NOBODY_SPECIAL))) == {REFUSED}
    for chain in (["cloudformation"], ["servicecatalog", "cloudformation"], ["x", "y", "cloudformation"]):
        assert set(denied_by(REFUSE, calls(NOBODY_SPECIAL, context=called_via(*chain)))) == {None}, chain
    # No hook sees the calls that another service makes for CloudFormation.
    for chain in (["x"], ["cloudformation", "x"], ["x", "cloudformation", "y"]):
        assert set(denied_by(REFUSE, calls(NOBODY_SPECIAL, context=called_via(*chain)))) == {REFUSED}, chain
    assert set(denied_by(REFUSE, calls([DEPLOYMENT, STACK_SETS, CUSTOM_STACK_SETS]))) == {None}
    other = ["ec2:CreateSecurityGroup", "ec2:RevokeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"]
    assert set(denied_by(REFUSE, product(other, [GROUP], NOBODY_SPECIAL))) == {None}


def test_where_no_guard_is_nothing_is_refused():
    assert set(denied_by(REFUSE, calls(NOBODY_SPECIAL, region="ap-south-1"))) == {None}
    assert set(denied_by(policy("refuse-direct-egress", REGIONS="all"), calls(NOBODY_SPECIAL, region="ap-south-1"))) == {REFUSED}


@pytest.mark.parametrize("name", scp.CALLERS)
def test_a_caller_is_stopped_unless_it_is_let_through(name):
    alone = policy("refuse-direct-egress", ALLOW=allow(name))
    others = policy("refuse-direct-egress", ALLOW=",".join(allow(other) for other in scp.CALLERS if other != name))
    if name in CALLED_VIA:
        asked = calls([NOBODY_SPECIAL[0]], context=called_via(CALLED_VIA[name]))
    else:
        asked = calls([role(usual) for usual in USUAL[name]])
    for text, expected in ((REFUSE, REFUSED), (others, REFUSED), (alone, None)):
        assert set(denied_by(text, asked)) == {expected}
    assert set(denied_by(alone, calls(NOBODY_SPECIAL))) == {REFUSED}, "everybody else stays refused"


@pytest.mark.parametrize("name", USUAL)
def test_roles_that_are_let_through_are_nobodys_to_make_or_to_hand_elsewhere(name):
    text = policy("refuse-direct-egress", ALLOW=allow(name))
    roles, changes = [role(usual) for usual in USUAL[name]], statements(text)["ExemptRoles"]["Action"]
    assert set(denied_by(text, product(changes, roles, [*NOBODY_SPECIAL, *roles]))) == {"ExemptRoles"}
    assert set(denied_by(text, product(changes, roles, [DEPLOYMENT, STACK_SETS]))) == {None}
    assert set(denied_by(text, product(changes, [role("web")], NOBODY_SPECIAL))) == {None}
    for service, expected in [("ec2", "ExemptRolesOnlyForTheirServices"), *((s, None) for s in scp.CALLERS[name].passed_to)]:
        service = service if "." in service else f"{service}.amazonaws.com"
        handed = product(["iam:PassRole"], roles, NOBODY_SPECIAL, context={"iam:PassedToService": service})
        assert set(denied_by(text, handed)) == {expected}, service
    assert set(denied_by(text, product(["iam:PassRole"], roles, NOBODY_SPECIAL))) == {"ExemptRolesOnlyForTheirServices"}


def test_a_callers_role_may_have_another_name():
    text = policy("refuse-direct-egress", ALLOW="emr=AnalyticsClusters,terraform=TerraformDeploy,terraform=ci/TerraformPlan")
    through = [role(name) for name in ("AnalyticsClusters", "TerraformDeploy", "ci/TerraformPlan")]
    assert set(denied_by(text, calls(through))) == {None}
    assert set(denied_by(text, calls([role("EMR_DefaultRole"), role("TerraformPlan")]))) == {REFUSED}


# AWS's managed policies that may open egress rules, each with its result: a caller of ALLOW, or a reason.
FOR_PEOPLE = "people and roles of theirs, which are what the policy is about"
ITS_CALLER = {
    "AWS-SSM-RemediationAutomation-ExecutionRolePolicy": "ssm-remediation",
    "AWSApplicationMigrationEC2Access": "application-migration",
    "AWSApplicationMigrationNetworkMigrationMultiAccount": "application-migration",
    "AWSDeepRacerCloudFormationAccessPolicy": "cloudformation",
    "AWSDirectoryServiceFullAccess": "directory-service",
    "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy": "elastic-beanstalk",
    "AWSElasticBeanstalkRoleCore": "elastic-beanstalk",
    "AWSElasticBeanstalkService": "elastic-beanstalk",
    "AWSElasticDisasterRecoveryConsoleFullAccess": FOR_PEOPLE,
    "AWSElasticDisasterRecoveryConsoleFullAccess_v2": FOR_PEOPLE,
    "AWSMarketplaceFullAccess": FOR_PEOPLE,
    "AWSTransformNetworkMigrationAgentPolicy": "application-migration",
    "AWSTransformServerMigrationAgentPolicy": "application-migration",
    "AdministratorAccess-AWSElasticBeanstalk": FOR_PEOPLE,
    "AmazonECSInfrastructureRoleForGatewayHostSharedALB": "ecs-express",
    "AmazonECSInfrastructureRoleforExpressGatewayServices": "ecs-express",
    "AmazonEMRServicePolicy_v2": "emr",
    "AmazonElasticMapReduceEditorsRole": "emr",
    "AmazonElasticMapReduceFullAccess": FOR_PEOPLE,
    "AmazonElasticMapReduceRole": "emr",
    "AmazonLaunchWizardFullAccessV2": "launch-wizard",
    "AmazonVPCFullAccess": FOR_PEOPLE,
    "AmazonWorkMailFullAccess": "directory-service",
    "AmazonZocaloFullAccess": "directory-service",
    "EC2FastLaunchFullAccess": "ec2-fast-launch",
    "NetworkAdministrator": FOR_PEOPLE,
    "ROSAControlPlaneOperatorPolicy": "rosa",
    "ROSAInstallerPolicy": "rosa",
    "ROSASharedVPCEndpointPolicy": "rosa",
    "SageMakerStudioAdminIAMConsolePolicy": FOR_PEOPLE,
    "SageMakerStudioAdminIAMDefaultExecutionPolicy": "sagemaker",
    "SageMakerStudioAdminIAMPermissiveExecutionPolicy": "sagemaker",
    "SageMakerStudioProjectProvisioningRolePolicy": "sagemaker",
    "SageMakerStudioProjectUserRolePermissionsBoundary": "sagemaker",
    "SystemAdministrator": FOR_PEOPLE,
}


def managed_policies_that_open_egress():
    """Returns AWS's managed policies (from moto) with one of the two actions, except those of service-linked roles."""
    for name, managed in json.loads(aws_managed_policies_data).items():
        if managed["Path"].startswith("/aws-service-role/"):
            continue  # no service control policy applies to it
        found = managed["Document"]["Statement"]
        for statement in [found] if isinstance(found, dict) else found:
            actions = statement.get("Action", [])
            patterns = {a.lower() for a in ([actions] if isinstance(actions, str) else actions)} - {"*", "ec2:*"}
            if statement["Effect"] == "Allow" and any(fnmatch.fnmatchcase(a.lower(), p) for a in EGRESS for p in patterns):
                yield name


def test_whoever_aws_lets_open_egress_rules_is_a_caller_or_has_a_reason():
    assert set(managed_policies_that_open_egress()) == set(ITS_CALLER)
    assert set(ITS_CALLER.values()) <= {*scp.CALLERS, FOR_PEOPLE}


def test_with_every_caller_and_many_regions_both_still_fit():
    many = ",".join(f"{area}-{direction}-{n}" for area in ("us", "eu", "ap") for direction in ("east", "west") for n in (1, 2, 3))
    everybody = ",".join(allow(name) for name in scp.CALLERS)
    for name in scp.POLICIES:
        assert len(policy(name, REGIONS=many, ALLOW=everybody, DEPLOYER=f"{GIVEN['DEPLOYER']},pipelines/Guard")) <= 4480
