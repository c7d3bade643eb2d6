"""httpcore, and so httpx: a request to an intercepted host uses a second pool, which belongs to the client's pool.

httpcore has two versions of each class, for synchronous code and for coroutines. Here is only one, written with
``await``. In synchronous code, every awaited value is complete immediately (`_value`), so `run` needs no event loop.
"""

from __future__ import annotations

import math
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import httpcore

from ...forking import new_lock
from ...messages import ConnectFailure, reason
from .connection import Connection, InProcessTransport
from .live import LiveTransport
from .registry import REGISTRY, Patch, Seam
from .waiting import run

_BRIEF = 8000  # a head of this many bytes is within every limit
_TLS_SCHEMES = (b"https", b"wss")
_BY_PARSER = {"expect", "transfer-encoding", "upgrade"}
"""A request with one of these headers goes through httpcore's own parser and writer."""
_POOLS_LOCK = new_lock()
"""Guards the creation of second pools, so that threads that share a client share its second pool."""
_REFERENCES = ("__wrapped__", "func", "side_effect", "_mock_wraps")
"""Attributes by which a wrapper, a partial function or a mock refers to another function."""


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
        return patch.original(self, request) if beside is None else genuine(beside, request)

    return handle_request


def _handle_async_request(patch: Patch) -> Any:
    genuine = _original_of(patch.original)

    async def handle_async_request(self: Any, request: Any) -> Any:
        beside = _second_pool(self, request)
        return await (patch.original(self, request) if beside is None else genuine(beside, request))

    return handle_async_request


@lru_cache(maxsize=32)
def _original_of(function: Any) -> Any:
    """Return httpcore's original function, to which *function*, a patch of another library, refers.

    If it does not refer to it, as a `unittest.mock.Mock` may not, return *function*.
    """
    seen: list[Any] = [function]
    for candidate in seen:
        cells = candidate.__closure__ if isinstance(candidate, FunctionType) else None
        if not cells and str(getattr(candidate, "__module__", "")).startswith("httpcore."):
            return candidate
        contents = [cell.cell_contents for cell in cells or ()]
        wrapped = [value.original if isinstance(value, Patch) else value for value in contents]
        wrapped += [getattr(candidate, name, None) for name in _REFERENCES]
        seen += [each for each in wrapped if isinstance(each, FunctionType) and each not in seen]
    return function


def _perform(call: Coroutine[Any, Any, Any], *, is_async: bool) -> Any:
    """Return *call* for a caller that awaits it, or else its result."""
    return call if is_async else run(call)


async def _value(value: Any) -> Any:
    """Return *value*, the result of either kind of httpcore's functions, awaited if necessary."""
    return await value if hasattr(value, "__await__") else value


async def _read(reading: Coroutine[Any, Any, Any], *, is_async: bool) -> Any:
    """Return the result of *reading*; read errors of a socket become read errors of httpcore."""
    try:
        if is_async:
            from anyio.lowlevel import checkpoint

            await checkpoint()
        return await reading
    except TimeoutError as error:
        raise httpcore.ReadTimeout(*error.args) from error
    except OSError as error:
        raise httpcore.ReadError(*error.args) from error
    finally:
        reading.close()  # not awaited if the task was cancelled at the checkpoint


def _second_pool(pool: Any, request: Any) -> Any:
    """Return the second pool of *pool*, with the same limits, or None if the host of *request* is not intercepted."""
    transport = REGISTRY.transport_for(request.url.host.decode("ascii"))
    if transport is None:
        return None
    beside = None if transport.pools is None else transport.pools.get(pool)
    if beside is None:
        with _POOLS_LOCK:
            beside = _new_second_pool(pool, transport)
    return beside


def _new_second_pool(pool: Any, transport: InProcessTransport | LiveTransport) -> Any:
    """Return the second pool of *pool*, a new one unless another thread has made it meanwhile."""
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
        beside.transport = transport
        if isinstance(transport, LiveTransport):
            _close_with(pool, beside)
        transport.pools[pool] = beside  # complete, because other threads get it without the lock
    return beside


def _close_with(pool: Any, beside: Any) -> None:
    """Let *pool* also close the real sockets of *beside* when its client closes it."""
    name, is_async, pools = beside.closing, beside.is_async, vars(pool).setdefault("segment_mock_pools", [])
    pools.append(beside)
    beside.siblings, beside.loop = pools, _running_loop() if is_async else None
    if len(pools) > 1:
        return
    close_pool = getattr(pool, name)

    async def close() -> None:
        vars(pool).pop(name, None)
        while pools:
            try:
                second = pools.pop()
            except IndexError:
                break  # another thread has taken the last one
            await _value(getattr(second, name)())
        await _value(close_pool())

    setattr(pool, name, lambda: _perform(close(), is_async=is_async))


