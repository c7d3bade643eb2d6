"""A live server with a minimal core, and a client that sends and receives raw bytes."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from segment_mock.clock import Clock, sleep
from segment_mock.messages import Delivery, Request, Response
from segment_mock.transports.server.server import LiveServer
from tests.waiting import PATIENCE

TIMEOUT = PATIENCE
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HOLD = b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"


async def echo(request: Request) -> Response:
    """Answer with the body of the request; headers describe the request that the core gets."""
    headers = {"X-Turn": str(request.number), "X-Method": request.method, "X-Target": request.target}
    headers["X-Large"] = str(request.too_large)
    return Response(413 if request.too_large else 200, headers, request.body)


def control(request: Request) -> Response:
    """Answer a request to the control plane with its body; a header has the name of the thread."""
    return Response(200, {"X-Thread": threading.current_thread().name}, request.body)


def respond_with(body: bytes = b"", status: int = 200, **delivery: Any) -> Any:
    """Return a core that gives the same response to every request, with this *delivery*."""

    async def answer(request: Request) -> Response:
        return Response(status, {"Content-Type": "text/plain"}, body, Delivery(**delivery))

    return answer


class HoldingCore:
    """A core that delays each call to /hold by *seconds*, and records whether the call was performed."""

    def __init__(self, seconds: float = math.inf) -> None:
        self.seconds = seconds
        self.outcomes: list[str] = []
        self.started = threading.Semaphore(0)
        self.finished = threading.Event()

    async def __call__(self, request: Request) -> Response:
        if request.target != "/hold":
            return Response(200)
        outcome = "unperformed"
        try:
            self.started.release()
            await sleep(self.seconds)
            outcome = "performed"
        finally:
            self.outcomes.append(outcome)
            self.finished.set()
        return Response(200)


@contextmanager
def serve(answer: Any = echo, **settings: Any) -> Iterator[LiveServer]:
    """Serve the core *answer* on a free port for the length of the block."""
    settings = {"control": control, "clock": Clock(), **settings}
    server = LiveServer(answer, settings.pop("control"), settings.pop("clock"), **settings).start()
    try:
        yield server
    finally:
        server.stop()


EARLIER_THREADS: set[threading.Thread] = set()
"""The threads that ran when the current test began."""


def server_threads() -> list[str]:
    """Return the names of the running threads of servers that the current test has started."""
    threads = [thread for thread in threading.enumerate() if thread not in EARLIER_THREADS]
    return [thread.name for thread in threads if thread.name.startswith("segment-mock")]


class RawClient:
    """A client connection that sends raw bytes and reads one response at a time."""

    def __init__(self, server: LiveServer) -> None:
        self.sock = socket.create_connection((server.host, server.port), TIMEOUT)
        self.buffer = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def send(self, *pieces: bytes) -> RawClient:
        """Send each of *pieces* separately."""
        for piece in pieces:
            self.sock.sendall(piece)
        return self

    def read_until(self, delimiter: bytes) -> bytes:
        """Return all bytes up to the *delimiter*, inclusive."""
        while delimiter not in self.buffer:
            self._receive()
        piece, _, self.buffer = self.buffer.partition(delimiter)
        return piece + delimiter

    def read_head(self) -> tuple[int, dict[str, str]]:
        """Read the head of the next response and return its status and headers, with names in lower case."""
        first, *lines = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        return int(first.split(" ")[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}

    def read_response(self) -> tuple[int, dict[str, str], bytes]:
        """Read the next response and return its status, headers and body."""
        status, headers = self.read_head()
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            self._receive()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return status, headers, body

    def read_to_end(self) -> bytes:
        """Return all bytes until the server closes the connection."""
        while data := self.sock.recv(2**20):
            self.buffer += data
        piece, self.buffer = self.buffer, b""
        return piece

    def _receive(self) -> None:
        data = self.sock.recv(2**20)
        if not data:
            raise EOFError(f"closed after {self.buffer!r}")
        self.buffer += data
