"""`SegmentMock`: the object that tests and scripts use."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from copy import deepcopy
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any

from .clock import Clock
from .core import Json, all_options
from .emulator import Emulator, Snapshot
from .faults import FaultRules
from .forking import Succession, call_after_fork
from .hosts import SESSION_HOST, is_loopback
from .journal import Entry
from .json_match import brief
from .lasting import new_emulator
from .messages import Request, Response
from .settings import OPTIONS, SettingError, check_variables, several, suggestion, unknown_name
from .vendors import find_vendors
from .wording import comma_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self, Unpack
    from urllib3.util import Retry

    from .mock_settings import MockSettings
    from .stubs import Stub, Stubs
    from .testing import Expected, ExpectedChanges, Journal
    from .transports.environment import ChildEnvironment
    from .transports.inprocess.connection import InProcessTransport
    from .transports.inprocess.live import LiveTransport
    from .transports.inprocess.registry import Interception, Transport
    from .transports.inprocess.session import MockSession
    from .transports.server.server import LiveServer
    from .transports.server.tls import CertificateAuthority
    from .vendors.salsa.data import SalsaState
    from .vendors.segmenter.data import SegmenterState


_HOST, _PORT, _HOSTS = (next(option for option in OPTIONS if option.name == name) for name in ("host", "port", "hosts"))


@cache
def _warn_of_unknown_variables() -> None:
    """Warn once per process about unknown environment variables that begin with ``SEGMENT_MOCK_``."""
    options = all_options(find_vendors())
    try:
        check_variables(options, os.environ)
    except SettingError as error:
        warnings.warn(str(error), stacklevel=3)


class SegmentMock:
    """A mock of all vendors' APIs in this process, with its own records, clock, faults and journal.

    The keyword arguments are the settings of the mock, the same as the flags of ``segment-mock serve`` with
    underscores. The most used are *data*, *faults*, *seed* and *store*. *data* is a data file, ``"demo"``, or a
    dictionary in the form of a data file. The page "Settings" lists all settings. Raises `SettingError` for an unknown
    or invalid setting.

    ``mock.salsa``, ``mock.segmenter`` and the name of each further vendor read and prepare the records of a vendor. As
    a context manager, the mock is closed at the end of the block.

        with SegmentMock(data="demo") as mock, mock.intercept():
            sync_groups()  # its calls to the vendors' hosts reach the mock
        mock.journal.assert_called("salsa.upsert_segments", times=1)
    """

    def __init__(self, **settings: Unpack[MockSettings]) -> None:
        _warn_of_unknown_variables()
        self._core = new_emulator(settings)
        for name in self._core.vendors:
            if hasattr(SegmentMock, name):
                self._core.close()
                raise SettingError(f"vendor {name!r} needs another name: SegmentMock.{name} already exists")
        self._servers: list[LiveServer] = []
        self._succession = _Succession(self._servers)
        self._journal: Journal | None = None
        self._hosts = {host for host in self.settings["hosts"] if not host.startswith("!")}
        self._control_plane: Callable[[Request, LiveServer | None], Response] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    if TYPE_CHECKING:

        @property
        def salsa(self) -> SalsaState:
            """The records of Salsa Engage: groups, supporters and memberships."""

        @property
        def segmenter(self) -> SegmenterState:
            """The records of the Segmenter: segments and persons."""

    else:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            try:
                return self._emulator.vendor_state(name)
            except KeyError:
                vendors = [*self._emulator.vendors]
                raise AttributeError(
                    f"SegmentMock has no attribute or vendor {name!r}{suggestion(name, dir(self))}; "
                    f"its vendors are {comma_list(vendors)}"
                ) from None

    def __dir__(self) -> list[str]:
        public = [name for name in super().__dir__() if not name.startswith("_")]
        return sorted({*public, *self._emulator.vendors})

    def __repr__(self) -> str:
        return f"<SegmentMock of {comma_list(self._core.vendors)}>"

    def vendor(self, name: str) -> Any:
        """Return the records of the vendor *name*, the same as ``mock.<name>``.

        Use it for vendors of other packages, which type checkers do not know. Raises `SettingError` for an unknown
        vendor.
        """
        vendors = self._emulator.vendors
        if not isinstance(name, str) or name not in vendors:
            raise SettingError(unknown_name("vendor", name, vendors))
        return self._emulator.vendor_state(name)

    @property
    def settings(self) -> Mapping[str, Any]:
        """All settings of the mock by name, with defaults filled in. Read-only."""
        return MappingProxyType(self._core.settings)

    @property
    def refused(self) -> Counter[str]:
        """The number of refused calls by host: those that ``block_network`` or a proxy of this mock refused."""
        return self._emulator.refused

    @property
    def clock(self) -> Clock:
        """The clock of the mock, which you can freeze, set and advance."""
        return self._emulator.world.clock

    @property
    def journal(self) -> Journal:
        """The journal of the mock: its most recent calls, with responses, changes, and assertions on them."""
        emulator = self._emulator
        if self._journal is None:
            from .testing import Journal  # a server needs no assertions

            self._journal = Journal(emulator)
        return self._journal

    @property
    def faults(self) -> FaultRules:
        """The armed faults of the mock: add, inspect and remove them here."""
        return self._emulator.fault_rules

    @property
    def _emulator(self) -> Emulator:
        """The core of this mock; raises RuntimeError in a forked child, which only has a copy of the core."""
        if self._succession.successor is not None:
            raise RuntimeError(
                f"this mock belongs to process {self._succession.owner}, from which this process was forked; this copy "
                "of it has neither its later calls nor its later records. Use it in its own process, or create a mock "
                "here"
            )
        return self._core

    def session(self, *, max_retries: Retry | int = 0) -> MockSession:
        """Return a `requests.Session` whose calls reach the mock without a socket. A URL may be only a path.

        *max_retries* is the argument of requests' ``HTTPAdapter``: a number or urllib3's ``Retry`` (default: 0).
        Raises `SettingError` for anything else.

            mock.session().get("/api/integration/ext/v1/metrics", headers={"authToken": "any"})
        """
        from .transports.inprocess.session import MockSession  # requests takes 60 ms to import

        return MockSession(self._transports("inprocess")(), max_retries=max_retries)

    def intercept(
        self, *, block_network: bool = False, transport: Transport = "inprocess", hosts: Iterable[str] = ()
    ) -> Interception:
        """Return a context manager and decorator that routes calls to the vendors' hosts to this mock.

        Clients need no change: requests, urllib3, httpx, aiohttp and the standard library are intercepted in every
        thread, also clients created before the block and libraries imported within it.

        * *block_network*: refuse calls to all other hosts, except this machine, with `NetworkBlocked` (default: False)
        * *transport*: ``inprocess`` (default), ``live`` (a real server and plain sockets) or ``tls`` (a server with
          TLS)
        * *hosts*: a further host to intercept or several, such as ``"gateway.example"`` or ``"*.gateway.example"``. The
          path of a call selects the vendor. ``!`` before a host excludes the host.

        Raises `SettingError` for an invalid argument.

            with mock.intercept(block_network=True):
                sync_groups()
        """
        from .transports.inprocess.registry import Interception, check_transport

        check_transport(transport)
        patterns = _HOSTS.read(several(hosts))
        self._hosts.update(pattern for pattern in patterns if not pattern.startswith("!"))
        routes = self._core.routes
        owns = partial(routes.owns, hosts=patterns) if patterns else routes.owns
        opened = self._transports(transport)
        return Interception(owns, opened, block_network=block_network, on_refused=self._note_refused)

    def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: bool | None = None, proxy: bool | None = None
    ) -> LiveServer:
        """Start a live HTTP server for this mock in a thread, and return it.

        * *host*: the address to listen on (default: this machine only). `SettingError` is raised for an address that
          other machines can reach, unless the mock has an *admin_token*.
        * *port*: default 0, a free port
        * *tls*: serve HTTPS (default: the setting ``tls``)
        * *proxy*: be an HTTP proxy as well (default: the setting ``proxy``)

        With *tls* or *proxy*, clients have to trust the certificate in ``server.ca_file``. The server runs until it is
        stopped or the mock is closed. Raises OSError if the address is in use, and `SettingError` for an argument of
        the wrong type.

            server = mock.serve()
            requests.get(f"{server.url}/api/integration/ext/v1/metrics", headers={"authToken": "any"})
        """
        if not isinstance(host, (str, NoneType)):
            raise SettingError(f"host: {brief(host)} is not text")
        if isinstance(port, str):  # the port of a setting may be text, from the environment
            raise SettingError(f"port: {brief(port)} is not a whole number")
        for name, value in (("tls", tls), ("proxy", proxy)):
            if not isinstance(value, (bool, NoneType)):
                raise SettingError(f"{name}: {brief(value)} is not True or False")
        return self._start_server(_HOST.read(host), _PORT.read(port), tls=tls, proxy=proxy)

    def _start_server(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: bool | None, proxy: bool | None, is_admitted: bool = False
    ) -> LiveServer:
        from .transports.envelope import is_token
        from .transports.server.server import LiveServer

        core, settings = self._emulator, self._emulator.settings
        if not (settings["admin_token"] or is_loopback(host)):
            raise SettingError(
                f"refusing to listen on {host or 'all addresses'} without an admin_token (--admin-token); "
                "listen on 127.0.0.1 or set a token"
            )
        tls = settings["tls"] if tls is None else tls
        proxy = settings["proxy"] if proxy is None else proxy
        authority = self._authority(host) if tls or proxy else None
        server = LiveServer(
            core.answer,
            lambda request: self._control(request, server),
            self.clock,
            host=host,
            port=port,
            body_limit=settings["body_limit"],
            time_scale=settings["time_scale"],
            admit=self._admit,
            admission=core.admission,
            is_admitted=is_admitted,
            trusts_front=partial(is_token, settings["admin_token"]),
            authority=authority,
            tls=tls,
            on_start=self._add_server,
            on_stop=self._remove_server,
        )
        return server.start()

    def stub(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: str | bytes | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> Stub:
        """Add a fixed response to calls that match no operation, and return the stub.

        Use it for another API on a vendor's host.

        * *method*: an HTTP method, or ``*`` for any
        * *path*: a path, a URL, or a glob such as ``/api/x/*``
        * *json* or *body*: the body of the response (default: empty)
        * *status*, *headers*: the status (default: 200) and headers of the response
        * *times*: how many calls it answers at most (default: no limit)

        The journal records such a call as the operation ``stub`` of its vendor, and faults can strike it. Credentials
        are not checked. Raises `SettingError` for an invalid argument, and for the path of an operation, which a stub
        can't replace.

            mock.stub("GET", "/api/health", json={"ok": True})
        """
        response = {"json": json, "body": body, "status": status, "headers": headers, "times": times}
        row = {"method": method, "path": path, **{name: value for name, value in response.items() if value is not None}}
        return self._emulator.stubs.load(row)[0]

    @property
    def stubs(self) -> Stubs:
        """The stubs of the mock, each with the number of calls that it has answered."""
        return self._emulator.stubs

    def child_environment(self) -> ChildEnvironment:
        """Start a live server for child processes, and return the environment variables that route their calls to it.

        As a context manager, it sets the variables in ``os.environ``, for processes that `subprocess` or
        `multiprocessing` start within the block, and stops the server at the end. For a single child, pass the
        variables yourself; the server then runs until the mock is closed. A forked child reaches this mock in both
        cases.

            with mock.child_environment():
                subprocess.run([sys.executable, "sync.py"])

            subprocess.run([sys.executable, "sync.py"], env={**os.environ, **mock.child_environment()})
        """
        from .transports.environment import ChildEnvironment, environment

        server = self.serve(tls=False, proxy=True)
        hosts = [*self._vendor_hosts(), *self.settings["hosts"]]
        return ChildEnvironment(environment(server.url, Path(str(server.ca_file)), hosts), server.stop)

    def state(self, organization: str = "", *, deleted: bool = False) -> Json:
        """Return all records of an organization as a dictionary in the form of a data file.

        *organization* is the credential of the organization (default: the organization of the initial data). *deleted*
        adds the ids of deleted records under ``deleted``, because Salsa accepts such an id again. Changing the result
        does not change the mock.
        """
        document = self._emulator.state(organization, deleted=deleted)
        return deepcopy(document)  # a test may change it

    def load(self, document: Json, organization: str = "") -> None:
        """Replace all records of an organization with those of *document*, a dictionary in the form of a data file.

        *organization* is the credential of the organization (default: the organization of the initial data). `reset`
        still returns to the initial data. Raises `SettingError`, and changes nothing, if a row is invalid.

            mock.load({"salsa": {"segments": [{"name": "Donors"}]}})
        """
        self._emulator.load(document, organization)

    def snapshot(self) -> Snapshot:
        """Take a snapshot of the records of all organizations, for a later `restore`."""
        return self._emulator.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Restore the records of all organizations from *snapshot*. The clock, faults and journal stay the same.

        Raises LookupError if the mock was reset since, and for a snapshot of another mock.
        """
        self._emulator.restore(snapshot)

    def rewind(self, to: Entry | int) -> None:
        """Restore the records of all organizations to their state right after a call in the journal.

        *to* is the entry of the call, or the entry's id. The clock, faults and journal stay the same. Raises
        LookupError for an entry that is still open, that was dropped, or that another mock recorded.
        """
        self._emulator.rewind(to)

    def expect_changes(self, **expected: Mapping[str, Expected]) -> ExpectedChanges:
        """Return a context manager that asserts that the records change exactly as *expected*.

        Each keyword is a vendor, with a dictionary of tables and their expected changes: `added`, `updated`, `removed`,
        joined by ``+``, or `anything`. A table that is not named must not change. Raises `SettingError` for an unknown
        vendor or table, and AssertionError with a diff at the end of the block.

            with mock.expect_changes(salsa={"segments": added(2) + removed({"name": "Old"})}):
                sync_groups()
        """
        from .testing import ExpectedChanges

        return ExpectedChanges(self._emulator, expected)

    def reset(self) -> None:
        """Return the mock to its initial state: initial data and stubs, real time, no faults, an empty journal.

        Rate limits start again, and the faults of the settings are removed too. Calls that still wait are closed
        without being performed.
        """
        self._emulator.reset()

    def reload(self) -> None:
        """Read the files of data, faults, stubs and scenarios again, and reset the mock to their contents.

        Raises `SettingError`, and changes nothing, if a file is invalid.
        """
        self._emulator.reload()

    def close(self) -> None:
        """Stop all servers of this mock. Records, journal and faults stay available.

        With the setting ``store``, the state is saved first, and another process may then use the store.
        """
        for server in [*self._servers]:
            server.stop()
        if self._succession.successor is None:
            self._core.close()

    def _add_server(self, server: LiveServer) -> None:
        self._servers.append(server)
        self._emulator.on_reset.append(server.interrupt)

    def _remove_server(self, server: LiveServer) -> None:
        self._servers.remove(server)
        self._emulator.on_reset.remove(server.interrupt)

    def _admit(self, host: str) -> bool:
        admitted = self._emulator.routes.admits(host)
        if not admitted:
            self._note_refused(host)
        return admitted

    def _note_refused(self, host: str) -> None:
        refused = self._core.refused  # also in a forked child, where the caller raises NetworkBlocked
        if host in refused or len(refused) < 1000:
            refused[host] += 1

    def _transports(self, name: Transport) -> Callable[[], InProcessTransport | LiveTransport]:
        """Return a function that opens transports of this kind."""
        core = self._core
        if name == "inprocess":
            from .transports.inprocess.connection import InProcessTransport

            limit, clock = core.settings["body_limit"], core.world.clock
            return partial(
                InProcessTransport, core.answer, self._control, clock, limit, core.admission, self._succession
            )
        from .transports.inprocess.live import LiveTransport  # imports asyncio and ssl

        serve = partial(self._start_server, tls=name == "tls", proxy=False, is_admitted=True)
        return partial(LiveTransport, serve, core.admission, self._succession)

    def _authority(self, host: str) -> CertificateAuthority:
        from .transports.server.tls import CertificateAuthority

        return CertificateAuthority([*self._vendor_hosts(), *sorted(self._hosts), SESSION_HOST], host)

    def _vendor_hosts(self) -> list[str]:
        return [host for vendor in self._core.vendors.values() for host in vendor.hosts]

    def _control(self, request: Request, server: LiveServer | None = None) -> Response:
        if self._control_plane is None:
            from .web import control_client  # Flask takes 170 ms to import

            self._control_plane = control_client(self._emulator)
        return self._control_plane(request, server)


class _Succession(Succession):
    """The way from a forked child to its parent's mock, which has these *servers*."""

    def __init__(self, servers: list[LiveServer]) -> None:
        self.owner, self._servers = os.getpid(), servers
        call_after_fork(self)

    def after_fork(self) -> None:
        self.successor = self._for_child()

    def _for_child(self) -> LiveTransport | str:
        if not self._servers:
            return (
                f"this process was forked from process {self.owner}, whose mock has no live server for it; start one "
                "before the fork, by children=True (of the marker or segment_mock_config) or mock.child_environment()"
            )
        from .transports.inprocess.live import LiveTransport

        server = min(self._servers, key=lambda server: server.url.startswith("https:"))
        return LiveTransport(lambda: server, succession=self)
