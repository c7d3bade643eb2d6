"""``segment_mock.connect``: the interface of `SegmentMock` for a running server, over its control plane."""

from __future__ import annotations

import json as json_module
import os
import ssl
import weakref
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from .callsite import caller
from .catalogue import public_settings
from .clock import Clock, seconds
from .control_client import ControlClient, escaped
from .core import Json, Vendor, all_options, member_names
from .core.world import organization_name
from .emulator import rules_of
from .faults import Fault, When, fault_from_json, own_members
from .faults.rule import described, disarm_afterwards
from .hosts import normalized
from .journal import Entry, EntryFilter, check_filters
from .json_match import brief, is_long
from .messages import Request
from .routing import UNMATCHED, Routes
from .settings import OPTIONS, SettingError, merged, read_rules, several, suggestion
from .settings.files import STUBS as STUB_ROWS
from .store import Difference
from .testing import BaseJournal, ExpectedChanges
from .vendors import find_vendors

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self
    from urllib3.util import Retry

    from .testing import Expected
    from .transports.inprocess.live import RemoteTransport
    from .transports.inprocess.registry import Interception
    from .transports.inprocess.session import MockSession
    from .vendors.salsa.data import SalsaState
    from .vendors.segmenter.data import SegmenterState

_HOSTS = next(option for option in OPTIONS if option.name == "hosts")
_LOADED = ("data", "faults", "scenario", "stubs")
_POLL = 0.02
"""Poll interval for the server's journal, in seconds."""


def connect(url: str, admin_token: str | None = None, *, ca_file: str | None = None) -> RemoteMock:
    """Return the mock that runs at *url*, such as ``http://127.0.0.1:7357``, with the interface of `SegmentMock`.

    *admin_token* is the value of ``serve --admin-token``, *ca_file* the CA certificate of a server with ``--tls``
    (default: the variable SEGMENT_MOCK_CA_FILE). Raises ConnectionError if no segment-mock answers there,
    PermissionError if it refuses the token, SettingError for an unusable URL.
    """
    return RemoteMock(ControlClient(url, admin_token, ca_file=ca_file or os.environ.get("SEGMENT_MOCK_CA_FILE")))


