"""A body or a message frame that no client can parse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ..core import Call, Proceed
from ..messages import Delivery, Response, with_headers
from ..settings import TEXT
from .base import Fault, setting

_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>"
    b"\r\n</body>\r\n</html>\r\n"
)


def _json(response: Response) -> Response:
    return replace(response, body=response.body[: max(1, len(response.body) // 2)])


def _html(response: Response) -> Response:
    return replace(with_headers(response, {"Content-Type": "text/html"}), body=_PAGE)


def _bytes(response: Response) -> Response:
    return replace(response, delivery=Delivery(raw=b"\x00\xff\x93garbage\r\n\r\n\xfe" * 3, end="close"))


def _chunk(response: Response) -> Response:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return replace(response, delivery=Delivery(raw=head + b"zz\r\n" + response.body[:20], end="close"))


def _encoding(response: Response) -> Response:
    return with_headers(response, {"Content-Encoding": "gzip"})


def _empty(response: Response) -> Response:
    return replace(response, status=200, body=b"")


_HOW: Mapping[str, Callable[[Response], Response]] = {
    "json": _json,
    "html": _html,
    "bytes": _bytes,
    "chunk": _chunk,
    "encoding": _encoding,
    "empty": _empty,
}


@dataclass(frozen=True)
class Garble(Fault):
    """Perform the call, and make the response unreadable.

    *how* is json (cut JSON with a correct Content-Length), html (a gateway's page) or bytes (no status line). It may
    also be chunk (valid headers, invalid chunk size), encoding (a wrong Content-Encoding) or empty (200 without a
    body).
    """

    kind: ClassVar[str] = "garble"
    how: str = setting("json", "How the response is garbled.", TEXT, choices=tuple(_HOW))

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Garble the response, if there is one."""
        response = await proceed()
        return response if response.delivery.raw is not None else _HOW[self.how](response)
