"""WSGI: read a request from the environ of any WSGI server, and send responses that a fault breaks."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..messages import Response
from .serialize import ConnectionOption, ending, is_cut, split_delivery

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

RESET_DELAY = 0.02
"""Seconds between the last byte and a reset, so that the client reads the byte first."""
_SOCKETS = ("werkzeug.socket", "gunicorn.socket")
_RESET = struct.pack("ii", 1, 0)


def is_served(environ: WSGIEnvironment) -> bool:
    """Return whether a WSGI server called the application; False for a test client."""
    return any(name in environ for name in (*_SOCKETS, "SERVER_SOFTWARE"))


def lent_socket(environ: WSGIEnvironment) -> socket.socket | None:
    """Return the client's socket if the WSGI server gives access to it."""
    return next((environ[name] for name in _SOCKETS if name in environ), None)


def request_target(environ: WSGIEnvironment) -> str:
    """Return the path, quoted again, and the query."""
    path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~")
    query = environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def deliver(
    response: Response, environ: WSGIEnvironment, start: Callable[[], Any], wait: Callable[[float], Any], now: float
) -> Iterable[bytes]:
    """Send a *response* that is cut, slow, closed or reset.

    If the server gives access to its socket, the response is sent on it exactly. Otherwise *start* begins the response,
    and as much of it is sent as WSGI allows. A broken response ends in a ``ConnectionError``: servers treat it like a
    client that has left, and a test client raises it in its test. *wait* is called with the seconds of each pause, and
    *now* dates the response.
    """
    head_only = environ["REQUEST_METHOD"] == "HEAD"
    server_socket = lent_socket(environ)
    if server_socket is not None:
        _send_on(server_socket, response, wait, now, head_only=head_only)
        raise _broken(response)
    if response.delivery.raw is not None:
        raise _broken(response)
    start()
    return _pieces(response, wait, now, head_only=head_only)


def _send_on(
    server_socket: socket.socket, response: Response, wait: Callable[[float], Any], now: float, *, head_only: bool
) -> None:
    resets = ending(response) == "reset"
    connection: ConnectionOption = "close" if ending(response) == "open" else ""
    try:
        head, rest = split_delivery(response, now, connection, head_only=head_only)
        server_socket.sendall(head)
        for piece in _paced(response, rest, wait):
            server_socket.sendall(piece)
        if resets and head:
            wait(RESET_DELAY)
    finally:
        _detach(server_socket, resets)


def _pieces(response: Response, wait: Callable[[float], Any], now: float, *, head_only: bool) -> Iterator[bytes]:
    head, rest = split_delivery(response, now, head_only=head_only)
    yield head.partition(b"\r\n\r\n")[2]
    yield from _paced(response, rest, wait)
    if ending(response) == "reset" or is_cut(response):
        raise _broken(response)


def _paced(response: Response, rest: memoryview, wait: Callable[[float], Any]) -> Iterator[bytes]:
    step = response.delivery.chunk or 1
    for start in range(0, len(rest), step):
        wait(response.delivery.pause)
        yield bytes(rest[start : start + step])


def _broken(response: Response) -> ConnectionError:
    if ending(response) == "reset":
        return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    return ConnectionAbortedError(errno.ECONNRESET, "Remote end closed connection without response")


def _detach(server_socket: socket.socket, resets: bool) -> None:
    """Close the connection now, and leave the server with a socket whose client has closed it."""
    ours, other = socket.socketpair()
    if resets:
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with ours, other:
        try:
            # The server still uses this file descriptor, so it must remain a socket.
            os.dup2(ours.fileno(), server_socket.fileno(), inheritable=False)
        except OSError:  # Windows has other numbers for sockets
            server_socket.shutdown(socket.SHUT_RDWR)
