"""The in-process connection: passes a client's requests to the core and returns its responses, without a socket."""

from __future__ import annotations

import errno
import io
import os
import socket
from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING, Any

from ...clock import Clock
from ...forking import Succession
from ...hosts import is_control
from ...messages import BODY_LIMIT, EVERY_CONNECTION, WHOLE, Admission, Answer, Control, Pending, Request, Response
from ..serialize import CONTINUE, ConnectionOption, Ending, ending, header_fields, split_delivery
from ..server.parser import REQUEST_TIMEOUT, RequestParser
from .failing import FallibleTransport
from .waiting import Steps, Wait, finish, run

if TYPE_CHECKING:
    from typing_extensions import Buffer

PEER_HOST, OWN_HOST, OWN_PORT = "192.0.2.1", "192.0.2.2", 49152
"""Assumed addresses of both ends of a connection, for clients that log them.

RFC 5737 reserves these hosts for documentation, so there is no machine at them.
"""
_FRAMING = {"connection", "content-length", "transfer-encoding"}
"""A response with one of these headers defines its own framing, so the client's parser has to read it."""


class InProcessTransport(FallibleTransport):
    """Opens connections to the core (*answer*) and to the *control* plane, on the mock's *clock*.

    *body_limit* is the longest body of a call in bytes. *admission* is called for each connection.
    """

    is_real = False
    _closed = False

    def __init__(
        self,
        answer: Answer,
        control: Control,
        clock: Clock,
        body_limit: int = BODY_LIMIT,
        admission: Admission = EVERY_CONNECTION,
        succession: Succession | None = None,
    ) -> None:
        super().__init__(clock, admission, succession)
        self.answer, self.control, self.body_limit = answer, control, body_limit

    @property
    def closed(self) -> bool:
        """Whether every connection has ended: after `close`, and in a forked child."""
        return self._closed or self.succession.successor is not None

    def connect(self, host: str, timeout: float | None = None) -> Connection:
        """Return a new connection to *host*; *timeout* is its read timeout in seconds."""
        return Connection(self, timeout)

    def opened(self, sock: object) -> bool:
        """Return whether *sock* is a connection of this transport that a client may use again."""
        return isinstance(sock, Connection) and sock.transport is self and not sock.is_outdated

    def close(self) -> None:
        """End every connection, so that none reaches this mock again."""
        self._closed = True


