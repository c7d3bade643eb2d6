"""aiohttp: its connector gets connections of ours to a host of ours; parser, payloads and errors stay aiohttp's."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import TimerContext

from .connection import Connection, InProcessTransport
from .registry import REGISTRY, Patch, Seam

CHUNK = 2**16


def patches(module: ModuleType) -> Iterable[Seam]:
    """Return the seams of ``aiohttp.connector``."""
    ours: Any = module
    yield ours.TCPConnector, "connect", _connect
    yield ours.TCPConnector, "_create_connection", _create_connection


def _connect(patch: Patch) -> Any:
    async def connect(self: Any, req: Any, traces: Any, timeout: Any) -> Any:
        transport = REGISTRY.transport_for(req.url.raw_host)
        if transport is None:
            return await patch.original(self, req, traces, timeout)
        for idle, *_ in self._conns.get(req.connection_key, ()):
            if getattr(idle, "segment_mock_transport", None) is not transport:
                idle.close()  # opened before: it leads to the vendor, or to another mock
        connection = await patch.original(self, req, traces, timeout)
        if isinstance(transport, InProcessTransport):
            connection.transport.begin(req._timer, timeout.total)
        return connection

    return connect


def _create_connection(patch: Patch) -> Any:
    async def create_connection(self: Any, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        host = req.url.raw_host
        transport = REGISTRY.transport_for(host)
        protocol: ResponseHandler
        if transport is None:
            protocol = await patch.original(self, req, traces, timeout)
            return protocol
        loop = asyncio.get_running_loop()
        if isinstance(transport, InProcessTransport):
            protocol = self._factory()
            ConnectionTransport(loop, protocol, transport.connect(host))
        else:
            address, context = transport.address, transport.context
            named = host if context else None
            _, protocol = await loop.create_connection(self._factory, *address, ssl=context, server_hostname=named)
        protocol.segment_mock_transport = transport  # type: ignore[attr-defined]
        return protocol

    return create_connection


class ConnectionTransport(asyncio.Transport):
    """Carries bytes between *protocol* and *connection*.

    What outlasts ``sock_read`` or the ``total`` of a call ends it by aiohttp's own means, without waiting.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: ResponseHandler, connection: Connection) -> None:
        super().__init__()
        self._loop, self._protocol, self._connection = loop, protocol, connection
        self._clock = connection.transport.clock
        self._due = math.inf
        self._timer: TimerContext | None = None
        self._paused = self._pumping = self._lost = False
        protocol.connection_made(self)

    def begin(self, timer: Any, total: float | None) -> None:
        """Take up a call that has *total* seconds from now, if that is not None; *timer* is then told."""
        self._timer = timer if isinstance(timer, TimerContext) else None
        self._due = self._clock.now() + total if total else math.inf

    def write(self, data: Any) -> None:
        """Take bytes of a request, which starts when they are all there; its reply is read in a turn of its own."""
        if not self._connection.closed:
            self._connection.sendall(data)
            self._wake()

    def is_closing(self) -> bool:
        """Tell whether the connection has ended."""
        return self._connection.closed

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
            if self._connection.closed and not self._paused:
                self._lose(None)

    def _read(self) -> bytes:
        patience = self._protocol._read_timeout or math.inf
        left = max(0.0, self._due - self._clock.now())
        limit = min(patience, left)
        self._connection.settimeout(None if math.isinf(limit) else limit)
        try:
            return self._connection.recv(CHUNK)
        except TimeoutError:
            if left <= patience and self._timer is not None:
                self._timer.timeout()
            else:
                self._protocol._on_read_timeout()
            return b""

    def _lose(self, error: Exception | None) -> None:
        self._connection.close()
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._protocol.connection_lost, error)
