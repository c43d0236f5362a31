"""AWS's Lambda Runtime Interface Emulator with the function in it."""

import json

import requests

from server import PARTS, Server, free_port

FUNCTION_NAME = "function"  # the one name that the emulator serves


class Emulator:
    """One function behind Lambda's Invoke API, with Lambda's time-out and restarts."""

    def __init__(self, bootstrap, folder, preset="literal", **variables):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.server = Server(
            f"emulator-{preset}",
            [
                PARTS / "aws-lambda-rie",
                "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
                "--runtime-api-address", f"127.0.0.1:{free_port()}",
                bootstrap,
            ],
            port=port,
            folder=folder,
            variables={
                "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "EGRESS_PRESET": preset,
                **variables,
            },
        )  # fmt: skip
        self.stop = self.server.stop
        self.session = requests.Session()
        self.session.trust_env = False

    def invoke(self, event):
        """The answer to an event: bytes as they are, anything else as JSON."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        response = self.session.post(
            f"{self.endpoint}/2015-03-31/functions/{FUNCTION_NAME}/invocations", data=body, timeout=15
        )
        assert response.status_code == 200, f"the emulator answered {response.status_code}: {response.text}"
        return response.json()

    def starts(self):
        """How often the function's process was started: more than once is a crash or a time-out."""
        return self.server.log().count("INIT START(")

    def reports(self):
        """How many invocations came to an end."""
        return self.server.log().count("REPORT RequestId:")