async def _close_ended(pools: list[Any]) -> None:
    """Close and remove those of *pools* whose server is stopped, unless they belong to another event loop."""
    for pool in [*pools]:
        if not pool.transport.has_ended or pool.loop not in (None, _running_loop()):
            continue
        try:
            pools.remove(pool)  # one by one, because other threads add and remove pools
        except ValueError:
            continue  # another thread closes it
        with suppress(RuntimeError):  # older versions of httpcore raise it while a response is open
            await _value(getattr(pool, pool.closing)())


def _running_loop() -> Any:
    """Return the running event loop of asyncio, if any."""
    from asyncio import _get_running_loop

    return _get_running_loop()


class _PoolBeside:
    """A pool of httpcore whose connections a *transport* opens."""

    transport: InProcessTransport | LiveTransport
    is_async: bool
    siblings: list[Any]
    """All pools with real sockets that belong to the same pool of a client."""
    loop: Any
    """The event loop of asyncio in which a pool with real sockets is used."""

    def create_connection(self: Any, origin: Any) -> Any:
        """Return a connection of the transport, as the pool asks for one."""
        transport = self.transport
        if isinstance(transport, InProcessTransport):
            return _PooledConnection(self, origin)
        kind, handle, armed = self.connection_kind, self.handle, transport.admission.armed
        backend = _Backend(transport, origin, self.is_async, self._network_backend, siblings=self.siblings)
        connection = kind(
            origin, keepalive_expiry=self._keepalive_expiry, retries=self._retries, network_backend=backend
        )
        has_expired = connection.has_expired
        connection.has_expired = lambda: has_expired() or (connection.is_idle() and transport.admission.armed != armed)
        setattr(connection, handle, _original_of(getattr(kind, handle)).__get__(connection))
        return connection


class _Pool(_PoolBeside, httpcore.ConnectionPool):
    """For synchronous code."""

    is_async, closing = False, "close"
    connection_kind, wire_kind, handle = httpcore.HTTPConnection, httpcore.HTTP11Connection, "handle_request"


class _AsyncPool(_PoolBeside, httpcore.AsyncConnectionPool):
    """For coroutines."""

    is_async, closing = True, "aclose"
    connection_kind, wire_kind = httpcore.AsyncHTTPConnection, httpcore.AsyncHTTP11Connection
    handle = "handle_async_request"


