"""A loopback proxy that does to requests what networks and AWS do: throttles, fails, resets, delays, denies."""

import http.client
import itertools
import json
import re
import socket
import struct
import time
from urllib.parse import parse_qs, urlsplit

import cbor
from server import Handler, Loopback

ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>"
    "<RequestId>0</RequestId></ErrorResponse>"
)


class FaultyProxy(Loopback):
    """Forwards to `upstream`. `faults` maps a number of requests to a fault that occurs once in that many. `denied` is
    a Region that is denied from the start or after a number of requests. The roles of the accounts in `refusing` cannot
    be assumed. `answers` answers an action instead of `upstream`: it gets the account, Region and form, and returns the
    text of the result or an error's status and code. CBOR requests reach `upstream` as JSON."""

    def __init__(self, upstream, *, faults=None, denied=None, denied_after=0, refusing=(), answers=None):
        self.counts = {}
        self.assumed = []  # accounts, by AssumeRole, in order
        self.accounts = {}  # by the access key of a session
        target, numbers, owner = urlsplit(upstream).netloc, itertools.count(1), self

        class Requests(Handler):
            def do_POST(self):
                body = self.body()
                number = next(numbers)
                if denied and number > denied_after and f"/{denied}/" in self.headers.get("Authorization", ""):
                    return self.error(403, "AccessDenied", "User: x is not authorized to perform this")
                if self.refuses(body):
                    return None
                for every, fault in (faults or {}).items():
                    if number % every == 0:
                        owner.counts[fault] = owner.counts.get(fault, 0) + 1
                        if getattr(self, fault)():
                            return None
                        break
                return None if self.answers(body) else self.forward(body)

            def throttle(self):
                self.error(400, "TooManyRequestsException" if self.headers.get("X-Amz-Target") else "Throttling", "Rate exceeded")
                return True

            def fail(self):
                self.error(500, "InternalFailure", "We encountered an internal error")
                return True

            def reset(self):
                # A linger time of zero: the kernel sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return True

            def dawdle(self):
                time.sleep(0.5)
                return False

            def do_GET(self):
                self.forward(self.body())

            def forward(self, body):
                upstream = http.client.HTTPConnection(target, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                operation = cbor.operation(self.path)
                if operation:
                    headers |= {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": operation}
                    headers.pop("Content-Length", headers.pop("content-length", None))
                    upstream.request("POST", "/", cbor.as_json(body), {**headers, "Host": target})
                else:
                    upstream.request(self.command, self.path, body, {**headers, "Host": target})
                response = upstream.getresponse()
                answer = response.read()
                self.remember(body, answer)
                if operation:
                    told = {"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
                    self.answer(response.status, cbor.of_json(answer), told)
                else:
                    self.answer(response.status, answer, response.headers)
                upstream.close()

            def form(self, body):
                form = "urlencoded" in self.headers.get("Content-Type", "")
                return {name: values[0] for name, values in parse_qs(body.decode()).items()} if form else {}

            def refuses(self, body):
                form = self.form(body)
                account = form.get("RoleArn", ":" * 4).split(":")[4]
                if form.get("Action") != "AssumeRole" or account not in refusing:
                    return False
                message = f"User: x is not authorized to perform: sts:AssumeRole on resource: {form['RoleArn']}"
                self.error(403, "AccessDenied", message)
                return True

            def answers(self, body):
                form = self.form(body)
                action = form.get("Action")
                if action not in (answers or {}):
                    return False
                key, _, region = self.headers["Authorization"].split("Credential=")[1].split("/")[:3]
                said = answers[action](owner.accounts.get(key), region, form)
                if isinstance(said, str):
                    text = f"<{action}Response><{action}Result>{said}</{action}Result></{action}Response>"
                    self.answer(200, text.encode(), {"Content-Type": "text/xml"})
                else:
                    self.error(*said, "no")
                return True

            def remember(self, body, answer):
                """Records the account of a session's access key."""
                arn = self.form(body).get("RoleArn")
                key = re.search(rb"<AccessKeyId>(.*?)</AccessKeyId>", answer)
                if arn and key:
                    owner.accounts[key[1].decode()] = arn.split(":")[4]
                    owner.assumed.append(arn.split(":")[4])

            def error(self, status, code, message):
                if self.headers.get("X-Amz-Target"):
                    text = json.dumps({"__type": code, "message": message})
                    return self.answer(status, text.encode(), {"Content-Type": "application/x-amz-json-1.1"})
                return self.answer(status, ERROR.format(code, message).encode(), {"Content-Type": "text/xml"})

            def finish(self):
                try:
                    super().finish()
                except OSError:
                    pass  # reset on purpose

        super().__init__(Requests)
