"""urllib3, and so requests: connections to a host that is ours get a socket of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from .._patches import Patch
from .._switchboard import Switchboard
from ..inprocess import Socket


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patches that send what *board* answers for to its doors, whatever proxy is set."""
    return [
        (HTTPConnection, "connect", _connect(board, HTTPConnection.connect)),
        (HTTPSConnection, "connect", _connect(board, HTTPSConnection.connect)),
        (HTTPConnection, "is_connected", property(_is_connected(board, HTTPConnection.is_connected))),
        (ProxyManager, "connection_from_host", _found(board, ProxyManager.connection_from_host)),
    ]


def _connect(board: Switchboard, real: Any) -> Any:
    def connect(self: Any) -> None:
        host = self._tunnel_host or self.host
        door = board.door(host)
        if door is None:
            real(self)
            return
        self.sock = door.socket(host, self.timeout)
        self.is_verified = True
        self._has_connected_to_proxy = bool(self.proxy)

    return connect


def _is_connected(board: Switchboard, real: Any) -> Any:
    def is_connected(self: Any) -> bool:
        sock = self.sock
        door = board.door(self._tunnel_host or self.host) if sock is not None else None
        if door is not None and not door.made(sock):
            return False  # opened before: it leads to the vendor, or to a mock further out
        if type(sock) is Socket:
            return not sock.ended
        connected: bool = real.fget(self)
        return connected

    return is_connected


def _found(board: Switchboard, real: Any) -> Any:
    def connection_from_host(
        self: Any, host: str | None, port: int | None = None, scheme: str | None = "http", *args: Any, **options: Any
    ) -> HTTPConnectionPool:
        # https is tunnelled and says so in each connection; plain http is forwarded by the proxy's own pool.
        ours = scheme == "http" and host and board.door(host) is not None
        find: Any = PoolManager.connection_from_host if ours else real
        found: HTTPConnectionPool = find(self, host, port, scheme, *args, **options)
        return found

    return connection_from_host
