"""How a reply leaves a WSGI server that is not ours: on its own socket where it lends us one."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Response

from .. import messages
from ..doors._wire import ending, parts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SOCKETS = ("werkzeug.socket", "gunicorn.socket")
OVERTAKE = 0.02  # so many seconds stay between the last byte and a reset
_RESET = struct.pack("ii", 1, 0)


class Leaving(Response):
    """A reply that does not simply leave. *wait* is given the seconds of every pause, *now* dates it.

    A server that lends its socket has the reply carried out to the letter; any other gets as much of
    it as WSGI can say. What breaks a reply off is raised as ``ConnectionError``, which servers take
    for a client that has gone, and which a test client hands to its test.
    """

    def __init__(self, reply: messages.Response, wait: Callable[[float], Any], now: float) -> None:
        super().__init__(b"", reply.status, dict(reply.headers))
        self.headers["Content-Length"] = str(len(reply.body))
        self._reply, self._wait, self._now = reply, wait, now

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let it leave."""
        bodiless = environ["REQUEST_METHOD"] == "HEAD"
        lent = next((environ[name] for name in SOCKETS if name in environ), None)
        if lent is not None:
            self._leave_by(lent, bodiless)
        if self._reply.delivery.raw is not None:
            raise self._broken()
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        return self._pieces(bodiless)

    def _leave_by(self, lent: socket.socket, bodiless: bool) -> None:
        reply = self._reply
        whole = ending(reply) == "open"
        head, rest = parts(reply, self._now, "close" if whole else "", bodiless=bodiless)
        resets = ending(reply) == "reset"
        try:
            lent.sendall(head)
            for piece in self._paced(rest):
                lent.sendall(piece)
            if resets and head:
                self._wait(OVERTAKE)
        finally:
            _let_go(lent, resets)
        raise self._broken()

    def _pieces(self, bodiless: bool) -> Iterator[bytes]:
        head, rest = parts(self._reply, self._now, bodiless=bodiless)
        yield head.partition(b"\r\n\r\n")[2]
        yield from self._paced(rest)
        if ending(self._reply) != "open":
            raise self._broken()

    def _paced(self, rest: memoryview) -> Iterator[bytes]:
        step = self._reply.delivery.chunk or 1
        for start in range(0, len(rest), step):
            self._wait(self._reply.delivery.pause)
            yield bytes(rest[start : start + step])

    def _broken(self) -> ConnectionError:
        if ending(self._reply) == "reset":
            return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        return ConnectionAbortedError(errno.ECONNRESET, "Remote end closed connection without response")


class Vain(Response):
    """No reply at all: *error* is raised where the server, or a test client, asks for one."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"")
        self._error = error

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Raise the error, out of reach of Flask, which would make it a page."""
        raise self._error


def _let_go(lent: socket.socket, resets: bool) -> None:
    """End the connection now, and leave the server a socket on which its client seems to have left."""
    mine, other = socket.socketpair()
    if resets:
        lent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with mine, other:
        try:
            # The server still holds the number of the file: it must go on meaning a socket.
            os.dup2(mine.fileno(), lent.fileno(), inheritable=False)
        except OSError:  # Windows has other numbers for sockets
            lent.shutdown(socket.SHUT_RDWR)
