"""Writes the responses that are not sent whole, or that end the connection, one delivery at a time."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress

from ...messages import Response
from ..serialize import ConnectionOption, ending, serialize, split_delivery
from .context import ServerContext, error_response

LINGER = 2.0  # seconds for which a refused client may continue to send, or unread bytes delay a reset
RESET_DELAY = 0.02  # seconds between the last byte and a reset

_RESET = struct.pack("ii", 1, 0)

try:
    from fcntl import ioctl
    from termios import TIOCOUTQ
except ImportError:  # Windows
    ioctl = None  # type: ignore[assignment]


class ResponseWriter:
    """Writes responses to *transport*, and calls *ready* when it can write the next response after having been busy.

    * ``busy``: a body is being sent, or the connection is about to end
    * ``blocked``: written bytes were not sent yet
    * ``lingering``: a refused client may still be sending
    * ``endless``: the current response has no end
    """

    __slots__ = (
        "_context", "_linger", "_option", "_ready", "_resetting", "_timer", "_transport",
        "blocked", "busy", "endless", "lingering",
    )  # fmt: skip

    def __init__(self, context: ServerContext, transport: asyncio.Transport, ready: Callable[[], None]) -> None:
        self._context, self._transport, self._ready = context, transport, ready
        self._timer: asyncio.TimerHandle | None = None
        self._option: ConnectionOption = ""
        self._linger = self._resetting = self.busy = self.blocked = self.lingering = self.endless = False
        if not transport.get_extra_info("sslcontext"):  # with TLS, an empty buffer would count as full
            # With a limit of 0, "blocked" means exactly that written bytes have not left yet.
            transport.set_write_buffer_limits(0)

    def send(self, response: Response, option: ConnectionOption, *, head_only: bool, linger: bool) -> None:
        """Write *response* as its delivery says, without its body if *head_only* (HEAD).

        *linger*: if it is the last one, give the client, which may still be sending, time to read it. Raises an
        exception, with nothing written, if *response* can't be sent.
        """
        now = self._context.clock.now()
        if response.delivery.more is not None and not head_only:
            self._transport.write(serialize(response, now, "close"))
            self.busy = self.endless = True
            self._send_more(response.delivery.more, response.delivery.pause)
            return
        piece, rest = split_delivery(response, now, option, head_only=head_only)
        self.busy, self._option, self._linger = True, option, linger
        if rest:
            chunk, pause = max(1, int(response.delivery.chunk or 1)), float(response.delivery.pause)
            self._timer = self._context.later(pause, self._drip, response, rest, chunk, pause)
        self._transport.write(piece)
        if not rest:
            self._finish(response)

    def unblock(self) -> None:
        """Resume writing, because all written bytes were sent."""
        self.blocked = False
        if self._resetting:
            self._reset(RESET_DELAY)
        else:
            self._ready()

    def close(self) -> None:
        """Stop sending, because the connection is lost."""
        if self._timer is not None:
            self._timer.cancel()
        del self._ready  # a bound method of the connection, which holds this writer

    def _send_more(self, more: Callable[[], bytes], pause: float) -> None:
        # Send no more until the client has read the bytes that were sent.
        try:
            if not self.blocked and (data := more()):
                self._transport.write(data)
        except Exception:
            error_response()
            self._transport.abort()
            return
        self._timer = self._context.loop.call_later(pause, self._send_more, more, pause)

    def _drip(self, response: Response, data: memoryview, chunk: int, pause: float) -> None:
        self._transport.write(data[:chunk])
        if len(data) > chunk:
            self._timer = self._context.later(pause, self._drip, response, data[chunk:], chunk, pause)
            return
        self._finish(response)
        if not self.busy:
            self._ready()

    def _finish(self, response: Response) -> None:
        self._timer = None
        end = ending(response, self._option)
        if end == "reset":
            self._reset(0.0 if response.delivery.raw == b"" else RESET_DELAY)
        elif end == "open":
            self.busy = False
        elif self._linger:
            self._close_gently()
        else:
            self._transport.close()

    def _close_gently(self) -> None:
        # Closing while the client still sends would reset the connection before it has read the refusal.
        self.lingering = True
        try:
            if self._transport.can_write_eof():  # TLS can't close one direction
                self._transport.write_eof()
        except OSError:  # the client has gone
            self._transport.abort()
            return
        self._timer = self._context.loop.call_later(LINGER, self._transport.abort)

    def _reset(self, delay: float) -> None:
        if self.blocked:
            self._resetting = True
        elif delay:
            self._timer = self._context.loop.call_later(delay, self._send_reset, LINGER)
        else:
            self._send_reset(0.0)

    def _send_reset(self, seconds_left: float) -> None:
        # A reset discards bytes in transit and, on some systems, unread bytes in the client's buffer. So wait until
        # the client has received the bytes that it should get, and give it a moment to read them.
        sock = self._transport.get_extra_info("socket")
        if seconds_left > 0 and _unsent(sock):
            self._timer = self._context.loop.call_later(RESET_DELAY, self._send_reset, seconds_left - RESET_DELAY)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()


def _unsent(sock: socket.socket) -> int:
    """Return how many bytes written to *sock* are not acknowledged, or 0 if the system can't say."""
    with suppress(OSError, TypeError, ValueError):
        return int.from_bytes(ioctl(sock.fileno(), TIOCOUTQ, bytes(4)), sys.byteorder)
    return 0
