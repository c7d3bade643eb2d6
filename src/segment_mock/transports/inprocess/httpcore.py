"""httpcore, and so httpx: a request to an intercepted host uses a second pool, which belongs to the client's pool.

httpcore has two versions of each class, for synchronous code and for coroutines. Here is only one, written with
``await``. In synchronous code, every awaited value is complete immediately (`_value`), so `_run` can run the coroutine
without an event loop.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import httpcore

from ...messages import ConnectFailure, Response, reason
from . import waiting
from .connection import Connection, InProcessTransport
from .live import LiveTransport
from .registry import REGISTRY, Patch, Seam

_BRIEF = 8000  # a head of this many bytes is within every limit
_TLS_SCHEMES = (b"https", b"wss")
_BY_PARSER = {"expect", "transfer-encoding", "upgrade"}
"""A request with one of these headers goes through httpcore's own parser and writer."""
_VISIBLE = bytes(range(0x21, 0x7F))
_TOKEN = _VISIBLE.translate(None, b'"(),/:;<=>?@[\\]{}')
_TEXT = _VISIBLE + b" "


class _PoolResponse(NamedTuple):
    """A response as httpcore's pool reads it, which makes a ``Response`` of it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    stream: Any
    extensions: dict[str, Any]


def seams(module: ModuleType) -> Iterable[Seam]:
    """Return the seams of ``httpcore``: its pools, and those for proxies once another library has patched them."""
    ours: Any = module
    for pools, name, make in (
        ((ours.ConnectionPool, ours.HTTPProxy, ours.SOCKSProxy), "handle_request", _handle_request),
        (
            (ours.AsyncConnectionPool, ours.AsyncHTTPProxy, ours.AsyncSOCKSProxy),
            "handle_async_request",
            _handle_async_request,
        ),
    ):
        for pool in pools:
            if issubclass(pool, pools[0]):  # without socksio, SOCKSProxy only raises an error
                yield Seam(pool, name, make, only_own=pool is not pools[0])


def _handle_request(patch: Patch) -> Any:
    genuine = _original_of(patch.original)

    def handle_request(self: Any, request: Any) -> Any:
        beside = _second_pool(self, request)
        if beside is None:
            return patch.original(self, request)
        for connection in _outdated_connections(beside):
            connection.close()
        return genuine(beside, request)

    return handle_request


def _handle_async_request(patch: Patch) -> Any:
    genuine = _original_of(patch.original)

    async def handle_async_request(self: Any, request: Any) -> Any:
        beside = _second_pool(self, request)
        if beside is None:
            return await patch.original(self, request)
        for connection in _outdated_connections(beside):
            await connection.aclose()
        return await genuine(beside, request)

    return handle_async_request


@cache
def _original_of(function: Any) -> Any:
    """Return httpcore's original function, to which *function*, a patch of another library, refers."""
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


def _run(call: Coroutine[Any, Any, Any]) -> Any:
    """Run *call*, which awaits nothing that takes time, and return its result."""
    try:
        call.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("synchronous code can't wait for an event loop")


async def _value(value: Any) -> Any:
    """Return *value*, the result of either kind of httpcore's functions, awaited if necessary."""
    return await value if hasattr(value, "__await__") else value


