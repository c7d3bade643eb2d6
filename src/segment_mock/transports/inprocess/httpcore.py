"""httpcore, and so httpx: a request to an intercepted host goes to our pool, which belongs to the client's pool."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTP_PORT
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import httpcore

from ...messages import ConnectFailure, Response, reason
from . import waiting
from .connection import Connection, InProcessTransport
from .failing import FallibleTransport
from .live import LiveTransport
from .registry import REGISTRY, Patch, Seam

SEAMS_VARY = True
"""Another library may have patched pools that have nothing of their own otherwise."""
_BRIEF = 8000  # so many bytes of a head pass any limit
_TLS_SCHEMES = (b"https", b"wss")
_BY_PARSER = {b"expect", b"transfer-encoding", b"upgrade"}
"""A request with one of these headers is written and read as bytes."""
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_TARGET = re.compile(rb"/[!-~]*").fullmatch
_VALUES = re.compile(rb"\n(?:(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?\n)*").fullmatch


def patches(module: ModuleType) -> Iterable[Seam]:
    """Return the seams of ``httpcore``: its pools, and those that another library has patched for themselves."""
    ours: Any = module
    for root, name, make in (
        (ours.ConnectionPool, "handle_request", _handle_request),
        (ours.AsyncConnectionPool, "handle_async_request", _handle_async_request),
    ):
        for pool in (root, *root.__subclasses__()):
            if name in vars(pool) and not issubclass(pool, (_Pool, _AsyncPool)):
                yield pool, name, make


def _handle_request(patch: Patch) -> Any:
    genuine = _genuine(patch.original)

    def handle_request(self: Any, request: Any) -> Any:
        transport = REGISTRY.transport_for(request.url.host.decode("ascii"))
        if transport is None:
            return patch.original(self, request)
        beside = _beside(self, transport, _Pool)
        for connection in _outdated(beside):
            connection.close()
        return genuine(beside, request)

    return handle_request


def _handle_async_request(patch: Patch) -> Any:
    genuine = _genuine(patch.original)

    async def handle_async_request(self: Any, request: Any) -> Any:
        transport = REGISTRY.transport_for(request.url.host.decode("ascii"))
        if transport is None:
            return await patch.original(self, request)
        beside = _beside(self, transport, _AsyncPool)
        for connection in _outdated(beside):
            await connection.aclose()
        return await genuine(beside, request)

    return handle_async_request


@cache
def _genuine(function: Any) -> Any:
    """Return httpcore's own function that lies beneath *function*: what a library of stubs has put there holds it."""
    seen: list[Any] = [function]
    for candidate in seen:
        if candidate.__module__.startswith("httpcore.") and not candidate.__closure__:
            return candidate
        wrapped = [getattr(candidate, "__wrapped__", None), *_cells(candidate)]
        seen += [each for each in wrapped if isinstance(each, FunctionType) and each not in seen]
    return function


def _cells(function: Any) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        yield cell.cell_contents.original if isinstance(cell.cell_contents, Patch) else cell.cell_contents


def _beside(pool: Any, transport: InProcessTransport | LiveTransport, kind: Any) -> Any:
    """Return our pool for *pool*, with the same limits."""
    if transport.pools is None:
        transport.pools = WeakKeyDictionary()
    beside = transport.pools.get(pool)
    if beside is None:
        beside = kind(
            max_connections=pool._max_connections,
            max_keepalive_connections=pool._max_keepalive_connections,
            keepalive_expiry=pool._keepalive_expiry,
            retries=pool._retries,
        )
        beside.transport, beside.armed = transport, transport.admission.armed
        beside = transport.pools.setdefault(pool, beside)
        if isinstance(transport, LiveTransport):
            _close_with(pool, beside)
    return beside


def _outdated(beside: Any) -> list[Any]:
    """Return the idle connections that end because a fault has been armed."""
    if beside.armed == beside.transport.admission.armed:
        return []
    beside.armed = beside.transport.admission.armed
    return [connection for connection in beside.connections if connection.is_idle()]


def _close_with(pool: Any, beside: Any) -> None:
    """Let *pool*, when its client closes it, close the real sockets of *beside* too."""
    if isinstance(beside, _Pool):
        close_pool = pool.close

        def close() -> None:
            vars(pool).pop("close", None)
            beside.close()
            close_pool()

        pool.close = close
        return

    aclose_pool = pool.aclose

    async def aclose() -> None:
        vars(pool).pop("aclose", None)
        await beside.aclose()
        await aclose_pool()

    pool.aclose = aclose


