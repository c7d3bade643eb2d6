"""The way in without a socket; and a shorter one yet, for calls whose answer comes whole and at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import coroutine
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

from ..clock import Clock
from ..hosts import is_control
from ..messages import BODY_LIMIT, WHOLE, Answer, Request, Response
from ..transports.serialize import header_fields
from .inprocess import BEGUN, Socket

Rest: TypeAlias = Coroutine[float, None, Response]
"""A call that has begun, and whose answer a connection has to carry."""

_WAYS = {"transfer-encoding", "expect", "upgrade"}
_LENGTHLESS = (204, 304)
_FRAMING = {"connection", "content-encoding", "content-length", "set-cookie", "transfer-encoding"}
"""Of a reply that says so itself a client makes something; cookies requests looks for where http.client puts them."""
_BRIEF = 8000  # so many characters of a head pass any limit
_TOKENS = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*").fullmatch


class _Kept:
    """A connection that a client keeps alive: how many requests it has carried, and its socket if one was needed."""

    __slots__ = ("_turn", "sock")

    def __init__(self) -> None:
        self._turn = 0
        self.sock: Socket | None = None

    @property
    def turn(self) -> int:
        """How many requests it has carried."""
        if self.sock is not None and self.sock.ended:
            self.sock, self._turn = None, 0
        return self._turn if self.sock is None else self.sock.turn

    @turn.setter
    def turn(self, requests: int) -> None:
        if self.sock is None:
            self._turn = requests
        else:
            self.sock.turn = requests

    def carry(self, sock: Socket) -> None:
        """Go on over *sock*, which was just opened, unless there is a socket already."""
        turn = self.turn
        if self.sock is None:
            self.sock, sock.turn = sock, turn


_CONTINUED: ContextVar[_Kept | None] = ContextVar("_CONTINUED", default=None)


class InProcess:
    """Opens connections to the core, which is *answer*, and the *control* plane, on the mock's *clock*."""

    def __init__(
        self, answer: Answer, control: Callable[[Request], Response], clock: Clock, body_limit: int = BODY_LIMIT
    ) -> None:
        self._answer, self._control, self._clock, self._body_limit = answer, control, clock, body_limit
        self.now = clock.now
        # Made when the first is wanted: most tests make no call that needs one.
        self._sockets: WeakSet[Socket] | None = None
        self._kept: WeakKeyDictionary[Any, dict[str, _Kept]] | None = None

    def socket(self, _: str, timeout: float | None) -> Socket:
        """Return a connection on which a read may take *timeout* seconds."""
        made = Socket(self._answer, self._control, self._clock, self._body_limit)
        made.door = self
        made.settimeout(timeout)
        if self._sockets is None:
            self._sockets = WeakSet()
        self._sockets.add(made)
        if (kept := _CONTINUED.get()) is not None:
            kept.carry(made)
        return made

    def made(self, sock: object) -> bool:
        """Tell whether *sock* was opened here."""
        return getattr(sock, "door", None) is self

    def close(self) -> None:
        """End every connection: none may reach this mock again."""
        for sock in [*(self._sockets or ())]:
            sock.ended = True

    def forget(self, client: object) -> None:
        """Take the connections of *client* as closed."""
        if self._kept is not None:
            self._kept.pop(client, None)

    def takes(self, method: str, target: str, headers: dict[str, str]) -> bool:
        """Tell whether a request may be asked for by `ask`; others need a connection. *headers* are in lower case."""
        names, values = "".join(headers), "".join(headers.values())
        edges = "\n".join(["", *headers.values(), ""])
        return (
            method != "HEAD"
            and method.isalpha()
            and (method + values + target).isascii()
            and (values + target).isprintable()
            and len(names) + len(values) + len(target) < _BRIEF
            and _TOKENS(names) is not None
            and "" not in headers
            and not (" \n" in edges or "\n " in edges)
            and headers.get("connection", "keep-alive") == "keep-alive"
            and len(headers.get("content-length", "")) < len(str(self._body_limit))
            and _WAYS.isdisjoint(headers)
            and not is_control(target)
        )

    def ask(
        self, client: object, origin: str, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Response | Rest:
        """Perform a call of *client* to *origin* and return the answer if it comes whole and at once.

        Else return what is left of the call, for `continued`: a client has its own ways to wait, and to fail.
        """
        kept = self._of(client, origin)
        kept.turn += 1
        call = self._answer(Request(method, target, headers, body, "inprocess", kept.turn))
        if isinstance(call, Response):
            call = _given(call)
        try:
            pause = call.send(None)
        except StopIteration as end:
            response: Response = end.value
            if _is_quick(response):
                return response
            rest: Rest = _given(response)
        except Exception as error:  # for the client to take it as it takes one of its own
            rest = _raised(error)
        else:
            rest = _resumed(call, pause)
        kept.turn -= 1  # the connection will count it
        return rest

    @contextmanager
    def continued(self, client: object, origin: str, rest: Rest | None = None) -> Iterator[None]:
        """Let what *client* does in a ``with`` block go on over the connection to *origin* that `ask` counted on.

        The next request is answered by *rest*, which is closed if there is none.
        """
        begun = [rest] if rest is not None else []
        tokens = _CONTINUED.set(self._of(client, origin)), BEGUN.set(begun)
        try:
            yield
        finally:
            _CONTINUED.reset(tokens[0])
            BEGUN.reset(tokens[1])
            for call in begun:
                call.close()

    def fields(self, response: Response) -> list[tuple[str, str]]:
        """Return the headers of *response* as they would leave, Content-Length and Date among them."""
        return header_fields(response, self.now())

    def _of(self, client: object, origin: str) -> _Kept:
        if self._kept is None:
            self._kept = WeakKeyDictionary()
        return self._kept.setdefault(client, {}).setdefault(origin, _Kept())


def _is_quick(response: Response) -> bool:
    whole = response.delivery is WHOLE and response.status not in _LENGTHLESS
    return whole and _FRAMING.isdisjoint([name.lower() for name in response.headers])


async def _raised(error: Exception) -> Response:
    raise error


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
