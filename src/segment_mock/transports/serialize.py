"""Serialize responses: status line, headers and body, as their delivery describes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal, TypeAlias

from ..messages import WHOLE, Delivery, Response, reason

ConnectionOption: TypeAlias = Literal["", "close", "keep-alive"]
"""The value of the Connection header of a response, ``""`` for no header."""

Ending: TypeAlias = Literal["open", "close", "reset"]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

WITHOUT_BODY = frozenset((*range(100, 200), 204, 304))
"""The statuses of responses that have neither body nor Content-Length."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST_SECOND = 253402300799  # of the year 9999, the last that dates support
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CONTROL_CHARACTERS = dict.fromkeys((*range(9), *range(10, 32), 127), " ")


def text_response(status: int, sentence: str, delivery: Delivery = WHOLE) -> Response:
    """Return a text/plain response with *sentence* as its body."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return Response(status, headers, sentence.encode() + b"\n", delivery)


def header_fields(response: Response, now: float) -> list[tuple[str, str]]:
    """Return name and value of every header of *response* as a client reads them, dated *now* (epoch seconds).

    Control characters become spaces, characters outside Latin-1 become question marks, and values are stripped.
    """
    fields = []
    for name, value in response.headers.items():
        if not (name.isascii() and name.isprintable()):
            name = _clean(name)
        if not (value.isascii() and value.isprintable() and value[:1] != " " != value[-1:]):
            value = _clean(value)
        fields.append((name, value))
    if response.status not in WITHOUT_BODY and response.delivery.more is None:
        fields.append(("Content-Length", str(len(response.body))))
    if "Date" not in response.headers:
        fields.append(("Date", _date(min(int(now), _LAST_SECOND))))
    return fields


def serialize(response: Response, now: float, connection: ConnectionOption = "", *, head_only: bool = False) -> bytes:
    """Return all bytes of *response*, independent of its delivery, dated *now* (epoch seconds).

    *head_only* omits the body but keeps its Content-Length, as in the response to HEAD.
    """
    status = response.status
    head = f"HTTP/1.1 {status} {reason(status)}\r\n"
    for name, value in header_fields(response, now):
        head += f"{name}: {value}\r\n"
    if connection:
        head += f"Connection: {connection}\r\n"
    head_bytes = f"{head}\r\n".encode("latin-1")
    return head_bytes if head_only or status in WITHOUT_BODY else head_bytes + response.body


def split_delivery(
    response: Response, now: float, connection: ConnectionOption = "", *, head_only: bool = False
) -> tuple[bytes, memoryview]:
    """Return the bytes to send first, and the bytes that follow in pieces of ``delivery.chunk`` bytes.

    It takes the same arguments as `serialize`. The second part is empty unless the delivery has *chunk*.
    """
    delivery = response.delivery
    if delivery.raw is not None:
        data, head_size = delivery.raw, 0
    else:
        # A response that breaks off must not announce the end of the connection, as no vendor intends such a failure.
        announced = "close" if delivery.end == "close" and not is_cut(response) else connection
        data = serialize(response, now, announced, head_only=head_only)
        head_size = data.index(b"\r\n\r\n") + 4
        if delivery.keep is not None:
            data = data[: head_size + delivery.keep]
    if delivery.chunk is None:
        return data, memoryview(b"")
    return data[:head_size], memoryview(data)[head_size:]


def ending(response: Response, connection: ConnectionOption = "") -> Ending:
    """Return the end of the connection after *response* was sent: ``open``, ``close`` or ``reset``."""
    end = response.delivery.end
    if end != "open":
        return end
    return "close" if connection == "close" or is_cut(response) else "open"


def is_cut(response: Response) -> bool:
    """Return whether *response* breaks off within its body."""
    keep = response.delivery.keep
    return keep is not None and response.delivery.raw is None and keep < len(response.body)


def _clean(text: str) -> str:
    return text.translate(_CONTROL_CHARACTERS).strip(" \t").encode("latin-1", "replace").decode("latin-1")


@lru_cache(maxsize=4)  # saves 21,000 instructions in each call of the same second
def _date(second: int) -> str:
    # RFC 9110 requires English names of days and months, so do not use the locale's.
    at = _EPOCH + timedelta(seconds=second)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"{day}, {at.day:02} {month} {at.year:04} {at.hour:02}:{at.minute:02}:{at.second:02} GMT"
