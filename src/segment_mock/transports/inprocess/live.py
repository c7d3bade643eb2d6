"""The vendors' connections as real sockets to a live server of the mock, plain or TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from ..server.server import LiveServer


class LiveTransport:
    """Opens a socket to a server that *serve* starts when the first is wanted; `close` stops it.

    If the server has a CA, TLS is spoken and its certificate verified for the host that was asked for.
    """

    def __init__(self, serve: Callable[[], LiveServer]) -> None:
        self._serve, self._lock = serve, Lock()
        self._server: LiveServer | None = None
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self.pools: WeakKeyDictionary[Any, Any] | None = None
        """What httpcore's seam keeps for each pool of a client."""
        self.context: ssl.SSLContext | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the server."""
        with self._lock:
            if self._server is None:
                self._server = self._serve()
                if self._server.ca_file:
                    self.context = ssl.create_default_context(cadata=Path(self._server.ca_file).read_text())
            return self._server.host, self._server.port

    def connect(self, host: str, timeout: float | None = None) -> socket.socket:
        """Return a connected socket for *host*; raises OSError, TimeoutError as any would."""
        connection = socket.create_connection(self.address, timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_hostname=host)
        self._sockets.add(connection)
        return connection

    def opened(self, sock: object) -> bool:
        """Tell whether *sock* was opened here."""
        return sock in self._sockets

    def close(self) -> None:
        """Stop the server, and with it every connection."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.stop()
