"""An asyncio transport to the core, for aiohttp's own protocol: parser, payloads and errors stay aiohttp's."""

from __future__ import annotations

import math
from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import TimerContext

from .inprocess import Socket

CHUNK = 2**16


class SocketTransport(Transport):
    """Carries bytes between *protocol* and *sock*; *now* tells the mock's time.

    What outlasts ``sock_read`` or the ``total`` of a call ends it by aiohttp's own means, without waiting.
    """

    def __init__(
        self, loop: AbstractEventLoop, protocol: ResponseHandler, sock: Socket, now: Callable[[], float]
    ) -> None:
        super().__init__()
        self._loop, self._protocol, self._sock, self._now = loop, protocol, sock, now
        self._due = math.inf
        self._timer: TimerContext | None = None
        self._paused = self._pumping = self._lost = False
        protocol.connection_made(self)

    def begin(self, timer: Any, total: float | None) -> None:
        """Take up a call that has *total* seconds from now, if that is not None; *timer* is then told."""
        self._timer = timer if isinstance(timer, TimerContext) else None
        self._due = self._now() + total if total else math.inf

    def write(self, data: Any) -> None:
        """Take bytes of a request; what comes back is read in a turn of its own."""
        if not self._sock.ended:
            self._sock.sendall(data)
            self._wake()

    def is_closing(self) -> bool:
        """Tell whether the connection has ended."""
        return self._sock.ended

    def close(self) -> None:
        """End the connection; the protocol hears of it in its next turn."""
        self._lose(None)

    def abort(self) -> None:
        """As `close`."""
        self._lose(None)

    def pause_reading(self) -> None:
        """Hold what comes next."""
        self._paused = True

    def resume_reading(self) -> None:
        """Go on."""
        self._paused = False
        self._wake()

    def _wake(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        try:
            while not (self._paused or self._lost):
                data = self._read()
                if not data:
                    break
                self._protocol.data_received(data)
        except ConnectionError as error:
            self._lose(error)
        except Exception as error:  # what the core raises is the caller's to see
            self._protocol.set_exception(error)
            self._lose(None)
        else:
            if self._sock.ended and not self._paused:
                self._lose(None)

    def _read(self) -> bytes:
        patience = self._protocol.read_timeout or math.inf
        left = max(0.0, self._due - self._now())
        limit = min(patience, left)
        self._sock.settimeout(None if math.isinf(limit) else limit)
        try:
            return self._sock.recv(CHUNK)
        except TimeoutError:
            if left <= patience and self._timer is not None:
                self._timer.timeout()
            else:
                self._protocol._on_read_timeout()
            return b""

    def _lose(self, error: Exception | None) -> None:
        self._sock.close()
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._protocol.connection_lost, error)