class _Pool(httpcore.ConnectionPool):
    """httpcore's pool, of connections that a transport opens."""

    transport: InProcessTransport | LiveTransport
    armed: int

    def create_connection(self, origin: Any) -> Any:
        if isinstance(self.transport, InProcessTransport):
            return _PooledConnection(origin, self.transport, self._keepalive_expiry, self._retries)
        backend: Any = _LiveBackend(self.transport, self._network_backend)
        connection = httpcore.HTTPConnection(
            origin,
            keepalive_expiry=self._keepalive_expiry,
            retries=self._retries,
            network_backend=backend,
        )
        genuine = _genuine(httpcore.HTTPConnection.handle_request)
        connection.handle_request = genuine.__get__(connection)  # type: ignore[method-assign]
        return connection


class _AsyncPool(httpcore.AsyncConnectionPool):
    """The same for coroutines."""

    transport: InProcessTransport | LiveTransport
    armed: int

    def create_connection(self, origin: Any) -> Any:
        if isinstance(self.transport, InProcessTransport):
            return _AsyncPooledConnection(origin, self.transport, self._keepalive_expiry, self._retries)
        backend: Any = _AsyncLiveBackend(self.transport, self._network_backend)
        connection = httpcore.AsyncHTTPConnection(
            origin,
            keepalive_expiry=self._keepalive_expiry,
            retries=self._retries,
            network_backend=backend,
        )
        genuine = _genuine(httpcore.AsyncHTTPConnection.handle_async_request)
        connection.handle_async_request = genuine.__get__(connection)  # type: ignore[method-assign]
        return connection


class _Base:
    """What httpcore's pool asks a connection, and what a request and a reply have in common for both kinds."""

    def __init__(
        self, origin: Any, transport: InProcessTransport, keepalive_expiry: float | None, retries: int
    ) -> None:
        self._origin, self._transport, self._keepalive, self._retries = origin, transport, keepalive_expiry, retries
        self._host = origin.host.decode("ascii")
        self._connection: Connection | None = None
        self._count = 0
        self._idle = self._closed = False
        self._idle_since = 0.0
        self._lock = threading.Lock()

    def can_handle_request(self, origin: Any) -> bool:
        return bool(origin == self._origin)

    def is_available(self) -> bool:
        return self._idle and not self.is_closed()

    def is_idle(self) -> bool:
        return self._idle

    def is_closed(self) -> bool:
        return self._closed

    def has_expired(self) -> bool:
        if not self._idle:
            return False
        now = self._transport.clock.now()
        expired = self._keepalive is not None and now > self._idle_since + self._keepalive
        return expired or (self._connection is not None and self._connection.closed)

    def info(self) -> str:
        state = "CLOSED" if self._closed else "IDLE" if self._idle else "ACTIVE" if self._count else "CONNECTING"
        return f"{str(self._origin)!r}, HTTP/1.1, {state}, Request Count: {self._count}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.info()}]>"

    def _reserve(self) -> None:
        """Take the connection for a request; raises httpcore.ConnectionNotAvailable if it has one."""
        with self._lock:
            if self._closed or (self._count and not self._idle):
                raise httpcore.ConnectionNotAvailable
            self._count += 1
            self._idle = False

    def _failure(self) -> ConnectFailure | None:
        return self._transport.failure(self._host, is_tls=self._origin.scheme in _TLS_SCHEMES)

    def _use(self, connection: Connection, request: Any) -> Connection:
        self._connection = connection
        connection.settimeout(request.extensions.get("timeout", {}).get("read"))
        return connection

    def settle(self, *, reusable: bool) -> None:
        """Keep the connection for the next request if it is *reusable*, end it otherwise."""
        if reusable and self._connection is not None and not self._connection.closed:
            self._idle, self._idle_since = True, self._transport.clock.now()
        else:
            self.end()

    def end(self) -> None:
        self._closed, self._idle = True, False
        if self._connection is not None:
            self._connection.close()


class _PooledConnection(_Base):
    """A connection of a pool to the core: plain requests and whole replies pass as they are, others through h11."""

    def handle_request(self, request: Any) -> Any:
        self._reserve()
        try:
            connection = self._use(self._connection or self._open(request), request)
            body = b"".join(request.stream)
            if (plain := _plain(request, body, self._transport.body_limit)) is not None:
                exchange = connection.request(*plain, body)
                if exchange.response is None:
                    with _mapped():
                        waiting.finish(exchange.reply(), self._transport.clock, connection.gettimeout())
                if (reply := connection.take_whole()) is not None:
                    return _response(connection, reply, _Stream(connection), _Body(self, _content(request, reply)))
            stream: Any = _Stream(connection, is_sent=plain is not None)
            wire = httpcore.HTTP11Connection(self._origin, stream)
            response = wire.handle_request(_again(request, body))
            response.stream = _WireBody(self, wire, response.stream)
            return response
        except BaseException:
            self.end()
            raise

    def _open(self, request: Any) -> Connection:
        failure = self._failure()
        if failure is None:
            return self._transport.connect(self._host)
        backend: Any = _FailingBackend(self._transport, failure, self._failure)
        wire = httpcore.HTTPConnection(self._origin, retries=self._retries, network_backend=backend)
        stream: Any = wire._connect(request)
        return stream.connection  # type: ignore[no-any-return]

    def close(self) -> None:
        self.end()


