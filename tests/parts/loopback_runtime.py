"""Lambda's Runtime API on loopback, with one plain socket for each function: fast enough for a million invocations, and
it can be stopped."""

import contextlib
import os
import queue
import socket
import subprocess
import threading
import time

from server import environment


class Runtime:
    """Passes events to one function and receives its answers."""

    def __init__(self, port=0, deadline_seconds=None):
        self.deadline_seconds = deadline_seconds
        self.events, self.answers = queue.SimpleQueue(), queue.SimpleQueue()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                headers = {}
                while header := reader.readline().strip():
                    name, _, value = header.partition(b":")
                    headers[name.lower()] = value.strip()
                if line.startswith(b"GET"):
                    self.hand_over(connection)
                    continue
                body = reader.read(int(headers.get(b"content-length", 0)))
                if headers.get(b"transfer-encoding") == b"chunked":
                    while size := int(reader.readline(), 16):
                        body += reader.read(size)
                        reader.readline()
                    reader.readline()
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
                self.answers.put((line.split()[1].decode(), body))

    def hand_over(self, connection):
        event = self.events.get()
        if event is None:
            raise ValueError("the Runtime API goes away")
        deadline = 9_999_999_999_999
        if self.deadline_seconds is not None:
            deadline = int((time.time() + self.deadline_seconds) * 1000)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: %d\r\n"
            b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:guard:live\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (deadline, len(event), event)
        )

    def invoke(self, event, seconds=30):
        """Returns the answer's bytes. Raises if there is none, or if it is Lambda's error object."""
        self.events.put(event)
        path, body = self.answers.get(timeout=seconds)
        if not path.endswith("/response"):
            raise RuntimeError(f"{path}: {body[:200]}")
        return body

    def stop(self):
        """Closes the connection, whatever is in progress."""
        self.events.put(None)
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # otherwise the accepting thread keeps the port
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Function:
    """The real program with its own Runtime API."""

    def __init__(self, program, folder, runtime=None, stdout=subprocess.DEVNULL, prefix=(), **variables):
        self.runtime = runtime or Runtime()
        self.process = subprocess.Popen(
            [*prefix, str(program)],
            env=environment(
                folder, AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{self.runtime.port}", AWS_LAMBDA_FUNCTION_NAME="guard",
                AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256", AWS_LAMBDA_FUNCTION_VERSION="1", AWS_LAMBDA_LOG_GROUP_NAME="x",
                AWS_LAMBDA_LOG_STREAM_NAME="x", AWS_REGION="us-east-1", **variables,
            ),
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def invoke(self, event, seconds=30):
        return self.runtime.invoke(event, seconds)

    def memory(self):
        """Returns the resident memory in kilobytes."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.runtime.stop()
