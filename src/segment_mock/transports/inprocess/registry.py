"""The interceptions in force, innermost first, and the patches of the client libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial, wraps
from importlib import import_module
from importlib.machinery import ModuleSpec
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction
from threading import get_ident
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar, cast, get_args

from ... import refused
from ...callsite import caller
from ...forking import new_rlock
from ...hosts import is_local, normalized
from ...virtual_time import VIRTUAL

if TYPE_CHECKING:
    from unittest import TestCase

    from typing_extensions import Self

    from .connection import InProcessTransport
    from .live import LiveTransport

Transport: TypeAlias = Literal["inprocess", "live", "tls"]
"""How intercepted calls travel: without a socket, over a plain socket, or over TLS, verified with the mock's CA."""

LOOKUP = {"socket": "sockets", "asyncio.base_events": "sockets"}
LIBRARIES = {
    **LOOKUP,
    "http.client": "http_client",
    "urllib3.connection": "http_client",
    "requests.sessions": "requests",
    "httpcore": "httpcore",
    "aiohttp.connector": "aiohttp",
}
"""Modules of client libraries, and the file of this folder with the seams of each."""

OLDEST = {"urllib3": "1.26", "requests": "2.28", "httpcore": "0.17.3", "aiohttp": "3.8"}
"""The oldest supported version of each client library (httpx: 0.24); the tests run with it."""

_HOMES = {name: f"{__package__}.{file}" for name, file in LIBRARIES.items()}
F = TypeVar("F", bound=Callable[..., Any])
_MISSING = object()


class NetworkBlocked(RuntimeError):
    """A call to a host that is not mocked was refused, by ``block_network`` or the ini key ``segment_mock_guard``.

    The message names the host. It is a RuntimeError, not an OSError, so that clients do not retry the call.
    """


class Patch:
    """A patch of ``owner.name``. *make* gets the patch, with its ``original``, and returns the replacement."""

    def __init__(self, owner: Any, name: str, make: Callable[[Patch], Any]) -> None:
        self.owner, self.name, self.seam = owner, name, (owner, name, make)
        self._before = vars(owner).get(name, _MISSING)
        self.original = getattr(owner, name)
        while (left := getattr(self.original, "segment_mock_patch", None)) and left.is_over:
            # Another library restored the wrapper of an interception that has ended since.
            self.original, self._before = left.original, left._before
        self.is_over = False
        self.wrapper = make(self)
        self.wrapper.segment_mock_patch = self
        setattr(owner, name, self.wrapper)

    def renew(self, seam: Seam) -> bool:
        """Apply it again after `remove`, if it is of *seam* and its original is in place, and return whether it was."""
        owner, name, _ = seam
        if self.seam != seam or vars(owner).get(name, _MISSING) is not self._before:
            return False
        if getattr(owner, name) is not self.original:
            return False
        self.is_over = False
        setattr(owner, name, self.wrapper)
        return True

    def remove(self, active_patches: Iterable[Patch]) -> bool:
        """Restore the original, and return whether no other patch was involved.

        If one of *active_patches* wraps this one, it takes the original over. If another library has patched the
        same attribute since, its patch stays, and the wrapper below only passes calls on.
        """
        self.is_over = True
        if vars(self.owner).get(self.name) is self.wrapper:
            if self._before is _MISSING:
                delattr(self.owner, self.name)
            else:
                setattr(self.owner, self.name, self._before)
            return True
        for patch in active_patches:
            if patch.original is self.wrapper:
                patch.original, patch._before = self.original, self._before
        return False


Seam: TypeAlias = tuple[Any, str, Callable[[Patch], Any]]
"""A class or module of a client library, the name of one of its attributes, and the function that wraps it."""


class Library(NamedTuple):
    """An imported *module* of a client library, the module here (*home*) for it, and the function for its *seams*.

    *removed* are the patches of ended interceptions, the last seam's first. Most tests enter an interception, and a new
    patch takes three times as long as applying an old one again.
    """

    module: ModuleType
    home: ModuleType | None
    seams: Callable[[], Iterable[Seam]]
    removed: list[Patch]