async def _mapped(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of *function*; read errors of a socket become read errors of httpcore."""
    try:
        return await _value(function(*arguments))
    except TimeoutError as error:
        raise httpcore.ReadTimeout(*error.args) from error
    except OSError as error:
        raise httpcore.ReadError(*error.args) from error


def _second_pool(pool: Any, request: Any) -> Any:
    """Return the second pool of *pool*, with the same limits, or None if the host of *request* is not intercepted."""
    transport = REGISTRY.transport_for(request.url.host.decode("ascii"))
    if transport is None:
        return None
    if transport.pools is None:
        transport.pools = WeakKeyDictionary()
    beside = transport.pools.get(pool)
    if beside is None:
        kind: Any = _AsyncPool if isinstance(pool, httpcore.AsyncConnectionPool) else _Pool
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


def _outdated_connections(beside: Any) -> list[Any]:
    """Return the idle connections that have to be closed because a fault was armed."""
    if beside.armed == beside.transport.admission.armed:
        return []
    beside.armed = beside.transport.admission.armed
    return [connection for connection in beside.connections if connection.is_idle()]


def _close_with(pool: Any, beside: Any) -> None:
    """Let *pool* also close the real sockets of *beside* when its client closes it."""
    name = "aclose" if beside.is_async else "close"
    close_pool = getattr(pool, name)

    async def close() -> None:
        vars(pool).pop(name, None)
        await _value(getattr(beside, name)())
        await _value(close_pool())

    setattr(pool, name, close if beside.is_async else lambda: _run(close()))


def _create_connection(pool: Any, origin: Any) -> Any:
    """Return a connection of the pool's transport."""
    transport, is_async = pool.transport, pool.is_async
    if isinstance(transport, InProcessTransport):
        return _PooledConnection(pool, origin)
    backend = _Backend(transport, origin, is_async, pool._network_backend)
    kind, name = _CONNECTIONS[is_async]
    connection = kind(origin, keepalive_expiry=pool._keepalive_expiry, retries=pool._retries, network_backend=backend)
    setattr(connection, name, _original_of(getattr(kind, name)).__get__(connection))
    return connection


class _Pool(httpcore.ConnectionPool):
    """A pool of httpcore whose connections a transport opens."""

    transport: InProcessTransport | LiveTransport
    armed: int
    is_async = False
    create_connection = _create_connection


class _AsyncPool(httpcore.AsyncConnectionPool):
    """The same for coroutines."""

    transport: InProcessTransport | LiveTransport
    armed: int
    is_async = True
    create_connection = _create_connection


_CONNECTIONS: tuple[tuple[Any, str], tuple[Any, str]] = (
    (httpcore.HTTPConnection, "handle_request"),
    (httpcore.AsyncHTTPConnection, "handle_async_request"),
)
"""httpcore's connection and its methods, for synchronous code and for coroutines."""


class _PooledConnection:
    """A connection of a pool to the core. Simple requests and whole responses bypass h11; others pass through it."""

    def __init__(self, pool: Any, origin: Any) -> None:
        self._origin, self._transport, self._is_async = origin, pool.transport, pool.is_async
        self._keepalive, self._retries = pool._keepalive_expiry, pool._retries
        self._host = origin.host.decode("ascii")
        self._connection: Connection | None = None
        self._count = 0
        self._idle = self._closed = False
        self._idle_since = 0.0
        self._lock = threading.Lock()

    def can_handle_request(self, origin: Any) -> bool:
        return bool(origin == self._origin)

    def is_available(self) -> bool:
        return self._idle and not self._closed

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

    def handle_request(self, request: Any) -> Any:
        return _run(self.handle_async_request(request))

    async def handle_async_request(self, request: Any) -> Any:
        with self._lock:
            if self._closed or (self._count and not self._idle):
                raise httpcore.ConnectionNotAvailable
            self._count += 1
            self._idle = False
        is_async = self._is_async
        try:
            connection = self._connection = self._connection or await self._open(request)
            connection.settimeout(request.extensions.get("timeout", {}).get("read"))
            body = b"".join([part async for part in request.stream] if is_async else request.stream)
            if (plain := _plain(request, body, self._transport.body_limit)) is not None:
                exchange = connection.request(*plain, body)
                if is_async or exchange.response is None:
                    finish = waiting.finish_async if is_async else waiting.finish
                    await _mapped(finish, exchange.wait_for_response(), self._transport.clock, connection.gettimeout())
                if (mock_response := connection.take_whole()) is not None:
                    return self._pool_response(request, connection, mock_response)
            wire_kind: Any = httpcore.AsyncHTTP11Connection if is_async else httpcore.HTTP11Connection
            wire = wire_kind(self._origin, _Stream(connection, is_async, is_sent=plain is not None))
            response = await _value(getattr(wire, _CONNECTIONS[is_async][1])(_with_body(request, body)))
            response.stream = self._body(response.stream)
            return response
        except BaseException:
            self.close()
            raise

    async def _open(self, request: Any) -> Connection:
        failure = self._transport.failure(self._host, is_tls=self._origin.scheme in _TLS_SCHEMES)
        if failure is None:
            return self._transport.connect(self._host)  # type: ignore[no-any-return]
        backend = _Backend(self._transport, self._origin, self._is_async, failure=failure)
        wire = _CONNECTIONS[self._is_async][0](self._origin, retries=self._retries, network_backend=backend)
        stream = await _value(wire._connect(request))
        return stream.connection  # type: ignore[no-any-return]

    def _pool_response(self, request: Any, connection: Connection, mock_response: Response) -> _PoolResponse:
        content = b"" if request.method == b"HEAD" or mock_response.status in (204, 304) else mock_response.body
        extensions = {
            "http_version": b"HTTP/1.1",
            "reason_phrase": reason(mock_response.status).encode(),
            "network_stream": _Stream(connection, self._is_async),
        }
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in connection.fields(mock_response)]
        return _PoolResponse(mock_response.status, fields, self._body((content,)), extensions)

    def _body(self, stream: Any) -> _Body:
        return _AsyncBody(self, stream) if self._is_async else _Body(self, stream)

    def settle(self, *, reusable: bool) -> None:
        """Keep the connection for the next request if it is *reusable*; otherwise end it."""
        if reusable and self._connection is not None and not self._connection.closed:
            self._idle, self._idle_since = True, self._transport.clock.now()
        else:
            self.close()

    def close(self) -> None:
        self._closed, self._idle = True, False
        if self._connection is not None:
            self._connection.close()

    async def aclose(self) -> None:
        self.close()


