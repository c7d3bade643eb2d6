"""http.client, and so urllib.request, urllib3 and requests: replaces the socket of connections to intercepted hosts."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterable
from http.client import HTTP_PORT, HTTPMessage, HTTPResponse
from types import ModuleType
from typing import Any, NoReturn
from urllib.parse import urlsplit

from ...messages import ConnectFailure, reason
from .connection import Connection
from .failing import FallibleTransport
from .registry import REGISTRY, Patch, Seam, defined_in
from .waiting import run


class InProcessResponse(HTTPResponse):
    """A response of http.client that uses a whole response of the core directly, and parses the bytes of any other."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        self._connection = sock if isinstance(sock, Connection) else None
        super().__init__(_Unopened if self._connection else sock, *args, **options)  # type: ignore[arg-type]

    def begin(self) -> None:
        """Read the head of the response."""
        connection = self._connection
        if connection is None or self.headers is not None:
            super().begin()
            return
        if connection.is_waiting:
            run(connection.wait(is_async=False))
        # With set_debuglevel, the parser of http.client prints what it reads.
        response = None if self.debuglevel > 0 else connection.take_whole()
        if response is None:
            self.fp = connection.makefile()
            super().begin()
            return
        body = b"" if self._method == "HEAD" or response.status in (204, 304) else response.body
        self.code = self.status = response.status
        self.reason, self.version = reason(response.status), 11
        self.headers = self.msg = HTTPMessage()
        for name, value in connection.fields(response):
            self.headers.set_raw(name, value)
        self.fp, self.length = _Body(body), len(body)
        self.chunked, self.will_close = False, connection.closed


class _Body(io.BytesIO):
    """A whole body, with the methods of the file of a socket."""

    def peek(self, size: int = 0, /) -> bytes:
        """Return the bytes that were not read yet, without reading them."""
        return self.getvalue()[self.tell() :]


class _Unopened:
    """A socket from which nothing was read yet."""

    @staticmethod
    def makefile(_mode: str) -> None:
        """Return no file: `InProcessResponse.begin` opens one if it needs one."""


def open_connection(client: Any, transport: Any, host: str) -> None:
    """Open a connection to *host* by *transport* as the socket of *client*, a connection of http.client or urllib3."""
    timeout = client.timeout
    if not isinstance(timeout, (int, float, type(None))):  # the default has an object of its own in each library
        timeout = socket.getdefaulttimeout()
    if (failure := transport.failure(host, is_tls=client.default_port != HTTP_PORT)) is not None:
        _fail(client, transport, failure, timeout)
    client.sock = transport.connect(host, timeout)
    if isinstance(client.sock, Connection):
        client.sock.port = client.port
        if client.response_class is HTTPResponse:
            client.response_class = InProcessResponse
    # urllib3 reads these: the connection is verified, and there is no proxy to connect to.
    client.is_verified = True
    client._has_connected_to_proxy = bool(getattr(client, "proxy", None))


def _fail(client: Any, transport: FallibleTransport, failure: ConnectFailure, timeout: float | None) -> NoReturn:
    """Raise the error of *client* for a connection that fails by *failure*; urllib3 wraps it in its own error."""
    try:
        run(transport.refuse_connection(failure, timeout, is_async=False))
    except OSError as error:
        if failure == "tls" or not hasattr(client, "_new_conn"):
            raise
        from urllib3 import exceptions

        if failure == "timeout":
            sentence = f"Connection to {client.host} timed out. (connect timeout={client.timeout})"
            raise exceptions.ConnectTimeoutError(client, sentence) from error
        if isinstance(error, socket.gaierror) and hasattr(exceptions, "NameResolutionError"):  # urllib3 2
            raise exceptions.NameResolutionError(client.host, client, error) from error
        raise exceptions.NewConnectionError(client, f"Failed to establish a new connection: {error}") from error


def seams(module: ModuleType) -> Iterable[Seam]:
    """Return the seams of *module*: of ``http.client`` or of ``urllib3.connection``."""
    plain, secure = defined_in(module, "HTTPConnection"), defined_in(module, "HTTPSConnection")
    yield Seam(plain, "connect", _connect)
    yield Seam(secure, "connect", _connect)
    if module.__name__ == "http.client":
        yield Seam(plain, "putrequest", _putrequest)


def _connect(patch: Patch) -> Any:
    def connect(self: Any) -> None:
        host = self._tunnel_host or self.host
        transport = REGISTRY.transport_for(host)
        if transport is None:
            patch.original(self)
            return
        open_connection(self, transport, host)

    return connect


def _putrequest(patch: Patch) -> Any:
    def putrequest(self: Any, method: str, url: str, *args: Any, **options: Any) -> None:
        patch.original(self, method, url, *args, **options)
        sock = self.sock
        forwarded = url[:1] != "/" and "://" in url  # a request to a proxy has the whole URL
        is_pinned = getattr(self, "segment_mock_pinned", False)  # the mock's own session under any interception
        if is_pinned or not (sock or forwarded):
            return
        host: str = (urlsplit(url).hostname or "") if forwarded else self._tunnel_host or self.host
        transport = REGISTRY.transport_for(host)
        if transport is None:
            if isinstance(sock, Connection):  # its interception has ended
                _drop(self)
        elif sock is None or not transport.opened(sock):  # connected to the vendor or to another mock
            _drop(self)
            if forwarded:
                open_connection(self, transport, host)

    return putrequest


def _drop(client: Any) -> None:
    # Close the socket, not the connection: close() of urllib3 drops the options of the request in progress.
    if client.sock is not None:
        client.sock.close()
        client.sock = None
