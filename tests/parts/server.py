"""The servers that the tests start: on loopback, on separate ports, stopped at the end."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PARTS = Path(__file__).resolve().parents[2] / ".parts"
TAIL_LINES = 40


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Handler(BaseHTTPRequestHandler):
    """Answers requests of a test, without logging."""

    protocol_version = "HTTP/1.1"

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Loopback:
    """A server in this process on a separate port."""

    def __init__(self, handler):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def environment(home, **variables):
    """Returns the environment of a child process: nothing from the caller's AWS settings, proxies or home."""
    return {
        "PATH": f"{PARTS / 'venv' / 'bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }


def poll(condition, *, seconds, what):
    """Calls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Server:
    """A child process that listens on loopback, and its log."""

    running = []  # the servers whose logs a failing test shows

    def __init__(self, name, command, *, port, folder, variables=None):
        self.name = name
        self.log_path = folder / f"{name}.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment(folder, **(variables or {})),
                start_new_session=True,
            )
        Server.running.append(self)
        try:
            poll(lambda: self.listens(port), seconds=30, what=f"{name} listens on port {port}\n{self.tail()}")
        except BaseException:
            self.stop()
            raise

    def listens(self, port):
        assert self.process.poll() is None, f"{self.name} stopped at once:\n{self.tail()}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    def log(self):
        return self.log_path.read_text(errors="replace")

    def tail(self):
        return "\n".join(self.log().splitlines()[-TAIL_LINES:])

    def stop(self):
        """Ends the process and all processes that it started."""
        Server.running.remove(self)
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=5)
