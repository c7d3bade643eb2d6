"""One exchange as plain values: the request, the response, and how the bytes of the response are sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

from .hosts import is_control
from .json_match import brief

BODY_LIMIT = 16 * 2**20
"""The default of the setting ``body_limit``."""


def header_value(text: str) -> str:
    """Return the header value that carries *text* as UTF-8: the clients and WSGI write headers as latin-1."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def header_text(value: str) -> str:
    """Return the text that a header *value* carries: UTF-8, or else latin-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the bytes of a response are sent. Every transport does it in the same way.

    * *keep*: send only this many bytes of the body, with the Content-Length of the whole body
    * *chunk*, *pause*: send the body in pieces of *chunk* bytes, *pause* seconds apart
    * *raw*: send these bytes instead of status line, headers and body
    * *more*: call this function every *pause* seconds and send its result, until the client closes the connection. Such
      a response has no Content-Length. Only the live server supports it; other transports send the response without it.
    * *end*: what happens to the connection afterwards: ``open`` (it stays open), ``close`` (FIN) or ``reset`` (RST)
    """

    keep: int | None = None
    chunk: int | None = None
    pause: float = 0.0
    raw: bytes | None = None
    more: Callable[[], bytes] | None = None
    end: Literal["open", "close", "reset"] = "open"


WHOLE = Delivery()
CLOSED = Delivery(raw=b"", end="close")
RESET = Delivery(raw=b"", end="reset")


@dataclass(slots=True)
class Request:
    """A request as a transport received it. Treat it as immutable.

    * *target*: the path and query as sent, still percent-encoded
    * *headers*: have lower-case names; the values of a repeated header are joined by ``", "``
    * *body*: the whole body
    * *transport*: ``inprocess``, ``live`` or ``wsgi``
    * *number*: the number of the request on its connection, from 1
    * *too_large*: whether the body exceeded the body limit and was discarded
    * *is_admitted*: whether the transport has called `Admission` for the connection
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    transport: str = "inprocess"
    number: int = 1
    too_large: bool = False
    is_admitted: bool = False


@dataclass(slots=True)
class Response:
    """A response: status, headers in the order of sending, the whole body, and its delivery. Treat it as immutable.

    The transport adds Content-Length and Connection, so *headers* never have them, and a Date if they have none.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delivery: Delivery = WHOLE


Pending: TypeAlias = Coroutine[float, None, Response]
"""A call that may wait: a coroutine that yields seconds to wait and returns the response."""

Answer: TypeAlias = Callable[[Request], "Response | Pending"]
"""The core as a transport sees it: returns a response, or a coroutine of one if the call may have to wait."""

ConnectFailure: TypeAlias = Literal["refused", "timeout", "dns", "tls"]
"""How a new connection fails."""


class Admission:
    """Decides whether a connection to a host is established; this class admits every connection.

    While a ``connect`` fault is armed, connections opened before it end as soon as they are idle.
    """

    @property
    def armed(self) -> int:
        """How many ``connect`` faults were armed so far."""
        return 0

    def __call__(self, host: str) -> ConnectFailure | None:
        """Return how a new connection to *host* fails, or None if it is established."""
        return None


EVERY_CONNECTION = Admission()

Control: TypeAlias = Callable[[Request], Response]
"""The control plane as a transport sees it."""


def is_preflight(request: Request) -> bool:
    """Return whether *request* is a CORS preflight request of a browser."""
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def run_sync(result: Response | Pending, wait: Callable[[float], Any]) -> Response:
    """Return the response of a call by running its coroutine without an event loop.

    *wait* is called with the seconds of every pause; an exception that it raises ends the call.
    """
    if isinstance(result, Response):
        return result
    try:
        while True:
            wait(result.send(None))
    except StopIteration as end:
        response: Response = end.value
        return response
    finally:
        result.close()


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def check_header(name: object, value: object) -> None:
    """Raise ValueError for an invalid header: a name that is not an HTTP token, a value with control characters."""
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{brief(name)} is not a valid header name")
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise ValueError(f"{brief(name)[1:-1]}: {brief(value)} is not a valid header value")


def check_response_header(name: object, value: object) -> None:
    """Raise ValueError for a header that no response can have: an invalid one, or one that contradicts its transport.

    A transport sets the length of a response and its framing, and ends a connection for ``Connection: close``.
    """
    check_header(name, value)
    lower = str(name).lower()
    if lower in ("content-length", "transfer-encoding"):
        raise ValueError(
            f"{name} is set by the transport; to send a response that breaks off or has an invalid frame, use the "
            "fault 'truncate' or 'garble'"
        )
    if lower == "connection" and str(value).strip(" \t").lower() not in ("close", "keep-alive"):
        raise ValueError(f"{name}: {brief(value)} can't be sent; expected 'close' or 'keep-alive'")


def with_headers(response: Response, headers: Mapping[str, str]) -> Response:
    """Return *response* with *headers* in place of its own of the same names, in any case.

    ``Connection: close`` becomes a delivery that ends the connection.
    """
    own = {name.lower(): (name, value) for name, value in response.headers.items()}
    for name, value in headers.items():
        own[name.lower()] = ("Date" if name.lower() == "date" else name, value.strip(" \t"))
    _, connection = own.pop("connection", ("", ""))
    delivery = response.delivery
    if connection.lower() == "close" and delivery.raw is None and delivery.end == "open":
        delivery = replace(delivery, end="close")
    return replace(response, headers=dict(own.values()), delivery=delivery)


def check_response(response: object) -> Response:
    """Return *response* as every transport sends it, without spaces around the values of headers.

    Raises TypeError or ValueError with the reason if it can't be sent.
    """
    if not isinstance(response, Response):
        raise TypeError(f"expected a Response, got {response!r}")
    status, headers, body, delivery = response.status, response.headers, response.body, response.delivery
    if not isinstance(status, int) or not 100 <= status <= 999:
        raise ValueError(f"{status!r} is not an HTTP status; expected a whole number from 100 to 999")
    for name, value in headers.items():
        check_response_header(name, value)
    if not isinstance(body, bytes) or not isinstance(delivery, Delivery):
        raise TypeError(f"expected a body of bytes and a Delivery, got {body!r:.100} and {delivery!r:.100}")
    return with_headers(replace(response, headers={}), headers)


def is_browser(request: Request) -> bool:
    """Return whether *request* is a browser's request for the front page, which no client of a vendor makes."""
    return request.target == "/" and request.method == "GET" and "text/html" in request.headers.get("accept", "")


def body_limit_for(target: str, body_limit: int) -> int:
    """Return the maximum size in bytes of the body of a request for *target*.

    It is *body_limit* for a call to a vendor, and 16 times as much for the control plane, which loads whole states.
    """
    return body_limit * 16 if is_control(target) else body_limit


@lru_cache(maxsize=128)  # saves 5,000 instructions in each call
def reason(status: int) -> str:
    """Return the standard phrase of *status*, such as ``Not Found``, or ``""`` if HTTP does not define one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