class Connection:
    """The client's end of a connection to the core; it can replace a connected socket.

    A request starts when it has been sent, and runs to its first wait. When the client reads the response, each wait is
    compared with the client's timeout.
    """

    family, type, proto = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    port = 443
    """The port that the client called, for `getpeername`."""
    awaits_request = True
    """Whether reading waits for the rest of an incomplete request, which a server refuses after some time."""

    def __init__(self, transport: InProcessTransport, timeout: float | None = None) -> None:
        self.transport = transport
        self._timeout = timeout
        self._parser = RequestParser(transport.body_limit, "inprocess")
        self._exchange: Exchange | None = None
        self._steps: Steps = self._stream()
        self._unread = b""
        self._files = 0
        self._closed = False
        self._armed = transport.admission.armed

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, on either side."""
        return self._closed or self.transport.closed or (self._exchange is None and self.is_outdated)

    @property
    def is_outdated(self) -> bool:
        """Whether a fault that closes idle connections was armed since this connection was opened."""
        return self._armed != self.transport.admission.armed

    @property
    def is_waiting(self) -> bool:
        """Whether a request was started whose response is not ready."""
        return self._exchange is not None and self._exchange.response is None

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        """Start a request that needs no parser."""
        self._parser.count += 1
        request = Request(method, target, headers, body, "inprocess", self._parser.count, is_admitted=True)
        self._exchange = Exchange(self.transport, request, "")

    async def wait(self, *, is_async: bool) -> None:
        """Wait until the response to the started request is ready; raises the errors that reading a socket raises."""
        if self._exchange is not None:
            await finish(self._exchange.waits(), self.transport.clock, self._timeout, is_async=is_async)

    def take_whole(self) -> Response | None:
        """Return the response if it is ready, complete and needs no parser, and continue with the next request.

        Otherwise return None, and the response has to be read as bytes.
        """
        exchange = self._exchange
        if exchange is None or not exchange.is_whole:
            return None
        self._next(exchange)
        return exchange.response

    def fields(self, response: Response) -> list[tuple[str, str]]:
        """Return the headers of *response* as they would be sent, including Content-Length and Date."""
        return header_fields(response, self.transport.clock.now())

    def sendall(self, data: Buffer) -> None:
        """Receive bytes of a request; raises BrokenPipeError after the connection has ended."""
        if self.closed:
            raise BrokenPipeError(errno.EPIPE, "the connection has ended")
        self._parser.feed(bytes(data))
        self._start()

    def send(self, data: Buffer) -> int:
        """Receive bytes of a request, all of them, and return their number; raises what `sendall` raises."""
        self.sendall(data)
        return memoryview(data).nbytes

    def recv(self, size: int) -> bytes:
        """Return at most *size* bytes of the responses, in synchronous code, as `read` does."""
        return run(self.read(size, is_async=False))

    def recv_into(self, buffer: Any) -> int:
        """Read bytes of the responses into *buffer*, and return their number; for the files of `makefile`."""
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    async def read(self, size: int, *, is_async: bool) -> bytes:
        """Return at most *size* bytes of the responses.

        Returns ``b""`` after the end of the connection, and if no request was started.
        """
        piece = self._unread
        if not piece:
            piece = await finish(self._piece(), self.transport.clock, self._timeout, is_async=is_async)
        self._unread = piece[size:]
        return piece[:size]

    def _piece(self) -> Generator[Wait, None, bytes]:
        """Yield the waits before the next bytes of the responses, and return those."""
        step = next(self._steps, b"")
        if not step:
            self._steps = self._stream()
            step = next(self._steps, b"")
        try:
            while isinstance(step, Wait):
                yield step
                step = next(self._steps, b"")
        except GeneratorExit:  # the client does not wait any longer
            self._steps.close()
            raise
        return step

    @property
    def is_incomplete(self) -> bool:
        """Whether only a part of a request has arrived, and its rest is due."""
        return self._exchange is None and self._parser.incomplete and not self._parser.expects_continue

    def wait_for_rest(self) -> Wait:
        """Return the wait for the rest of an incomplete request, as long as that of a server."""
        return Wait(self.transport.clock.now() + REQUEST_TIMEOUT, "an incomplete request")

    def refuse_incomplete(self) -> None:
        """Refuse an incomplete request, whose rest has not come in time."""
        self._parser.refuse_overdue(REQUEST_TIMEOUT)
        self._start()

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return a file of the responses."""
        self._files += 1
        return io.BufferedReader(socket.SocketIO(self, "r"))  # type: ignore[arg-type]

    def settimeout(self, seconds: float | None) -> None:
        """Set the read timeout in seconds; None means no timeout."""
        self._timeout = seconds

    def gettimeout(self) -> float | None:
        """Return the read timeout in seconds."""
        return self._timeout

    def setsockopt(self, *_: Any) -> None:
        """Accept and ignore the options that clients set on sockets."""

    def getsockopt(self, _level: int, _option: int, size: int = 0) -> int | bytes:
        """Return 0 for any option, or as many zero bytes as *size* says: `setsockopt` sets none."""
        return bytes(size) if size else 0

    def getpeername(self) -> tuple[str, int]:
        """Return an assumed address and the port of the other end; raises OSError once this end is closed."""
        self._check_open()
        return PEER_HOST, self.port

    def getsockname(self) -> tuple[str, int]:
        """Return an assumed address and port of this end; raises OSError once this end is closed."""
        self._check_open()
        return OWN_HOST, OWN_PORT

    def _check_open(self) -> None:
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def fileno(self) -> int:
        """Return a descriptor that is readable once the connection has ended, so that pools drop it."""
        return _descriptors()[self.closed]

    def shutdown(self, _how: int = 0) -> None:
        """End the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection and abandon a waiting call, unless a file of the response is still open."""
        self._closed = True
        self._abandon()

    def _decref_socketios(self) -> None:  # called when a file of the responses is closed
        self._files -= 1
        if self.closed:
            self._abandon()

    def _abandon(self) -> None:
        if self._files <= 0 and self._exchange is not None:
            self._exchange.close()
            self._exchange = None

    def _start(self) -> None:
        if self._parser.requests and self._exchange is None:
            request, option = self._parser.requests.popleft()
            if isinstance(request, Request):
                request.is_admitted = True
            self._exchange = Exchange(self.transport, request, option)

    def _next(self, exchange: Exchange) -> None:
        """Continue with the next request, or close the connection, as *exchange* says."""
        self._exchange = None
        if exchange.end == "open":
            self._start()
        else:
            self._closed = True

    def _stream(self) -> Steps:
        """Yield the bytes of the next response and the waits before them; raise an error where the response is cut.

        An incomplete request is refused after the time that a server waits for the rest.
        """
        clock = self.transport.clock
        if self.awaits_request and self.is_incomplete:
            yield self.wait_for_rest()
            self.refuse_incomplete()
        if self._exchange is None and self._parser.expects_continue:
            self._parser.expects_continue = False
            yield CONTINUE
        while (exchange := self._exchange) is not None:
            response = yield from exchange.waits()
            head, rest = split_delivery(response, clock.now(), exchange.option, head_only=exchange.is_bodiless)
            if not rest:
                self._next(exchange)
            if head:
                yield head
            end, size = clock.now(), response.delivery.chunk or 1
            for start in range(0, len(rest), size):
                end += response.delivery.pause
                yield Wait(end, exchange.name)
                if start + size >= len(rest):
                    self._next(exchange)
                yield bytes(rest[start : start + size])
            if exchange.end == "reset":
                raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


