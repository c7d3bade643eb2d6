"""aiohttp: replaces its connections to intercepted hosts. Parser, payloads and errors are still those of aiohttp."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from types import ModuleType
from typing import Any, NoReturn

import aiohttp
from aiohttp.client_proto import ResponseHandler

from ...messages import ConnectFailure
from ..server.parser import REQUEST_TIMEOUT
from .connection import Connection, InProcessTransport
from .failing import FallibleTransport
from .registry import REGISTRY, Patch, Seam
from .waiting import pause

_PIECE = 2**16
"""The most bytes that the protocol gets at once."""


def seams(module: ModuleType) -> Iterable[Seam]:
    """Return the seams of ``aiohttp.connector``."""
    ours: Any = module
    yield Seam(ours.TCPConnector, "connect", _connect)
    yield Seam(ours.TCPConnector, "_create_connection", _create_connection)


def _connect(patch: Patch) -> Any:
    async def connect(self: Any, req: Any, traces: Any, timeout: Any) -> Any:
        transport = REGISTRY.transport_for(req.url.raw_host)
        if transport is None:
            return await patch.original(self, req, traces, timeout)
        for idle, *_ in self._conns.get(req.connection_key, ()):
            if getattr(idle, "segment_mock_origin", None) != (transport, transport.admission.armed):
                idle.close()  # connected to the vendor or to another mock, or a fault ends idle connections
        return await patch.original(self, req, traces, timeout)

    return connect


def _create_connection(patch: Patch) -> Any:
    async def create_connection(self: Any, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        host = req.url.raw_host
        transport = REGISTRY.transport_for(host)
        protocol: ResponseHandler
        if transport is None:
            protocol = await patch.original(self, req, traces, timeout)
            return protocol
        failure = transport.failure(host, is_tls=req.url.scheme in ("https", "wss"))
        if failure is not None:
            await _fail(req, transport, failure, timeout)
        loop = asyncio.get_running_loop()
        if isinstance(transport, InProcessTransport):
            connection, protocol = transport.connect(host), self._factory()
            connection.port = req.url.port
            connection.awaits_request = False  # reading starts with the first bytes of a request
            ConnectionTransport(loop, protocol, connection)
        else:
            address, context = transport.address, transport.context
            server_host = host if context else None
            _, protocol = await loop.create_connection(
                self._factory, *address, ssl=context, server_hostname=server_host
            )
        protocol.segment_mock_origin = transport, transport.admission.armed  # type: ignore[attr-defined]
        return protocol

    return create_connection


async def _fail(req: Any, transport: FallibleTransport, failure: ConnectFailure, timeout: Any) -> NoReturn:
    """Raise aiohttp's error for a connection that fails by *failure*."""
    refused = f"Connect call failed ({req.url.raw_host!r}, {req.url.port})"
    try:
        await transport.refuse_connection(failure, timeout.sock_connect, refused, is_async=True)
    except socket.gaierror as error:
        dns_error = getattr(aiohttp, "ClientConnectorDNSError", aiohttp.ClientConnectorError)  # aiohttp 3.10
        raise dns_error(req.connection_key, error) from error
    except ssl.SSLCertVerificationError as error:
        raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
    except OSError as error:
        if error.errno is None:
            raise asyncio.TimeoutError from error  # a class of its own before Python 3.11
        raise aiohttp.ClientConnectorError(req.connection_key, error) from error


class ConnectionTransport(asyncio.Transport):
    """Carries bytes between *protocol* and *connection*.

    The loop performs the waits of the connection, so aiohttp's timeouts can end them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: ResponseHandler, connection: Connection) -> None:
        super().__init__({"peername": connection.getpeername(), "sockname": connection.getsockname()})
        self._loop, self._protocol, self._connection = loop, protocol, connection
        self._reading: asyncio.Task[None] | None = None
        self._expiring: asyncio.Task[None] | None = None
        self._paused = self._lost = False
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        """Receive bytes of a request, which starts when it is complete; a task reads the response."""
        if not self._connection.closed:
            self._connection.sendall(data)
            if self._expiring is not None and not self._connection.is_incomplete:
                self._expiring.cancel()
                self._expiring = None
            self._wake()

    def is_closing(self) -> bool:
        """Return whether the connection has ended."""
        return self._connection.closed

    def close(self) -> None:
        """End the connection; the protocol is notified in the next iteration of the loop."""
        self._end(None)

    def abort(self) -> None:
        """Close the connection, as `close` does."""
        self._end(None)

    def pause_reading(self) -> None:
        """Stop passing data to the protocol."""
        self._paused = True

    def resume_reading(self) -> None:
        """Continue to pass data to the protocol."""
        self._paused = False
        self._wake()

    def _wake(self) -> None:
        if self._reading is None:
            # Not by create_task: an eager factory of the loop would run the task before `_reading` is set.
            self._reading = asyncio.Task(self._read(), loop=self._loop)

    async def _read(self) -> None:
        connection = self._connection
        try:
            while not (self._paused or self._lost) and (data := await connection.read(_PIECE, is_async=True)):
                self._protocol.data_received(data)
        except ConnectionError as error:
            self._end(error)
        except Exception as error:  # pass an exception of the core to the caller
            self._protocol.set_exception(error)
            self._end(None)
        else:
            if connection.closed and not self._paused:
                self._end(None)
            elif self._expiring is None and connection.is_incomplete:
                self._expiring = asyncio.Task(self._expire(), loop=self._loop)
        finally:
            self._reading = None

    async def _expire(self) -> None:
        """Refuse an incomplete request after the time that a server waits for its rest."""
        connection = self._connection
        wait = connection.wait_for_rest()
        await pause(connection.transport.clock, REQUEST_TIMEOUT, wait, is_async=True)
        self._expiring = None
        connection.refuse_incomplete()
        self._wake()

    def _end(self, error: Exception | None) -> None:
        self._connection.close()
        for task in (self._reading, self._expiring):
            if task is not None:
                task.cancel()
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._protocol.connection_lost, error)
