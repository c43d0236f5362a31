"""The hook as it is usually written in Python, for `make bench`: parse, compare, answer, log one line."""

import json


def handler(event, _context):
    target = event["requestData"]
    properties = target["targetModel"]["resourceProperties"]
    rules = (
        properties.get("SecurityGroupEgress", [])
        if target["targetName"] == "AWS::EC2::SecurityGroup"
        else [properties]
    )
    bad = [
        index
        for index, rule in enumerate(rules)
        if rule.get("FromPort") is None or str(rule.get("FromPort")) != str(rule.get("ToPort"))
    ]
    answer = {
        "hookStatus": "FAILED" if bad else "SUCCESS",
        "message": f"{len(bad)} of {len(rules)} egress rules do not open one port",
        "clientRequestToken": event.get("clientRequestToken", ""),
    }
    if bad:
        answer["errorCode"] = "NonCompliant"
    print(json.dumps({"event": "decision", "hookStatus": answer["hookStatus"], "offending": bad}))
    return answer
