"""A response inside a response: how a server describes a client's response, including its delivery, to a front.

A front is a WSGI worker that forwards calls to one server, see `front`. It sends each call as a POST to the client's
target, with the client's headers and two more: `FRONT` names the client's method, and `TOKEN` has the admin token of
the server. The server responds with status 200 and the media type `TYPE`. The first line of its body is JSON, and the
bytes after that line are the body for the client. So a broken delivery is described between server and front, and
carried out between front and client. While a call waits, the server sends ``100 Continue`` every `BEAT` seconds to show
that it is alive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..messages import WHOLE, Delivery, Request, Response, header_value
from .serialize import header_fields

FRONT = "x-segment-mock-front"
TOKEN = "x-segment-mock-front-token"  # noqa: S105 - the name of a header
TYPE = "application/vnd.segment-mock.reply"
BEAT = 2.0
"""Seconds between two signs of life while a call waits."""
REFUSED = Response(
    401,
    {"Content-Type": "text/plain; charset=utf-8", FRONT: "refused"},
    b"This front does not have the admin token of the server.\n",
)
"""The response to a front that is not allowed to forward calls."""
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")


def original(request: Request, trusts: Callable[[str], bool]) -> Request | None:
    """Return the request of the front's client, or None if *trusts* refuses the front's token or it is a CONNECT.

    It counts as the first call of its connection, as each call does under a WSGI server.
    """
    headers = {name: value for name, value in request.headers.items() if name not in (FRONT, TOKEN)}
    method = request.headers[FRONT]
    if method == "CONNECT" or not _METHOD.fullmatch(method) or not trusts(request.headers.get(TOKEN, "")):
        return None
    return replace(request, method=method, headers=headers, transport="wsgi", number=1)


def is_token(token: str | None, candidate: str) -> bool:
    """Return whether a front with the token *candidate* may forward calls. If *token* is None, every front may."""
    if token is None:
        return True
    from hmac import compare_digest  # loads OpenSSL

    return compare_digest(candidate.encode("latin-1", "replace"), header_value(token).encode("latin-1"))


def sealed(response: Response, now: float, time_scale: float = 1.0) -> Response:
    """Return *response* in an envelope, dated *now* (epoch seconds), its pauses multiplied by *time_scale*."""
    delivery = response.delivery
    # The front adds the length, and the WSGI server the date, unless a stub or a fault has a date of its own.
    of_front = ("Content-Length",) if "Date" in response.headers else ("Content-Length", "Date")
    fields = [field for field in header_fields(response, now) if field[0].title() not in of_front]
    head: dict[str, Any] = {"status": response.status, "headers": fields, "now": now}
    payload, outer = response.body, WHOLE
    if delivery.more is not None:
        head["more"] = True
        outer = Delivery(more=delivery.more, pause=delivery.pause)
    elif delivery is not WHOLE:
        head["delivery"] = {
            "keep": delivery.keep, "chunk": delivery.chunk, "pause": delivery.pause * time_scale, "end": delivery.end,
        }  # fmt: skip
        if delivery.raw is not None:
            head["raw"], payload = True, delivery.raw
    return Response(200, {"Content-Type": TYPE}, json.dumps(head).encode() + b"\n" + payload, outer)
