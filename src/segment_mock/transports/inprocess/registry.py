"""The active interceptions, innermost first, and the patches of the client libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from importlib import import_module
from importlib.machinery import ModuleSpec
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction
from operator import itemgetter
from socket import gethostname
from threading import Thread, active_count, current_thread, get_ident
from threading import enumerate as enumerate_threads
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar, cast, get_args
from weakref import WeakSet

from ... import refused
from ...callsite import caller
from ...forking import new_rlock
from ...hosts import is_local, normalized
from ...json_match import brief
from ...settings import SettingError
from ...virtual_time import VIRTUAL

if TYPE_CHECKING:
    from unittest import TestCase

    from typing_extensions import Self

    from .connection import InProcessTransport
    from .live import LiveTransport

Transport: TypeAlias = Literal["inprocess", "live", "tls"]
"""How intercepted calls travel: without a socket, over a plain socket, or over TLS, verified with the mock's CA."""
_TRANSPORTS = get_args(Transport)

LOOKUP = {"socket": "sockets", "asyncio.base_events": "sockets"}
CLIENTS = {
    "http.client": "http_client",
    "urllib3.connection": "http_client",
    "requests.sessions": "requests",
    "httpcore": "httpcore",
    "aiohttp.connector": "aiohttp",
}
LIBRARIES = {**LOOKUP, **CLIENTS}
"""Modules of client libraries, and the file of this folder with the seams of each."""

OLDEST = {"urllib3": "1.26", "requests": "2.28", "httpcore": "0.17.3", "aiohttp": "3.8"}
"""The oldest supported version of each client library (httpx: 0.24); the tests run with it."""

_HOMES = {name: f"{__package__}.{file}" for name, file in LIBRARIES.items()}
_MODULES = (*LIBRARIES, f"{__package__}.connection", f"{__package__}.live")
"""The modules that may be imported again; the files with the seams depend on the last two."""
F = TypeVar("F", bound=Callable[..., Any])
_MISSING = object()
_MOST_NOTES = 10


class NetworkBlocked(RuntimeError):
    """A call to a host that is not mocked was refused, by ``block_network`` or the ini key ``segment_mock_guard``.

    The message names the host. It is a RuntimeError, not an OSError, so that clients do not retry the call.
    """

    __module__ = "segment_mock"  # where users import it from; a traceback shows it


class Seam(NamedTuple):
    """The attribute *name* of *owner*, a class or module of a client library; *make* returns the wrapper for a `Patch`.

    With *only_own*, the attribute is left alone while *owner* inherits it.
    """

    owner: Any
    name: str
    make: Callable[[Patch], Any]
    only_own: bool = False


class Patch:
    """A wrapper for the attribute at a *seam* of *module*; ``original`` is the value of that attribute now.

    A `PatchGroup` applies and removes it. A removed patch can be applied again, which takes a fraction of the time of
    creating a new one.
    """

    def __init__(self, module: str, seam: Seam) -> None:
        self.module, self.seam = module, seam
        self.owner, self.name, make, self.only_own = seam
        self.attributes = vars(self.owner)
        self.before = self.current
        self.original = getattr(self.owner, self.name)
        self.wrapper = make(self)
        self.wrapper.segment_mock_patch = self
        # pytest-socket's lookups refuse every name, and it restores them only if nothing is above them.
        is_refusing = isinstance(self.owner, ModuleType) and _home(self.original) == "pytest_socket"
        self.is_idle = is_refusing or (self.only_own and self.before is _MISSING)

    @property
    def current(self) -> Any:
        """The owner's attribute as it is now, without those that it inherits."""
        return self.attributes.get(self.name, _MISSING)

    @property
    def is_gone(self) -> bool:
        """Whether the attribute is the library's own again, although the patch is applied."""
        return not self.is_idle and _home(getattr(self.owner, self.name)) == self.module.partition(".")[0]


_Place: TypeAlias = tuple[Patch, Any, Mapping[str, Any], str, Any, Any]
"""The attribute of a patch: the patch, the owner, its attributes, the name, the value without the patch, the wrapper.

A tuple, because a test unpacks thirty of them, in 2.6 us. Reading named fields takes 4.4 us, which is a twentieth of
what the fixture adds to a test.
"""


