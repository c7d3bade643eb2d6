"""Names that any client looks up: one that we do not know must not reach a vendor either."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from .._patches import Patch
from .._switchboard import Switchboard, refusal


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patch of ``socket.getaddrinfo``: it finds no host that *board* answers for or refuses."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode("latin-1") if isinstance(host, bytes) else host
        if isinstance(name, str) and board.door(name) is not None:
            known = "requests, urllib3, httpx, aiohttp and the standard library's http.client"
            raise refusal(name, f"its name was looked up by a client that can't be intercepted, as {known} can")
        return real(host, *args, **options)

    return [(socket, "getaddrinfo", getaddrinfo)]
