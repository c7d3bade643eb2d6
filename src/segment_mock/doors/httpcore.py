"""httpcore's streams over a door of ours: h11, timeouts and the pool stay httpcore's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from httpcore import (
    AnyIOBackend,
    AsyncNetworkBackend,
    AsyncNetworkStream,
    NetworkBackend,
    NetworkStream,
    ReadError,
    ReadTimeout,
    SyncBackend,
    WriteError,
)

from .inprocess import Socket
from .wire import Wire

Opened: TypeAlias = Callable[[str, float | None], Socket]
"""Gives a connection to a host on which a read may take so many seconds."""


class Stream(NetworkStream):
    """The client's end of an in-process connection."""

    def __init__(self, sock: Socket) -> None:
        self.sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes of the reply; raises httpcore's ReadTimeout or ReadError."""
        self.sock.settimeout(timeout)
        try:
            return self.sock.recv(max_bytes)
        except TimeoutError as error:
            raise ReadTimeout(*error.args) from error
        except OSError as error:
            raise ReadError(*error.args) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Take bytes of a request; raises httpcore's WriteError once the connection has ended."""
        try:
            self.sock.sendall(buffer)
        except OSError as error:
            raise WriteError(*error.args) from error

    def start_tls(self, *_: Any, **__: Any) -> NetworkStream:
        """Go on without TLS: nothing leaves this process."""
        return self

    def close(self) -> None:
        """End the connection."""
        self.sock.close()

    def get_extra_info(self, info: str) -> Any:
        """Return whether an idle connection has been ended, for ``is_readable``; None for all else."""
        return self.sock.ended if info == "is_readable" else None


class AsyncStream(AsyncNetworkStream):
    """The same for a coroutine; each read lets the others have their turn."""

    def __init__(self, sock: Socket) -> None:
        self._stream = Stream(sock)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As `Stream.read`."""
        from anyio.lowlevel import checkpoint  # httpcore's own coroutines need it, its other half does without

        await checkpoint()
        return self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As `Stream.write`."""
        self._stream.write(buffer, timeout)

    async def start_tls(self, *_: Any, **__: Any) -> AsyncNetworkStream:
        """Go on without TLS: nothing leaves this process."""
        return self

    async def aclose(self) -> None:
        """End the connection."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """As `Stream.get_extra_info`."""
        return self._stream.get_extra_info(info)


class Backend(NetworkBackend):
    """Opens every connection through *way*."""

    def __init__(self, way: Opened | Wire) -> None:
        self._way = way

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any) -> NetworkStream:
        """Return a stream on which TLS, if the door has any, is spoken already."""
        if not isinstance(self._way, Wire):
            return Stream(self._way(host, timeout))
        stream = SyncBackend().connect_tcp(*self._way.address, timeout)
        if self._way.context is not None:
            stream = stream.start_tls(self._way.context, host, timeout)
        stream.start_tls = lambda *_, **__: stream  # type: ignore[method-assign]
        return stream


class AsyncBackend(AsyncNetworkBackend):
    """Opens every connection through *way*."""

    def __init__(self, way: Opened | Wire) -> None:
        self._way = way

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_: Any, **__: Any
    ) -> AsyncNetworkStream:
        """Return a stream on which TLS, if the door has any, is spoken already."""
        if not isinstance(self._way, Wire):
            return AsyncStream(self._way(host, timeout))
        stream = await AnyIOBackend().connect_tcp(*self._way.address, timeout)
        if self._way.context is not None:
            stream = await stream.start_tls(self._way.context, host, timeout)

        async def start_tls(*_: Any, **__: Any) -> AsyncNetworkStream:
            return stream

        stream.start_tls = start_tls  # type: ignore[method-assign]
        return stream
