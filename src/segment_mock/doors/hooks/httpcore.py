"""httpcore, and so httpx: pools open connections to a host that is ours over a stream of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from httpcore import AsyncConnectionPool, AsyncHTTPConnection, ConnectionPool, HTTPConnection

from .._patches import Patch
from .._switchboard import Switchboard
from ..httpcore import AsyncBackend, Backend
from ..shortcut import InProcess


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patches that send what *board* answers for to its doors, whatever proxy is set."""
    yield from _creators(board, ConnectionPool, HTTPConnection, Backend)
    yield from _creators(board, AsyncConnectionPool, AsyncHTTPConnection, AsyncBackend)
    handle: Any = ConnectionPool.handle_request
    handle_async: Any = AsyncConnectionPool.handle_async_request

    def handle_request(self: Any, request: Any) -> Any:
        for strange in _strange(board, self, request):
            strange.close()
        return handle(self, request)

    async def handle_async_request(self: Any, request: Any) -> Any:
        for strange in _strange(board, self, request):
            await strange.aclose()
        return await handle_async(self, request)

    yield ConnectionPool, "handle_request", handle_request
    yield AsyncConnectionPool, "handle_async_request", handle_async_request


def _creators(board: Switchboard, root: Any, connection: Any, backend: Any) -> Iterator[Patch]:
    for pool in (root, *root.__subclasses__()):  # those for proxies
        if "create_connection" in vars(pool):
            yield pool, "create_connection", _creating(board, pool.create_connection, connection, backend)


def _creating(board: Switchboard, real: Any, connection: Any, backend: Any) -> Any:
    def create_connection(self: Any, origin: Any) -> Any:
        door = board.door(origin.host.decode("ascii"))
        if door is None:
            return real(self, origin)
        way = backend(door.socket if isinstance(door, InProcess) else door)
        made = connection(origin, self._ssl_context, self._keepalive_expiry, retries=self._retries, network_backend=way)
        made.door = door
        return made

    return create_connection


def _strange(board: Switchboard, pool: Any, request: Any) -> Iterator[Any]:
    """Yield what was opened to a host of ours before: it leads to the vendor, or to a mock further out."""
    if not pool.connections:
        return
    origin = request.url.origin
    door = board.door(origin.host.decode("ascii"))
    for connection in pool.connections if door is not None else ():
        leads_here = getattr(connection, "door", None) is door
        if not leads_here and connection.is_idle() and connection.can_handle_request(origin):
            yield connection