class PatchGroup:
    """Patches that are applied and removed together.

    A test suite does both for each test, so there are loops here instead of two methods of `Patch`, whose calls would
    take half as long again.
    """

    def __init__(self, patches: Iterable[Patch]) -> None:
        self.patches = [*patches]
        # Own attributes, inherited ones, and those to be left alone.
        self._own: list[_Place] = []
        self._inherited: list[_Place] = []
        self._idle: list[Patch] = []
        for patch in self.patches:
            place = patch, patch.owner, patch.attributes, patch.name
            if patch.is_idle:
                self._idle.append(patch)
            elif patch.before is not _MISSING:
                self._own.append((*place, patch.before, patch.wrapper))
            else:
                self._inherited.append((*place, patch.original, patch.wrapper))

    @property
    def is_applied(self) -> bool:
        """Whether all wrappers are in place."""
        places = [*self._own, *self._inherited]
        is_idle = all(patch.current is patch.before for patch in self._idle)
        return is_idle and all(attributes.get(name) is wrapper for _, _, attributes, name, _, wrapper in places)

    def apply(self) -> list[Patch]:
        """Wrap the originals, and return the patches that were not applied because something else is in their place."""
        obstructed = []
        for patch, owner, attributes, name, before, wrapper in self._own:
            if name in attributes and attributes[name] is before:
                setattr(owner, name, wrapper)
            else:
                obstructed.append(patch)
        for patch, owner, attributes, name, original, wrapper in self._inherited:
            if name in attributes or getattr(owner, name) is not original:
                obstructed.append(patch)
            else:
                setattr(owner, name, wrapper)
        obstructed += [patch for patch in self._idle if patch.current is not patch.before]
        return obstructed

    def remove(self) -> None:
        """Restore the originals, except where another library has patched the same attribute since.

        Its patch stays then, and our wrapper below only passes calls on.
        """
        for _, owner, attributes, name, before, wrapper in self._own:
            if name in attributes and attributes[name] is wrapper:
                setattr(owner, name, before)
        for _, owner, attributes, name, _, wrapper in self._inherited:
            if name in attributes and attributes[name] is wrapper:
                delattr(owner, name)


class Library(NamedTuple):
    """A *module* of a client library, and *home*, our module with its seams, as both are imported now."""

    module: ModuleType
    home: ModuleType | None


@dataclass(eq=False)
class Route:
    """The route for the hosts that it *owns*: *transport* answers their calls.

    A string is the reason to refuse them.

    With *blocks*, a host that no route owns is refused, unless it is this machine or *exempt_host*; *on_refused* is
    called with the host. *modules* are the client libraries to patch. In the *thread* that entered it, it precedes
    other routes; a route with None comes last. While a *task* of an event loop runs that entered it, only that task,
    the tasks that it starts later and their threads count as having entered it.
    """

    owns: Callable[[str], bool]
    transport: InProcessTransport | LiveTransport | str
    blocks: bool = False
    on_refused: Callable[[str], None] | None = None
    exempt_host: str = ""
    modules: dict[str, str] = field(default_factory=lambda: LIBRARIES)
    thread: int | None = field(default_factory=get_ident)
    task: Any = None
    patches: list[PatchGroup] = field(default_factory=list)
    bystanders: Sequence[Thread] = ()
    """The threads that were alive when the route was added within another one."""


_OF_TASK: ContextVar[tuple[Route, ...]] = ContextVar("segment_mock_routes_of_task", default=())
"""The routes that this task, or one that started it, has entered; `asyncio.to_thread` hands it to the thread."""


