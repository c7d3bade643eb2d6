"""A reply on its way out: carries out one Delivery at a time on a connection's transport."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

from segment_mock.doors._service import Service
from segment_mock.doors._wire import Manner, ending, parts, whole
from segment_mock.messages import WHOLE, Response

LINGER = 2.0  # so many seconds may a refused client go on sending, or one that is to be reset not read
OVERTAKE = 0.02  # so many seconds stay between the last byte and a reset

_RESET = struct.pack("ii", 1, 0)

try:
    from fcntl import ioctl
    from termios import TIOCOUTQ
except ImportError:  # Windows
    ioctl = None  # type: ignore[assignment]


class Sender:
    """Writes replies to *transport*; *free* is called when a busy sender can take the next one.

    ``busy`` while a body is on its way and, for good, once the connection is to end; ``choked``
    while written bytes have not left; ``parting`` while a refused client may still be sending.
    """

    __slots__ = (
        "_free", "_manner", "_patient", "_resetting", "_service", "_timer", "_transport",
        "busy", "choked", "parting",
    )  # fmt: skip

    def __init__(self, service: Service, transport: asyncio.Transport, free: Callable[[], None]) -> None:
        self._service, self._transport, self._free = service, transport, free
        self._timer: asyncio.TimerHandle | None = None
        self._manner: Manner = ""
        self._patient = self._resetting = self.busy = self.choked = self.parting = False
        if not transport.get_extra_info("sslcontext"):  # TLS takes an empty buffer for a full one then
            # With a limit of 0 "choked" means exactly that something written has not left yet.
            transport.set_write_buffer_limits(0)

    def send(self, response: Response, manner: Manner, *, bodiless: bool, patient: bool) -> None:
        """Let *response* leave as its delivery says, without its body if *bodiless* (HEAD).

        *patient*: should it be the last one, the client may still be sending and is let to.
        """
        now = self._service.clock.now()
        if response.delivery is WHOLE and manner != "close":
            self._transport.write(whole(response, now, manner, bodiless=bodiless))
        else:
            self.busy, self._manner, self._patient = True, manner, patient
            self._write(response, *parts(response, now, manner, bodiless=bodiless))

    def unchoke(self) -> None:
        """Go on: everything written has left."""
        self.choked = False
        if self._resetting:
            self._reset(OVERTAKE)
        else:
            self._free()

    def close(self) -> None:
        """Give up whatever is on its way: the connection is lost."""
        if self._timer is not None:
            self._timer.cancel()
        del self._free  # which holds the connection in a circle

    def _write(self, response: Response, piece: bytes | memoryview, rest: memoryview) -> None:
        self._transport.write(piece)
        if rest:
            self._timer = self._service.later(response.delivery.pause, self._drip, response, rest)
        else:
            self._end(response)

    def _drip(self, response: Response, rest: memoryview) -> None:
        chunk = max(1, response.delivery.chunk or 1)
        self._write(response, rest[:chunk], rest[chunk:])
        if not self.busy:
            self._free()

    def _end(self, response: Response) -> None:
        self._timer = None
        how = ending(response, self._manner)
        if how == "reset":
            self._reset(0.0 if response.delivery.raw == b"" else OVERTAKE)
        elif how == "open":
            self.busy = False
        elif self._patient:
            self._part()
        else:
            self._transport.close()

    def _part(self) -> None:
        # Closing on a client that still sends would reset it before it has read the refusal.
        self.parting = True
        if self._transport.can_write_eof():  # TLS knows no half that is closed
            self._transport.write_eof()
        self._timer = self._service.loop.call_later(LINGER, self._transport.abort)

    def _reset(self, after: float) -> None:
        if self.choked:
            self._resetting = True
        elif after:
            self._timer = self._service.loop.call_later(after, self._cut, LINGER)
        else:
            self._cut(0.0)

    def _cut(self, patience: float) -> None:
        # A reset throws away what has not crossed yet, and on some systems what has but is unread: the bytes
        # that were meant to reach the client get there first, and it got a moment to read them.
        sock = self._transport.get_extra_info("socket")
        if patience > 0 and _crossing(sock):
            self._timer = self._service.loop.call_later(OVERTAKE, self._cut, patience - OVERTAKE)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()


def _crossing(sock: socket.socket) -> int:
    """Return how many bytes written to *sock* the other side has not taken, or 0 where the system does not tell."""
    with suppress(OSError, TypeError, ValueError):
        return int.from_bytes(ioctl(sock.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder)
    return 0