class _AsyncPooledConnection(_Base):
    """The same for coroutines."""

    async def handle_async_request(self, request: Any) -> Any:
        self._reserve()
        try:
            connection = self._use(self._connection or await self._open(request), request)
            body = b"".join([part async for part in request.stream])
            if (plain := _plain(request, body, self._transport.body_limit)) is not None:
                exchange = connection.request(*plain, body)
                with _mapped():
                    await waiting.finish_async(exchange.reply(), self._transport.clock, connection.gettimeout())
                if (reply := connection.take_whole()) is not None:
                    body_stream = _AsyncBody(self, _content(request, reply))
                    return _response(connection, reply, _AsyncStream(connection), body_stream)
            stream: Any = _AsyncStream(connection, is_sent=plain is not None)
            wire = httpcore.AsyncHTTP11Connection(self._origin, stream)
            response = await wire.handle_async_request(_again(request, body))
            response.stream = _AsyncWireBody(self, wire, response.stream)
            return response
        except BaseException:
            self.end()
            raise

    async def _open(self, request: Any) -> Connection:
        failure = self._failure()
        if failure is None:
            return self._transport.connect(self._host)
        backend: Any = _AsyncFailingBackend(self._transport, failure, self._failure)
        wire = httpcore.AsyncHTTPConnection(self._origin, retries=self._retries, network_backend=backend)
        stream: Any = await wire._connect(request)
        return stream.connection  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        self.end()


def _plain(request: Any, body: bytes, limit: int) -> tuple[str, str, dict[str, str]] | None:
    """Return method, target and headers of a request that h11 would send as it is; None if only h11 can tell."""
    if "trace" in request.extensions or len(body) > limit:
        return None
    method, target, fields = request.method, request.url.target, request.headers
    headers = {name.lower(): value for name, value in fields}
    names, values = b"".join(headers), b"\n".join([b"", *headers.values(), b""])
    if (
        len(headers) < len(fields)
        or b"host" not in headers
        or b"" in headers
        or not _BY_PARSER.isdisjoint(headers)
        or headers.get(b"connection", b"keep-alive").lower() != b"keep-alive"
        or headers.get(b"content-length", b"0") != b"%d" % len(body)
        or len(names) + len(values) + len(target) > _BRIEF
        or not (_TOKEN(names) and _TOKEN(method) and _TARGET(target) and _VALUES(values))
    ):
        return None
    decoded = {name.decode("ascii"): value.decode("latin-1") for name, value in headers.items()}
    return method.decode("ascii"), target.decode("ascii"), decoded


def _content(request: Any, reply: Response) -> bytes:
    return b"" if request.method == b"HEAD" or reply.status in (204, 304) else reply.body


def _response(connection: Connection, reply: Response, stream: Any, body: Any) -> Any:
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in connection.fields(reply)]
    phrase = reason(reply.status).encode()
    extensions = {"http_version": b"HTTP/1.1", "reason_phrase": phrase, "network_stream": stream}
    return httpcore.Response(reply.status, headers=fields, content=body, extensions=extensions)


def _again(request: Any, body: bytes) -> Any:
    """Return *request*, whose stream has been read, with that *body*."""
    return httpcore.Request(
        request.method, request.url, headers=request.headers, content=body, extensions=request.extensions
    )


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore.ReadTimeout(*error.args) from error
    except OSError as error:
        raise httpcore.ReadError(*error.args) from error


@contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(error) from error
    except OSError as error:
        raise httpcore.ConnectError(error) from error


async def _fail_async(transport: FallibleTransport, failure: ConnectFailure, timeout: float | None) -> None:
    """Raise what httpcore raises over anyio when a connection fails so."""
    with _connecting():
        try:
            await transport.fail_async(failure, timeout)
        except ConnectionRefusedError as error:
            raise OSError("All connection attempts failed") from error
        except TimeoutError as error:
            raise TimeoutError from error


class _Body:
    """A whole body; read to its end, it leaves the connection to the next request."""

    def __init__(self, connection: _Base, content: bytes) -> None:
        self._connection, self._content = connection, content
        self._is_read = self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        self._is_read = True

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._connection.settle(reusable=self._is_read)


