"""urllib.request: a proxy of the environment must not carry off what is ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.request import ProxyHandler

from ...hosts import host_of
from .._patches import Patch
from .._switchboard import Switchboard


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patch by which no proxy is asked for a host that *board* answers for."""
    real: Any = ProxyHandler.proxy_open

    def proxy_open(self: Any, req: Any, proxy: str, type: str) -> Any:  # noqa: A002 - its own name
        return None if req.host and board.door(host_of(req.host)) else real(self, req, proxy, type)

    return [(ProxyHandler, "proxy_open", proxy_open)]
