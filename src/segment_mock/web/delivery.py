"""Replies that a fault breaks, through a WSGI server: on the server's own socket if it lends one."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flask import Response

from .. import messages
from ..transports.serialize import ending, split_delivery

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SOCKETS = ("werkzeug.socket", "gunicorn.socket")
OVERTAKE = 0.02  # so many seconds stay between the last byte and a reset
_RESET = struct.pack("ii", 1, 0)


class FaultyResponse(Response):
    """A reply that is cut, dripped, closed or reset. *wait* is given the seconds of every pause, *now* dates it.

    If the server lends its socket, the reply is sent on it exactly. Otherwise as much of it is sent as WSGI
    can express. A broken reply ends in a ``ConnectionError``: servers take it for a client that has left,
    and a test client raises it in its test.
    """

    def __init__(self, reply: messages.Response, wait: Callable[[float], Any], now: float) -> None:
        super().__init__(b"", reply.status, dict(reply.headers))
        self.headers["Content-Length"] = str(len(reply.body))
        self._reply, self._wait, self._now = reply, wait, now

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it on the socket of the server if it lends one, else as WSGI can."""
        bodiless = environ["REQUEST_METHOD"] == "HEAD"
        server_socket = next((environ[name] for name in SOCKETS if name in environ), None)
        if server_socket is not None:
            self._send_on(server_socket, bodiless)
        if self._reply.delivery.raw is not None:
            raise self._error()
        start_response(self.status, self.get_wsgi_headers(environ).to_wsgi_list())
        return self._pieces(bodiless)

    def _send_on(self, server_socket: socket.socket, bodiless: bool) -> None:
        reply = self._reply
        whole = ending(reply) == "open"
        head, rest = split_delivery(reply, self._now, "close" if whole else "", head_only=bodiless)
        resets = ending(reply) == "reset"
        try:
            server_socket.sendall(head)
            for piece in self._paced(rest):
                server_socket.sendall(piece)
            if resets and head:
                self._wait(OVERTAKE)
        finally:
            _detach_socket(server_socket, resets)
        raise self._error()

    def _pieces(self, bodiless: bool) -> Iterator[bytes]:
        head, rest = split_delivery(self._reply, self._now, head_only=bodiless)
        yield head.partition(b"\r\n\r\n")[2]
        yield from self._paced(rest)
        if ending(self._reply) != "open":
            raise self._error()

    def _paced(self, rest: memoryview) -> Iterator[bytes]:
        step = self._reply.delivery.chunk or 1
        for start in range(0, len(rest), step):
            self._wait(self._reply.delivery.pause)
            yield bytes(rest[start : start + step])

    def _error(self) -> ConnectionError:
        if ending(self._reply) == "reset":
            return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        return ConnectionAbortedError(errno.ECONNRESET, "Remote end closed connection without response")


class RaisingResponse(Response):
    """No reply: *error* is raised when the server, or a test client, asks for it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b"")
        self._error = error

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Raise the error where Flask does not turn it into a page."""
        raise self._error


def _detach_socket(server_socket: socket.socket, resets: bool) -> None:
    """Close the connection now, and leave the server a socket whose client has closed."""
    ours, other = socket.socketpair()
    if resets:
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with ours, other:
        try:
            # The server still uses this file number: it must stay a socket.
            os.dup2(ours.fileno(), server_socket.fileno(), inheritable=False)
        except OSError:  # Windows has other numbers for sockets
            server_socket.shutdown(socket.SHUT_RDWR)