class _AsyncBody(_Body):
    """The same for coroutines."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in _Body.__iter__(self):
            yield part

    __iter__ = None  # type: ignore[assignment]  # httpx takes what has it for a body that is read at once

    async def aclose(self) -> None:
        self.close()


class _WireBody:
    """A body that h11 reads."""

    def __init__(self, connection: _Base, wire: Any, stream: Any) -> None:
        self._connection, self._wire, self._stream = connection, wire, stream
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._stream.close()
            self._connection.settle(reusable=self._wire.is_idle())


class _AsyncWireBody:
    """The same for coroutines."""

    def __init__(self, connection: _Base, wire: Any, stream: Any) -> None:
        self._connection, self._wire, self._stream = connection, wire, stream
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._stream.aclose()
            self._connection.settle(reusable=self._wire.is_idle())


class _Stream:
    """The bytes of a connection, for h11; of a request that *is_sent* already none is written again."""

    def __init__(self, connection: Connection, *, is_sent: bool = False) -> None:
        self._connection, self._is_sent = connection, is_sent

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._connection.settimeout(timeout)
        with _mapped():
            return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not self._is_sent:
            try:
                self._connection.sendall(buffer)
            except OSError as error:
                raise httpcore.WriteError(*error.args) from error

    def close(self) -> None:
        self._connection.close()

    def get_extra_info(self, info: str) -> Any:
        return self._connection.closed if info == "is_readable" else None


class _AsyncStream:
    """The same for coroutines."""

    def __init__(self, connection: Connection, *, is_sent: bool = False) -> None:
        self._connection, self._stream = connection, _Stream(connection, is_sent=is_sent)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._connection.settimeout(timeout)
        with _mapped():
            return await self._connection.recv_async(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        self._connection.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _FailingBackend:
    """Lets a connection fail, first by *failure*, then as *next_failure* says, for httpcore to try again or raise."""

    def __init__(
        self,
        transport: InProcessTransport,
        failure: ConnectFailure | None,
        next_failure: Callable[[], ConnectFailure | None],
    ) -> None:
        self._transport, self._failure, self._next_failure = transport, failure, next_failure

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        failure, self._failure = self._failure or self._next_failure(), None
        if failure is not None:
            with _connecting():
                self._transport.fail(failure, timeout)
        return _Opened(self._transport.connect(host))

    def sleep(self, seconds: float) -> None:
        self._transport.pause(seconds)


class _AsyncFailingBackend:
    """The same for coroutines."""

    def __init__(
        self,
        transport: InProcessTransport,
        failure: ConnectFailure | None,
        next_failure: Callable[[], ConnectFailure | None],
    ) -> None:
        self._transport, self._failure, self._next_failure = transport, failure, next_failure

    async def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        failure, self._failure = self._failure or self._next_failure(), None
        if failure is not None:
            await _fail_async(self._transport, failure, timeout)
        return _AsyncOpened(self._transport.connect(host))

    async def sleep(self, seconds: float) -> None:
        await self._transport.pause_async(seconds)


class _Opened:
    """A connection that has come about, with TLS if it is wanted."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def start_tls(self, *_: Any, **__: Any) -> _Opened:
        return self


class _AsyncOpened(_Opened):
    """The same for coroutines."""

    async def start_tls(self, *_: Any, **__: Any) -> _AsyncOpened:  # type: ignore[override]
        return self


class _LiveBackend:
    """Opens connections to the server of a transport; TLS, if it speaks that, is then spoken already."""

    def __init__(self, transport: LiveTransport, backend: Any) -> None:
        self._transport, self._backend = transport, backend

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        failure = self._transport.failure(host, is_tls=port != HTTP_PORT)
        if failure is not None:
            with _connecting():
                self._transport.fail(failure, timeout)
        address = self._transport.address
        stream = self._backend.connect_tcp(*address, timeout)
        if self._transport.context is not None:
            stream = stream.start_tls(self._transport.context, host, timeout)
        stream.start_tls = lambda *_, **__: stream
        return stream

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _AsyncLiveBackend:
    """The same for coroutines."""

    def __init__(self, transport: LiveTransport, backend: Any) -> None:
        self._transport, self._backend = transport, backend

    async def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        failure = self._transport.failure(host, is_tls=port != HTTP_PORT)
        if failure is not None:
            await _fail_async(self._transport, failure, timeout)
        address = self._transport.address
        stream = await self._backend.connect_tcp(*address, timeout)
        if self._transport.context is not None:
            stream = await stream.start_tls(self._transport.context, host, timeout)

        async def start_tls(*_: Any, **__: Any) -> Any:
            return stream

        stream.start_tls = start_tls
        return stream

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)
