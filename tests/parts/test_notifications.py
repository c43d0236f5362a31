"""The messages on the SNS topic of NotificationTopicArn, starting with a blocked deployment.

The driver, ministack_with_hooks.py, sends CloudFormation's event, with the function's own message in it. MiniStack
plays EventBridge (the rules of template.yaml, their patterns and input transformers), SNS and a queue that subscribes
to the topic. It does not play CloudWatch's alarm events: for direct calls, see tests/template.
"""

import json

import pytest

from deployed import GUARD, Deployed, stack_with
from protocol import rule
from server import poll

RULE = "cloudformation-aws-security-group-egress-with-port-range"


@pytest.fixture(scope="module")
def account(bootstrap, tmp_path_factory):
    account = Deployed(bootstrap, tmp_path_factory.mktemp("account"))
    try:
        account.topic = account.client("sns").create_topic(Name="guard")["TopicArn"]
        queue = account.client("sqs").create_queue(QueueName="reader")["QueueUrl"]
        attributes = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        account.client("sns").subscribe(TopicArn=account.topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
        account.queue = queue
        account.deploy(NotificationTopicArn=account.topic)
        yield account
    finally:
        account.stop()


def messages(account):
    """Returns the topic's messages since the last call, as its subscribers receive them."""
    found = []
    while got := account.client("sqs").receive_message(QueueUrl=account.queue, MaxNumberOfMessages=10).get("Messages"):
        for message in got:
            found.append(json.loads(message["Body"])["Message"])
            account.client("sqs").delete_message(QueueUrl=account.queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def notification(account):
    found = poll(lambda: messages(account), seconds=15, what=f"a message\n{account.server.tail()}")
    assert len(found) == 1, found
    return json.loads(found[0])


def test_a_block_is_a_message_with_stack_rule_and_fix(account):
    assert account.create("web-prod", stack_with(rule(80, 87))) == "ROLLBACK_COMPLETE"
    sent = notification(account)
    assert (sent["version"], sent["source"]) == ("1.0", "custom")
    title, description = sent["content"]["title"], sent["content"]["description"]
    assert title == "Blocked by Security::Egress::SinglePort in account 123456789012, us-east-1: Web"
    for words in ("AWS::EC2::SecurityGroup Web in stack web-prod", RULE, "tcp 80-87", "Open one port per egress rule"):
        assert words in description
    assert "\n- " in description, "as the stack's events have it"


def test_a_warning_says_that_nothing_was_blocked(account):
    assert account.set_parameter(GUARD, "FailureMode", "WARN") == "UPDATE_COMPLETE"
    assert account.create("warned", stack_with(rule(80, 87))) == "CREATE_COMPLETE"
    sent = notification(account)
    assert sent["content"]["title"].startswith("Not blocked, since FailureMode is WARN: Security::Egress::SinglePort in account")
    assert "in stack warned breaks rule" in sent["content"]["description"]


def test_what_follows_the_rule_is_no_message(account):
    assert account.create("port", stack_with(rule(443, 443))) == "CREATE_COMPLETE"
    assert messages(account) == []


def test_quotation_marks_and_line_breaks_of_a_template_arrive(account):
    odd = "\"quoted\" \\ and\nbroken"
    account.create("odd", stack_with({**rule(80, 87), "IpProtocol": odd}))
    description = notification(account)["content"]["description"]
    assert "\"quoted\"" in description, description


def test_without_the_topic_nothing_notifies(account):
    """Runs last."""
    assert account.set_parameter(GUARD, "NotificationTopicArn", "") == "UPDATE_COMPLETE"
    resources = account.resources(GUARD)
    assert not [name for name in resources if "Notification" in name]
    account.create("silent", stack_with(rule(80, 87)))
    assert messages(account) == []
