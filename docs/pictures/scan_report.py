"""Draws docs/pictures/scan-report.png: `scan`'s HTML report on sample stacks, in moto.

    .parts/venv/bin/python docs/pictures/scan_report.py     (needs tests/parts/setup, the command with scan, and Chromium)
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
OPEN = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
ONE = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
PLACEHOLDER = {"IpProtocol": "icmp", "FromPort": 252, "ToPort": 86, "CidrIp": "255.255.255.255/32"}
# Name, Region, owner, and the egress rules of each security group.
SAMPLES = [
    ("web", "eu-central-1", "platform", {"WebSecurityGroup": [ONE, OPEN]}),
    ("shop-api", "eu-central-1", "shop", {"FunctionGroup": [{**ONE, "FromPort": 3306, "ToPort": 3307}], "CacheGroup": [OPEN]}),
    ("shop-database", "eu-central-1", "shop", {"DatabaseGroup": [OPEN]}),
    ("orders", "eu-west-1", "orders", {"FunctionGroup": [{**ONE, "FromPort": 0, "ToPort": 65535}]}),
    ("load-balancer", "eu-west-1", "platform", {"LoadBalancerGroup": [{**ONE, "FromPort": 32768, "ToPort": 65535}]}),
    ("search", "us-east-1", "search", {"ServiceGroup": [OPEN], "QueueGroup": [PLACEHOLDER]}),
    ("billing", "us-east-1", "orders", {"BillingGroup": [ONE]}),
]
PORT = "48617"


def create(name, region, owner, groups):
    resources = {
        logical_id: {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": logical_id, "SecurityGroupEgress": rules}}
        for logical_id, rules in groups.items()
    }
    client = boto3.client("cloudformation", region_name=region, endpoint_url=f"http://127.0.0.1:{PORT}")
    client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}), Tags=[{"Key": "Owner", "Value": owner}])


def main():
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
    server = subprocess.Popen([Path(sys.executable).with_name("moto_server"), "-p", PORT], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(5)
        for sample in SAMPLES:
            create(*sample)
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "scan.html"
            environment = {"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if k.startswith("AWS_")}}
            environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{PORT}"
            command = [ROOT / "target/debug/cfn-egress-guard", "scan", "--regions", "eu-central-1,eu-west-1,us-east-1", "--format", "html"]
            page.write_bytes(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False).stdout)
            subprocess.run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={folder}/profile",
                 "--hide-scrollbars", "--window-size=1100,1400", f"--screenshot={ROOT / 'docs/pictures/scan-report.png'}", page.as_uri()],
                check=True, stderr=subprocess.DEVNULL,
            )  # fmt: skip
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
