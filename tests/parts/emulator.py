"""AWS's Lambda Runtime Interface Emulator running the function."""

import json
import os
import signal
import subprocess

import requests

from server import PARTS, Server, free_port

FUNCTION_NAME = "function"  # the only name that the emulator serves


class Emulator:
    """One function behind Lambda's Invoke API, with Lambda's timeout and restarts."""

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
        """Returns the answer to an event: bytes are sent unchanged, anything else as JSON."""
        response = self.post(event)
        assert response.status_code == 200, f"the emulator answered {response.status_code}: {response.text}"
        return response.json()

    def post(self, event):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        url = f"{self.endpoint}/2015-03-31/functions/{FUNCTION_NAME}/invocations"
        return self.session.post(url, data=body, timeout=15)

    def hang(self):
        """Stops the function's process, which then answers nothing."""
        children = subprocess.run(["pgrep", "-P", str(self.server.process.pid)], capture_output=True, text=True, check=True)
        [process] = children.stdout.split()
        os.kill(int(process), signal.SIGSTOP)

    def starts(self):
        """Returns how often the function's process was started: more than once means a crash or a timeout."""
        return self.server.log().count("INIT START(")

    def reports(self):
        """Returns the number of completed invocations."""
        return self.server.log().count("REPORT RequestId:")