class RemoteMock:
    """A mock in another process; `connect` creates one. *client* calls its control plane.

    It behaves like `SegmentMock`, except that no Python function can be sent to the server. Errors name the server and
    repeat its message. Returned entries and rules show the state at the time of the request.
    """

    def __init__(self, client: ControlClient) -> None:
        self._client = client
        self._core = _RemoteCore(client)
        self.refused: Counter[str] = Counter()
        """How often ``block_network`` refused calls to each host in this process."""
        self.faults = RemoteFaultRules(client)
        """The armed fault rules: what goes wrong, and when."""
        self.clock = RemoteClock(client)
        """The mock's clock: freeze, set or advance it."""
        self.journal = RemoteJournal(self._core)
        """The recorded calls with their replies and changes, and assertions on them."""
        self.stubs = RemoteStubs(client)
        """The stubs in force, each with the number of its calls."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<segment-mock at {self.url}>"

    if TYPE_CHECKING:

        @property
        def salsa(self) -> SalsaState:
            """The records of Salsa Engage, without ``store`` and ``world``, which only exist in the server."""

        @property
        def segmenter(self) -> SegmenterState:
            """The records of the Segmenter, without ``store`` and ``world``, which only exist in the server."""

    else:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if name not in self._core.vendors:
                raise AttributeError(f"RemoteMock has no attribute or vendor {name!r}{suggestion(name, dir(self))}")
            return self.vendor(name)

    def __dir__(self) -> list[str]:
        public = [name for name in super().__dir__() if not name.startswith("_")]
        return sorted({*public, *self._core.vendors})

    def vendor(self, name: str) -> Any:
        """Return ``mock.<name>``, the records of the vendor *name*.

        Raises `SettingError` for a vendor that is not installed both on the server and in this process.
        """
        vendors = self._core.vendors
        if not isinstance(name, str) or name not in vendors:
            raise SettingError(f"unknown vendor {brief(name)}{suggestion(name, vendors)}; expected one of {[*vendors]}")
        return RemoteVendorState(self._client, vendors[name])

    @property
    def url(self) -> str:
        """The base URL of the server."""
        return self._client.url

    @property
    def settings(self) -> Mapping[str, Any]:
        """Every setting in force, without data; lists of credentials are replaced by their number."""
        return MappingProxyType(self._core.facts["settings"])

    def session(self, *, max_retries: Retry | int = 0) -> MockSession:
        """Return a `requests.Session` whose calls go to the server; a URL may be only a path.

        *max_retries* is the argument of requests' ``HTTPAdapter``: a number, or a ``Retry`` of urllib3.
        """
        from .transports.inprocess.session import MockSession

        session = MockSession(self._transport(), max_retries=max_retries)
        session.base = self.url
        return session

    def intercept(
        self, *, block_network: bool = False, transport: str | None = None, hosts: Iterable[str] = ()
    ) -> Interception:
        """Return a context manager and decorator within which calls to the vendors' hosts go to the server.

        Arguments are those of `SegmentMock.intercept`, but *transport* can only be the server's own.
        """
        from .transports.inprocess.registry import Interception, check_transport

        transport = transport or self.transport
        check_transport(transport)
        if transport == "inprocess" or (transport == "tls" and self.transport != "tls"):
            needs = "a mock in this process" if transport == "inprocess" else "a server with --tls"
            raise SettingError(f"transport: {transport!r} needs {needs}, and the mock is at {self.url}")
        patterns = _HOSTS.read(several(hosts))
        owns = partial(self._core.routes.owns, hosts=patterns)
        return Interception(
            owns,
            self._transport,
            block_network=block_network,
            on_refused=self._note_refused,
            exempt_host=normalized(urlsplit(self.url).hostname or ""),
        )

    def stub(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> RemoteStub:
        """Answer *method* and *path* where no operation matches; arguments are those of `SegmentMock.stub`."""
        given = {"json": json, "body": body, "status": status, "headers": headers, "times": times}
        row = {"method": method, "path": path, **{name: value for name, value in given.items() if value is not None}}
        return self.stubs.load(row)[0]

    def state(self, organization: str = "", *, deleted: bool = False) -> Json:
        """Return every record in the form of a data file; *organization* is a credential.

        *deleted* adds the ids of deleted records under ``deleted``.
        """
        state: Json = self._client.get("/state", organization=organization, deleted=deleted)
        return state

    def load(self, document: Json, organization: str = "") -> None:
        """Replace all records by those of *document*, in the form of a data file; *organization* is a credential.

        Raises `SettingError` and changes nothing if a row can't be used.
        """
        self._client.put("/state", document, organization=organization)

    def snapshot(self) -> RemoteSnapshot:
        """Take a snapshot of all records."""
        return self._core.snapshot()

    def restore(self, snapshot: RemoteSnapshot | str) -> None:
        """Return all records to *snapshot*, a snapshot or its name; raises LookupError if the mock was reset since."""
        name = snapshot.name if isinstance(snapshot, RemoteSnapshot) else snapshot
        self._client.post(f"/snapshots/{escaped(name)}/restore")

    def rewind(self, to: Entry | int) -> None:
        """Return all records to their state right after the journal's entry *to*, an entry or an id.

        Clock and faults stay. Raises LookupError for an entry that is open, dropped from the journal, from before a
        reset, or of another mock.
        """
        number = to.id if isinstance(to, Entry) else to
        if not isinstance(number, int) or is_long(number):
            raise LookupError(f"entry {brief(number)} is not in the journal of {self.url}")
        if not isinstance(to, int) and self._core.journal.get(number) != to:
            raise LookupError(
                f"entry {number} is not in the journal of {self.url}: {self._core.journal.describe_contents()}"
            )
        self._client.post(f"/journal/{number}/rewind")

    def expect_changes(self, **expected: Mapping[str, Expected]) -> ExpectedChanges:
        """Return a context manager that checks that the records change as *expected*, and no others change.

        *expected* has a dictionary of tables for each vendor. Raises AssertionError with the differences:

        ``mock.expect_changes(salsa={"segments": added(2) + removed({"name": "Old"})})``
        """
        return ExpectedChanges(self._core, expected)

    def reset(self) -> None:
        """Return to the initial data; clear faults, journal, clock and limits, and close waiting calls."""
        self._client.post("/reset")
        self.refused.clear()

    def prepare(self, **settings: Any) -> None:
        """Reset the server and load the settings ``data``, ``faults``, ``scenario`` and ``stubs`` of `SegmentMock`.

        Any other setting can't be changed on a running server: raises `SettingError` unless the server was started with
        the same value. `reset` returns to the server's own data, not to *settings*.
        """
        options = {option.name: option for option in all_options(self._core.vendors.values())}
        for name in settings:
            if name not in options:
                raise SettingError(f"unknown setting {name!r}{suggestion(name, options)}")
        values = {name: options[name].read(value) for name, value in settings.items()}
        for name, value in values.items():
            if name not in _LOADED:
                self._require(name, value)
        self.reset()
        document = merged(values.get("data", ()))
        stubs = document.pop(STUB_ROWS, {}).get(STUB_ROWS, [])
        if document:
            self.load(document)
        for source in values.get("stubs", ()):
            rows = read_rules(source) if isinstance(source, str) else source
            stubs += rows if isinstance(rows, list) else [rows]
        if stubs:
            self.stubs.load(stubs)
        self._load_faults(values.get("scenario", ()), values.get("faults", ()))

    def _require(self, name: str, value: Any) -> None:
        """Raise SettingError unless the server's setting *name* is *value*, or has the same number of credentials."""
        as_shown = json_module.loads(json_module.dumps(public_settings({name: value}), default=str))
        if as_shown.get(name) != self.settings.get(name):
            raise SettingError(
                f"{name}: {self.url} was started with {self.settings.get(name)!r} and can't change it to {value!r}; "
                "start it with that value, or use a mock in this process"
            )

    def _load_faults(self, names: Iterable[str], sources: Iterable[Any]) -> None:
        known = {row["name"]: row for row in self._client.get("/scenarios")["scenarios"]} if names else {}
        for name in names:
            if name not in known:
                raise SettingError(
                    f"scenario: unknown scenario {name!r}{suggestion(name, known)}; expected one of {[*known]}"
                )
            for rule in self.faults.load(known[name]["faults"]):
                rule.where = f"scenario {name}"
        for source in sources:
            self.faults.load(rules_of(source))

    @property
    def transport(self) -> str:
        """How intercepted calls reach the server: ``live``, or ``tls`` if it uses TLS."""
        return "tls" if self.url.startswith("https:") else "live"

    def close(self) -> None:
        """Close the connections to the server, which goes on running."""
        self._client.close()

    def _note_refused(self, host: str) -> None:
        if host in self.refused or len(self.refused) < 1000:
            self.refused[host] += 1

    def _transport(self) -> RemoteTransport:
        from .transports.inprocess.live import RemoteTransport

        parts, context = urlsplit(self.url), None
        if parts.scheme == "https":
            pem = self._client.send("GET", "/ca.pem")
            context = ssl.create_default_context(cadata=pem.data.decode() if pem.status == 200 else None)
        return RemoteTransport(parts.hostname or "", parts.port or (443 if context else 80), context)


