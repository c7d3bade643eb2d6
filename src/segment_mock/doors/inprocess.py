"""A socket that is none: what a client writes goes to the core, and what it reads are the door's bytes."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..hosts import is_control
from ..messages import BODY_LIMIT, Answer, Request, Response, run_sync
from ..transports.serialize import CONTINUE, ConnectionOption, ending, split_delivery
from ..transports.server.parser import RequestParser

if TYPE_CHECKING:
    from typing_extensions import Buffer

BEGUN: ContextVar[list[Coroutine[float, None, Response]] | None] = ContextVar("BEGUN", default=None)
"""A call that has begun already and answers the next request of whoever runs in this context."""


class WouldHangForever(RuntimeError):
    """A client without a timeout waits for an answer that never comes."""


class Socket:
    """The client's end of a connection to the core.

    Waiting costs no wall time: a pause that outlasts the client's timeout raises the
    ``TimeoutError`` of a real socket, any other moves the world's *clock*.
    """

    def __init__(
        self, answer: Answer, control: Callable[[Request], Response], clock: Clock, body_limit: int = BODY_LIMIT
    ) -> None:
        self._answer, self._control, self._clock = answer, control, clock
        self._reader = RequestParser(body_limit, "inprocess")
        self._timeout: float | None = None
        self._waited, self._asked = 0.0, ""
        self._pieces: Iterator[bytes] = iter(())
        self._held = b""
        self._file = -1
        self.ended = False
        self.door: object = None

    @property
    def turn(self) -> int:
        """How many requests this connection has carried; set for one that goes on where another way left off."""
        return self._reader.count

    @turn.setter
    def turn(self, requests: int) -> None:
        self._reader.count = requests

    def settimeout(self, seconds: float | None) -> None:
        """Let a read wait at most *seconds*."""
        self._timeout = seconds

    def sendall(self, data: Buffer) -> None:
        """Take bytes of a request; raises ConnectionError once the connection has ended."""
        if self.ended:
            raise BrokenPipeError("the connection has ended")
        self._reader.feed(bytes(data))

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return the stream of the next reply."""
        return io.BufferedReader(_Stream(self._reply()))

    def recv(self, size: int) -> bytes:
        """Return at most *size* bytes of the replies; none once the connection has ended, or nothing was asked."""
        piece = self._held or next(self._pieces, b"")
        if not piece:
            self._pieces = self._reply()
            piece = next(self._pieces, b"")
        self._held = piece[size:]
        return piece[:size]

    def fileno(self) -> int:
        """Return a descriptor that is always readable, for a client that looks if an ended connection was left.

        Raises OSError while the connection is open: there is no socket.
        """
        if not self.ended:
            raise OSError("an in-process connection has no descriptor")
        if self._file < 0:
            self._file = os.open(os.devnull, os.O_RDONLY)
        return self._file

    def close(self) -> None:
        """End the connection."""
        self.ended = True
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def setsockopt(self, *_: Any) -> None:
        """Accept what clients set on every socket."""

    def _reply(self) -> Iterator[bytes]:
        """Yield the bytes of the next reply; what breaks it off is raised where it breaks."""
        if self._reader.expects_continue:
            self._reader.expects_continue = False
            yield CONTINUE
        while self._reader.requests:
            request, manner = self._reader.requests.popleft()
            response = request if isinstance(request, Response) else self._answered(request)
            bodiless = isinstance(request, Request) and request.method == "HEAD"
            yield from self._delivered(response, manner, bodiless)

    def _answered(self, request: Request) -> Response:
        self._waited, self._asked = 0.0, f"{request.method} {request.target}"
        if is_control(request.target):
            return self._control(request)
        begun = BEGUN.get()
        return run_sync(begun.pop() if begun else self._answer(request), self._wait)

    def _delivered(self, response: Response, manner: ConnectionOption, bodiless: bool) -> Iterator[bytes]:
        head, rest = split_delivery(response, self._clock.now(), manner, head_only=bodiless)
        if head:
            yield head
        step = response.delivery.chunk or 1
        for start in range(0, len(rest), step):
            self._waited = 0.0
            self._wait(response.delivery.pause)
            yield bytes(rest[start : start + step])
        end = ending(response, manner)
        self.ended = end != "open"
        if end == "reset":
            raise ConnectionResetError(104, "Connection reset by peer")

    def _wait(self, seconds: float) -> None:
        left = math.inf if self._timeout is None else self._timeout - self._waited
        if self._timeout is not None and seconds >= left:
            self._clock.skip(max(0.0, left))
            raise TimeoutError("timed out")
        if math.isinf(seconds):
            why = getattr(seconds, "why", "") or "a stage"
            raise WouldHangForever(f"{self._asked}: {why} keeps the answer back for ever; the client has no timeout")
        self._waited += seconds
        self._clock.skip(seconds)


class _Stream(io.RawIOBase):
    """Bytes from an iterator, as a file."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source, self._held = source, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            piece = next(self._source, None)
            if piece is None:
                return 0
            self._held = memoryview(piece)
        size = min(len(buffer), len(self._held))
        buffer[:size] = self._held[:size]
        self._held = self._held[size:]
        return size
