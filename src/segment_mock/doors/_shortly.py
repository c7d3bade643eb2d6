"""A plain call by requests over the shortcut: the reply that requests would build, with no connection."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import SplitResult, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.util import Retry

from ..messages import Response as Reply
from ..messages import reason
from .inprocess import Socket
from .shortcut import InProcess

_PORTS = {"http": 80, "https": 443}


def shortly(door: InProcess, adapter: HTTPAdapter, request: PreparedRequest) -> Response | Socket | None:
    """Send *request* through *door* and return the reply, or a connection on which it is still to come.

    Returns None, and sends nothing, where the request takes the long way.
    """
    body = request.body or b""
    if not (isinstance(body, bytes) and _retries_nothing(adapter.max_retries)):
        return None
    asked = str(request.method), request.path_url, _headers(request, urlsplit(request.url or ""))
    if not door.takes(*asked):
        return None
    answer = door.ask(adapter, *asked, body)
    return answer if isinstance(answer, Socket) else _built(adapter, request, door.fields(answer), answer)


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
