"""requests, beyond urllib3 which carries it: no proxies are looked for, and a plain call takes the shortcut."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import requests.sessions
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.util import Retry

from ...messages import reason
from .._patches import Patch
from .._sending import own_send
from .._switchboard import Switchboard
from ..inprocess import Socket
from ..shortcut import InProcess

_PORTS = {"http": 80, "https": 443}


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patches for what *board* answers for; to look through the environment is a quarter of a call."""
    look: Any = requests.sessions.get_environ_proxies
    real: Any = HTTPAdapter.send
    own = own_send()

    def get_environ_proxies(url: str, no_proxy: Any = None) -> Any:
        return {} if board.door(urlsplit(url).hostname or "") is not None else look(url, no_proxy=no_proxy)

    def send(self: Any, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        target = urlsplit(request.url or "")
        door = board.door(target.hostname or "")
        if door is None:
            passed: Response = real(self, request, *args, **options)
            return passed
        if isinstance(door, InProcess) and type(self) is HTTPAdapter and not args:
            answer = _asked(door, self, request, target)
            if isinstance(answer, Socket):
                from ..requests import Adapter  # which may have been what imported requests, and us, just now

                return Adapter(lambda: answer, max_retries=self.max_retries).send(request, **options)
            if answer is not None:
                return _built(self, request, door.fields(answer), answer)
        built: Response = own(self, request, *args, **options)
        return built

    send.own = own  # type: ignore[attr-defined]
    return [(requests.sessions, "get_environ_proxies", get_environ_proxies), (HTTPAdapter, "send", send)]


def _asked(door: InProcess, adapter: HTTPAdapter, request: PreparedRequest, target: Any) -> Any:
    """Return the answer, or a connection on which it is still to come; None where the request takes the long way."""
    body = request.body or b""
    if not (isinstance(body, bytes) and _retries_nothing(adapter.max_retries)):
        return None
    asked = str(request.method), request.path_url, _headers(request, target)
    return door.ask(adapter, *asked, body) if door.takes(*asked) else None


def _retries_nothing(retries: Any) -> bool:
    return type(retries) is Retry and not retries.total and not retries.status_forcelist


def _headers(request: PreparedRequest, target: Any) -> dict[str, str]:
    """Return the headers as http.client would send them, Host first."""
    host = target.netloc.rpartition("@")[2]
    if target.port == _PORTS.get(target.scheme):
        host = host.removesuffix(f":{target.port}")
    headers = {"host": host}
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        headers[name.lower() if isinstance(name, str) else name.decode("latin-1").lower()] = text
    return headers


def _built(adapter: HTTPAdapter, request: PreparedRequest, fields: list[tuple[str, str]], answer: Any) -> Response:
    reply = HTTPResponse(
        io.BytesIO(answer.body),
        headers=HTTPHeaderDict(fields),
        status=answer.status,
        version=11,
        version_string="HTTP/1.1",
        reason=reason(answer.status),
        preload_content=False,
        decode_content=False,
        retries=adapter.max_retries,
        request_method=request.method,
    )
    return adapter.build_response(request, reply)