class RemoteEntry(Entry):
    """An entry of a server's journal, as of the time it was fetched."""

    __slots__ = ("_data", "_url")

    def __init__(self, data: Mapping[str, Any], url: str) -> None:
        exact, request = data["exact"], data["request"]
        body = b64decode(exact["request_body"])
        super().__init__(
            data["id"], exact["time"], data["vendor"], data["operation"],
            Request(data["method"], data["path"], request["headers"], body, data["door"]), exact["mark"],
            None, exact["duration"], data["organization"], data["refusal"], data["hint"], tuple(data["faults"]),
            tuple(data["unread"]), (), data["caller"], data["test"], exact["end"],
        )  # fmt: skip
        self._data, self._url = data, url

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteEntry) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, int, float]:
        return self._url, self.id, self.time

    @property
    def status(self) -> int | None:
        """The status of the reply; None until it leaves, and if no status line leaves."""
        status: int | None = self._data["status"]
        return status

    @property
    def outcome(self) -> str:
        """How the call ended: ``answered``, ``cut``, ``closed``, ``reset`` or ``abandoned``; ``open`` until then."""
        return str(self._data["outcome"])

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The response's headers; those that carry a credential are redacted."""
        headers: Mapping[str, str] = self._data["response"]["headers"]
        return headers

    @property
    def response_body(self) -> bytes:
        """The part of the response's body that left, at most 64 KiB."""
        return b64decode(self._data["exact"]["response_body"])

    @property
    def changes(self) -> tuple[Difference, ...]:
        """The records that the call changed, one row each; empty until it is answered."""
        return tuple(map(_difference, self._data["changes"]))


