"""The context that all connections of a server share: core, limits, timers, and the worker of the control plane."""

from __future__ import annotations

import logging
import math
from asyncio import AbstractEventLoop, BaseTransport, TimerHandle
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, Protocol

from ...clock import Clock
from ...hosts import is_local
from ...messages import EVERY_CONNECTION, Admission, Answer, ConnectFailure, Control, Delivery, Request, Response
from ..serialize import text_response

_HOSTS = 1000  # at most this many hosts are counted

_LOG = logging.getLogger("segment_mock")


class Droppable(Protocol):
    """A connection, or a handshake that may become one."""

    def drop(self) -> None:
        """Close it immediately, and its waiting call without performing it."""

    def close_inherited(self) -> None:
        """Close a forked child's copy of its socket; the connection itself belongs to the parent."""


@dataclass(eq=False, slots=True)
class ServerContext:
    """The context that all connections of a server share.

    Only the thread of *loop* uses it, except for the worker's own method.

    * *admit* returns whether a host may be called by name.
    * *context_for* returns the SSL context for a host. With it, a connection that begins with CONNECT or with TLS is
      served over TLS. *untrusted_context_for* is used instead if *admission* makes the handshake fail.
    * *is_admitted*: clients have already called *admission*.
    * *trusts_front* returns whether a front with a token may forward calls.
    * *announced* are the hosts of announced connections that are not established yet, and how each fails.
    """

    answer: Answer
    control: Control
    clock: Clock
    loop: AbstractEventLoop
    body_limit: int
    time_scale: float
    request_timeout: float
    admit: Callable[[str], bool]
    context_for: Callable[[str], SSLContext] | None = None
    untrusted_context_for: Callable[[str], SSLContext] | None = None
    admission: Admission = EVERY_CONNECTION
    is_admitted: bool = False
    trusts_front: Callable[[str], bool] = lambda token: True
    announced: dict[str, list[ConnectFailure | None]] = field(default_factory=dict)
    connections: set[Droppable] = field(default_factory=set)
    waiting: set[Droppable] = field(default_factory=set)
    failed_handshakes: Counter[str] = field(default_factory=Counter)
    _pending: int = 0
    _worker: ThreadPoolExecutor | None = None

    def later(self, seconds: float, action: Callable[..., None], *args: Any) -> TimerHandle | None:
        """Call *action* after *seconds*, scaled, and return its timer; return None for infinite seconds.

        Raises TypeError or ValueError if *seconds* is not a number, because NaN would break the timers of the loop.
        """
        if math.isnan(seconds):
            raise ValueError(f"{seconds!r} is not a number of seconds")
        if math.isinf(seconds):
            return None
        return self.loop.call_later(seconds * self.time_scale, action, *args)

    def ask_control(self, request: Request, then: Callable[[Response], None]) -> None:
        """Call the control plane on its worker thread, and then call *then* with the response on the loop."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="segment-mock-control")
        self._pending += 1
        self._worker.submit(self._control, request, then)

    def _control(self, request: Request, then: Callable[[Response], None]) -> None:
        try:
            response = self.control(request)
        except BaseException:
            response = error_response()
        with suppress(RuntimeError):  # the loop is closed, because the server was stopped
            self.loop.call_soon_threadsafe(self._control_answered, response, then)

    def _control_answered(self, response: Response, then: Callable[[Response], None]) -> None:
        self._pending -= 1
        then(response)

    def count_failed_handshake(self, host: str) -> None:
        """Count a client that broke off the TLS handshake for *host*."""
        if host in self.failed_handshakes or len(self.failed_handshakes) < _HOSTS:
            self.failed_handshakes[host] += 1

    def failure(self, host: str) -> ConnectFailure | None:
        """Return how a connection to *host* that begins now fails, as `ask` announced it."""
        failures = self.announced.get(host)
        return failures.pop(0) if failures else None if is_local(host) else self.admission(host)

    def ask(self, host: str) -> ConnectFailure | None:
        """Return how the next connection to *host* will fail, if at all, and remember it for that connection."""
        failure = self.admission(host)
        if failure in (None, "tls") and (host in self.announced or len(self.announced) < _HOSTS):
            self.announced.setdefault(host, []).append(failure)
            del self.announced[host][:-_HOSTS]
        return failure

    def drop_waiting(self) -> None:
        """Close every waiting call and its connection, without performing the call."""
        for connection in tuple(self.waiting):
            connection.drop()

    def drop_all(self) -> None:
        """Close every waiting call and every connection."""
        for connection in self.waiting | self.connections:
            connection.drop()

    def close(self) -> None:
        """End the worker thread; a busy worker ends after its call."""
        if self._worker is not None:
            self._worker.shutdown(wait=not self._pending, cancel_futures=True)


def close_socket(transport: BaseTransport) -> None:
    """Close the socket of *transport* without notifying its event loop."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock._sock.close()  # asyncio's wrapper can't be closed


def error_response() -> Response:
    """Log the exception being handled and return the response to its call."""
    _LOG.exception("segment-mock failed to answer")
    return text_response(500, "segment-mock failed to answer; its log has the traceback.", Delivery(end="close"))
