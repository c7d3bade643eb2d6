"""One exchange as plain values: what came in, what goes out, and how its bytes leave."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the bytes of a reply leave; every door carries out the same few words.

    *keep*: only so many bytes of the body are sent under the Content-Length of the whole.
    *chunk* and *pause*: the body leaves in pieces of *chunk* bytes, *pause* seconds apart.
    *raw*: these bytes go out instead of status line, headers and body.
    *end*: what becomes of the connection: kept ``open``, ``close`` (FIN) or ``reset`` (RST).
    """

    keep: int | None = None
    chunk: int | None = None
    pause: float = 0.0
    raw: bytes | None = None
    end: Literal["open", "close", "reset"] = "open"


WHOLE = Delivery()
CLOSED = Delivery(raw=b"", end="close")
RESET = Delivery(raw=b"", end="reset")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a door read it.

    *target* is the path and query as sent (still percent-encoded); *headers* have lower-case
    names, values of a repeated header joined by ``", "``. *turn* counts the requests of its
    connection from 1. *too_large*: the body passed the door's limit and was thrown away.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    door: str = "inprocess"
    turn: int = 1
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """A reply: status, headers in the order they leave, the whole body, and its delivery.

    Content-Length, Date and Connection are the door's business and never stand in *headers*.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delivery: Delivery = WHOLE


Answer: TypeAlias = Callable[[Request], Coroutine[float, None, Response]]
"""The core as a door sees it: a coroutine that yields seconds to wait and returns the reply."""


@lru_cache(maxsize=128)
def reason(status: int) -> str:
    """Return the standard phrase of *status*, or ``""`` for one that HTTP does not name."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
