"""Unchanged clients: while it lasts, what they send to the vendors' hosts lands in a mock."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

from ._switchboard import BOARD, Line

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..transports.server.server import LiveServer
    from .shortcut import InProcess
    from .wire import Wire

Transport: TypeAlias = Literal["inprocess", "live", "tls"]
"""How intercepted calls travel: with no socket, over a plain one, or over TLS verified against the mock's CA."""

F = TypeVar("F", bound=Callable[..., Any])


class Interception:
    """A context manager and a decorator: hosts that it *owns* are answered through a door that *opened* makes.

    With *block_network* every other host is refused, but this machine's own. May be entered again and
    again; each time, and each call of what is decorated, has a door of its own.
    """

    def __init__(
        self, owns: Callable[[str], bool], opened: Callable[[], InProcess | Wire], *, block_network: bool = False
    ) -> None:
        self._owns, self._opened, self._blocks = owns, opened, block_network
        self._lines: list[Line] = []

    def __enter__(self) -> Self:
        line = Line(self._owns, self._opened(), self._blocks)
        BOARD.plug(line)
        self._lines.append(line)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        line = self._lines.pop()
        BOARD.unplug(line)
        if not isinstance(line.door, str):
            line.door.close()

    def __call__(self, deed: F) -> F:
        """Return *deed*, a function or coroutine function, in whose calls clients are intercepted.

        Raises TypeError for a class or a generator, whose body does not run while it is called.
        """
        if isclass(deed) or isgeneratorfunction(deed) or isasyncgenfunction(deed):
            raise TypeError(f"intercept() decorates functions and coroutine functions, not {deed!r}: use 'with'")

        async def waited(*args: Any, **options: Any) -> Any:
            with self._once_more():
                return await deed(*args, **options)

        def called(*args: Any, **options: Any) -> Any:
            with self._once_more():
                return deed(*args, **options)

        return wraps(deed)(waited if iscoroutinefunction(deed) else called)  # type: ignore[return-value]

    def _once_more(self) -> Interception:
        return Interception(self._owns, self._opened, block_network=self._blocks)


def opener(
    transport: Transport, inprocess: Callable[[], InProcess], serve: Callable[..., LiveServer]
) -> Callable[[], InProcess | Wire]:
    """Return what opens a door of the kind that *transport* names; raises ValueError if there is none."""
    if transport == "inprocess":
        return inprocess
    if transport not in get_args(Transport):
        raise ValueError(f"transport: {transport!r} is none; there are {', '.join(get_args(Transport))}")
    from .wire import Wire  # asyncio's half of a server, and ssl

    return lambda: Wire(lambda: serve(tls=transport == "tls", proxy=False))
