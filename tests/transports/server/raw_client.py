"""A live server around a minimal core, and a client that sees every byte."""

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

TIMEOUT = 5
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HOLD = b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"


async def echo(request: Request) -> Response:
    """Respond with a description of the request to the core."""
    headers = {"X-Turn": str(request.number), "X-Method": request.method, "X-Target": request.target}
    headers["X-Large"] = str(request.too_large)
    return Response(413 if request.too_large else 200, headers, request.body)


def control(request: Request) -> Response:
    """Respond with a description of the request to the control plane."""
    return Response(200, {"X-Thread": threading.current_thread().name}, request.body)


def always(body: bytes = b"", status: int = 200, **delivery: Any) -> Any:
    """Return a core that gives the same response to every request."""

    async def answer(request: Request) -> Response:
        return Response(status, {"Content-Type": "text/plain"}, body, Delivery(**delivery))

    return answer


class Holding:
    """A core that holds each call to /hold for *seconds*, and records how each of them ended."""

    def __init__(self, seconds: float = math.inf) -> None:
        self.seconds = seconds
        self.ended: list[str] = []
        self.started = threading.Semaphore(0)
        self.over = threading.Event()

    async def __call__(self, request: Request) -> Response:
        if request.target != "/hold":
            return Response(200)
        ended = "unperformed"
        try:
            self.started.release()
            await sleep(self.seconds)
            ended = "performed"
        finally:
            self.ended.append(ended)
            self.over.set()
        return Response(200)


@contextmanager
def serving(answer: Any = echo, **settings: Any) -> Iterator[LiveServer]:
    """Serve *answer* on a free port for as long as the block runs."""
    settings = {"control": control, "clock": Clock(), **settings}
    server = LiveServer(answer, settings.pop("control"), settings.pop("clock"), **settings).start()
    try:
        yield server
    finally:
        server.stop()


def threads() -> list[str]:
    """Return the names of the threads that servers have running."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("segment-mock")]


class RawClient:
    """A raw client connection that reads responses one by one."""

    def __init__(self, server: LiveServer) -> None:
        self.sock = socket.create_connection((server.host, server.port), TIMEOUT)
        self.seen = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def send(self, *pieces: bytes) -> RawClient:
        """Send *pieces*, one segment each."""
        for piece in pieces:
            self.sock.sendall(piece)
        return self

    def until(self, mark: bytes) -> bytes:
        """Return everything up to and with *mark*."""
        while mark not in self.seen:
            self._more()
        piece, _, self.seen = self.seen.partition(mark)
        return piece + mark

    def head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers (lower-case) of the next response."""
        first, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        return int(first.split(" ")[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}

    def reply(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the next response."""
        status, headers = self.head()
        length = int(headers.get("content-length", 0))
        while len(self.seen) < length:
            self._more()
        body, self.seen = self.seen[:length], self.seen[length:]
        return status, headers, body

    def rest(self) -> bytes:
        """Return everything until the server closes."""
        while data := self.sock.recv(2**20):
            self.seen += data
        piece, self.seen = self.seen, b""
        return piece

    def _more(self) -> None:
        data = self.sock.recv(2**20)
        if not data:
            raise EOFError(f"closed after {self.seen!r}")
        self.seen += data