class _PooledConnection:
    """A connection of a pool to the core. Simple requests and whole responses bypass h11; others pass through it."""

    def __init__(self, pool: Any, origin: Any) -> None:
        self._pool_kind, self._is_async = type(pool), pool.is_async
        self._host = origin.host.decode("ascii")
        self._origin, self._transport, self._clock = origin, pool.transport, pool.transport.clock
        self._keepalive = math.inf if pool._keepalive_expiry is None else pool._keepalive_expiry
        self._retries = pool._retries
        self._stream: Any = None
        self._is_used = self._is_idle = self._is_closed = False
        self._expires = math.inf
        self._lock = threading.Lock()

    def can_handle_request(self, origin: Any) -> bool:
        return bool(origin == self._origin)

    def is_idle(self) -> bool:
        return self._is_idle

    is_available = is_idle

    def is_closed(self) -> bool:
        return self._is_closed

    def has_expired(self) -> bool:
        return self._is_idle and (self._clock.now() > self._expires or self._stream.connection.closed)

    def handle_request(self, request: Any) -> Any:
        self._occupy()
        try:
            if self._stream is None:
                run(self._open(request))
            body = b"".join(request.stream)
            is_sent = self._send(request, body)
            # Most responses are ready and whole; a coroutine would take longer than all else here.
            return self._whole_response(request) or run(self._respond(request, body, is_sent=is_sent))
        except BaseException:
            self.close()
            raise

    async def handle_async_request(self, request: Any) -> Any:
        self._occupy()
        try:
            if self._stream is None:
                await self._open(request)
            body = b"".join([part async for part in request.stream])
            return await self._respond(request, body, is_sent=self._send(request, body))
        except BaseException:
            self.close()
            raise

    def _occupy(self) -> None:
        with self._lock:
            if self._is_used and not self._is_idle:
                raise httpcore.ConnectionNotAvailable
            self._is_used, self._is_idle = True, False

    async def _open(self, request: Any) -> None:
        failure = None
        if "trace" not in request.extensions:  # else httpcore connects, and reports each step
            failure = self._transport.failure(self._host, is_tls=self._origin.scheme in _TLS_SCHEMES)
            if failure is None:
                self._stream = _Stream(self._transport.connect(self._host), self._is_async)
                self._stream.connection.port = self._origin.port
                return
        backend = _Backend(self._transport, self._origin, self._is_async, failure=failure)
        wire = self._pool_kind.connection_kind(self._origin, retries=self._retries, network_backend=backend)
        self._stream = await _value(wire._connect(request))

    def _send(self, request: Any, body: bytes) -> bool:
        """Start *request* and return True, or return False if h11 has to write it."""
        connection = self._stream.connection
        connection.settimeout(request.extensions.get("timeout", {}).get("read"))
        plain = _plain(request, body, self._transport.body_limit)
        if plain is None:
            return False
        connection.request(*plain, body)
        return True

    def _whole_response(self, request: Any) -> _PoolResponse | None:
        """Return the response to *request*, or None if it is not ready, or h11 has to read it."""
        connection = self._stream.connection
        response = connection.take_whole()
        if response is None:
            return None
        status = response.status
        content = b"" if request.method == b"HEAD" or status in (204, 304) else response.body
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in connection.fields(response)]
        phrase = reason(status).encode()
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": phrase, "network_stream": self._stream}
        return _PoolResponse(status, fields, _Body(self, (content,)), extensions)

    async def _respond(self, request: Any, body: bytes, *, is_sent: bool) -> Any:
        """Wait for the response to *request*, and return it. h11 sends the request unless it *is_sent* already."""
        connection, is_async = self._stream.connection, self._is_async
        if is_sent:
            await _read(connection.wait(is_async=is_async), is_async=is_async)
            whole_response = self._whole_response(request)
            if whole_response is not None:
                return whole_response
        wire = self._pool_kind.wire_kind(self._origin, _Stream(connection, is_async, is_sent=is_sent))
        method, url, options = request.method, request.url, request.extensions
        unread = httpcore.Request(method, url, headers=request.headers, content=body, extensions=options)
        response = await _value(getattr(wire, self._pool_kind.handle)(unread))
        response.stream = _Body(self, response.stream)
        return response

    def settle(self, *, reusable: bool) -> None:
        """Keep the connection for the next request if it is *reusable*; otherwise end it."""
        if reusable and not self._stream.connection.closed:
            self._expires = self._clock.now() + self._keepalive
            self._is_idle = True
        else:
            self.close()

    def close(self) -> None:
        self._is_used = self._is_closed = True
        self._is_idle = False
        if self._stream is not None:
            self._stream.close()

    async def aclose(self) -> None:
        self.close()


def _plain(request: Any, body: bytes, limit: int) -> tuple[str, str, dict[str, str]] | None:
    """Return method, target and headers of a request that h11 would send unchanged, or None if h11 has to decide."""
    names, target = _plain_names(tuple([name for name, _ in request.headers])), request.url.target.decode("latin-1")
    values = b"\n".join([b"", *[value for _, value in request.headers], b""]).decode("latin-1")
    if (
        names is None
        or values.count("\n") != len(names) + 1
        or not (values.isascii() and target.isascii() and (target + values.replace("\n", "")).isprintable())
        or "\n " in values
        or " \n" in values
        or not request.method.isalpha()
        or target[:1] != "/"
        or " " in target
        or len(values) + len(target) > _BRIEF
        or len(body) > limit
        or "trace" in request.extensions
    ):
        return None
    headers = dict(zip(names, values[1:-1].split("\n"), strict=True))
    if headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    if headers.get("content-length", "0") != str(len(body)):
        return None
    return request.method.decode("ascii"), target, headers


@lru_cache(maxsize=256)
def _plain_names(names: tuple[bytes, ...]) -> tuple[str, ...] | None:
    """Return the *names* of headers in lower case, or None if they are not those of a plain request."""
    # Cached, because a client sends the same names in every call: it saves 32,000 instructions, and the entries of the
    # journal share the strings.
    lower = [name.decode("latin-1").lower() for name in names]
    is_plain = len(set(lower)) == len(lower) and "host" in lower and _BY_PARSER.isdisjoint(lower)
    is_valid = all(name.isascii() and name.replace("-", "").isalnum() for name in lower)
    return tuple(lower) if is_plain and is_valid and len(b"".join(names)) <= _BRIEF else None


