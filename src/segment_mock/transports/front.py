"""A front: a WSGI application without records, which forwards every call to one live server.

So all workers of a WSGI server share one mock. The server's response comes in an `envelope`, which describes a response
that a fault breaks; the front breaks it on the client's own connection, as far as `wsgi.deliver` can.
"""

from __future__ import annotations

import errno
import json
import selectors
import socket
import ssl
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from ..clock import Clock
from ..forking import call_after_fork
from ..hosts import split_target
from ..json_match import brief
from ..messages import WHOLE, Delivery, Response, header_value, reason
from ..settings import OPTIONS, SettingError
from . import wsgi
from .envelope import FRONT, TOKEN, TYPE
from .serialize import WITHOUT_BODY

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TIMEOUT = 20.0
"""Read timeout of the server in seconds; while a call waits, the server sends a sign of life every 2 seconds."""
CONNECT_TIMEOUT = 5.0
TURN = 20.0
"""Seconds for which a stream of events may occupy a thread of the WSGI server; its reader then reconnects."""
GLANCE = 0.2
"""Seconds without an event after which a stream ends if the WSGI server has no threads."""
_ADMIN_TOKEN = next(option for option in OPTIONS if option.name == "admin_token")
_IDLE_LIMIT = 64  # how many idle connections to keep
_PIECE = 64 * 2**10
_LINE_LIMIT = 2**20
_VISIBLE = "".join(map(chr, range(33, 127)))
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade", "expect", "content-length", FRONT, TOKEN)
)  # fmt: skip
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


