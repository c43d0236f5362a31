"""Prints template.yaml without its SAM transform.

The default execution role of a service-managed StackSet does not expand macros. A custom role does, but
CloudFormation's resource for StackSets, and so organization.yaml, cannot name one.

Unlike template.yaml, it keeps a version of the function that a change of Preset or MemorySize replaces, so that
policy.sh can return to it.

A StackSet passes the same values to every Region: in this template, the ARNs of topics contain {region} instead of the
Region.

    python deploy/organization_template.py BUCKET-PREFIX KEY [ARCHITECTURE]

The function's code is then s3://BUCKET-PREFIX-REGION/KEY, because Lambda requires a bucket in the same Region. Needs
aws-sam-translator and cfn-lint, which `make lint-template` installs into .venv.
"""

import json
import os
import sys
from pathlib import Path

from cfnlint.decode import cfn_yaml
from samtranslator.translator.transform import transform

from package import packaged_template

ROOT = Path(__file__).resolve().parent.parent


class NoManagedPolicies:
    """A stub: SAM asks IAM for the names of managed policies, but this template uses none."""

    def load(self):
        return {}


TOPICS = ("AlarmTopicArn", "NotificationTopicArn")


def topic_of_the_region(parameter):
    """Returns the topic's ARN with the Region between the parts around {region}. The {region} at the end gives an empty
    parameter both parts, too."""
    parts = {"Fn::Split": ["{region}", {"Fn::Sub": f"${{{parameter}}}{{region}}"}]}
    before, after = ({"Fn::Select": [part, parts]} for part in (0, 1))
    return {"Fn::Sub": ["${Before}${AWS::Region}${After}", {"Before": before, "After": after}]}


def with_topics_of_the_region(template):
    """Replaces {region} in the topics' ARNs with the Region."""
    ours = cfn_yaml.load(str(ROOT / "deploy" / "organization.yaml"))["Parameters"]
    resources = json.dumps(template["Resources"])
    for parameter in TOPICS:
        template["Parameters"][parameter].update(json.loads(json.dumps(ours[parameter])))
        reference = json.dumps({"Ref": parameter})
        assert reference in resources, f"the resources name {parameter}"
        resources = resources.replace(reference, json.dumps(topic_of_the_region(parameter)))
    template["Resources"] = json.loads(resources)


def expanded(bucket_prefix, key, arch):
    # SAM's transform needs a Region and derives the partition from it.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = cfn_yaml.loads(packaged_template((ROOT / "template.yaml").read_text(), arch))
    template = json.loads(json.dumps(template))
    with_topics_of_the_region(template)
    code = {"Bucket": "PREFIX-REGION", "Key": key}
    template["Resources"]["GuardFunction"]["Properties"]["CodeUri"] = code
    template = transform(template, {}, NoManagedPolicies())
    # In template.yaml, the function would need the attribute too, and CloudFormation would also keep a function that it
    # replaces.
    [version] = [one for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Version"]
    version["UpdateReplacePolicy"] = "Retain"
    text = json.dumps(template, indent=1)
    bucket = json.dumps({"Fn::Sub": bucket_prefix + "-${AWS::Region}"})
    assert text.count('"PREFIX-REGION"') == 1, "the function's code is named once"
    return text.replace('"PREFIX-REGION"', bucket) + "\n"


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    print(expanded(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else "x86_64"), end="")