class InterceptionRegistry:
    """The stack of active routes. Adding a route patches the client libraries; removing it restores them.

    While there is a route, a finder in ``sys.meta_path`` patches libraries that are imported later.
    """

    def __init__(self) -> None:
        self.routes: tuple[Route, ...] = ()
        self.too_old: dict[str, str] = {}
        """Imported client libraries that are older than `OLDEST`, and their versions."""
        self.calls_of_older_threads: dict[str, None] = {}
        """Sentences on calls, since the first route was added, by threads that were started under earlier routes."""
        self._older_threads: WeakSet[Thread] = WeakSet()
        self._lock = new_rlock()
        self._finders: list[Any] = []
        self._libraries: dict[str, Library] = {}
        self._imported: tuple[itemgetter[Any], tuple[Any, ...], list[str]] | None = None
        """`_MODULES` as of the last time at which all libraries that were imported had their patches.

        A getter of the modules that were imported, these modules, and the names of the others.
        """
        self._groups: tuple[tuple[Container[str], PatchGroup], ...] = ()
        """The newest patch of each seam of the libraries, and the modules of each group."""

    def transport_for(self, host: str) -> InProcessTransport | LiveTransport | None:
        """Return the transport for *host*, or None if it is not intercepted.

        Raises `NetworkBlocked` if it is refused.

        The innermost route of this task or thread comes first, then the innermost route of the process.
        """
        routes = self.routes
        if not routes:
            return None
        name, thread = normalized(host), get_ident()
        owner = other = None
        for route in reversed(routes):
            if route.owns(name):
                is_of_thread = route.thread == thread and (route.task is None or _is_over(route.task))
                if is_of_thread or route in _OF_TASK.get():
                    owner = route
                    break
                if other is None or (route.thread == thread != other.thread):
                    other = route
        if owner is None and other is not None:
            owner = other
            if self._older_threads and current_thread() in self._older_threads:
                self._note_older_thread(host)
        if owner is not None:
            transport: InProcessTransport | LiveTransport | str = owner.transport
            if not isinstance(transport, str):
                transport = transport.current
            if isinstance(transport, str):
                raise refusal(host, transport)
            return transport
        blocking = next((route for route in reversed(routes) if route.blocks), None)
        if (
            blocking is not None
            and not is_local(name)
            and name not in (blocking.exempt_host, normalized(gethostname()))
        ):
            if blocking.on_refused is not None:
                blocking.on_refused(host)
            raise refusal(host, "block_network=True refuses every host but the vendors' and this machine's own")
        return None

    def add(self, route: Route) -> None:
        """Activate *route*, before all other routes."""
        # Import without the lock: another thread that imports the same modules may need the lock for its patches.
        modules = sys.modules
        if not self._has_loaded_all():
            imported = {name: modules[name] for name in _MODULES if name in modules}
            for name in route.modules:
                # Either may have been imported again since, as pytest's own pytester does. None forbids the import.
                module = modules.get(name)
                if module is not None and self._libraries.get(name) != (module, modules.get(_HOMES[name])):
                    self._load(name)
            if route.modules is LIBRARIES:
                # A library that another thread imports meanwhile may be missed here, so it must look new the next time.
                absent = [name for name in _MODULES if name not in imported]
                self._imported = itemgetter(*imported), (*imported.values(),), absent
        VIRTUAL.watch_threads()
        with self._lock:
            if not self.routes and self.calls_of_older_threads:
                self.calls_of_older_threads = {}
            if self.routes and active_count() > 1:
                route.bystanders = enumerate_threads()
            self.routes = (*self.routes, route)
            try:
                self._patch(route, route.modules)
            except BaseException:
                self.remove(route)
                raise
            self._find()

    def _has_loaded_all(self) -> bool:
        """Return whether all client libraries that are imported now have their patches."""
        if self._imported is None:
            return False
        look_up, values, absent = self._imported
        modules = sys.modules
        try:
            return bool(look_up(modules) == values) and modules.keys().isdisjoint(absent)
        except KeyError:
            return False

    def remove(self, route: Route) -> None:
        """Remove *route* from any position of the stack; the route that was added next takes its patches over."""
        with self._lock:
            at = self.routes.index(route)
            later = self.routes[at + 1 :]
            self.routes = self.routes[:at] + later
            if later:
                later[0].patches[:0] = route.patches
            else:
                for group in reversed(route.patches):
                    group.remove()
            route.patches.clear()
            self._find()
            if active_count() > 1 and self._is_innermost(route, later):
                self._older_threads.update(
                    thread for thread in VIRTUAL.busy_threads() if thread not in route.bystanders
                )
            route.bystanders = ()
        VIRTUAL.unwatch_threads()

    def _is_innermost(self, route: Route, later: tuple[Route, ...]) -> bool:
        """Return whether a thread that was started since *route* was added can't belong to a route that is left."""
        nested = not later and route.task is None
        return not self.routes or (nested and all(other.thread in (None, route.thread) for other in self.routes))

    def reapply(self) -> None:
        """Put wrappers back where another library has restored the original, as pytest-socket does after each test."""
        with self._lock:
            for route in self.routes:
                for group in reversed([*route.patches]):  # the newest fits, if this happened before
                    for patch in group.apply():
                        if patch.current is patch.original:  # on the class that inherited it
                            self._patch_again(route, patch)

    def removed_patches(self) -> list[str]:
        """Return the wrapped methods of clients that another library has restored to those of the client."""
        patches = [patch for route in self.routes for group in route.patches for patch in group.patches]
        return [
            f"{patch.owner.__name__}.{patch.name}" for patch in patches if patch.module in CLIENTS and patch.is_gone
        ]

    def _note_older_thread(self, host: str) -> None:
        at = caller()
        if len(self.calls_of_older_threads) < _MOST_NOTES:
            thread = f"thread {current_thread().name!r}, which was started in an earlier interception"
            self.calls_of_older_threads[f"{thread}, called {host}{at and f' at {at}'}"] = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a module by the other finders.

        If it belongs to a client library, patch the module after its execution.
        """
        if name not in LIBRARIES:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)  # six had a finder without it
            spec: ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                self._observe(spec)
                return spec
        return None

    def _find(self) -> None:
        """Stay in ``sys.meta_path`` while a route patches clients or waits for their import."""
        is_needed = False
        for route in self.routes:
            is_needed = is_needed or route.modules is LIBRARIES or not route.modules.keys() <= sys.modules.keys()
        if is_needed and self not in sys.meta_path:
            self._finders = sys.meta_path  # keep the list itself, because sys.meta_path may be replaced for a while
            sys.meta_path.insert(0, self)
        elif not is_needed and self in self._finders:
            self._finders.remove(self)

    def _observe(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        execute = loader.exec_module

        def executed(module: Any) -> None:
            del loader.exec_module
            execute(module)
            self._load(spec.name)
            with self._lock:
                for route in self.routes:
                    if spec.name in route.modules:
                        self._patch(route, (spec.name,))
                self._find()

        loader.exec_module = executed

    def _patch(self, route: Route, modules: Container[str]) -> None:
        """Wrap the seams of *modules* for *route*."""
        others = self.routes[:-1]
        for own_modules, group in self._groups:
            if modules is not LIBRARIES and modules is not own_modules:
                group = PatchGroup(patch for patch in group.patches if patch.module in modules)
            elif others and any(group in other.patches for other in others) and group.is_applied:
                continue
            obstructed = group.apply()
            if obstructed:
                group = PatchGroup(patch for patch in group.patches if patch not in obstructed)
            if group.patches:
                route.patches.append(group)
            for patch in obstructed:
                self._patch_again(route, patch)

    def _patch_again(self, route: Route, old: Patch) -> None:
        """Wrap a seam for *route* whose attribute has changed since its newest patch, *old*, was created."""
        patch = getattr(old.current, "segment_mock_patch", None)
        if not isinstance(patch, Patch) or patch.wrapper is not old.current:  # another library's, which may be a copy
            patch = Patch(old.module, old.seam)
            self._set_patches(patch if other is old else other for other in self._patches())
            PatchGroup([patch]).apply()
        elif any(patch in group.patches for other in self.routes for group in other.patches):
            return
        # Otherwise another library has restored our wrapper, after the interception to which it belonged.
        route.patches.append(PatchGroup([patch]))

    def _patches(self) -> Iterator[Patch]:
        for _, group in self._groups:
            yield from group.patches

    def _set_patches(self, patches: Iterable[Patch]) -> None:
        patches = [*patches]
        self._groups = tuple(
            (modules, PatchGroup(patch for patch in patches if patch.module in modules))
            for modules in (LOOKUP, CLIENTS)
        )

    def _load(self, name: str) -> None:
        """Find the seams of a library's module *name*, as it is imported now."""
        module, library, home = import_module(name), name.partition(".")[0], _HOMES[name]
        version = getattr(sys.modules.get(library), "__version__", "")
        patches: list[Patch] = []
        if library in OLDEST and version and _numbers(version) < _numbers(OLDEST[library]):
            self.too_old[library] = version
        else:
            if name in self._libraries and self._libraries[name].module is not module:
                sys.modules.pop(home, None)  # what inherits from the library is imported again
            patches += [Patch(name, seam) for seam in import_module(home).seams(module)]
        with self._lock:
            self._libraries[name] = Library(module, sys.modules.get(home))
            self._set_patches([patch for patch in self._patches() if patch.module != name] + patches)


