"""httpx, beyond httpcore which carries it: a plain call takes the shortcut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import anyio.lowlevel
from httpcore import NetworkStream
from httpx import AsyncHTTPTransport, ByteStream, HTTPTransport, Request, Response

from ...messages import Response as Reply
from ...messages import reason
from .._patches import Patch
from .._switchboard import Switchboard
from ..shortcut import InProcess, Rest

_NONE = NetworkStream()
_WATCHED = {"trace", "target"}


def patches(board: Switchboard) -> Iterable[Patch]:
    """Return the patches for what *board* answers for."""
    return [
        (HTTPTransport, "handle_request", _handle(board, HTTPTransport.handle_request)),
        (
            AsyncHTTPTransport,
            "handle_async_request",
            _handle_async(board, AsyncHTTPTransport.handle_async_request),
        ),
    ]


def _handle(board: Switchboard, real: Any) -> Any:
    def handle_request(self: Any, request: Request) -> Response:
        short = _short(board, request)
        if short is None:
            passed: Response = real(self, request)
            return passed
        answer = short.asked(self, request.read()) if short.is_plain else None
        if isinstance(answer, Response):
            return answer
        with short.door.continued(self, short.origin, answer):
            built: Response = real(self, request)
        return built

    return handle_request


def _handle_async(board: Switchboard, real: Any) -> Any:
    async def handle_async_request(self: Any, request: Request) -> Response:
        short = _short(board, request)
        if short is None:
            passed: Response = await real(self, request)
            return passed
        answer = None
        if short.is_plain:
            body = await request.aread()
            await anyio.lowlevel.checkpoint()
            answer = short.asked(self, body)
        if isinstance(answer, Response):
            return answer
        with short.door.continued(self, short.origin, answer):
            built: Response = await real(self, request)
        return built

    return handle_async_request


class _Short(NamedTuple):
    """A request to a host of ours; if it is plain, it may be answered without a connection."""

    door: InProcess
    is_plain: bool
    origin: str
    method: str
    target: str
    headers: dict[str, str]

    def asked(self, client: object, body: bytes) -> Response | Rest | None:
        """Return the answer to the request with this *body*, or what is left of the call; None where h11 refuses it."""
        door, length = self.door, str(len(body))
        if self.headers.get("content-length", length) != length:
            return None
        answer = door.ask(client, self.origin, self.method, self.target, self.headers, body)
        if not isinstance(answer, Reply):
            return answer
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in door.fields(answer)]
        told = {"http_version": b"HTTP/1.1", "reason_phrase": reason(answer.status).encode(), "network_stream": _NONE}
        return Response(answer.status, headers=fields, stream=ByteStream(answer.body), extensions=told)


def _short(board: Switchboard, request: Request) -> _Short | None:
    url = request.url
    door = board.door(url.raw_host.decode("ascii"))
    if not isinstance(door, InProcess):
        return None
    raw = [(name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    headers = dict(raw)
    asked = request.method, url.raw_path.decode("ascii"), headers
    once = len(headers) == len(raw) and "host" in headers
    is_plain = once and _WATCHED.isdisjoint(request.extensions) and door.takes(*asked)
    return _Short(door, is_plain, f"{url.scheme}://{url.host}:{url.port}", *asked)
