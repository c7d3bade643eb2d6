"""`SegmentMock`: the object that tests and scripts use."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from copy import deepcopy
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .clock import Clock
from .core import Json, all_options
from .emulator import Emulator, Snapshot
from .faults import FaultRules
from .forking import call_after_fork
from .hosts import SESSION_HOST, is_loopback
from .journal import Entry
from .json_match import brief
from .lasting import new_emulator
from .messages import Request, Response
from .settings import OPTIONS, SettingError, check_variables, several, suggestion
from .vendors import find_vendors

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
    """Warn once a process of unknown environment variables that begin with ``SEGMENT_MOCK_``."""
    options = all_options(find_vendors())
    try:
        check_variables(options, os.environ)
    except SettingError as error:
        warnings.warn(str(error), stacklevel=3)


class SegmentMock:
    """An emulator of all vendors with its own records, clock, faults and journal.

    Keyword arguments are the flags of ``segment-mock serve`` with underscores; *data* may also be a dictionary in the
    form of a data file. Raises `SettingError` for a value that can't be used.
    ``mock.salsa`` and ``mock.segmenter`` (and the name of each further vendor) read and prepare the vendors' records.

        with SegmentMock(data="demo") as mock, mock.intercept():
            sync_groups()  # its calls to the vendors' hosts reach the mock
        mock.journal.assert_called("salsa.upsert_segments", times=1)
    """

    def __init__(self, **settings: Unpack[MockSettings]) -> None:
        _warn_of_unknown_variables()
        self._core, self._owner, self._is_inherited = new_emulator(settings), os.getpid(), False
        for name in self._core.vendors:
            if hasattr(SegmentMock, name):
                raise SettingError(f"vendor {name!r} needs another name: SegmentMock.{name} already exists")
        self._servers: list[LiveServer] = []
        self._hosts = {host for host in self.settings["hosts"] if not host.startswith("!")}
        self._control_plane: Callable[[Request, LiveServer | None], Response] | None = None
        call_after_fork(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    if TYPE_CHECKING:

        @property
        def salsa(self) -> SalsaState:
            """The records of Salsa Engage."""

        @property
        def segmenter(self) -> SegmenterState:
            """The records of the Segmenter."""

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
                    f"its vendors are {vendors}"
                ) from None

    def __dir__(self) -> list[str]:
        public = [name for name in super().__dir__() if not name.startswith("_")]
        return sorted({*public, *self._emulator.vendors})

    def vendor(self, name: str) -> Any:
        """Return ``mock.<name>``, the records of the vendor *name*; for vendors that type checkers do not know.

        Raises `SettingError` for an unknown vendor.
        """
        vendors = self._emulator.vendors
        if not isinstance(name, str) or name not in vendors:
            raise SettingError(f"unknown vendor {brief(name)}{suggestion(name, vendors)}; expected one of {[*vendors]}")
        return self._emulator.vendor_state(name)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Every setting in force, by name."""
        return MappingProxyType(self._core.settings)

    @property
    def refused(self) -> Counter[str]:
        """How often a proxy of this mock, or ``block_network``, refused calls to each host."""
        return self._emulator.refused

    @property
    def clock(self) -> Clock:
        """The mock's clock: freeze, set or advance it."""
        return self._emulator.world.clock

    @property
    def journal(self) -> Journal:
        """The recorded calls with their replies and changes, and assertions on them."""
        from .testing import Journal  # a server needs no assertions

        return Journal(self._emulator)

    @property
    def faults(self) -> FaultRules:
        """The armed fault rules: what goes wrong, and when."""
        return self._emulator.fault_rules

    @property
    def _emulator(self) -> Emulator:
        """The core; raises RuntimeError in a forked child, which only has a copy of it."""
        if self._is_inherited:
            raise RuntimeError(
                f"this mock belongs to process {self._owner}, from which this process was forked; this copy of it has "
                "neither its later calls nor its later records. Use it in its own process, or create a mock here"
            )
        return self._core

    def session(self, *, max_retries: Retry | int = 0) -> MockSession:
        """Return a `requests.Session` whose calls reach the mock without a socket; a URL may be only a path.

        *max_retries* is the argument of requests' ``HTTPAdapter``: a number, or a ``Retry`` of urllib3.
        """
        from .transports.inprocess.session import MockSession  # requests takes 60 ms to import

        return MockSession(self._in_process(), max_retries=max_retries)

    def intercept(
        self, *, block_network: bool = False, transport: Transport = "inprocess", hosts: Iterable[str] = ()
    ) -> Interception:
        """Return a context manager and decorator within which calls to the vendors' hosts reach the mock.

        It works for unchanged clients of requests, urllib3, httpx, aiohttp and the standard library, in every thread,
        created before or imported later. *block_network* refuses all other hosts with `NetworkBlocked`. *transport*
        is ``inprocess`` (the default), ``live`` or ``tls``. *hosts* are further hosts to intercept, such as
        ``"gateway.example"`` or ``"*.gateway.example"``; the path of a call decides which vendor it is for. ``!``
        before a host excludes it. Raises SettingError for an entry of *hosts* that is not a host, ValueError for an
        unknown *transport*.
        """
        from .transports.inprocess.registry import Interception, check_transport

        check_transport(transport)
        patterns = _HOSTS.read(several(hosts))
        self._hosts.update(pattern for pattern in patterns if not pattern.startswith("!"))
        opened = self._in_process if transport == "inprocess" else partial(self._live, tls=transport == "tls")
        routes = self._core.routes
        owns = partial(routes.owns, hosts=patterns) if patterns else routes.owns
        return Interception(owns, opened, block_network=block_network, on_refused=self._note_refused)

    def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: bool | None = None, proxy: bool | None = None
    ) -> LiveServer:
        """Start a live server at *host* and *port* (default: a free port) and return it.

        *tls* and *proxy* default to the settings; with either, the server has a ``ca_file`` for its clients. Raises
        OSError if the address is in use, and `SettingError` for a *host* that other machines reach if there is no
        admin token.
        """
        return self._start_server(_HOST.read(host), _PORT.read(port), tls=tls, proxy=proxy)

    def _start_server(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: bool | None, proxy: bool | None, is_admitted: bool = False
    ) -> LiveServer:
        from .transports.envelope import is_token
        from .transports.server.server import LiveServer

        core, settings = self._emulator, self._emulator.settings
        if not (settings["admin_token"] or is_loopback(host)):
            raise SettingError(
                f"refusing to listen on {host or 'all addresses'} without --admin-token; "
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
        """Answer *method* and *path* with *json* or *body* where no operation matches, and return the stub.

        *path* may be a URL, and a glob such as ``/api/x/*``. *times* limits how often it answers (default: no limit).
        The journal records such a call as the operation ``stub`` of its vendor, and a fault can strike it.
        Credentials are not checked. Raises `SettingError` for a value that can't be used, and for the path of an
        operation.
        """
        given = {"json": json, "body": body, "status": status, "headers": headers, "times": times}
        row = {"method": method, "path": path, **{name: value for name, value in given.items() if value is not None}}
        return self._emulator.stubs.load(row)[0]

    @property
    def stubs(self) -> Stubs:
        """The stubs in force, each with the number of its calls."""
        return self._emulator.stubs

    def child_environment(self) -> ChildEnvironment:
        """Start a live server for child processes, and return the variables of ``segment-mock env`` for it.

        ``with mock.child_environment():`` sets them in ``os.environ`` for processes that `subprocess` or
        multiprocessing start within the block, and stops the server at its end. For a single child, use
        ``subprocess.run(..., env={**os.environ, **mock.child_environment()})``; the server then runs until the mock is
        closed. A child that is forked meanwhile reaches this mock in both cases.
        """
        from .transports.environment import ChildEnvironment, environment

        server = self.serve(tls=False, proxy=True)
        hosts = [*self._vendor_hosts(), *self.settings["hosts"]]
        return ChildEnvironment(environment(server.url, Path(str(server.ca_file)), hosts), server.stop)

    def state(self, organization: str = "", *, deleted: bool = False) -> Json:
        """Return every record in the form of a data file; *organization* is a credential (default: the initial one).

        *deleted* adds the ids of deleted records under ``deleted``; Salsa allows such an id to be used again.
        """
        document = self._emulator.state(organization, deleted=deleted)
        return deepcopy(document)  # a test may change it

    def load(self, document: Json, organization: str = "") -> None:
        """Replace all records by those of *document*, in the form of a data file; *organization* is a credential.

        Raises `SettingError` and changes nothing if a row can't be used.
        """
        self._emulator.load(document, organization)

    def snapshot(self) -> Snapshot:
        """Take a snapshot of all records."""
        return self._emulator.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Return all records to *snapshot*; raises LookupError if the mock was reset since."""
        self._emulator.restore(snapshot)

    def rewind(self, to: Entry | int) -> None:
        """Return all records to their state right after the journal's entry *to*, an entry or an id.

        Clock and faults stay. Raises LookupError for an entry that is open, dropped from the journal, from before a
        reset, or of another mock.
        """
        self._emulator.rewind(to)

    def expect_changes(self, **expected: Mapping[str, Expected]) -> ExpectedChanges:
        """Return a context manager that checks that the records change as *expected*, and no others change.

        *expected* has a dictionary of tables for each vendor. Raises AssertionError with the differences:

        ``mock.expect_changes(salsa={"segments": added(2) + removed({"name": "Old"})})``
        """
        from .testing import ExpectedChanges

        return ExpectedChanges(self._emulator, expected)

    def reset(self) -> None:
        """Return to the initial data; clear faults, journal, clock and limits, and close waiting calls."""
        self._emulator.reset()

    def reload(self) -> None:
        """Read the files of data, faults, stubs and scenarios again, and reset to their contents.

        Raises `SettingError` and changes nothing if one of them can't be used.
        """
        self._emulator.reload()

    def close(self) -> None:
        """Stop every server that this mock started; records, journal and faults stay.

        With the setting ``store`` the state is saved, and the store is free for another process.
        """
        for server in [*self._servers]:
            server.stop()
        if not self._is_inherited:
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
        if host in self.refused or len(self.refused) < 1000:
            self.refused[host] += 1

    def _in_process(self) -> InProcessTransport:
        from .transports.inprocess.connection import InProcessTransport

        core, limit = self._core, self._core.settings["body_limit"]
        transport = InProcessTransport(
            core.answer, self._control, core.world.clock, limit, core.admission, self._for_child
        )
        if self._is_inherited:
            transport.after_fork()
        return transport

    def _live(self, *, tls: bool) -> LiveTransport:
        from .transports.inprocess.live import LiveTransport  # imports asyncio and ssl

        serve = partial(self._start_server, tls=tls, proxy=False, is_admitted=True)
        transport = LiveTransport(serve, self._core.admission, self._for_child)
        if self._is_inherited:
            transport.after_fork()
        return transport

    def after_fork(self) -> None:
        """Mark this object in a forked child as a copy; the mock itself is in the parent."""
        self._is_inherited = True

    def _for_child(self) -> LiveTransport | str:
        """Return the transport by which a forked child reaches this mock, or the reason why there is none."""
        if not self._servers:
            return (
                f"this process was forked from process {self._owner}, whose mock has no live server for it; start one "
                "before the fork, by children=True (of the marker or segment_mock_config) or mock.child_environment()"
            )
        from .transports.inprocess.live import LiveTransport

        server = min(self._servers, key=lambda server: server.url.startswith("https:"))
        return LiveTransport(lambda: server, for_child=self._for_child)

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
