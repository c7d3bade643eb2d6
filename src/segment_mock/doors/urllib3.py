"""urllib3's own connections and pools over the in-process socket: retries, timeouts and errors are its own."""

from __future__ import annotations

from collections.abc import Callable

from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from .inprocess import Socket


class Connection(HTTPConnection):
    """A connection that never leaves the process; *opened* makes its socket."""

    opened: Callable[[], Socket]

    def connect(self) -> None:
        """Open the in-process socket."""
        self.sock = self.opened()

    @property
    def is_connected(self) -> bool:
        """Whether another request may be sent on it."""
        return isinstance(self.sock, Socket) and not self.sock.ended


def pool(opened: Callable[[], Socket], host: str, port: int | None) -> HTTPConnectionPool:
    """Return a pool for *host* whose connections are in-process sockets."""
    made = HTTPConnectionPool(host, port, maxsize=10)
    made.ConnectionCls = type("InProcessConnection", (Connection,), {"opened": staticmethod(opened)})
    return made
