"""What the connections of one server share: the core, the limits, the timers, the control worker."""

from __future__ import annotations

import logging
import math
from asyncio import AbstractEventLoop, Task, TimerHandle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any, TypeAlias

from segment_mock.clock import Clock
from segment_mock.doors._wire import plain
from segment_mock.messages import Answer, Delivery, Request, Response

Drop: TypeAlias = Callable[[], None]

_LOG = logging.getLogger("segment_mock")


@dataclass(eq=False)
class Service:
    """Everything here is touched on *loop*'s thread only, but for the worker's own function.

    *admits* says which hosts may be asked for by name; with *context_for* CONNECT is answered.
    *connections* and *waiting* hold the `drop` of each open connection and each call in a pause.
    """

    answer: Answer
    control: Callable[[Request], Response]
    clock: Clock
    loop: AbstractEventLoop
    body_limit: int
    control_body_limit: int
    time_scale: float
    request_timeout: float
    admits: Callable[[str], bool]
    context_for: Callable[[str], SSLContext] | None = None
    connections: set[Drop] = field(default_factory=set)
    waiting: set[Drop] = field(default_factory=set)
    tunnels: set[Task[None]] = field(default_factory=set)
    _consulting: int = 0
    _worker: ThreadPoolExecutor | None = None

    def later(self, seconds: float, action: Callable[..., None], *args: Any) -> TimerHandle | None:
        """Call *action* in so many *seconds*, scaled; never, and return None, if they are infinite."""
        if math.isinf(seconds):
            return None
        return self.loop.call_later(seconds * self.time_scale, action, *args)

    def consult(self, request: Request, then: Callable[[Response], None]) -> None:
        """Ask the control plane on the worker thread; *then* gets its reply on the loop."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="segment-mock-control")
        self._consulting += 1
        self._worker.submit(self._consult, request, then)

    def _consult(self, request: Request, then: Callable[[Response], None]) -> None:
        try:
            response = self.control(request)
        except Exception:
            response = broken()
        with suppress(RuntimeError):  # the loop is closed: the server was stopped meanwhile
            self.loop.call_soon_threadsafe(self._consulted, response, then)

    def _consulted(self, response: Response, then: Callable[[Response], None]) -> None:
        self._consulting -= 1
        then(response)

    def drop_waiting(self) -> None:
        """Close every call that is in a pause, unperformed, and its connection."""
        for drop in tuple(self.waiting):
            drop()

    def drop_all(self) -> None:
        """Close every call in a pause and every connection."""
        for drop in self.waiting | self.connections:
            drop()

    def retire(self) -> None:
        """End the worker thread; one that is busy ends by itself after its call."""
        if self._worker is not None:
            self._worker.shutdown(wait=not self._consulting, cancel_futures=True)


def broken() -> Response:
    """Log the exception being handled and return the reply for it."""
    _LOG.exception("segment-mock failed to answer")
    sentence = "segment-mock failed to answer; its log says why."
    return plain(500, sentence, Delivery(end="close"))