class _PoolResponse(NamedTuple):
    """A response as httpcore's pool reads it, which makes a ``Response`` of it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    stream: _Body
    extensions: dict[str, Any]


class _Body:
    """The body of a response: a tuple, or a stream of httpcore. At its end, the connection takes the next request."""

    __slots__ = ("_connection", "_is_read", "_stream")

    def __init__(self, connection: _PooledConnection, stream: Any) -> None:
        self._connection: _PooledConnection | None = connection
        self._stream, self._is_read = stream, False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream
        self._is_read = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if isinstance(self._stream, tuple):
            for part in self._stream:
                yield part
        else:
            async for part in self._stream:
                yield part
        self._is_read = True

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()
        self._settle()

    async def aclose(self) -> None:
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()
        self._settle()

    def _settle(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.settle(reusable=self._is_read)


class _Stream:
    """The bytes of a *connection*, for h11; if the request *is_sent* already, it is not written again."""

    def __init__(self, connection: Connection, is_async: bool, *, is_sent: bool = False) -> None:
        self.connection, self._is_async, self._is_sent = connection, is_async, is_sent

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        self.connection.settimeout(timeout)
        is_async = self._is_async
        return _perform(_read(self.connection.read(max_bytes, is_async=is_async), is_async=is_async), is_async=is_async)

    def write(self, buffer: bytes, timeout: float | None = None) -> Any:
        return _perform(self._write(buffer), is_async=self._is_async)

    async def _write(self, buffer: bytes) -> None:
        if not self._is_sent:
            try:
                self.connection.sendall(buffer)
            except OSError as error:
                raise httpcore.WriteError(*error.args) from error

    def start_tls(self, *_: Any, **__: Any) -> Any:
        return _value(self) if self._is_async else self

    def close(self) -> None:
        self.connection.close()

    async def aclose(self) -> None:
        self.connection.close()

    def get_extra_info(self, info: str) -> Any:
        connection = self.connection
        if info == "is_readable":
            return connection.closed
        if info == "socket":
            return connection
        return {"server_addr": connection.getpeername, "client_addr": connection.getsockname}.get(info, _nothing)()


def _nothing() -> None:
    """Return None, which httpcore's streams return for what they do not have."""


class _Backend:
    """Opens connections of *transport* for httpcore, real ones by *backend*; with *failure*, the first one fails."""

    def __init__(
        self,
        transport: InProcessTransport | LiveTransport,
        origin: Any,
        is_async: bool,
        backend: Any = None,
        failure: ConnectFailure | None = None,
        siblings: list[Any] | None = None,
    ) -> None:
        self._transport, self._is_tls, self._is_async = transport, origin.scheme in _TLS_SCHEMES, is_async
        self._backend, self._failure, self._siblings = backend, failure, siblings or []

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> Any:
        return _perform(self._connect(host, port, timeout), is_async=self._is_async)

    async def _connect(self, host: str, port: int, timeout: float | None) -> Any:
        transport = self._transport
        failure, self._failure = self._failure or transport.failure(host, is_tls=self._is_tls), None
        if failure is not None:
            await self._fail(failure, timeout)
        if isinstance(transport, InProcessTransport):
            stream = _Stream(transport.connect(host), self._is_async)
            stream.connection.port = port
            return stream
        await _close_ended(self._siblings)
        stream = await _value(self._backend.connect_tcp(*transport.address, timeout))
        if transport.context is not None:
            stream = await _value(stream.start_tls(transport.context, host, timeout))
        stream.start_tls = lambda *_, **__: _value(stream) if self._is_async else stream  # TLS is already in use
        return stream

    async def _fail(self, failure: ConnectFailure, timeout: float | None) -> None:
        is_async = self._is_async
        try:
            await self._transport.refuse_connection(failure, timeout, is_async=is_async)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(TimeoutError() if is_async else error) from error
        except ConnectionRefusedError as error:  # in coroutines, anyio words the error, having tried all addresses
            raise httpcore.ConnectError(OSError("All connection attempts failed") if is_async else error) from error
        except OSError as error:
            raise httpcore.ConnectError(error) from error

    def sleep(self, seconds: float) -> Any:
        if self._backend is not None:
            return self._backend.sleep(seconds)
        return _perform(self._transport.pause(seconds, is_async=self._is_async), is_async=self._is_async)