class _Failure(Exception):
    """The server can't be reached, or did not answer; *detail* and *hint* are for the client."""

    def __init__(self, status: int, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.hint = status, detail, hint


class Front:
    """Forwards calls to the server at *url*, with its *admin_token* if it has one.

    *ca_file* is the CA certificate of a server with ``--tls``. *timeout* is in seconds, see `TIMEOUT`. Raises
    `SettingError` for an invalid URL or token. Connections stay open between calls. Threads and forked workers may
    share it.
    """

    def __init__(
        self, url: str, admin_token: str | None = None, *, ca_file: str | None = None, timeout: float = TIMEOUT
    ) -> None:
        self._parts = urlsplit(_checked(url))
        self._address = url.rstrip("/")
        self._token, self._timeout = _ADMIN_TOKEN.read(admin_token), timeout
        self._ssl_context: ssl.SSLContext | None = None
        if self._parts.scheme == "https":
            try:
                self._ssl_context = ssl.create_default_context(cafile=ca_file)
            except OSError as error:
                raise SettingError(f"ca_file: {str(ca_file)!r} can't be used: {error}") from None
        self._idle: list[HTTPConnection] = []
        weakref.finalize(self, _close_all, self._idle)
        call_after_fork(self)

    def after_fork(self) -> None:
        """Drop the connections, which the parent still uses; two processes can't share a connection."""
        _close_all(self._idle)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the call of *environ* as the server does."""
        try:
            if "HTTP_" + FRONT.upper().replace("-", "_") in environ:
                raise _Failure(508, f"{self._address} leads back to this front.", "set the address of the server")
            if environ["REQUEST_METHOD"] == "CONNECT":
                raise _Failure(501, "A front is not a proxy.", "use `segment-mock serve --proxy` as a proxy")
            connection, response = self._ask(environ)
            return self._answer(environ, start_response, connection, response)
        except _Failure as failure:
            return _problem(failure, environ, start_response)

    def _ask(self, environ: WSGIEnvironment) -> tuple[HTTPConnection, HTTPResponse]:
        """Send the call, and return the beginning of its response as soon as it arrives."""
        connection = self._connected()
        source = _Source(connection.sock, _client_of(environ), self._timeout)
        connection.response_class = partial(_response, source)  # type: ignore[assignment]
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # the server may have answered before the end
                self._send(connection, environ)
            return connection, connection.getresponse()
        except BaseException as error:
            source.close()
            connection.close()
            if source.is_half_closed and not isinstance(
                error, _Failure
            ):  # the call was held, and ended with its client
                raise _ClientLeft(errno.ECONNRESET, "The client disconnected before the response.") from None
            if isinstance(error, ValueError):
                text = f"The call can't be forwarded: {error}."
                raise _Failure(400, text, "send headers of printable latin-1 text") from None
            raise self._explained(error) or error from None

    def _send(self, connection: HTTPConnection, environ: WSGIEnvironment) -> None:
        target = self._parts.path.rstrip("/") + _target(environ)
        connection.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
        for name, value in _headers(environ):
            connection.putheader(name, value)
        connection.putheader(FRONT, environ["REQUEST_METHOD"])
        if self._token is not None:
            connection.putheader(TOKEN, header_value(self._token))
        body, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or ""
        is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if length.isdecimal() and not is_chunked:
            connection.putheader("Content-Length", length)
            connection.endheaders()
            _send_sized(connection, body, int(length))
            return
        # Some servers say of every body that it ends by itself, even if there is none.
        first = _read(body, _PIECE) if environ.get("wsgi.input_terminated") else b""
        if first or is_chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        if first or is_chunked:
            _send_chunked(connection, first, body)

    def _connected(self) -> HTTPConnection:
        """Return an idle connection that is still open, or a new one."""
        while self._idle:
            with suppress(IndexError):  # another thread took the last one
                connection = self._idle.pop()
                if not _is_readable(connection.sock):
                    return connection
                connection.close()  # the server has closed it
        host, port = self._parts.hostname or "", self._parts.port
        if self._ssl_context is None:
            connection = HTTPConnection(host, port, timeout=CONNECT_TIMEOUT)
        else:
            connection = HTTPSConnection(host, port, timeout=CONNECT_TIMEOUT, context=self._ssl_context)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            hint = "start `segment-mock serve` there, or correct create_app(upstream=...) or SEGMENT_MOCK_UPSTREAM"
            if isinstance(error, ssl.SSLError):
                hint = "set SEGMENT_MOCK_CA_FILE to the CA file that `serve` prints"
            why = "no connection within 5 s" if isinstance(error, TimeoutError) else str(error.strerror or error)
            status = 504 if isinstance(error, TimeoutError) else 502
            raise _Failure(status, f"The segment-mock at {self._address} can't be reached: {why}.", hint) from None
        connection.sock.settimeout(self._timeout)
        return connection

    def _explained(self, error: BaseException) -> _Failure | None:
        """Return a connection *error* as a failure with advice for the client, or None for any other error."""
        if isinstance(error, TimeoutError):
            cause, status = f"gave no sign of life for {self._timeout:g} s", 504
        elif isinstance(error, (OSError, HTTPException)) and not isinstance(error, _ClientLeft):
            cause, status = "closed the connection without a complete response", 502
        else:
            return None
        _close_all(self._idle)  # they lead to the same server
        detail = f"The segment-mock at {self._address} {cause}; the call may have been performed or not."
        return _Failure(status, detail, "the server may be restarting; try again")

    def _answer(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        connection: HTTPConnection,
        response: HTTPResponse,
    ) -> Iterable[bytes]:
        is_stream = False
        try:
            if response.status != 200 or response.headers.get_content_type() != TYPE:
                raise self._unusable(response)
            head = _head_of(response.readline(_LINE_LIMIT))
            is_stream = "more" in head
            if is_stream:
                start_response(_status_line(head["status"]), [tuple(field) for field in head["headers"]])
                seconds, silence = (TURN, TURN) if environ.get("wsgi.multithread") else (5 * GLANCE, GLANCE)
                return _stream(connection, response, seconds, silence)
            payload = response.read()
        except (OSError, HTTPException, ValueError) as error:
            raise self._explained(error) or self._unusable(response) from None
        finally:
            if not is_stream:
                self._keep(connection, response)
        return _delivered(head, payload, environ, start_response)

    def _keep(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        # Close the connection if the response was not read to its end, or is the last one.
        is_open = connection.sock is not None and not response.source.is_half_closed  # type: ignore[attr-defined]
        if is_open and response.isclosed() and len(self._idle) < _IDLE_LIMIT:
            self._idle.append(connection)
        else:
            response.close()
            connection.close()

    def _unusable(self, response: HTTPResponse) -> _Failure:
        if response.getheader(FRONT) == "refused":
            hint = "give both the same token: create_app(upstream=..., admin_token=...) or SEGMENT_MOCK_ADMIN_TOKEN"
            return _Failure(502, f"The segment-mock at {self._address} refuses the admin token of this front.", hint)
        text = ""
        with suppress(OSError, HTTPException):
            text = " ".join(response.read(200).decode("utf-8", "replace").split())
        if response.status in (400, 408, 431) and response.headers.get_content_type() == "text/plain":
            return _Failure(response.status, text, "the server could not read the request")
        hint = "the address has to be that of a `segment-mock serve` of this version"
        return _Failure(
            502, f"The server at {self._address} is not segment-mock; it answered {response.status} {text}", hint
        )


class _ClientLeft(ConnectionAbortedError):
    """The client closed its connection before the response to its call."""


class _Source(RawIOBase):
    """The bytes of the server on *sock*. Notifies the server if the *client* leaves, as far as that can be detected.

    Raises TimeoutError after *timeout* seconds without a byte.
    """

    def __init__(self, sock: socket.socket, client: socket.socket | None, timeout: float) -> None:
        self.timeout, self.is_half_closed = timeout, False
        self._sock, self._client = sock, client
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read the available bytes, or wait for the next ones."""
        if not (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending()):
            self._wait()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Release the socket."""
        self._raw.close()
        super().close()

    def _wait(self) -> None:
        with _Selector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            if self._client is not None:
                selector.register(self._client, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select(self.timeout)]
                if not ready:
                    raise TimeoutError
                if self._sock in ready:
                    return
                assert self._client is not None
                if _is_at_end(self._client):
                    self._tell_of_leaving()
                selector.unregister(self._client)
                self._client = None

    def _tell_of_leaving(self) -> None:
        # The server decides about the call: it closes a call that waits without end, and continues others.
        if isinstance(self._sock, ssl.SSLSocket):  # TLS can't close one direction
            raise _ClientLeft(errno.ECONNRESET, "The client disconnected before the response.")
        self.is_half_closed = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)


class _ResponseSocket:
    """A socket for HTTPResponse that reads its bytes from a `_Source`."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def makefile(self, mode: str) -> BufferedReader:
        """Return a file of the bytes."""
        return BufferedReader(self._source)


def _response(source: _Source, _: socket.socket, **options: Any) -> HTTPResponse:
    response = HTTPResponse(_ResponseSocket(source), **options)  # type: ignore[arg-type]
    response.source = source  # type: ignore[attr-defined]
    return response


def _close_all(connections: list[HTTPConnection]) -> None:
    while connections:
        with suppress(IndexError):  # another thread took the last one
            connections.pop().close()


def _checked(url: str) -> str:
    if not isinstance(url, str):
        raise SettingError(f"upstream: {brief(url)} is not the base URL of a server, such as http://127.0.0.1:7357")
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if (
        not is_usable
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or not (url.isascii() and url.isprintable())
    ):
        address = url.rpartition("@")[2]
        raise SettingError(f"upstream: {address!r} is not the base URL of a server, such as http://127.0.0.1:7357")
    return url


def _target(environ: WSGIEnvironment) -> str:
    """Return path and query as the client sent them if the WSGI server has them, else as WSGI decodes them."""
    for name in ("RAW_URI", "REQUEST_URI"):
        target = split_target(environ.get(name, ""))[1]
        path = unquote_to_bytes(target.partition("?")[0].encode("latin-1")).decode("latin-1")
        if target and not environ.get("SCRIPT_NAME") and path == environ["PATH_INFO"]:
            break
    else:
        target = wsgi.request_target(environ)
    return quote(target.encode("latin-1"), safe=_VISIBLE)


def _headers(environ: WSGIEnvironment) -> Iterator[tuple[str, str]]:
    """Yield the headers for the server, without headers that concern only this connection."""
    hop_by_hop = {option.strip().lower() for option in environ.get("HTTP_CONNECTION", "").split(",")}
    if environ.get("CONTENT_TYPE"):
        yield "Content-Type", environ["CONTENT_TYPE"]
    for key, value in environ.items():
        name = key[5:].replace("_", "-").lower()
        if key.startswith("HTTP_") and name not in _HOP_BY_HOP and name not in hop_by_hop and name != "content-type":
            yield name, value


def _send_sized(connection: HTTPConnection, body: Any, remaining: int) -> None:
    while remaining and not _has_response(connection.sock):
        piece = _read(body, min(remaining, _PIECE))
        if not piece:
            raise _Failure(400, f"The body ended {remaining} bytes before its Content-Length.", "send the whole body")
        connection.send(piece)
        remaining -= len(piece)


def _send_chunked(connection: HTTPConnection, piece: bytes, body: Any) -> None:
    while not _has_response(connection.sock):
        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if not piece:
            return
        piece = _read(body, _PIECE)


def _read(body: Any, size: int) -> bytes:
    try:
        return body.read(size)  # type: ignore[no-any-return]
    except OSError as error:
        raise _ClientLeft(errno.ECONNRESET, "The client disconnected during its call.") from error


def _has_response(sock: socket.socket) -> bool:
    # Over TLS, readable bytes need not be a response.
    return not isinstance(sock, ssl.SSLSocket) and _is_readable(sock)


def _client_of(environ: WSGIEnvironment) -> socket.socket | None:
    """Return the client's socket if the WSGI server gives access to it and its end can be detected without a read."""
    lent = wsgi.lent_socket(environ)
    return None if lent is None or isinstance(lent, ssl.SSLSocket) else lent


def _is_at_end(sock: socket.socket) -> bool:
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _is_readable(sock: socket.socket) -> bool:
    with _Selector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _head_of(line: bytes) -> dict[str, Any]:
    head = json.loads(line)
    if (
        not isinstance(head, dict)
        or not isinstance(head.get("status"), int)
        or not isinstance(head.get("headers"), list)
    ):
        raise ValueError("not the first line of an envelope")
    return head


def _status_line(status: int) -> str:
    return f"{status} {reason(status) or 'Unknown'}"


def _delivered(
    head: dict[str, Any], payload: bytes, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Deliver the response that *head* and *payload* describe."""
    delivery = WHOLE
    if "delivery" in head:
        delivery = Delivery(**head["delivery"], raw=payload if "raw" in head else None)
    status, fields = head["status"], dict(head["headers"])
    response = Response(status, fields, b"" if "raw" in head else payload, delivery)
    header_rows = [*fields.items()]
    if status not in WITHOUT_BODY:
        header_rows.append(("Content-Length", str(len(response.body))))
    if delivery is not WHOLE:
        return wsgi.deliver(
            response, environ, lambda: start_response(_status_line(status), header_rows), Clock().wait, head["now"]
        )
    start_response(_status_line(status), header_rows)
    return [] if environ["REQUEST_METHOD"] == "HEAD" or status in WITHOUT_BODY else [payload]


def _stream(connection: HTTPConnection, response: HTTPResponse, seconds: float, silence: float) -> Iterator[bytes]:
    """Yield the bytes that arrive within *seconds*; end earlier after *silence* seconds without a byte."""
    end, source = Clock.monotonic() + seconds, response.source  # type: ignore[attr-defined]
    try:
        while (remaining := end - Clock.monotonic()) > 0:
            source.timeout = min(remaining, silence)
            piece = response.read1(_PIECE)
            if not piece:
                return
            yield piece
    except (OSError, HTTPException):  # nothing more within the time, or the server has gone
        return
    finally:
        response.close()
        connection.close()


def _problem(failure: _Failure, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    status = failure.status
    document = {
        "type": "about:blank",
        "title": reason(status),
        "status": status,
        "detail": failure.detail,
        "hint": failure.hint,
    }
    body = json.dumps(document).encode()
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    ]
    start_response(_status_line(status), headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