def _plain(request: Any, body: bytes, limit: int) -> tuple[str, str, dict[str, str]] | None:
    """Return method, target and headers of a request that h11 would send unchanged, or None if h11 has to decide."""
    method, target, fields = request.method, request.url.target, request.headers
    names = b"\n".join([name for name, _ in fields]).lower()
    values = b"\n".join([b"", *[value for _, value in fields], b""])
    if (
        len(names.translate(None, _TOKEN)) != len(fields) - 1  # nothing is left but what separates the names
        or len(values.translate(None, _TEXT)) != len(fields) + 1
        or b"\n " in values
        or b" \n" in values
        or not method.isalpha()
        or target[:1] != b"/"
        or target.translate(None, _VISIBLE)
        or len(names) + len(values) + len(target) > _BRIEF
        or len(body) > limit
        or "trace" in request.extensions
    ):
        return None
    headers = dict(zip(names.decode("ascii").split("\n"), values.decode("ascii")[1:-1].split("\n"), strict=True))
    if (
        len(headers) < len(fields)
        or "" in headers
        or "host" not in headers
        or not _BY_PARSER.isdisjoint(headers)
        or headers.get("connection", "keep-alive").lower() != "keep-alive"
        or headers.get("content-length", "0") != str(len(body))
    ):
        return None
    return method.decode("ascii"), target.decode("ascii"), headers


def _with_body(request: Any, body: bytes) -> Any:
    """Return *request* with *body* in place of its stream, which was read already."""
    return httpcore.Request(
        request.method, request.url, headers=request.headers, content=body, extensions=request.extensions
    )


class _Body:
    """The body of a response: a tuple, or a stream of httpcore. At its end, the connection takes the next request."""

    def __init__(self, connection: _PooledConnection, stream: Any) -> None:
        self._connection, self._stream = connection, stream
        self._is_read = self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream
        self._is_read = True

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            if hasattr(self._stream, "close"):
                self._stream.close()
            self._connection.settle(reusable=self._is_read)


class _AsyncBody(_Body):
    """The same for coroutines."""

    __iter__ = None  # type: ignore[assignment]  # httpx takes what has it for a body that is read at once

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if isinstance(self._stream, tuple):
            for part in self._stream:
                yield part
        else:
            async for part in self._stream:
                yield part
        self._is_read = True

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            if hasattr(self._stream, "aclose"):
                await self._stream.aclose()
            self._connection.settle(reusable=self._is_read)


class _Stream:
    """The bytes of a *connection*, for h11; if the request *is_sent* already, it is not written again."""

    def __init__(self, connection: Connection, is_async: bool, *, is_sent: bool = False) -> None:
        self.connection, self._is_async, self._is_sent = connection, is_async, is_sent

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        self.connection.settimeout(timeout)
        reading = _mapped(self.connection.recv_async if self._is_async else self.connection.recv, max_bytes)
        return reading if self._is_async else _run(reading)

    def write(self, buffer: bytes, timeout: float | None = None) -> Any:
        if not self._is_sent:
            try:
                self.connection.sendall(buffer)
            except OSError as error:
                raise httpcore.WriteError(*error.args) from error
        return _value(None) if self._is_async else None

    def start_tls(self, *_: Any, **__: Any) -> Any:
        return _value(self) if self._is_async else self

    def close(self) -> None:
        self.connection.close()

    async def aclose(self) -> None:
        self.connection.close()

    def get_extra_info(self, info: str) -> Any:
        return self.connection.closed if info == "is_readable" else None


class _Backend:
    """Opens connections of *transport* for httpcore, real ones by *backend*; with *failure*, the first one fails."""

    def __init__(
        self,
        transport: InProcessTransport | LiveTransport,
        origin: Any,
        is_async: bool,
        backend: Any = None,
        failure: ConnectFailure | None = None,
    ) -> None:
        self._transport, self._is_tls, self._is_async = transport, origin.scheme in _TLS_SCHEMES, is_async
        self._backend, self._failure = backend, failure

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        connecting = self._connect(host, timeout)
        return connecting if self._is_async else _run(connecting)

    async def _connect(self, host: str, timeout: float | None) -> Any:
        transport = self._transport
        failure, self._failure = self._failure or transport.failure(host, is_tls=self._is_tls), None
        if failure is not None:
            await self._fail(failure, timeout)
        if isinstance(transport, InProcessTransport):
            return _Stream(transport.connect(host), self._is_async)
        stream = await _value(self._backend.connect_tcp(*transport.address, timeout))
        if transport.context is not None:
            stream = await _value(stream.start_tls(transport.context, host, timeout))
        stream.start_tls = lambda *_, **__: _value(stream) if self._is_async else stream  # TLS is already in use
        return stream

    async def _fail(self, failure: ConnectFailure, timeout: float | None) -> None:
        try:
            await _value((self._transport.fail_async if self._is_async else self._transport.fail)(failure, timeout))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(TimeoutError() if self._is_async else error) from error
        except ConnectionRefusedError as error:  # in coroutines, anyio words the error, having tried all addresses
            why = OSError("All connection attempts failed") if self._is_async else error
            raise httpcore.ConnectError(why) from error
        except OSError as error:
            raise httpcore.ConnectError(error) from error

    def sleep(self, seconds: float) -> Any:
        if self._backend is not None:
            return self._backend.sleep(seconds)
        return self._transport.pause_async(seconds) if self._is_async else self._transport.pause(seconds)
