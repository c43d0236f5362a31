"""`scan --live` end to end: the real command, stacks and groups created with the real SDK in moto, Cloud Control played
on top of moto's EC2, and faults. moto's CloudFormation ignores egress rules, so the test gives each group its
template's rules."""

import json
import sys
from collections import Counter

import boto3
import pytest
from botocore.config import Config

from cloud_control import CloudControl
from faults import FaultyProxy
from server import Server, free_port
from test_scan import CREDENTIALS, EGRESS, REGION, scan

ALL = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
STACKS = 12


def tcp(first, last, cidr="10.0.0.0/8"):
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "IpRanges": [{"CidrIp": cidr}]}


class Region:
    """Stacks whose groups match their templates in EC2, a stack's group that someone opened, one that someone closed,
    one that a deleted stack left behind, two created manually, and the default group of each VPC."""

    def __init__(self, endpoint):
        def client(service):
            return boto3.client(
                service,
                region_name=REGION,
                endpoint_url=endpoint,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(proxies={}),
            )

        self.ec2, self.cloudformation = client("ec2"), client("cloudformation")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        self.stacks = {f"good-{number:02}": self.create(f"good-{number:02}") for number in range(STACKS)}
        self.opened, self.closed = self.stacks["good-03"], self.stacks["good-05"]
        self.ec2.authorize_security_group_egress(GroupId=self.opened, IpPermissions=[tcp(1, 1024)])
        self.ec2.revoke_security_group_egress(GroupId=self.closed, IpPermissions=[tcp(443, 443)])
        self.left = self.create("deleted-00")
        self.cloudformation.update_stack(
            StackName="deleted-00",
            TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
        )
        if not self.has(self.left):  # as with DeletionPolicy Retain, which moto does not support
            tags = self.tags
            self.left = self.by_hand("left-behind")
            self.ec2.create_tags(Resources=[self.left], Tags=tags)
        self.cloudformation.delete_stack(StackName="deleted-00")
        self.hand, self.narrow = self.by_hand("by-hand"), self.by_hand("narrow")
        self.ec2.revoke_security_group_egress(GroupId=self.narrow, IpPermissions=[ALL])
        self.ec2.authorize_security_group_egress(GroupId=self.narrow, IpPermissions=[tcp(443, 443)])
        groups = self.ec2.describe_security_groups()["SecurityGroups"]
        self.defaults = sorted(group["GroupId"] for group in groups if group["GroupName"] == "default")
        self.all = sorted(group["GroupId"] for group in groups)

    def has(self, group):
        return group in {one["GroupId"] for one in self.ec2.describe_security_groups()["SecurityGroups"]}

    def by_hand(self, name):
        return self.ec2.create_security_group(GroupName=name, Description="x", VpcId=self.vpc)["GroupId"]

    def create(self, name):
        group = {"GroupDescription": name, "VpcId": self.vpc, "SecurityGroupEgress": [EGRESS["good"]]}
        resources = {"Sg": {"Type": "AWS::EC2::SecurityGroup", "Properties": group}}
        self.cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
        [resource] = self.cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
        made = resource["PhysicalResourceId"]
        self.ec2.revoke_security_group_egress(GroupId=made, IpPermissions=[ALL])
        self.ec2.authorize_security_group_egress(GroupId=made, IpPermissions=[tcp(443, 443)])
        [described] = self.ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"]
        self.tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in described["Tags"]]
        return made


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("moto"), free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server("moto", command, port=port, folder=folder, variables=CREDENTIALS)
    made = Region(f"http://127.0.0.1:{port}")
    made.cloud_control = CloudControl(f"http://127.0.0.1:{port}")
    yield made
    made.cloud_control.stop()
    server.stop()


def check(region, result):
    """Checks that nothing is lost or duplicated, and that every owner, difference and verdict is correct."""
    groups = {group["group"]: group for group in result["groups"]}
    assert Counter(group["group"] for group in result["groups"]) == Counter(region.all)
    owners = {group: "stack" for group in region.stacks.values()}
    owners |= {group: "none" for group in (region.left, region.hand, region.narrow)}
    owners |= {group: "default" for group in region.defaults}
    assert {group: told["ownership"] for group, told in groups.items()} == owners
    for name, group in region.stacks.items():
        assert (groups[group]["stack"], groups[group]["logicalId"]) == (name, "Sg")
    assert groups[region.left]["stack"] == "deleted-00"
    differences = {group: [(one["kind"], one["rule"]["ports"]) for one in told.get("differences", [])] for group, told in groups.items()}
    assert {group: told for group, told in differences.items() if told} == {
        region.opened: [("added", [1, 1024])],
        region.closed: [("removed", [443, 443])],
    }
    breaking = {group for group, told in groups.items() if any(rule["fate"] == "blocked" for rule in told.get("findings", []))}
    assert breaking == {region.opened, region.left, region.hand, *region.defaults}
    live = result["summary"]["live"]
    assert (live["groups"], live["breaking"]) == (len(region.all), len(breaking))
    assert (live["defaults"]["breaking"], live["unowned"]["groups"], live["unowned"]["breaking"]) == (len(region.defaults), 3, 2)
    assert (live["changed"]["groups"], live["rulesAdded"], live["rulesRemoved"]) == (2, 1, 1)


def test_every_group_of_ec2_is_read_with_its_owner_and_its_differences(region, tmp_path):
    code, result = scan(tmp_path, region.cloud_control.url, "--region", REGION, "--live")
    assert (code, result["unread"]) == (1, [])
    check(region, result)
    # A stack's own template complies: only EC2 shows that someone opened its group.
    assert result["summary"]["answer"] == "yes"


def test_faults_between_the_pages_lose_nothing(region, tmp_path):
    faults = {4: "throttle", 7: "fail", 11: "reset", 13: "dawdle"}
    proxy = FaultyProxy(region.cloud_control.url, faults=faults)
    try:
        code, result = scan(tmp_path, proxy.url, "--region", REGION, "--live")
    finally:
        proxy.stop()
    assert set(proxy.counts) == set(faults.values()), "every fault was met"
    assert (code, result["unread"]) == (1, [])
    check(region, result)


def test_what_was_read_lately_is_taken_up(region, tmp_path):
    file = tmp_path / "scan.json"
    scan(tmp_path, region.cloud_control.url, "--region", REGION, "--live", "--output", file)
    region.cloud_control.asked.clear()
    code, result = scan(tmp_path, region.cloud_control.url, "--region", REGION, "--live", "--resume", file)
    assert code == 1
    check(region, result)
    assert set(region.cloud_control.asked) == {"ListResources"}


def test_what_was_closed_is_fixed(region, tmp_path):
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    scan(tmp_path, region.cloud_control.url, "--region", REGION, "--live", "--output", before)
    region.ec2.revoke_security_group_egress(GroupId=region.hand, IpPermissions=[ALL])
    try:
        _, result = scan(
            tmp_path, region.cloud_control.url, "--region", REGION, "--live", "--compare", before, "--output", after
        )
    finally:
        region.ec2.authorize_security_group_egress(GroupId=region.hand, IpPermissions=[ALL])
    live = result["comparison"]["live"]
    assert (live["fixed"], live["new"]) == (1, 0)
    assert [change["group"] for change in result["comparison"]["changes"]] == [region.hand]