@dataclass(eq=False)
class Route:
    """The route for the hosts that it *owns*: *transport* answers them; if it is a text, it is the reason to refuse.

    With *blocks*, a host that no route owns is refused, unless it is this machine or *exempt_host*; *on_refused* is
    called with it. *modules* are the client libraries to patch. In the *thread* that entered it, it precedes the other
    routes; a route with None comes last.
    """

    owns: Callable[[str], bool]
    transport: InProcessTransport | LiveTransport | str
    blocks: bool = False
    modules: dict[str, str] = field(default_factory=lambda: LIBRARIES)
    thread: int | None = field(default_factory=get_ident)
    patches: list[tuple[Library, Patch]] = field(default_factory=list)
    on_refused: Callable[[str], None] | None = None
    exempt_host: str = ""


class InterceptionRegistry:
    """The stack of routes in force. Adding a route patches the client libraries; removing it restores them.

    While there is a route, a finder in ``sys.meta_path`` patches libraries that are imported later.
    """

    def __init__(self) -> None:
        self.routes: tuple[Route, ...] = ()
        self.too_old: dict[str, str] = {}
        """Imported client libraries that are older than `OLDEST`, and their versions."""
        self._lock = new_rlock()
        self._finders: list[Any] = []
        self._libraries: dict[str, Library] = {}

    def transport_for(self, host: str) -> InProcessTransport | LiveTransport | None:
        """Return the transport for *host*, None if it is not intercepted; raises `NetworkBlocked` if it is refused.

        The innermost route that this thread added comes first, then the innermost of the process.
        """
        routes = self.routes
        if not routes:
            return None
        name, thread = normalized(host), get_ident()
        owner = None
        for route in reversed(routes):
            if route.owns(name):
                if route.thread == thread:
                    owner = route
                    break
                owner = owner or route
        if owner is not None:
            transport = owner.transport if isinstance(owner.transport, str) else owner.transport.current
            if isinstance(transport, str):
                raise refusal(host, transport)
            return transport
        blocking = next((route for route in reversed(routes) if route.blocks), None)
        if blocking is not None and not is_local(name) and name != blocking.exempt_host:
            if blocking.on_refused is not None:
                blocking.on_refused(host)
            raise refusal(host, "block_network=True refuses every host but the vendors' and this machine's own")
        return None

    def add(self, route: Route) -> None:
        """Put *route* in force, before all others."""
        # Import without the lock: another thread that imports the same modules may need the lock for its patches.
        for name in route.modules:
            module, known = sys.modules.get(name), self._libraries.get(name)
            # Either may have been imported again since, as pytest's own pytester does.
            if module is not None and not (
                known and known.module is module and known.home and known.home is sys.modules.get(_HOMES[name])
            ):
                self._libraries[name] = self._load(name)
        VIRTUAL.watch_threads()
        with self._lock:
            self.routes = (*self.routes, route)
            try:
                for name in route.modules:
                    self._patch(route, name)
            except BaseException:
                self.remove(route)
                raise
            self._find()

    def remove(self, route: Route) -> None:
        """Remove *route* from any position of the stack."""
        with self._lock:
            self.routes = tuple(other for other in self.routes if other is not route)
            active_patches = [patch for other in self.routes for _, patch in other.patches]
            for library, patch in reversed(route.patches):
                if patch.remove(active_patches):
                    library.removed.append(patch)
            route.patches.clear()
            self._find()
        VIRTUAL.unwatch_threads()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Let the other finders find a module; if it belongs to a client library, patch it once it is executed."""
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
        """Be in ``sys.meta_path`` while a route patches clients or waits for their import."""
        wanted = any(
            route.modules is LIBRARIES or any(name not in sys.modules for name in route.modules)
            for route in self.routes
        )
        if wanted and self not in sys.meta_path:
            self._finders = sys.meta_path  # keep the list itself, because sys.meta_path may be replaced for a while
            sys.meta_path.insert(0, self)
        elif not wanted and self in self._finders:
            self._finders.remove(self)

    def _observe(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        execute = loader.exec_module

        def executed(module: Any) -> None:
            del loader.exec_module
            execute(module)
            self._libraries[spec.name] = self._load(spec.name)
            with self._lock:
                for route in self.routes:
                    self._patch(route, spec.name)
                self._find()

        loader.exec_module = executed

    def _patch(self, route: Route, name: str) -> None:
        library = self._libraries.get(name)
        if library is None or library.module is not sys.modules.get(name) or name not in route.modules:
            return
        for seam in library.seams():
            patch = library.removed.pop() if library.removed else None
            if patch is None or not patch.renew(seam):
                patch = Patch(*seam)
            route.patches.append((library, patch))

    def _load(self, name: str) -> Library:
        """Return the library's module *name* as it is imported now, and what belongs to it."""
        module, library, home = import_module(name), name.partition(".")[0], _HOMES[name]
        version = getattr(sys.modules.get(library), "__version__", "")
        if library in OLDEST and version and _numbers(version) < _numbers(OLDEST[library]):
            self.too_old[library] = version
            return Library(module, sys.modules.get(home), tuple, [])
        if (
            name in self._libraries and self._libraries[name].module is not module
        ):  # what inherits from the library is imported again
            sys.modules.pop(home, None)
        seams: Any = import_module(home)
        if getattr(seams, "SEAMS_VARY", False):
            return Library(module, seams, partial(seams.patches, module), [])
        patches = tuple(seams.patches(module))
        return Library(module, seams, lambda: patches, [])


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of *version*, up to three."""
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def refusal(host: str, why: str) -> NetworkBlocked:
    """Return the error for a call to *host*, with the line of the user's own code that made it."""
    at = caller()
    refused.note(host, at, why)
    return NetworkBlocked(f"{host} was called at {at or 'no line of yours'}: {why}")


