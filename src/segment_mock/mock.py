"""The face of the whole: what a test or a script holds in its hand."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .clock import Clock
from .contract import Json
from .emulator import Emulator, Snapshot
from .faults import Plan
from .journal import Journal
from .messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self
    from urllib3.util import Retry

    from .doors.live import LiveServer
    from .doors.requests import MockSession
    from .doors.tls import Authority


class SegmentMock:
    """Both vendors in one world of their own.

    Keyword arguments are the flags of ``segment-mock serve`` with underscores; *data* also takes a
    dictionary in the form of a data file. Raises `SettingError` naming what can't be used.
    ``mock.salsa`` and ``mock.segmenter`` (and a new vendor's name) are the vendors' own faces.
    """

    def __init__(self, **settings: Any) -> None:
        self._emulator = Emulator(settings)
        self._servers: list[LiveServer] = []
        self._control_plane: Callable[[Request], Response] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._emulator.face(name)
        except KeyError:
            raise AttributeError(f"SegmentMock has no attribute {name!r}, and no vendor is called so") from None

    @property
    def settings(self) -> Mapping[str, Any]:
        """Every setting in force."""
        return MappingProxyType(self._emulator.settings)

    @property
    def clock(self) -> Clock:
        """The world's time: freeze, set, advance."""
        return self._emulator.world.clock

    @property
    def journal(self) -> Journal:
        """What was asked, what was answered, what changed."""
        return self._emulator.journal

    @property
    def faults(self) -> Plan:
        """What goes wrong, and when."""
        return self._emulator.plan

    def session(self, *, max_retries: Retry | int = 0) -> MockSession:
        """Return a `requests.Session` whose every call lands here, with no socket; a URL may be a path.

        *max_retries* is that of requests' ``HTTPAdapter``: a number, or urllib3's ``Retry``.
        """
        from .doors.inprocess import Socket  # requests takes 60 ms to import
        from .doors.requests import MockSession

        return MockSession(lambda: Socket(self._emulator.answer, self._control, self.clock), max_retries=max_retries)

    def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: bool | None = None, proxy: bool | None = None
    ) -> LiveServer:
        """Start a live server, on a free port unless told; raises OSError when the address is in use.

        *tls* and *proxy* are as the settings say unless given; with either the server has a
        ``ca_file`` for its clients.
        """
        from .doors.live import LiveServer

        core, settings = self._emulator, self._emulator.settings
        tls = settings["tls"] if tls is None else tls
        proxy = settings["proxy"] if proxy is None else proxy
        authority = self._authority() if tls or proxy else None
        server = LiveServer(
            core.answer,
            self._control,
            self.clock,
            host=host,
            port=port,
            time_scale=settings["time_scale"],
            admits=core.routes.admits,
            authority=authority,
            tls=tls,
        ).start()
        self._servers.append(server)
        core.on_reset.append(server.interrupt)
        return server

    def state(self, organization: str = "") -> Json:
        """Return every record in the form of a data file; *organization* is a credential."""
        return self._emulator.state(organization)

    def load(self, document: Json, organization: str = "") -> None:
        """Put *document* in the place of all records; raises `SettingError` and changes nothing if it can't."""
        self._emulator.load(document, organization)

    def snapshot(self) -> Snapshot:
        """Remember this moment of all records."""
        return self._emulator.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Return all records to *snapshot*; raises LookupError when a reset lies between."""
        self._emulator.restore(snapshot)

    def reset(self) -> None:
        """Return to the initial data; faults, journal, clock and limits are cleared, waiting calls closed."""
        self._emulator.reset()

    def close(self) -> None:
        """Stop every server this mock started; what it remembers stays."""
        while self._servers:
            server = self._servers.pop()
            self._emulator.on_reset.remove(server.interrupt)
            server.stop()

    def _authority(self) -> Authority:
        from .doors.tls import Authority  # 60 ms to import, and a key to make

        made = Authority(host for vendor in self._emulator.vendors.values() for host in vendor.hosts)
        self._emulator.ca_pem = made.pem
        return made

    def _control(self, request: Request) -> Response:
        if self._control_plane is None:
            from .web import control  # Flask takes 170 ms to import

            self._control_plane = control(self._emulator)
        return self._control_plane(request)
