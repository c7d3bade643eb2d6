"""Who answers for a host: the interceptions in force, innermost first, and the hooks in the client libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeAlias

from ..callsite import caller
from ._target import is_local

if TYPE_CHECKING:
    from .shortcut import InProcess
    from .wire import Wire

Patch: TypeAlias = tuple[Any, str, object]
"""A class or module, the name of an attribute of it, and what takes that attribute's place."""

Hook: TypeAlias = tuple[Any, str, object, object]
"""The same, with what stood there before as the third of four."""

HOOKS = {
    "socket": "socket",
    "http.client": "stdlib",
    "urllib.request": "urllib",
    "urllib3": "urllib3",
    "requests": "requests",
    "httpcore": "httpcore",
    "httpx": "httpx",
    "aiohttp": "aiohttp",
}
"""Modules of the world and the file in ``hooks/`` with what is put into each once it is imported."""

_HOMES = {name: f"{__package__}.hooks.{file}" for name, file in HOOKS.items()}
_ABSENT = object()


class NetworkBlocked(RuntimeError):
    """A call to a host that is not let out; not an OSError, for no client shall take it for bad weather."""


@dataclass(eq=False)
class Line:
    """One interception: hosts that it *owns* are answered by *door*, or refused, for a reason, if that is one.

    With *blocks* every host that is neither owned by any line nor this machine's own is refused.
    """

    owns: Callable[[str], bool]
    door: InProcess | Wire | str
    blocks: bool = False


class Switchboard:
    """The lines in force; while there is any, hooks stand in the client libraries and a finder in ``sys.meta_path``."""

    def __init__(self) -> None:
        self.lines: tuple[Line, ...] = ()
        self._lock = RLock()
        self._known: dict[str, tuple[tuple[object, object], list[Hook]]] = {}
        self._standing: list[Hook] = []

    def door(self, host: str) -> InProcess | Wire | None:
        """Return what answers for *host*, None if it is none of ours; raises `NetworkBlocked` if it is refused."""
        name = host.lower().rstrip(".")
        lines = self.lines
        for line in reversed(lines):
            if line.owns(name):
                if isinstance(line.door, str):
                    raise refusal(host, line.door)
                return line.door
        if any(line.blocks for line in lines) and not is_local(name):
            raise refusal(host, "block_network=True refuses every host but the vendors' and this machine's own")
        return None

    def plug(self, line: Line) -> None:
        """Put *line* in force, before all others."""
        with self._lock:
            self.lines = (*self.lines, line)
            if len(self.lines) == 1:
                self._install()

    def unplug(self, line: Line) -> None:
        """End *line*, wherever in the order it stands; the last one takes the hooks away."""
        with self._lock:
            self.lines = tuple(other for other in self.lines if other is not line)
            if not self.lines:
                self._uninstall()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Let the other finders find a module; if it is a client library, put our hooks in once it is executed."""
        if name not in HOOKS:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                self._observe(spec)
                return spec
        return None

    def _install(self) -> None:
        sys.meta_path.insert(0, self)
        try:
            for name in HOOKS:
                if name in sys.modules:
                    self._hook(name)
        except BaseException:
            self.lines = ()
            self._uninstall()
            raise

    def _uninstall(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for owner, at, original, ours in self._standing:
            if owner.__dict__.get(at) is not ours:
                continue  # somebody else has replaced it since: it is theirs
            if original is _ABSENT:
                delattr(owner, at)
            else:
                setattr(owner, at, original)
        self._standing.clear()

    def _observe(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        execute = loader.exec_module

        def executed(module: Any) -> None:
            del loader.exec_module
            execute(module)
            with self._lock:
                if self.lines:
                    self._hook(spec.name)

        loader.exec_module = executed

    def _hook(self, name: str) -> None:
        home = _HOMES[name]
        # Both may be imported anew, as pytest's own pytester has it: what was made of the former is of no use then.
        modules = sys.modules[name], sys.modules.get(home)
        known, hooks = self._known.get(name, (None, []))
        if known != modules or not _stand(hooks):
            patches: Iterable[Patch] = import_module(home).patches(self)
            hooks = [(owner, at, owner.__dict__.get(at, _ABSENT), ours) for owner, at, ours in patches]
            self._known[name] = (sys.modules[name], sys.modules[home]), hooks
        for owner, at, _, ours in hooks:
            setattr(owner, at, ours)
        self._standing += hooks


def refusal(host: str, why: str) -> NetworkBlocked:
    """Return the error for a call to *host*, with the line of the user's own code that made it."""
    return NetworkBlocked(f"{host} was called at {caller() or 'no line of yours'}: {why}")


def _stand(hooks: list[Hook]) -> bool:
    """Tell whether every place still has what it had when *hooks* were made."""
    return all(owner.__dict__.get(at, _ABSENT) is original for owner, at, original, _ in hooks)


BOARD = Switchboard()
"""The process has one, as it has one of each client library."""
