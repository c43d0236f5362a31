"""LocalStack, recording what its CloudFormation engine passes to a resource's provider: a hook would get the same.

    python localstack_recording.py       (settings in LocalStack's own variables, RECORD names the file)

It runs in a separate virtual environment (tests/parts/setup), so it imports nothing from this folder.
"""

import json
import os

from localstack.runtime.main import main
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor

payload_of = ChangeSetModelExecutor.create_resource_provider_payload


def recording(self, **arguments):
    payload = payload_of(self, **arguments)
    line = {
        "stack": self._change_set.stack.stack_name,
        "type": payload["resourceType"],
        "logicalId": payload["requestData"]["logicalResourceId"],
        "properties": payload["requestData"]["resourceProperties"],
    }
    with open(os.environ["RECORD"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    return payload


if __name__ == "__main__":
    ChangeSetModelExecutor.create_resource_provider_payload = recording
    main()
