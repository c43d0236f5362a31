"""Plays the Cloud Control API for security groups on top of moto's EC2, and forwards everything else to moto.

The shapes are those of botocore's model, which validates each answer before it is sent. The properties are those of the
schema of AWS::EC2::SecurityGroup, whose read handler writes -1 for the ports of protocols without ports
(propertyTransform).
"""

import http.client
import json
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.validate import ParamValidator

from server import Handler, Loopback

TYPE = "AWS::EC2::SecurityGroup"
PAGE = 3
MODEL = Session().get_service_model("cloudcontrol")
DESTINATIONS = [
    ("IpRanges", "CidrIp", "CidrIp"),
    ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId", "DestinationPrefixListId"),
    ("UserIdGroupPairs", "GroupId", "DestinationSecurityGroupId"),
]


def properties(group):
    """Returns an EC2 group in CloudFormation's form: one egress rule for each destination."""
    egress = [
        {
            "IpProtocol": permission["IpProtocol"],
            "FromPort": permission.get("FromPort", -1),
            "ToPort": permission.get("ToPort", -1),
            name: destination[field],
        }
        for permission in group["IpPermissionsEgress"]
        for kind, field, name in DESTINATIONS
        for destination in permission[kind]
    ]
    return {
        "Id": group["GroupId"],
        "GroupId": group["GroupId"],
        "GroupName": group["GroupName"],
        "GroupDescription": group["Description"],
        "VpcId": group["VpcId"],
        "SecurityGroupEgress": egress,
        "SecurityGroupIngress": [],
        "Tags": group.get("Tags", []),
    }


def description(group, *, whole):
    told = properties(group) if whole else {"Id": group["GroupId"]}
    return {"Identifier": group["GroupId"], "Properties": json.dumps(told)}


class CloudControl(Loopback):
    def __init__(self, moto):
        self.asked = []
        target, owner = urlsplit(moto).netloc, self

        class Requests(Handler):
            def do_POST(self):
                body = self.body()
                service, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
                if service != "CloudApiService":
                    return self.forward(body)
                owner.asked.append(operation)
                key, _, region = self.headers["Authorization"].split("Credential=")[1].split("/")[:3]
                ec2 = boto3.client(
                    "ec2",
                    region_name=region,
                    endpoint_url=moto,
                    aws_access_key_id=key,  # selects the account in moto
                    aws_secret_access_key="test",
                    config=Config(proxies={}),
                )
                return self.cloud_control(operation, json.loads(body), ec2)

            def cloud_control(self, operation, asked, ec2):
                model = MODEL.operation_model(operation)
                assert not ParamValidator().validate(asked, model.input_shape).has_errors(), asked
                assert asked["TypeName"] == TYPE
                try:
                    told = getattr(self, operation)(asked, ec2)
                except ClientError as error:
                    assert error.response["Error"]["Code"] == "InvalidGroup.NotFound", error
                    return self.refuse("ResourceNotFoundException", f"{asked['Identifier']} was not found")
                assert not ParamValidator().validate(told, model.output_shape).has_errors(), told
                return self.answer(200, json.dumps(told).encode(), {"Content-Type": "application/x-amz-json-1.0"})

            def ListResources(self, asked, ec2):
                groups = sorted(ec2.describe_security_groups()["SecurityGroups"], key=lambda group: group["GroupId"])
                first = int(asked.get("NextToken", 0))
                told = {"TypeName": TYPE, "ResourceDescriptions": [description(g, whole=False) for g in groups[first : first + PAGE]]}
                if first + PAGE < len(groups):
                    told["NextToken"] = str(first + PAGE)
                return told

            def GetResource(self, asked, ec2):
                [group] = ec2.describe_security_groups(GroupIds=[asked["Identifier"]])["SecurityGroups"]
                return {"TypeName": TYPE, "ResourceDescription": description(group, whole=True)}

            def refuse(self, code, message):
                body = json.dumps({"__type": f"com.amazonaws.cloudcontrol#{code}", "Message": message})
                self.answer(400, body.encode(), {"Content-Type": "application/x-amz-json-1.0"})

            def forward(self, body):
                upstream = http.client.HTTPConnection(target, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                upstream.request("POST", self.path, body, {**headers, "Host": target})
                response = upstream.getresponse()
                self.answer(response.status, response.read(), response.headers)
                upstream.close()

        super().__init__(Requests)
