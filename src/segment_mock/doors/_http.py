"""One client's connection: requests come in, the core is stepped inline, replies leave in order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import cast

from segment_mock.doors._reader import Reader
from segment_mock.doors._sender import Sender
from segment_mock.doors._service import Service, broken
from segment_mock.doors._target import is_control
from segment_mock.doors._tunnel import tunnel
from segment_mock.doors._wire import CONTINUE, Manner, plain
from segment_mock.messages import Delivery, Request, Response

QUEUE = 8  # so many pipelined requests may wait their turn; beyond, the socket is not read
DRAIN = 64 * 2**20  # so many bytes may a client send that nobody wants, before it is cut off


class Connection(asyncio.Protocol):
    """Carries one client's requests to *service*'s core and its replies back, one after another."""

    __slots__ = (
        "_bodiless", "_busy", "_call", "_deadline", "_drained", "_eof", "_lost", "_manner", "_paused",
        "_reader", "_sender", "_service", "_timer", "_transport",
    )  # fmt: skip

    _sender: Sender
    _transport: asyncio.Transport

    def __init__(self, service: Service) -> None:
        self._service = service
        tunnels = service.context_for is not None
        self._reader = Reader(service.body_limit, service.control_body_limit, admits=service.admits, tunnels=tunnels)
        self._call: Coroutine[float, None, Response] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._busy = self._eof = self._paused = self._bodiless = self._lost = False
        self._manner: Manner = ""
        self._drained = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._sender = Sender(self._service, self._transport, self._pump)
        self._service.connections.add(self.drop)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._transport.close()  # or Python 3.10 warns of a TLS transport that its client has closed
        self._service.connections.discard(self.drop)
        self._reader.close()
        self._sender.close()
        self._watch()
        if self._is_held():
            self._abandon()

    def data_received(self, data: bytes) -> None:
        if self._reader.done:
            self._drain(len(data))
        else:
            self._reader.feed(data)
            self._pump()

    def eof_received(self) -> bool:
        # A client may close its sending half and still want its answer (nc, HTTP/1.0). One held
        # for ever is let go: with nothing left to read, it would never be seen to leave.
        self._eof = self._reader.done = True
        if self._is_held() or self._sender.parting or self._transport.get_extra_info("sslcontext"):
            return False
        return bool(self._reader.turns) or not self._is_idle()

    def pause_writing(self) -> None:
        self._sender.choked = True

    def resume_writing(self) -> None:
        self._sender.unchoke()

    def drop(self) -> None:
        """Close the call in a pause, unperformed, and the connection, at once."""
        self._abandon()
        self._transport.abort()

    def _is_held(self) -> bool:
        return self._call is not None and self._timer is None

    def _is_idle(self) -> bool:
        return not (self._busy or self._sender.busy or self._sender.choked)

    def _pump(self) -> None:
        turns = self._reader.turns
        while turns and self._is_idle():
            asked, self._manner = turns.popleft()
            self._serve(asked)
        if not self._lost:
            self._settle()

    def _settle(self) -> None:
        reader, transport = self._reader, self._transport
        if (crowded := len(reader.turns) > QUEUE) != self._paused:
            self._paused = crowded
            (transport.pause_reading if crowded else transport.resume_reading)()
        if reader.expects and self._is_idle():
            reader.expects = False
            transport.write(CONTINUE)
        if self._eof and self._is_idle():
            transport.close()
        self._watch()

    def _watch(self) -> None:
        wanted = self._reader.partial and not self._paused
        if wanted and self._deadline is None:
            seconds = self._service.request_timeout
            self._deadline = self._service.loop.call_later(seconds, self._overdue, self._reader.count)
        elif self._deadline is not None and not wanted:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self, count: int) -> None:
        self._deadline = None
        if self._reader.count == count:  # else another request has begun since, with its own time
            seconds = self._service.request_timeout
            self._reader.refuse(408, f"The request was begun but not completed within {seconds:g} s.")
        self._pump()

    def _drain(self, size: int) -> None:
        self._drained += size
        if self._drained > DRAIN:
            self._transport.abort()

    def _serve(self, asked: Request | Response) -> None:
        if isinstance(asked, Response):
            self._bodiless = False
            self._reply(asked)
            return
        self._bodiless = asked.method == "HEAD"
        self._busy = True
        if asked.method == "CONNECT":
            self._tunnel(asked.target)
        elif is_control(asked.target):
            self._service.consult(asked, self._told)
        else:
            self._step(self._service.answer(asked))

    def _tunnel(self, host: str) -> None:
        try:
            tunnel(self._service, self._transport, host, self.drop, lambda: Connection(self._service))
        except ValueError:
            self._reply(
                plain(400, f"{host[:100]!r} is no name that a certificate could be for.", Delivery(end="close"))
            )

    def _told(self, response: Response) -> None:
        self._reply(response)
        self._pump()

    def _step(self, call: Coroutine[float, None, Response]) -> None:
        try:
            pause = call.send(None)
            self._timer = self._service.later(pause, self._awake)
        except StopIteration as end:
            self._reply(end.value)
        except Exception:
            call.close()
            self._reply(broken())
        else:
            self._call = call
            self._service.waiting.add(self.drop)
            if self._is_held() and (self._lost or self._eof):
                self.drop()

    def _awake(self) -> None:
        call, self._call, self._timer = self._call, None, None
        self._service.waiting.discard(self.drop)
        assert call is not None
        self._step(call)
        self._pump()

    def _abandon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        call, self._call, self._timer = self._call, None, None
        self._service.waiting.discard(self.drop)
        if call is None:
            return
        try:
            call.close()
        except Exception:
            broken()

    def _reply(self, response: Response) -> None:
        self._busy = False
        if not self._lost:
            patient = self._reader.torn and not self._eof
            self._sender.send(response, self._manner, bodiless=self._bodiless, patient=patient)
