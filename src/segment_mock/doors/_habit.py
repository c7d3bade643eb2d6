"""What one client says again and again: a head that was read once need not be read once more."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from segment_mock.doors._wire import Manner
from segment_mock.messages import Request, Response

Turn: TypeAlias = tuple[Request | Response, Manner]
"""A request to answer, or the door's own reply to a broken one; and how its connection goes on."""

_MOST = 8  # so many heads of one connection are remembered
_LONG = 4096  # and none of more bytes
_ODD = ("transfer-encoding", "expect", "upgrade")


class Habit:
    """The heads of one connection's whole requests, by their bytes.

    Between two requests a parser makes the same of the same bytes, whatever body of that length follows.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Request, int]] = {}

    def __call__(self, data: bytes, turn: int) -> Turn | None:
        """Return the request that *data* are, the *turn*-th of the connection, or None unless their head is known."""
        head, end, body = data.partition(b"\r\n\r\n")
        known = self._known.get(bytes(head)) if end else None  # some loops hand over a bytearray
        if known is None or known[1] != len(body):
            return None
        like = known[0]
        return Request(like.method, like.target, like.headers, bytes(body), like.door, turn), ""

    def learn(self, data: bytes, read: Turn) -> None:
        """Remember the head of *data*, which were read as the one turn *read*, unless there is more to it."""
        (request, manner), (head, end, body) = read, data.partition(b"\r\n\r\n")
        if manner or not isinstance(request, Request) or any(name in request.headers for name in _ODD):
            return
        whole = end and body == request.body and head.startswith(f"{request.method} ".encode())
        if whole and not request.too_large and len(head) <= _LONG and len(self._known) < _MOST:
            self._known[bytes(head)] = replace(request, body=b""), len(body)