REGISTRY = InterceptionRegistry()
"""The registry of this process; client libraries are shared by the whole process too."""


class Interception:
    """A context manager and decorator that intercepts the hosts that it *owns*; *opened* returns their transport.

    With *block_network*, every other host is refused, except this machine and *exempt_host*. It may be entered again;
    each time, and each call of a decorated function, has its own transport. `start` and `stop` do the same without a
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
        self._owns = lru_cache(maxsize=256)(owns)  # called several times in each call
        self._opened, self._blocks, self._on_refused = opened, block_network, on_refused
        self._exempt_host = exempt_host
        self._entered: list[Route] = []

    def start(self) -> Self:
        """Start intercepting."""
        route = Route(
            self._owns, self._opened(), self._blocks, on_refused=self._on_refused, exempt_host=self._exempt_host
        )
        REGISTRY.add(route)
        self._entered.append(route)
        return self

    def stop(self) -> None:
        """Stop what `start` began last; raises RuntimeError if it was not started."""
        if not self._entered:
            raise RuntimeError("this interception was not started, or is already stopped")
        route = self._entered.pop()
        REGISTRY.remove(route)
        if not isinstance(route.transport, str):
            route.transport.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def __call__(self, function: F) -> F:
        """Return *function*, a function or coroutine function, wrapped so that its calls are intercepted.

        In a ``unittest.TestCase``, each test is intercepted, with its ``setUp`` and ``tearDown``. Raises TypeError for
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

        def called(*args: Any, **options: Any) -> Any:
            with self._copy():
                return function(*args, **options)

        return wraps(function)(awaited if iscoroutinefunction(function) else called)  # type: ignore[return-value]

    def _decorate(self, case: type[TestCase]) -> None:
        run = case.run

        @wraps(run)
        def intercepted(test: TestCase, *args: Any, **options: Any) -> Any:
            with self._copy():
                return run(test, *args, **options)

        setattr(case, "run", intercepted)  # noqa: B010 - a method is replaced

    def _copy(self) -> Interception:
        return Interception(
            self._owns,
            self._opened,
            block_network=self._blocks,
            on_refused=self._on_refused,
            exempt_host=self._exempt_host,
        )


def _is_test_case(cls: type) -> bool:
    unittest = sys.modules.get("unittest")  # slow to import; if it is not imported, no test case exists
    return unittest is not None and issubclass(cls, unittest.TestCase)


def check_transport(name: str) -> None:
    """Raise ValueError unless *name* is a `Transport`."""
    if name not in get_args(Transport):
        raise ValueError(f"transport: {name!r} is not one of {', '.join(get_args(Transport))}")
