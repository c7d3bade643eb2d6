"""The way in without a socket; and a shorter one yet, for calls whose answer comes whole and at once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from ..clock import Clock
from ..messages import WHOLE, Answer, Request, Response
from ._target import is_control
from ._wire import field_lines
from .inprocess import BODY_LIMIT, Socket

_WAYS = {"transfer-encoding", "expect", "upgrade"}
_LENGTHLESS = (204, 304)


class _Kept:
    """A connection that a client keeps alive: how many requests it has carried, and its socket if one was needed."""

    __slots__ = ("sock", "turn")

    def __init__(self) -> None:
        self.turn = 0
        self.sock: Socket | None = None


class InProcess:
    """Opens connections to the core, which is *answer*, and the *control* plane, on the mock's *clock*."""

    def __init__(self, answer: Answer, control: Callable[[Request], Response], clock: Clock) -> None:
        self._answer, self._control, self._clock = answer, control, clock
        self.now = clock.now
        # Made when the first is wanted: most tests make no call that needs one.
        self._sockets: WeakSet[Socket] | None = None
        self._kept: WeakKeyDictionary[Any, dict[str, _Kept]] | None = None

    def opened(self) -> Socket:
        """Return a connection that outlives this door."""
        return Socket(self._answer, self._control, self._clock)

    def socket(self, _: str, timeout: float | None) -> Socket:
        """Return a connection on which a read may take *timeout* seconds."""
        made = self.opened()
        made.door = self
        made.settimeout(timeout)
        if self._sockets is None:
            self._sockets = WeakSet()
        self._sockets.add(made)
        return made

    def made(self, sock: object) -> bool:
        """Tell whether *sock* was opened here."""
        return getattr(sock, "door", None) is self

    def close(self) -> None:
        """End every connection: none may reach this mock again."""
        for sock in [*(self._sockets or ())]:
            sock.ended = True

    def takes(self, method: str, target: str, headers: dict[str, str]) -> bool:
        """Tell whether a request may be asked for by `ask`; others need a connection. *headers* are in lower case."""
        return (
            method != "HEAD"
            and headers.get("connection", "keep-alive") == "keep-alive"
            and len(headers.get("content-length", "")) < len(str(BODY_LIMIT))
            and _WAYS.isdisjoint(headers)
            and not is_control(target)
        )

    def ask(self, client: object, method: str, target: str, headers: dict[str, str], body: bytes) -> Response | Socket:
        """Perform a call of *client* and return the answer if it comes whole and at once.

        Else return a connection on which it is still to come: a client has its own ways to wait, and to fail.
        """
        if self._kept is None:
            self._kept = WeakKeyDictionary()
        kept = self._kept.setdefault(client, {}).setdefault(headers["host"], _Kept())
        if kept.sock is not None and kept.sock.ended:
            kept.turn, kept.sock = 0, None
        kept.turn += 1
        call = self._answer(Request(method, target, headers, body, "inprocess", kept.turn))
        try:
            pause = call.send(None)
        except StopIteration as end:
            response: Response = end.value
            if response.delivery is WHOLE and response.status not in _LENGTHLESS:
                return response
            rest = _given(response)
        else:
            rest = _resumed(call, pause)
        kept.sock = self.socket("", None)
        kept.sock.expect(rest)
        return kept.sock

    def fields(self, response: Response) -> list[tuple[str, str]]:
        """Return the headers of *response* as they would leave, Content-Length and Date among them."""
        return field_lines(response, self.now())


async def _given(response: Response) -> Response:
    return response


@coroutine
def _resumed(call: Coroutine[float, None, Response], pause: float) -> Generator[float, None, Response]:
    try:
        yield pause
        while True:
            yield call.send(None)
    except StopIteration as end:
        response: Response = end.value
        return response
    finally:
        call.close()
