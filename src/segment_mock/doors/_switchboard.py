"""Who answers for a host: the interceptions in force, innermost first, and the hooks in the client libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec
from threading import RLock
from typing import TYPE_CHECKING, Any

from ..callsite import caller
from ..hosts import is_local
from ._patches import Patches, Picture

if TYPE_CHECKING:
    from .shortcut import InProcess
    from .wire import Wire

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

_COVERED = 32
"""So many patches that lie under what another library has put over them are remembered."""
_HOMES = {name: f"{__package__}.hooks.{file}" for name, file in HOOKS.items()}


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
    """The lines in force; while there is any, hooks stand in the client libraries and a finder in ``sys.meta_path``.

    A line finds the hooks of an earlier one in place, unless somebody else has put something over them since: then
    it gets hooks of its own over that, until it ends.
    """

    def __init__(self) -> None:
        self.lines: tuple[Line, ...] = ()
        self._lock = RLock()
        self._known: dict[str, Patches] = {}
        self._standing: dict[Line, list[Patches]] = {}
        self._covered: list[Patches] = []
        self._picture: Picture | None = None

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
            self.lines, self._standing[line] = (*self.lines, line), []
            if self._stands():
                return
        try:
            # Not under the lock: another thread may be importing what these import, and want the lock for its hooks.
            for name, home in _HOMES.items():
                if name in sys.modules:
                    import_module(home)
            self._install(line)
        except BaseException:
            self.unplug(line)
            raise

    def unplug(self, line: Line) -> None:
        """End *line*, wherever in the order it stands; the last one takes the hooks away."""
        with self._lock:
            before = self.lines
            last = before[-1] is line
            self.lines = before[:-1] if last else tuple(other for other in before if other is not line)
            if standing := self._standing.pop(line):
                self._hand_on(standing, before[before.index(line) + 1 :])
            if not self.lines and self in sys.meta_path:
                sys.meta_path.remove(self)

    def _hand_on(self, standing: list[Patches], later: tuple[Line, ...]) -> None:
        if later:  # they rely on what stands
            self._standing[later[0]] = standing + self._standing[later[0]]
            return
        for patches in reversed(standing):
            patches.remove()
        # What another library has covered comes to light again when that puts it back: a later line takes it away.
        covered = [patches for patches in standing if not patches.are_as_before()]
        self._covered = [*self._covered, *covered][-_COVERED:]
        self._picture = None

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

    def _install(self, line: Line) -> None:
        with self._lock:
            for patches in reversed(self._covered):
                patches.remove()
            self._covered = [patches for patches in self._covered if not patches.are_as_before()]
            if self not in sys.meta_path:
                sys.meta_path.insert(0, self)
            for name in HOOKS:
                if name in sys.modules:
                    self._hook(name, line)

    def _stands(self) -> bool:
        if len(self.lines) == 1:
            return False
        if self._picture is None:
            self._picture = Picture(self._uppermost())
        return self._picture.is_true()

    def _uppermost(self) -> dict[str, Patches]:
        standing = [patches for line in self.lines for patches in self._standing[line]]
        return {one.name: one for one in standing if one.are_of(*_modules(one.name))}

    def _observe(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        execute = loader.exec_module

        def executed(module: Any) -> None:
            del loader.exec_module
            execute(module)
            import_module(_HOMES[spec.name])
            with self._lock:
                if self.lines:
                    self._hook(spec.name, self.lines[0])

        loader.exec_module = executed

    def _hook(self, name: str, line: Line) -> None:
        of = _modules(name)
        standing, patches = self._uppermost().get(name), self._known.get(name)
        if standing is not None and standing.are_of(*of) and standing.are_in_place():
            return
        if patches is None or not (patches.are_of(*of) and patches.are_as_before()):
            patches = self._made(name)
        self._covered = [covered for covered in self._covered if covered is not patches]
        self._standing[line].append(patches)
        patches.put()
        self._picture = None

    def _made(self, name: str) -> Patches:
        home = import_module(_HOMES[name])
        made = self._known[name] = Patches(name, home, home.patches(self))
        return made


def _modules(name: str) -> tuple[object, object]:
    return sys.modules.get(name), sys.modules.get(_HOMES[name])


def refusal(host: str, why: str) -> NetworkBlocked:
    """Return the error for a call to *host*, with the line of the user's own code that made it."""
    return NetworkBlocked(f"{host} was called at {caller() or 'no line of yours'}: {why}")


BOARD = Switchboard()
"""The process has one, as it has one of each client library."""