class RemoteJournal(BaseJournal):
    """The journal of a running server."""

    def __init__(self, core: _RemoteCore) -> None:
        super().__init__(core)
        self._client = core.client

    def capsule(self, about: str = "") -> dict[str, Any]:
        """Return records, seed, clock, faults and calls as JSON for ``segment-mock replay``, without credentials.

        *about* is its title. Raises LookupError if the records before the first call can't be restored any more.
        """
        capsule: dict[str, Any] = self._client.get("/capsule", about=about)
        return capsule


class RemoteClock:
    """The clock of a running server."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    @property
    def frozen(self) -> bool:
        """Whether the clock is frozen."""
        return bool(self._client.get("/clock")["frozen"])

    def now(self) -> float:
        """Return seconds since the epoch, in whole milliseconds."""
        return seconds(self.iso())

    def iso(self) -> str:
        """Return the current time as ISO 8601 in UTC with exactly three decimals and ``Z``."""
        return str(self._client.get("/clock")["now"])

    def freeze(self, at: str | float | None = None) -> None:
        """Stop the clock at *at*, an ISO 8601 text or epoch seconds (default: the current time)."""
        self.turn("freeze", True if at is None else at)

    def resume(self) -> None:
        """Let the clock run on from its current time."""
        self.turn("freeze", False)

    def set(self, to: str | float, *, frozen: bool | None = None) -> None:
        """Set the clock to an ISO 8601 text or epoch seconds; it stays frozen or running unless *frozen* is given."""
        self.turn("freeze" if frozen else "set", to)
        if frozen is False:
            self.resume()

    def advance(self, by: float) -> None:
        """Move the clock *by* seconds forward, frozen or running.

        Raises ValueError if *by* is negative or leads past the year 9999.
        """
        self.turn("advance", by)

    def turn(self, change: str, value: object) -> None:
        """Perform ``freeze`` (true, false or a time), ``set`` or ``advance``; raises ValueError for anything else."""
        self._client.post("/clock", {change: value})

    def patch_sleep(self) -> NoReturn:
        """Raise SettingError, because only a mock in this process can move the time of this process."""
        raise SettingError(
            f"sleep: the clock of {self._client.url} can't move the time of this process; use clock.advance, "
            "or a mock in this process"
        )


class RemoteFaultRules:
    """The fault rules that are armed on a running server, the outermost first."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client
        self._where: dict[tuple[str, float], str] = {}

    def __iter__(self) -> Iterator[RemoteFaultRule]:
        return iter(self._rules(self._client.get("/faults")))

    def __len__(self) -> int:
        return len(self._client.get("/faults")["faults"])

    @property
    def armed(self) -> tuple[RemoteFaultRule, ...]:
        """Every rule that was armed since the rules were last cleared, including removed ones."""
        return tuple(self._rules(self._client.get("/faults", removed=True)))

    def add(
        self,
        fault: Any,
        operation: str = "*",
        match: Mapping[str, Any] | None = None,
        *,
        when: Mapping[str, Any] | None = None,
        **conditions: Any,
    ) -> Any:
        """Arm *fault* and return its rule; for a list of faults, arm all and return their rules.

        Arguments are those of `SegmentMock`'s ``faults.add``, except that neither *fault* nor *match* may be a
        function. Raises `SettingError` for a function, and for values that the server refuses.
        """
        all_conditions = {**(when or {}), **{name.rstrip("_"): value for name, value in conditions.items()}}
        if isinstance(fault, (list, tuple)):
            return self.load([self._row(one, operation, match, all_conditions) for one in fault])
        return self.load(self._row(fault, operation, match, all_conditions))[0]

    def load(self, definition: Any) -> list[RemoteFaultRule]:
        """Arm *definition*: a rule as JSON, the name of a kind, a fault, or a list of them. Arms all or none."""
        rows = (
            [self._sendable(one) for one in definition]
            if isinstance(definition, (list, tuple))
            else self._sendable(definition)
        )
        rules = self._rules(self._client.post("/faults", rows))
        for rule in rules:
            rule.where = caller()
        return rules

    @contextmanager
    def injected(
        self, fault: Any, operation: str = "*", match: Mapping[str, Any] | None = None, **conditions: Any
    ) -> Iterator[Any]:
        """Arm *fault* within a ``with`` block; arguments are those of `add`."""
        with disarm_afterwards(self, self.add(fault, operation, match, **conditions)) as armed:
            yield armed

    def get(self, id_: str) -> RemoteFaultRule | None:
        """Return the rule with this id, or None."""
        return next((rule for rule in self if rule.id == id_), None)

    def remove(self, id_: str) -> bool:
        """Disarm the rule with this id, and return whether there was one."""
        try:
            self._client.delete(f"/faults/{escaped(id_)}")
        except LookupError:
            return False
        return True

    def clear(self) -> None:
        """Disarm every fault, and number rules from 1 again."""
        self._client.delete("/faults")
        self._where.clear()

    def _rules(self, reply: Mapping[str, Any]) -> list[RemoteFaultRule]:
        return [RemoteFaultRule(self._client, row, self._where) for row in reply["faults"]]

    def _row(self, fault: Any, operation: str, match: Any, when: Mapping[str, Any]) -> dict[str, Any]:
        source = {"kind": fault} if isinstance(fault, str) else self._sendable(fault)
        fault, operation, match, when = own_members(source, operation, match, when)
        return {**fault, "operation": operation, "match": match, "when": {**when}}

    def _sendable(self, fault: Any) -> Any:
        """Return *fault* as JSON; raises SettingError if it is or contains a function."""
        if isinstance(fault, Fault):
            return fault.as_dict()
        match = fault.get("match") if isinstance(fault, Mapping) else None
        if callable(fault) or callable(match):
            what = f"match: {brief(match)}" if callable(match) else f"fault: {brief(fault)}"
            raise SettingError(
                f"{what} is a Python function and can't be sent to {self._client.url}; use a fault kind and JSON"
            )
        if isinstance(fault, str):
            return {"kind": fault}
        if not isinstance(fault, Mapping):
            raise SettingError(f"fault: {brief(fault)} can't be armed; expected a kind's name, a dict or a fault")
        return {**fault}


