"""requests, beyond urllib3 which carries it: no proxies are looked for, and a plain call takes the shortcut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import requests.sessions
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from .._patches import Patch
from .._sending import own_send
from .._shortly import shortly
from .._switchboard import Switchboard
from ..shortcut import InProcess


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patches for what *board* answers for; to look through the environment is a quarter of a call."""
    look: Any = requests.sessions.get_environ_proxies
    real: Any = HTTPAdapter.send
    own = own_send()

    def get_environ_proxies(url: str, no_proxy: Any = None) -> Any:
        return {} if board.door(urlsplit(url).hostname or "") is not None else look(url, no_proxy=no_proxy)

    def send(self: Any, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        door = board.door(urlsplit(request.url or "").hostname or "")
        if door is None:
            passed: Response = real(self, request, *args, **options)
            return passed
        if isinstance(door, InProcess) and type(self) is HTTPAdapter and not args:
            return shortly(door, self, request, options, own)
        built: Response = own(self, request, *args, **options)
        return built

    send.own = own  # type: ignore[attr-defined]
    return [(requests.sessions, "get_environ_proxies", get_environ_proxies), (HTTPAdapter, "send", send)]