class Exchange:
    """A started *request* with its response or its waiting call. The response may be the parser's refusal."""

    __slots__ = ("_call", "_error", "_request", "_wait", "option", "response")

    def __init__(self, transport: InProcessTransport, request: Request | Response, option: ConnectionOption) -> None:
        self.option = option
        self.response: Response | None = None
        self._request = request
        self._call: Pending | None = None
        self._error: Exception | None = None
        if isinstance(request, Response):
            self.response = request
            return
        try:
            result = (transport.control if is_control(request.target) else transport.answer)(request)
        except Exception as error:  # raised when the client reads, like an error of a socket
            self._error = error
            return
        if isinstance(result, Response):
            self.response = result
        else:
            self._call = result
            self._run(transport.clock.now())

    @property
    def is_whole(self) -> bool:
        """Whether the client can get the response without parsing it."""
        response = self.response
        return (
            response is not None
            and (response.delivery is WHOLE or response.delivery == WHOLE)
            and response.status >= 200
            and _FRAMING.isdisjoint(map(str.lower, response.headers))
        )

    @property
    def end(self) -> Ending:
        """What happens to the connection after the response."""
        return "close" if self.response is None else ending(self.response, self.option)

    def waits(self) -> Generator[Wait, None, Response]:
        """Yield the waits until the response is ready, and return it; raises the core's exception, if any."""
        while self._call is not None:
            wait = self._wait
            try:
                yield wait
            except GeneratorExit:
                self.close()
                raise
            self._run(wait.end)
        if self._error is not None:
            raise self._error
        assert self.response is not None
        return self.response

    def close(self) -> None:
        """Abandon a waiting call."""
        call, self._call = self._call, None
        if call is not None:
            self._error = ConnectionAbortedError(errno.ECONNABORTED, "the call was abandoned")
            call.close()

    @property
    def name(self) -> str:
        """Method and target of the request, ``""`` if the parser refused it."""
        request = self._request
        return f"{request.method} {request.target}" if isinstance(request, Request) else ""

    @property
    def is_bodiless(self) -> bool:
        """Whether the response consists of headers only, because the method is HEAD."""
        return isinstance(self._request, Request) and self._request.method == "HEAD"

    def _run(self, now: float) -> None:
        """Run the call to its end or to its next wait, which begins *now*."""
        assert self._call is not None
        try:
            pause = self._call.send(None)
            self._wait = Wait(now + pause, self.name, getattr(pause, "why", ""))
        except StopIteration as stop:
            self._call, self.response = None, stop.value
        except Exception as error:
            self._call, self._error = None, error


@cache
def _descriptors() -> tuple[int, int]:
    """Return a descriptor that is never readable, and one that always is, for clients that poll an idle connection."""
    idle, partner = socket.socketpair()
    ended, closed = socket.socketpair()
    closed.close()
    partner.detach()
    return idle.detach(), ended.detach()