class RemoteFaultRule:
    """A rule that is armed on a server. Its counters are fetched on use; a removed rule keeps the last ones."""

    def __init__(self, client: ControlClient, data: Mapping[str, Any], where: dict[tuple[str, float], str]) -> None:
        self._client, self._data, self._where = client, data, where
        self.id, self.kind, self.operation = str(data["id"]), str(data["kind"]), str(data["operation"])
        self.match, self.armed, self.since = data.get("match"), float(data["armed"]), int(data["since"])
        self.when = When.of(dict(data["when"]))

    @property
    def where(self) -> str:
        """The line of this program, or of the server's program, that armed it."""
        return self._where.get((self.id, self.armed), str(self._data["where"]))

    @where.setter
    def where(self, value: str) -> None:
        """Note the line that armed the rule."""
        self._where[self.id, self.armed] = value

    def __repr__(self) -> str:
        return described(self, self._data["fired"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteFaultRule) and (self.id, self.armed) == (other.id, other.armed)

    def __hash__(self) -> int:
        return hash((self.id, self.armed))

    @cached_property
    def fault(self) -> Fault | None:
        """The fault; None for a function on the server, or a kind that is unknown in this process."""
        facts = (*_OF_RULE, "where", "armed", "since", "until")
        with suppress(SettingError):
            return fault_from_json({name: value for name, value in self._data.items() if name not in facts})
        return None

    @property
    def seen(self) -> int:
        """How many calls reached it."""
        return int(self._now["seen"])

    @property
    def matched(self) -> int:
        """How many calls its operation and match selected."""
        return int(self._now["matched"])

    @property
    def fired(self) -> int:
        """How many calls it struck (fired at)."""
        return int(self._now["fired"])

    @property
    def suppressed(self) -> int:
        """How many matching calls a condition such as ``times`` or ``chance`` spared."""
        return int(self._now["suppressed"])

    @property
    def until(self) -> int | None:
        """The id of the journal's newest entry when it was removed; None while it is in force."""
        until: int | None = self._now["until"]
        return until

    @property
    def is_spent(self) -> bool:
        """Whether it has fired as often as ``times`` allows."""
        return self.when.times is not None and self.fired >= self.when.times

    def explain(self) -> str:
        """Return a clause that says how often the rule fired, or why it did not."""
        return str(self._now["why"])

    def as_dict(self) -> dict[str, Any]:
        """Return the rule and its counters as JSON."""
        return {name: value for name, value in self._now.items() if name not in ("where", "armed", "since", "until")}

    @property
    def _now(self) -> Mapping[str, Any]:
        with suppress(LookupError):
            data = self._client.get(f"/faults/{escaped(self.id)}", removed=True)
            if data["armed"] == self.armed:  # otherwise the mock was reset, and another rule has this id
                self._data = data
        return self._data


class RemoteStub:
    """A canned answer of a server; ``calls`` is the number of its calls when this was fetched."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.source = {name: value for name, value in data.items() if name not in ("calls", "initial", "where")}
        self.calls, self.is_initial, self.where = int(data["calls"]), bool(data["initial"]), str(data["where"])

    def __str__(self) -> str:
        return f"{self.source['method']} {self.source['path']}"

    def as_dict(self) -> Json:
        """Return the stub as JSON, with its counter."""
        return {**self.source, "calls": self.calls}


class RemoteStubs:
    """The stubs in force on a server, in order."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    def __iter__(self) -> Iterator[RemoteStub]:
        return map(RemoteStub, self._client.get("/stubs")["stubs"])

    def __len__(self) -> int:
        return len(self._client.get("/stubs")["stubs"])

    def load(self, definition: Any) -> list[RemoteStub]:
        """Add the stubs that *definition*, a dict or a list of them, describes, all or none; raises `SettingError`."""
        stubs = [*map(RemoteStub, self._client.post("/stubs", definition)["stubs"])]
        for stub in stubs:
            stub.where = caller()
        return stubs

    def is_initial(self, stub: RemoteStub) -> bool:
        """Return whether *stub* came from the settings or a data file of the server."""
        return stub.is_initial

    def clear(self) -> None:
        """Remove every stub."""
        self._client.delete("/stubs")


class RemoteSnapshot:
    """A snapshot of a server's records; the server drops it when this object is garbage-collected."""

    def __init__(self, client: ControlClient) -> None:
        self.name = f"python-{os.urandom(8).hex()}"
        self.mark = int(client.post(f"/snapshots/{self.name}")["mark"])
        weakref.finalize(self, _forget, client, self.name).atexit = False


class RemoteVendorState:
    """``mock.<vendor>`` of a server: the records of one organization, without going through the vendor's API."""

    def __init__(self, client: ControlClient, vendor: Vendor, credential: str = "") -> None:
        self._client, self._vendor, self._credential = client, vendor, credential

    def of(self, credential: str) -> RemoteVendorState:
        """Return the same for the organization that *credential* names."""
        return RemoteVendorState(self._client, self._vendor, credential)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *member_names(self._vendor.state_class)]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        names = member_names(self._vendor.state_class)
        if name not in names:
            raise AttributeError(
                f"{self._vendor.name} of a remote mock has no attribute {name!r}{suggestion(name, names)}"
            )
        if isinstance(getattr(self._vendor.state_class, name), property):
            return self._call(name)
        return partial(self._call, name)

    def _call(self, name: str, /, *arguments: Any, **keywords: Any) -> Any:
        body = {"arguments": arguments, "keywords": keywords}
        path = f"/vendors/{self._vendor.name}/{name}"
        return self._client.post(path, body, organization=self._credential)["result"]