def _home(function: Any) -> str:
    """Return the package that defines *function*."""
    return str(getattr(function, "__module__", "")).partition(".")[0]


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of *version*, up to three."""
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def defined_in(module: Any, name: str) -> Any:
    """Return the class *name* of *module*, also while a library such as vcrpy has put a class of its own there."""
    current = getattr(module, name)
    if getattr(current, "__module__", "") == module.__name__:
        return current
    classes: list[type] = [object]
    for each in classes:
        classes += type.__subclasses__(each)
        if each.__name__ == name and each.__module__ == module.__name__ and _is_of(each, module):
            return each
    return current


def _is_of(cls: type, module: ModuleType) -> bool:
    """Return whether *cls* is of *module* as it is imported now, and not of an earlier import."""
    return any(getattr(value, "__globals__", None) is vars(module) for value in vars(cls).values())


def refusal(host: str, why: str) -> NetworkBlocked:
    """Return the error for a call to *host*, with the line of the user's own code that made it."""
    at = caller()
    refused.note(host, at, why)
    return NetworkBlocked(f"{host} was called at {at or 'no line of yours'}: {why}")


REGISTRY = InterceptionRegistry()
"""The registry of this process; client libraries are shared by the whole process too."""


class Interception:
    """A context manager and decorator that intercepts calls to some hosts.

    *owns* returns whether a host is intercepted, and *opened* returns the transport for their calls. With
    *block_network*, all other hosts are refused, except this machine and *exempt_host*. It may be entered repeatedly;
    each block, and each call of a decorated function, has its own transport. `start` and `stop` do the same without a
    ``with`` block.
    """

    def __init__(
        self,
        owns: Callable[[str], bool],
        opened: Callable[[], InProcessTransport | LiveTransport],
        *,
        block_network: bool = False,
        on_refused: Callable[[str], None] | None = None,
        exempt_host: str = "",
    ) -> None:
        if not isinstance(block_network, bool):
            raise SettingError(f"block_network: {brief(block_network)} is not True or False")
        self._owns = lru_cache(maxsize=256)(owns)  # saves 9,500 instructions, several times in each call
        self._opened, self._blocks, self._on_refused = opened, block_network, on_refused
        self._exempt_host = exempt_host
        self._entered: list[Route] = []

    def start(self) -> Self:
        """Start intercepting, and return this interception. `stop` ends it."""
        route = Route(self._owns, self._opened(), self._blocks, self._on_refused, self._exempt_host)
        route.task = _current_task()
        REGISTRY.add(route)
        self._entered.append(route)
        if route.task is not None:
            _OF_TASK.set((*_OF_TASK.get(), route))
        return self

    def stop(self) -> None:
        """End the last `start`; raises RuntimeError if it was not started."""
        if not self._entered:
            raise RuntimeError("this interception was not started, or is already stopped")
        route = self._entered.pop()
        REGISTRY.remove(route)
        if route.task is not None:
            _OF_TASK.set(tuple(other for other in _OF_TASK.get() if other is not route))
        if not isinstance(route.transport, str):
            route.transport.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def __call__(self, function: F) -> F:
        """Return *function*, a function or coroutine function, wrapped so that its calls are intercepted.

        For a ``unittest.TestCase``, each test is intercepted, with its ``setUp`` and ``tearDown``. Raises TypeError for
        any other class, and for a generator, because its body runs after the call.
        """
        if isclass(function) and _is_test_case(function):
            self._decorate(cast("Any", function))
            return function
        if isclass(function) or isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError(f"intercept() decorates functions and coroutine functions, not {function!r}; use 'with'")

        async def awaited(*args: Any, **options: Any) -> Any:
            with self._copy():
                return await function(*args, **options)

        def wrapper(*args: Any, **options: Any) -> Any:
            with self._copy():
                return function(*args, **options)

        return wraps(function)(awaited if iscoroutinefunction(function) else wrapper)  # type: ignore[return-value]

    def _decorate(self, case: type[TestCase]) -> None:
        run = case.run

        @wraps(run)
        def intercepted(test: TestCase, *args: Any, **options: Any) -> Any:
            with self._copy():
                return run(test, *args, **options)

        setattr(case, "run", intercepted)  # noqa: B010 - a method is replaced

    def _copy(self) -> Interception:
        interception = copy(self)
        interception._entered = []
        return interception


def _current_task() -> Any:
    """Return the task of asyncio or trio that is running in this thread, or None."""
    events, lowlevel = sys.modules.get("asyncio.events"), sys.modules.get("trio.lowlevel")
    if events is not None and events._get_running_loop() is not None:
        return sys.modules["asyncio.tasks"].current_task()
    is_in_task = getattr(lowlevel, "in_trio_task", None)  # trio has it since 0.29; the error of current_task is slow
    if lowlevel is not None and (is_in_task is None or is_in_task()):
        with suppress(RuntimeError):  # trio is not running
            return lowlevel.current_task()
    return None


def _is_over(task: Any) -> bool:
    # An async fixture enters an interception in a task that ends before the test. Tasks of trio can't be asked.
    return hasattr(task, "done") and bool(task.done())


def _is_test_case(cls: type) -> bool:
    unittest = sys.modules.get("unittest")  # slow to import; if it is not imported, no test case exists
    return unittest is not None and issubclass(cls, unittest.TestCase)


def check_transport(name: str) -> None:
    """Raise SettingError unless *name* is a `Transport`."""
    if name not in _TRANSPORTS:
        raise SettingError(f"transport: {brief(name)} is not one of {', '.join(_TRANSPORTS)}")
