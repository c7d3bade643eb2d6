"""A reply as bytes, without a socket: status line, headers, body, and what a Delivery makes of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal, TypeAlias

from segment_mock.messages import WHOLE, Delivery, Response, reason

Manner: TypeAlias = Literal["", "close", "keep-alive"]
"""What the Connection header of a reply says, if anything."""

Ending: TypeAlias = Literal["open", "close", "reset"]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NOTHING = memoryview(b"")

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HARMLESS = str.maketrans("\r\n\0", "   ")


def plain(status: int, sentence: str, delivery: Delivery = WHOLE) -> Response:
    """Return a text/plain reply that says *sentence*."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return Response(status, headers, sentence.encode() + b"\n", delivery)


def whole(response: Response, now: float, manner: Manner = "", *, bodiless: bool = False) -> bytes:
    """Return every byte of *response*, whatever its delivery, dated *now* (epoch seconds).

    *bodiless* leaves the body out but tells its length, as the answer to HEAD does.
    """
    status, body = response.status, response.body
    begun, date = _beginning(status, tuple(response.headers.items())), _date_line(int(now))
    lengthless = status < 200 or status in (204, 304)
    length = "" if lengthless else f"Content-Length: {len(body)}\r\n"
    connection = f"Connection: {manner}\r\n" if manner else ""
    head = begun + f"{length}{date}\r\n{connection}\r\n".encode("ascii")
    return head if lengthless or bodiless else head + body


def field_lines(response: Response, now: float) -> list[tuple[str, str]]:
    """Return name and value of every header of *response*, which has a length, as a client reads them off `whole`."""
    told = [
        (name, value if value.isprintable() and value.isascii() else _read(value))
        for name, value in response.headers.items()
    ]
    date = _date_line(int(now))[6:]
    return [*told, ("Content-Length", str(len(response.body))), ("Date", date)]


def _read(value: str) -> str:
    return value.translate(_HARMLESS).encode("latin-1", "replace").decode("latin-1").strip()


def parts(response: Response, now: float, manner: Manner = "", *, bodiless: bool = False) -> tuple[bytes, memoryview]:
    """Return what leaves at once and what follows in pieces of ``delivery.chunk`` bytes.

    Arguments as in `whole`. Only a delivery with *chunk* has anything to follow.
    """
    delivery = response.delivery
    if delivery.raw is not None:
        everything, head_size = delivery.raw, 0
    else:
        # A broken-off reply must not announce its end: the vendor did not mean to break it off.
        announced = "close" if delivery.end == "close" and not _is_cut(response) else manner
        everything = whole(response, now, announced, bodiless=bodiless)
        head_size = everything.index(b"\r\n\r\n") + 4
        if delivery.keep is not None:
            everything = everything[: head_size + delivery.keep]
    if delivery.chunk is None:
        return everything, NOTHING
    return everything[:head_size], memoryview(everything)[head_size:]


def ending(response: Response, manner: Manner = "") -> Ending:
    """Return what becomes of the connection once *response* has left it."""
    if response.delivery.end != "open":
        return response.delivery.end
    return "close" if manner == "close" or _is_cut(response) else "open"


def _is_cut(response: Response) -> bool:
    keep = response.delivery.keep
    return response.delivery.raw is None and keep is not None and keep < len(response.body)


@lru_cache(maxsize=64)
def _beginning(status: int, fields: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason(status)}", *(f"{name}: {value}" for name, value in fields)]
    harmless = [line if line.isprintable() else line.translate(_HARMLESS) for line in lines]
    return "\r\n".join([*harmless, ""]).encode("latin-1", "replace")


@lru_cache(maxsize=4)
def _date_line(second: int) -> str:
    # RFC 7231 names its days and months in English, whatever the locale says.
    at = _EPOCH + timedelta(seconds=second)
    return (
        f"Date: {_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} GMT"
    )
