"""Connections to the vendors as real sockets to a live server of the mock, with or without TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from weakref import WeakKeyDictionary

from ...clock import Clock
from ...forking import Succession, call_after_fork, new_lock
from ...messages import EVERY_CONNECTION, Admission
from ..server.server import LiveServer
from .failing import FallibleTransport


class LiveTransport(FallibleTransport):
    """Opens sockets to a server that *serve* starts on first use; `close` stops the server.

    If the server uses TLS, its certificate is verified for the requested host. *admission* is called for each
    connection.
    """

    has_ended = False
    """Whether the interception that used this transport has ended."""

    def __init__(
        self,
        serve: Callable[[], LiveServer],
        admission: Admission = EVERY_CONNECTION,
        succession: Succession | None = None,
    ) -> None:
        super().__init__(Clock(), admission, succession)
        self._serve, self._lock = serve, new_lock()
        self._server: LiveServer | None = None
        self._sockets: WeakKeyDictionary[socket.socket, int] = WeakKeyDictionary()
        self.context: ssl.SSLContext | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port of the server."""
        with self._lock:
            if self._server is None:
                self._server = self._serve()
                if self._server.ca_file and self._server.url.startswith("https:"):
                    self.context = ssl.create_default_context(cadata=Path(self._server.ca_file).read_text())
            return self._server.host, self._server.port

    def connect(self, host: str, timeout: float | None = None) -> socket.socket:
        """Return a connected socket for *host*; raises OSError or TimeoutError like any socket."""
        connection = socket.create_connection(self.address, timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            connection = self.context.wrap_socket(connection, server_hostname=host)
        self._sockets[connection] = self.admission.armed
        return connection

    def opened(self, sock: object) -> bool:
        """Return whether *sock* was opened here, and no fault that closes idle connections was armed since."""
        return isinstance(sock, socket.socket) and self._sockets.get(sock) == self.admission.armed

    def close(self) -> None:
        """Stop the server, which ends every connection."""
        self.has_ended = True
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.stop()


class RemoteTransport(LiveTransport):
    """Opens sockets to a remote server at *host* and *port*, with TLS if there is a *context*."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        super().__init__(_unreachable)
        self._address, self.context = (host, port), context
        call_after_fork(self)

    def after_fork(self) -> None:
        """Forget all sockets in a forked child; two processes can't share one."""
        self._sockets, self.pools = WeakKeyDictionary(), None

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port of the server."""
        return self._address

    def close(self) -> None:
        """Do nothing, because another program started the server."""


def _unreachable() -> LiveServer:
    raise AssertionError("a remote transport starts no server")
