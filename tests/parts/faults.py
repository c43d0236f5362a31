"""A loopback proxy that does to requests what networks and AWS do: throttles, fails, resets, dawdles, denies."""

import http.client
import itertools
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error>"
    "<RequestId>0</RequestId></ErrorResponse>"
)


class FaultyProxy:
    """Forwards to `upstream`. `faults` maps "every so many requests" to a fault; `denied` is a Region, from the first
    request on or after so many."""

    def __init__(self, upstream, *, faults=None, denied=None, denied_after=0):
        self.counts = {}
        target, numbers, owner = urlsplit(upstream).netloc, itertools.count(1), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                number = next(numbers)
                if denied and number > denied_after and f"/{denied}/" in self.headers.get("Authorization", ""):
                    return self.answer(403, ERROR.format("AccessDenied", "User: x is not authorized to perform this"))
                for every, fault in (faults or {}).items():
                    if number % every == 0:
                        owner.counts[fault] = owner.counts.get(fault, 0) + 1
                        if getattr(self, fault)():
                            return None
                        break
                return self.forward(body)

            def throttle(self):
                self.answer(400, ERROR.format("Throttling", "Rate exceeded"))
                return True

            def fail(self):
                self.answer(500, ERROR.format("InternalFailure", "We encountered an internal error"))
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
                self.answer(response.status, response.read(), response.headers.get("Content-Type"))
                upstream.close()

            def answer(self, status, body, kind=None):
                body = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                self.send_header("Content-Type", kind or "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def finish(self):
                try:
                    super().finish()
                except OSError:
                    pass  # reset on purpose

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
