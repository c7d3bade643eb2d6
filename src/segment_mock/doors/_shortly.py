"""A plain call by requests over the shortcut: the reply that requests would build, with no connection."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from os.path import exists
from typing import Any
from urllib.parse import SplitResult, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.util import Retry

from ..messages import Response as Reply
from ..messages import reason
from .shortcut import InProcess

_PORTS = {"http": 80, "https": 443}
_NUMBERS = (int, float)
_ADDED = {"accept-encoding", "user-agent"}
"""Headers that urllib3 and http.client add where requests sends none."""


def shortly(
    door: InProcess,
    adapter: HTTPAdapter,
    request: PreparedRequest,
    options: Mapping[str, Any],
    send: Callable[..., Response],
) -> Response:
    """Send *request* through *door* and return the reply; by *send*, requests' own way, unless both are plain."""
    target, body, rest = urlsplit(request.url or ""), request.body or b"", None
    origin = origin_of(target)
    if isinstance(body, bytes) and _is_plain(options) and _retries_nothing(adapter.max_retries):
        asked = str(request.method), request.path_url, _headers(request, target)
        if asked[2].keys() >= _ADDED and door.takes(*asked):
            answer = door.ask(adapter, origin, *asked, body)
            if isinstance(answer, Reply):
                return _built(adapter, request, door.fields(answer), answer)
            rest = answer
    with door.continued(adapter, origin, rest):
        return send(adapter, request, **options)


def origin_of(target: SplitResult) -> str:
    """Return scheme, host and port of *target*: calls of one origin share a connection."""
    return f"{target.scheme}://{target.hostname}:{target.port or _PORTS.get(target.scheme)}"


def _is_plain(options: Mapping[str, Any]) -> bool:
    """Tell whether a call with these *options* needs nothing of what only requests and urllib3 look at."""
    timeout, verify = options.get("timeout"), options.get("verify", True)
    waits = timeout if type(timeout) is tuple and len(timeout) == 2 else (timeout,)
    patient = all(wait is None or (type(wait) in _NUMBERS and wait > 0) for wait in waits)
    # Of a bundle of certificates requests wants to know that it is there.
    trusts = type(verify) is bool or (type(verify) is str and exists(verify))  # noqa: PTH110 - Path takes thrice as long
    return patient and trusts and not (options.get("stream") or options.get("cert"))


def _retries_nothing(retries: Any) -> bool:
    return type(retries) is Retry and not retries.total and not retries.status_forcelist


def _headers(request: PreparedRequest, target: SplitResult) -> dict[str, str]:
    """Return the headers as http.client would send them, Host first."""
    host = target.netloc.rpartition("@")[2]
    if target.port == _PORTS.get(target.scheme):
        host = host.removesuffix(f":{target.port}")
    headers = {"host": host}
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        headers[name.lower() if isinstance(name, str) else name.decode("latin-1").lower()] = text
    return headers


def _built(adapter: HTTPAdapter, request: PreparedRequest, fields: list[tuple[str, str]], answer: Reply) -> Response:
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
