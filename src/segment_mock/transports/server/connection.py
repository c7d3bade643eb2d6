"""A client's connection: reads requests, passes them to the core, and writes the responses in order."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

from ...hosts import is_control, is_local
from ...messages import RESET, WHOLE, ConnectFailure, Delivery, Pending, Request, Response, is_browser
from ..envelope import BEAT, FRONT, REFUSED, original, sealed
from ..serialize import CONTINUE, ConnectionOption, serialize, text_response
from .context import ServerContext, close_socket, error_response
from .parser import RequestParser
from .tls import TLS_HANDSHAKE, Handshake, server_name
from .writer import ResponseWriter

QUEUE_LIMIT = 8  # how many pipelined requests may wait before the connection stops reading
DRAIN_LIMIT = 64 * 2**20  # how many bytes a client may send after its last request before it is disconnected
ASK = "x-segment-mock-ask"
"""The header of a CONNECT request that only asks whether a connection would be established."""
FAULT = "X-Segment-Mock-Fault"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Connection(asyncio.Protocol):
    """Passes the requests of a client to the core of *context*, and sends the responses in order."""

    __slots__ = (
        "_busy", "_call", "_context", "_deadline", "_drained", "_eof", "_from_front", "_head_only", "_is_admitted",
        "_lost", "_option", "_parser", "_paused", "_scheduled", "_timer", "_transport", "_writer",
    )  # fmt: skip

    _transport: asyncio.Transport
    _writer: ResponseWriter

    def __init__(self, context: ServerContext, *, is_admitted: bool = False) -> None:
        self._context = context
        self._is_admitted = is_admitted or context.is_admitted
        self._parser = RequestParser(
            context.body_limit,
            admit=context.admit,
            tunnels=context.context_for is not None,
            queue_limit=QUEUE_LIMIT,
        )
        self._call: Pending | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._busy = self._eof = self._paused = self._head_only = self._lost = self._scheduled = False
        self._from_front = False
        self._option: ConnectionOption = ""
        self._drained = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set up the parser and the writer."""
        self._transport = cast(asyncio.Transport, transport)
        self._writer = ResponseWriter(self._context, self._transport, self._process)
        self._context.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything.

        A waiting call continues, as the vendor's would, but a call that waits without end is closed.
        """
        self._lost = True
        self._transport.close()  # otherwise Python 3.10 warns about a TLS transport that the client closed
        self._context.connections.discard(self)
        self._parser.close()
        self._writer.close()
        self._watch()
        if self._is_held():
            self._abandon()

    def data_received(self, data: bytes) -> None:
        """Parse *data*, and answer the complete requests."""
        if self._parser.done:
            self._drained += len(data)
            if self._drained > DRAIN_LIMIT:
                self._transport.abort()
            return
        if data[0] == TLS_HANDSHAKE and self._may_start_tls():
            self._start_direct_tls(data)
            return
        self._parser.feed(data)
        self._process()

    def eof_received(self) -> bool:
        """Keep the sending direction open for responses that are still due."""
        # A client may close its sending direction and still expect a response (nc, HTTP/1.0). A call that waits without
        # end is closed, because the end of such a client could not be noticed.
        self._eof = self._parser.done = True
        writer = self._writer
        if self._is_held() or writer.lingering or writer.endless or self._transport.get_extra_info("sslcontext"):
            return False
        return not self._is_idle()

    def pause_writing(self) -> None:
        """Stop writing until the buffered bytes were sent."""
        self._writer.blocked = True

    def resume_writing(self) -> None:
        """Resume writing."""
        self._writer.unblock()

    def drop(self) -> None:
        """Close the connection immediately, and the waiting call without performing it."""
        is_waiting = self._call is not None
        self._abandon()
        if is_waiting and self._from_front:  # its client's connection is to end, not the front's own
            self._option = "close"
            self._send(Response(500, delivery=RESET))
        else:
            self._transport.abort()

    def close_inherited(self) -> None:
        """Close a forked child's copy of the socket."""
        close_socket(self._transport)

    def _is_idle(self) -> bool:
        return not (self._parser.requests or self._busy or self._writer.busy or self._writer.blocked)

    def _is_held(self) -> bool:
        return self._call is not None and self._timer is None

    def _process(self) -> None:
        """Answer the next parsed request, unless an earlier one is still being answered."""
        parser, writer = self._parser, self._writer
        if parser.requests and not (self._busy or writer.busy or writer.blocked):
            item, self._option = parser.requests.popleft()
            if parser.backlogged and not parser.requests:
                parser.feed()
            if isinstance(item, Request):
                self._answer(item)
            else:
                self._head_only = self._from_front = False
                self._send(item)
            if parser.requests and not self._scheduled:
                # Let other connections run in between, even if a client pipelines many requests.
                self._scheduled = True
                self._context.loop.call_soon(self._continue)
        if parser.incomplete or parser.requests or self._deadline or self._paused or self._eof:
            self._settle()

    def _continue(self) -> None:
        self._scheduled = False
        self._process()

    def _settle(self) -> None:
        parser, transport = self._parser, self._transport
        if self._lost:
            return
        if parser.backlogged != self._paused:
            self._paused = parser.backlogged
            (transport.pause_reading if self._paused else transport.resume_reading)()
        if parser.expects_continue and self._is_idle():
            parser.expects_continue = False
            transport.write(CONTINUE)
        if self._eof and self._is_idle():
            transport.close()
        self._watch()

    def _watch(self) -> None:
        """Run the deadline only while a request is incomplete."""
        needs_timer = self._parser.incomplete and not self._paused
        if needs_timer and self._deadline is None:
            seconds = self._context.request_timeout
            self._deadline = self._context.loop.call_later(seconds, self._overdue, self._parser.count)
        elif self._deadline is not None and not needs_timer:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self, count: int) -> None:
        self._deadline = None
        if self._parser.count == count:  # otherwise another request has begun, with its own deadline
            self._parser.refuse_overdue(self._context.request_timeout)
        self._process()

    def _answer(self, request: Request) -> None:
        self._from_front = FRONT in request.headers
        if self._from_front:
            opened = original(request, self._context.trusts_front)
            if opened is None:
                self._from_front = False
                self._send(REFUSED)
                return
            request = opened
        self._head_only = request.method == "HEAD" and not self._from_front
        if request.method == "CONNECT":
            self._open_tunnel(request)
        elif request.target[:6] in ("/", "/_mock") and (is_control(request.target) or is_browser(request)):
            self._busy = True
            self._show_life()
            self._context.ask_control(request, self._finish)
        else:
            request.is_admitted = self._is_admitted
            try:
                response = self._context.answer(request)
            except BaseException:
                response = error_response()
            if isinstance(response, Response):
                self._send(response)
            else:
                self._busy = True
                self._show_life()
                self._resume(response)

    def _show_life(self, number: int = 0) -> None:
        """Send a front signs of life while the call *number* (default: the current one) waits."""
        if self._from_front and self._busy and number in (0, self._parser.count) and not self._transport.is_closing():
            if number:
                self._transport.write(CONTINUE)
            self._context.loop.call_later(BEAT, self._show_life, self._parser.count)

    def _resume(self, call: Pending) -> None:
        """Run *call* to its next pause, or to its end."""
        try:
            pause = call.send(None)
            self._timer = self._context.later(pause, self._awake)
        except StopIteration as end:
            self._send(end.value)
        except BaseException:
            self._send(error_response())
            _close(call)
        else:
            self._call = call
            self._context.waiting.add(self)
            if self._is_held() and (self._lost or self._eof):
                self.drop()

    def _awake(self) -> None:
        call, self._call, self._timer = self._call, None, None
        self._context.waiting.discard(self)
        assert call is not None
        self._resume(call)
        self._process()

    def _abandon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        call, self._call, self._timer = self._call, None, None
        self._context.waiting.discard(self)
        if call is not None:
            _close(call)

    def _finish(self, response: Response) -> None:
        self._send(response)
        self._process()

    def _send(self, response: Response) -> None:
        self._busy = False
        if self._lost or self._transport.is_closing():
            return
        try:
            if response.delivery is WHOLE and self._option != "close" and not self._from_front:
                now = self._context.clock.now()
                self._transport.write(serialize(response, now, self._option, head_only=self._head_only))
            else:
                self._deliver(response, self._option)
        except Exception:  # not a Response, or one with values of the wrong types
            self._deliver(error_response(), "close")

    def _deliver(self, response: Response, option: ConnectionOption) -> None:
        """Send *response* to a front, or as the last one, or as a delivery that takes time."""
        if self._from_front:
            response = sealed(response, self._context.clock.now(), self._context.time_scale)
        # A client that asked to close the connection may have sent more. Its bytes must not reset the connection before
        # it has read the response. TLS continues to read by itself until the client has closed its side.
        may_send = self._option == "close" and not self._transport.get_extra_info("sslcontext")
        linger = (self._parser.refused or may_send) and not self._eof
        self._writer.send(response, option, head_only=self._head_only, linger=linger)

    def _may_start_tls(self) -> bool:
        is_proxy = self._context.context_for is not None and not self._transport.get_extra_info("sslcontext")
        return is_proxy and not (self._parser.count or self._parser.incomplete)

    def _start_direct_tls(self, data: bytes) -> None:
        """Start TLS without CONNECT, for clients that resolve the vendor's host to the proxy (Python under `exec`)."""
        host = server_name(data)
        if host and not self._context.admit(host):
            self._transport.abort()
            return
        failure = self._context.failure(host) if host else None
        if failure == "timeout":
            self._be_silent()
        elif failure in ("refused", "dns"):
            self._send(Response(500, delivery=RESET))
        else:
            self._start_tls(host, data, is_trusted=failure is None)

    def _open_tunnel(self, request: Request) -> None:
        """Answer CONNECT like a proxy that can or can't reach the host, or only say whether it could."""
        context, host = self._context, request.target
        if ASK in request.headers:
            self._send(_tunnel_response(200, context.ask(host)))
            return
        failure = context.failure(host)
        if failure == "timeout":
            self._be_silent()
        elif failure in ("refused", "dns"):
            self._send(_tunnel_response(502, failure))
        else:
            self._start_tls(host, self._parser.rest, ESTABLISHED, is_trusted=failure is None)

    def _be_silent(self) -> None:
        """Keep the connection open, and send nothing."""
        self._busy = True
        self._call = _silence()
        self._context.waiting.add(self)
        self._parser.close()
        self._watch()

    def _start_tls(self, host: str, data: bytes, greeting: bytes = b"", *, is_trusted: bool = True) -> None:
        """Continue with TLS under a certificate for *host*; *data* was read already."""
        context = self._context
        issue = context.context_for if is_trusted else context.untrusted_context_for
        assert issue is not None
        try:
            ssl_context = issue(host)
        except ValueError:
            sentence = f"No certificate is possible for the host {host[:100]!r}."
            self._send(text_response(400, sentence, Delivery(end="close")))
            return
        self._busy = True
        self._parser.close()
        self._watch()
        if greeting:
            self._transport.write(greeting)
        context.connections.discard(self)  # the handshake replaces it
        counted = host if is_trusted else None
        connect = partial(Connection, context, is_admitted=bool(host) and not is_local(host))
        Handshake(context, self._transport, ssl_context, connect, counted, data)


def _tunnel_response(status: int, failure: ConnectFailure | None) -> Response:
    headers = {"Content-Type": "text/plain; charset=utf-8", **({FAULT: f"connect {failure}"} if failure else {})}
    sentence = (
        f"The connection fails: a fault is armed ({failure}).\n" if failure else "The connection can be established.\n"
    )
    return Response(status, headers, sentence.encode(), Delivery(end="close"))


async def _silence() -> Response:
    return Response(500, delivery=RESET)  # never run


def _close(call: Pending) -> None:
    try:
        call.close()
    except BaseException:
        error_response()