class _RemoteEntries:
    """The entries of a server's journal, for assertions."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    def __len__(self) -> int:
        return len(self._client.get("/journal")["entries"])

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.fetch())

    @property
    def forgotten(self) -> int:
        return int(self._client.get("/journal", limit=0)["forgotten"])

    def fetch(self, **query: Any) -> list[Entry]:
        """Return the entries that match *query*, oldest first."""
        rows = self._client.get("/journal", form="exact", **query)["entries"]
        return [RemoteEntry(row, self._client.url) for row in rows]

    def get(self, number: int) -> Entry | None:
        try:
            return RemoteEntry(self._client.get(f"/journal/{number}", form="exact"), self._client.url)
        except LookupError:
            return None

    def clear(self) -> None:
        self._client.delete("/journal")

    def describe_contents(self) -> str:
        return str(self._client.get("/journal", limit=0)["kept"])

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        clock, end = Clock(), Clock.monotonic() + timeout
        while not enough():
            if Clock.monotonic() >= end:
                return False
            clock.wait(_POLL)
        return True


class _RemoteCore:
    """The interface that assertions need (`testing.source.Source`), for a server."""

    def __init__(self, client: ControlClient) -> None:
        self.client, self.journal = client, _RemoteEntries(client)
        self.facts = client.get("/settings")
        known = {vendor.name: vendor for vendor in find_vendors()}
        self.vendors = {name: known[name] for name in self.facts["vendors"] if name in known}

    @cached_property
    def routes(self) -> Routes:
        settings = self.facts["settings"]
        options = {
            name: {option.name: settings.get(f"{name}_{option.name}", option.initial) for option in vendor.options}
            for name, vendor in self.vendors.items()
        }
        return Routes(self.vendors.values(), options, settings["hosts"])

    def now(self) -> float:
        return RemoteClock(self.client).now()

    def entry_filter(self, **filters: Any) -> EntryFilter:
        check_filters(filters, self.facts["operations"], [*self.facts["vendors"], UNMATCHED.name])
        organization = filters.get("organization")
        if organization and organization not in {entry.organization for entry in self.journal}:
            is_isolated = self.facts["settings"]["credentials"] == "isolated"
            filters["organization"] = organization_name(organization) if is_isolated else ""
        return EntryFilter(**filters)

    def entries(self, **filters: Any) -> list[Entry]:
        wanted = self.entry_filter(**filters)
        return wanted.select(self.journal.fetch(vendor=wanted.vendor, operation=wanted.operation, since=wanted.since))

    def snapshot(self) -> RemoteSnapshot:
        return RemoteSnapshot(self.client)

    def changes_since(self, snapshot: RemoteSnapshot) -> dict[str, list[Difference]]:
        changes = self.client.get(f"/snapshots/{escaped(snapshot.name)}/changes")["changes"]
        return {table: [*map(_difference, rows)] for table, rows in changes.items()}


_OF_RULE = ("id", "operation", "when", "match", "seen", "matched", "fired", "suppressed", "why")


def _difference(row: Mapping[str, Any]) -> Difference:
    key = tuple(row["key"]) if isinstance(row["key"], list) else row["key"]
    return Difference(row["table"], key, row["before"], row["after"])


def _forget(client: ControlClient, name: str) -> None:
    with suppress(Exception):  # the server was stopped or reset
        client.delete(f"/snapshots/{name}")
