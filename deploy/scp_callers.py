"""Callers of EC2 that open egress rules without CloudFormation's hooks and that refuse-direct-egress would stop.

Callers that are missing here are not stopped (service-linked roles, to which no service control policy applies), or are
people. The evidence is AWS's managed policies: tests/parts/test_service_control_policies.py checks all of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """A caller that is allowed by the name of a role, or as a service that calls with its caller's identity."""

    who: str
    roles: tuple[str, ...] = ()  # usual names, with their paths; empty: you name them
    passed_to: tuple[str, ...] = ()  # the services that such a role is passed to
    called_via: tuple[str, ...] = ()  # aws:CalledViaLast


CALLERS = {
    "cdk": Caller(
        "stacks of the CDK, which CloudFormation deploys with the bootstrap's execution role",
        roles=("cdk-*-cfn-exec-role-*",),
        passed_to=("cloudformation.amazonaws.com",),
    ),
    "cloudformation": Caller(
        "other stacks with a service role (name yours)",
        passed_to=("cloudformation.amazonaws.com",),
    ),
    "emr": Caller(
        "Amazon EMR, which creates the security groups of clusters and notebooks with its service roles",
        roles=("EMR_DefaultRole*", "EMR_Notebooks_DefaultRole", "service-role/AmazonEMR-ServiceRole-*"),
        passed_to=("elasticmapreduce.amazonaws.com",),
    ),
    "ecs-express": Caller(
        "Amazon ECS Express Mode, with its infrastructure role",
        roles=("ecsInfrastructureRoleForExpressServices",),
        passed_to=("ecs.amazonaws.com",),
    ),
    "elastic-beanstalk": Caller(
        "AWS Elastic Beanstalk, with its service role",
        roles=("aws-elasticbeanstalk-service-role", "service-role/aws-elasticbeanstalk-service-role"),
        passed_to=("elasticbeanstalk.amazonaws.com",),
    ),
    # Red Hat's account and the cluster's identity provider assume these; nobody passes them on.
    "rosa": Caller(
        "Red Hat OpenShift Service on AWS: installer and control plane operator",
        roles=("*-HCP-ROSA-Installer-Role", "*-kube-system-control-plane-operator"),
    ),
    "ssm-remediation": Caller(
        "Systems Manager's remediation of nodes that it does not manage",
        roles=("AWS-SSM-RemediationExecutionRole*",),
        passed_to=("ssm.amazonaws.com",),
    ),
    "sagemaker": Caller(
        "SageMaker Unified Studio, with the role that provisions projects",
        roles=("service-role/AmazonSageMakerProvisioning-*",),
        passed_to=("datazone.amazonaws.com",),
    ),
    # AWS does not document whether its calls contain aws:CalledVia: hence by role.
    "directory-service": Caller("Directory Service, WorkDocs and WorkMail, with the caller's identity (name yours)"),
    "ec2-fast-launch": Caller("EC2 Fast Launch of Windows images", called_via=("ec2fastlaunch.amazonaws.com",)),
    "launch-wizard": Caller("AWS Launch Wizard", called_via=("launchwizard.amazonaws.com",)),
    "application-migration": Caller("AWS Application Migration Service", called_via=("mgn.amazonaws.com",)),
    # The policy that its project publishes requests only ingress rules (August 2026).
    "load-balancer-controller": Caller(
        "the AWS Load Balancer Controller, where its policy allows egress rules",
        roles=("AmazonEKSLoadBalancerControllerRole*",),
        passed_to=("pods.eks.amazonaws.com",),
    ),
    "terraform": Caller("Terraform's aws provider and other tools of its kind (name yours)"),
}
