"""A loopback proxy that does to requests what networks and AWS do: throttles, fails, resets, dawdles, denies."""

import http.client
import itertools
import socket
import struct
import time
from urllib.parse import urlsplit

from server import Handler, Loopback

ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>"
    "<RequestId>0</RequestId></ErrorResponse>"
)


class FaultyProxy(Loopback):
    """Forwards to `upstream`. `faults` maps "every so many requests" to a fault; `denied` is a Region, from the first
    request on or after so many."""

    def __init__(self, upstream, *, faults=None, denied=None, denied_after=0):
        self.counts = {}
        target, numbers, owner = urlsplit(upstream).netloc, itertools.count(1), self

        class Requests(Handler):
            def do_POST(self):
                body = self.body()
                number = next(numbers)
                if denied and number > denied_after and f"/{denied}/" in self.headers.get("Authorization", ""):
                    return self.error(403, "AccessDenied", "User: x is not authorized to perform this")
                for every, fault in (faults or {}).items():
                    if number % every == 0:
                        owner.counts[fault] = owner.counts.get(fault, 0) + 1
                        if getattr(self, fault)():
                            return None
                        break
                return self.forward(body)

            def throttle(self):
                self.error(400, "Throttling", "Rate exceeded")
                return True

            def fail(self):
                self.error(500, "InternalFailure", "We encountered an internal error")
                return True

            def reset(self):
                # Linger of zero: the kernel sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return True

            def dawdle(self):
                time.sleep(0.5)
                return False

            def forward(self, body):
                upstream = http.client.HTTPConnection(target, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                upstream.request("POST", self.path, body, {**headers, "Host": target})
                response = upstream.getresponse()
                self.answer(response.status, response.read(), response.headers)
                upstream.close()

            def error(self, status, code, message):
                self.answer(status, ERROR.format(code, message).encode(), {"Content-Type": "text/xml"})

            def finish(self):
                try:
                    super().finish()
                except OSError:
                    pass  # reset on purpose

        super().__init__(Requests)
