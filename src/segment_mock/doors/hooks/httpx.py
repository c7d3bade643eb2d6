"""httpx, beyond httpcore which carries it: a plain call takes the shortcut."""

from __future__ import annotations

from collections.abc import Iterable
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from types import SimpleNamespace
from typing import Any, NamedTuple

import anyio.lowlevel
from httpcore import AsyncHTTPConnection, HTTPConnection, NetworkStream, Origin
from httpx import AsyncHTTPTransport, ByteStream, HTTPTransport, Request, Response

from ...messages import reason
from .._patches import Patch
from .._switchboard import Switchboard
from ..httpcore import AsyncBackend, Backend
from ..inprocess import Socket
from ..shortcut import InProcess

_NONE = NetworkStream()
_CONTEXT = SSLContext(PROTOCOL_TLS_CLIENT)  # never used, but httpcore would make one that takes 20 ms


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
        answer = short.asked(self, request.read()) if short is not None else None
        if isinstance(answer, Response):
            return answer
        if isinstance(answer, Socket):
            backend = Backend(lambda *_: answer)
            self = SimpleNamespace(_pool=HTTPConnection(_origin(request), _CONTEXT, network_backend=backend))
        built: Response = real(self, request)
        return built

    return handle_request


def _handle_async(board: Switchboard, real: Any) -> Any:
    async def handle_async_request(self: Any, request: Request) -> Response:
        short = _short(board, request)
        answer = None
        if short is not None:
            body = await request.aread()
            await anyio.lowlevel.checkpoint()
            answer = short.asked(self, body)
        if isinstance(answer, Response):
            return answer
        if isinstance(answer, Socket):
            backend = AsyncBackend(lambda *_: answer)
            self = SimpleNamespace(_pool=AsyncHTTPConnection(_origin(request), _CONTEXT, network_backend=backend))
        built: Response = await real(self, request)
        return built

    return handle_async_request


class _Short(NamedTuple):
    """A request that may be answered without a connection."""

    door: InProcess
    method: str
    target: str
    headers: dict[str, str]

    def asked(self, client: object, body: bytes) -> Response | Socket:
        """Return the answer to the request with this *body*, or a connection on which it is still to come."""
        door = self.door
        answer = door.ask(client, self.method, self.target, self.headers, body)
        if isinstance(answer, Socket):
            return answer
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in door.fields(answer)]
        told = {"http_version": b"HTTP/1.1", "reason_phrase": reason(answer.status).encode(), "network_stream": _NONE}
        return Response(answer.status, headers=fields, stream=ByteStream(answer.body), extensions=told)


def _short(board: Switchboard, request: Request) -> _Short | None:
    url = request.url
    door = board.door(url.raw_host.decode("ascii"))
    if not isinstance(door, InProcess) or "trace" in request.extensions or "target" in request.extensions:
        return None
    raw = [(name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    headers = dict(raw)
    if len(headers) < len(raw):
        headers = {name: ", ".join(value for other, value in raw if other == name) for name in headers}
    short = _Short(door, request.method, url.raw_path.decode("ascii"), headers)
    return short if "host" in headers and door.takes(*short[1:]) else None


def _origin(request: Request) -> Origin:
    url = request.url
    return Origin(url.raw_scheme, url.raw_host, url.port or {"http": 80}.get(url.scheme, 443))
