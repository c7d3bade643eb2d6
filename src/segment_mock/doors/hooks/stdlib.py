"""http.client, and so urllib.request: connections to a host that is ours get a socket of ours."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

from .._patches import Patch
from .._switchboard import Switchboard

_DEFAULT = socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patches that send what *board* answers for to its doors."""
    begin = HTTPConnection.putrequest

    def connecting(real: Any) -> Any:
        def connect(self: Any) -> None:
            host = self._tunnel_host or self.host
            door = board.door(host)
            if door is None:
                real(self)
            else:
                self.sock = door.socket(host, socket.getdefaulttimeout() if self.timeout is _DEFAULT else self.timeout)

        return connect

    def putrequest(self: Any, *args: Any, **options: Any) -> None:
        door = board.door(self._tunnel_host or self.host) if self.sock is not None else None
        # One that was opened before leads to the vendor, or to a mock further out; a session of a mock is its own.
        if door is not None and not door.made(self.sock) and getattr(self.sock, "door", door) is not None:
            self.close()
        begin(self, *args, **options)

    return [
        (HTTPConnection, "connect", connecting(HTTPConnection.connect)),
        (HTTPSConnection, "connect", connecting(HTTPSConnection.connect)),
        (HTTPConnection, "putrequest", putrequest),
    ]
