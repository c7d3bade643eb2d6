"""``segment_mock.connect``: the interface of `SegmentMock` for a running server, over its control plane."""

from __future__ import annotations

import json as json_module
import os
import ssl
import weakref
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
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
from .emulator import Emulator, naming_rules, rules_of
from .faults import Fault, When, fault_from_json, own_members
from .faults.rule import Injection, described
from .hosts import normalized
from .journal import Entry, EntryFilter, check_filters
from .json_match import brief, is_long
from .messages import Request
from .routing import UNMATCHED, Routes
from .settings import OPTIONS, SettingError, merged, read_rules, several, suggestion, unknown_name
from .settings.files import STUBS as STUB_ROWS
from .settings.files import located, naming
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
    """Connect to a running server, and return its mock with the interface of `SegmentMock`.

    * *url*: the base URL of the server, such as ``http://127.0.0.1:7357``
    * *admin_token*: the value of the server's ``--admin-token``, if it has one
    * *ca_file*: the CA certificate of a server with ``--tls`` (default: the variable SEGMENT_MOCK_CA_FILE)

    Raises ConnectionError if no segment-mock answers at *url*, PermissionError if the server refuses the token, and
    `SettingError` for an invalid URL.

        with connect("http://127.0.0.1:7357") as mock:
            mock.reset()
            mock.faults.add("latency", "salsa.*")
    """
    return RemoteMock(ControlClient(url, admin_token, ca_file=ca_file or os.environ.get("SEGMENT_MOCK_CA_FILE")))


class RemoteMock:
    """A mock in another process, controlled over HTTP. `connect` creates it.

    It has the interface of `SegmentMock`, with the exception that Python functions can't be sent to the server. Errors
    name the server and repeat the server's message. Returned entries and stubs show the state at the time of the
    request; the counters of a rule are fetched on use.
    """

    def __init__(self, client: ControlClient) -> None:
        """Use *client* for the requests to the server's control plane."""
        self._client = client
        self._core = _RemoteCore(client)
        self.refused: Counter[str] = Counter()
        """The number of calls in this process that ``block_network`` refused, by host."""
        self.faults = RemoteFaultRules(client)
        """The armed faults of the mock: add, inspect and remove them here."""
        self.clock = RemoteClock(client)
        """The clock of the mock, which you can freeze, set and advance."""
        self.journal = RemoteJournal(self._core)
        """The journal of the mock: its most recent calls, with responses, changes, and assertions on them."""
        self.stubs = RemoteStubs(client)
        """The stubs of the mock, each with the number of calls that it has answered."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<segment-mock at {self.url}>"

    if TYPE_CHECKING:

        @property
        def salsa(self) -> SalsaState:
            """The records of Salsa Engage, without ``store`` and ``world``, which exist only in the server."""

        @property
        def segmenter(self) -> SegmenterState:
            """The records of the Segmenter, without ``store`` and ``world``, which exist only in the server."""

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
        """Return the records of the vendor *name*, the same as ``mock.<name>``.

        Raises `SettingError` for a vendor that is not installed both on the server and in this process.
        """
        vendors = self._core.vendors
        if not isinstance(name, str) or name not in vendors:
            raise SettingError(unknown_name("vendor", name, vendors))
        return RemoteVendorState(self._client, vendors[name])

    @property
    def url(self) -> str:
        """The base URL of the server, without a trailing slash."""
        return self._client.url

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the server by name, without data. A list of credentials is replaced by their number."""
        return MappingProxyType(self._core.facts["settings"])

    def session(self, *, max_retries: Retry | int = 0) -> MockSession:
        """Return a `requests.Session` whose calls go to the server. A URL may be only a path.

        *max_retries* is the argument of requests' ``HTTPAdapter``: a number or urllib3's ``Retry`` (default: 0).
        """
        from .transports.inprocess.session import MockSession

        session = MockSession(self._transport(), max_retries=max_retries)
        session.base = self.url
        return session

    def intercept(
        self, *, block_network: bool = False, transport: str | None = None, hosts: Iterable[str] = ()
    ) -> Interception:
        """Return a context manager and decorator that routes calls to the vendors' hosts to the server.

        *block_network* and *hosts* are as in `SegmentMock.intercept`. *transport* is ``live``, or ``tls`` if the server
        uses TLS (default: the one that the server uses). Raises `SettingError` for any other transport.
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
        """Add a fixed response to calls that match no operation, and return it.

        It takes the same arguments as `SegmentMock.stub`, but *body* must be text. Raises `SettingError` for an invalid
        argument, and for the path of an operation.
        """
        response = {"json": json, "body": body, "status": status, "headers": headers, "times": times}
        row = {"method": method, "path": path, **{name: value for name, value in response.items() if value is not None}}
        return self.stubs.load(row)[0]

    def state(self, organization: str = "", *, deleted: bool = False) -> Json:
        """Return all records of an organization as a dictionary in the form of a data file.

        *organization* is the credential of the organization (default: the organization of the initial data). *deleted*
        adds the ids of deleted records under ``deleted``, because Salsa accepts such an id again.
        """
        state: Json = self._client.get("/state", organization=organization, deleted=deleted)
        return state

    def load(self, document: Json, organization: str = "") -> None:
        """Replace all records of an organization with those of *document*, a dictionary in the form of a data file.

        *organization* is the credential of the organization (default: the organization of the initial data). `reset`
        still returns to the initial data. Raises `SettingError`, and changes nothing, if a row is invalid.
        """
        self._client.put("/state", document, organization=organization)

    def snapshot(self) -> RemoteSnapshot:
        """Take a snapshot of the records of all organizations, for a later `restore`.

        The server drops the snapshot when the returned object is garbage-collected.
        """
        return self._core.snapshot()

    def restore(self, snapshot: RemoteSnapshot | str) -> None:
        """Restore the records of all organizations from *snapshot*, a snapshot or its name.

        The clock, faults and journal stay the same. Raises LookupError for an unknown name, and if the mock was reset
        since.
        """
        name = snapshot.name if isinstance(snapshot, RemoteSnapshot) else snapshot
        self._client.post(f"/snapshots/{escaped(name)}/restore")

    def rewind(self, to: Entry | int) -> None:
        """Restore the records of all organizations to their state right after a call in the journal.

        *to* is the entry of the call, or the entry's id. The clock, faults and journal stay the same. Raises
        LookupError for an entry that is still open, that was dropped, or that another mock recorded.
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
        """Return a context manager that asserts that the records change exactly as *expected*.

        Each keyword is a vendor, with a dictionary of tables and their expected changes: `added`, `updated`, `removed`,
        joined by ``+``, or `anything`. A table that is not named must not change. Raises `SettingError` for an unknown
        vendor or table, and AssertionError with a diff at the end of the block.

            with mock.expect_changes(salsa={"segments": added(2) + removed({"name": "Old"})}):
                sync_groups()
        """
        return ExpectedChanges(self._core, expected)

    def reset(self) -> None:
        """Return the mock to its initial state: initial data and stubs, real time, no faults, an empty journal.

        Rate limits start again, and the faults of the settings are removed too. Calls that still wait are closed
        without being performed.
        """
        self._client.post("/reset")
        self.refused.clear()

    def prepare(self, **settings: Any) -> None:
        """Reset the server, and load the settings *data*, *faults*, *scenario* and *stubs* of `SegmentMock`.

        A running server can't change other settings: `SettingError` is raised unless the server was started with the
        same value. A later `reset` returns to the server's own data.
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
        sources = values.get("data", ())
        document = merged(sources, "data")
        stubs = document.pop(STUB_ROWS, {}).get(STUB_ROWS, [])
        try:
            if document:
                self.load(document)
            if stubs:
                self.stubs.load(stubs)
        except SettingError as error:
            try:
                Emulator({"data": sources})  # finds the same mistake, with the places of all rows that are part of it
            except SettingError as own:
                raise own from None
            raise located(error, sources, "data") from None
        for source in values.get("stubs", ()):
            with naming(source, "stub: ", "stubs"):
                self.stubs.load(read_rules(source) if isinstance(source, str) else source)
        self._load_faults(values.get("scenario", ()), values.get("faults", ()))

    def _require(self, name: str, value: Any) -> None:
        """Raise `SettingError` unless the server's setting *name* equals *value*.

        Of credentials, only the number is compared.
        """
        as_shown = json_module.loads(json_module.dumps(public_settings({name: value}), default=str))
        if as_shown.get(name) != self.settings.get(name):
            raise SettingError(
                f"{name}: {self.url} was started with {self.settings.get(name)!r} and can't change it to {value!r}; "
                "start it with that value, or use a mock in this process"
            )

    def _load_faults(self, names: Iterable[str], sources: Iterable[Any]) -> None:
        scenarios = {row["name"]: row for row in self._client.get("/scenarios")["scenarios"]} if names else {}
        for name in names:
            if name not in scenarios:
                raise SettingError(f"scenario: {unknown_name('scenario', name, scenarios)}")
            for rule in self.faults.load(scenarios[name]["faults"]):
                rule.where = f"scenario {name}"
        for source in sources:
            with naming_rules(source):
                self.faults.load(rules_of(source))

    @property
    def transport(self) -> str:
        """The transport of intercepted calls: ``tls`` if the server uses TLS, else ``live``."""
        return "tls" if self.url.startswith("https:") else "live"

    def close(self) -> None:
        """Close the connections to the server. The server continues to run."""
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
    """An entry of a server's journal, at the time it was fetched."""

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
        """The HTTP status that the client received, or None before the response and if no status line was sent."""
        status: int | None = self._data["status"]
        return status

    @property
    def outcome(self) -> str:
        """How the call ended; the values are the same as for `Entry.outcome`."""
        return str(self._data["outcome"])

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The headers of the response, empty before the response; credentials are redacted."""
        headers: Mapping[str, str] = self._data["response"]["headers"]
        return headers

    @property
    def response_body(self) -> bytes:
        """The part of the response's body that was sent, cut at 64 KiB; empty before the response."""
        return b64decode(self._data["exact"]["response_body"])

    @property
    def changes(self) -> tuple[Difference, ...]:
        """The net change of each record that the call changed: table, key, and the record before and after.

        Empty before the response.
        """
        return tuple(map(_difference, self._data["changes"]))


class RemoteJournal(BaseJournal):
    """The journal of a running server, with the methods of `Journal` except ``subscribe``."""

    def __init__(self, core: _RemoteCore) -> None:
        super().__init__(core)
        self._client = core.client

    def capsule(self, about: str = "") -> dict[str, Any]:
        """Return a capsule: initial records, seed, clock, faults and calls, as a JSON-compatible dictionary.

        Save it as a JSON file, and ``segment-mock replay FILE`` repeats the calls. It contains no credentials. *about*
        is its title, such as the id of a test. Raises LookupError if the records before the first call can no longer be
        restored.
        """
        capsule: dict[str, Any] = self._client.get("/capsule", about=about)
        return capsule


class RemoteClock:
    """The clock of a running server, which you can freeze, set and advance as a `Clock`; it can't patch sleeping."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    @property
    def frozen(self) -> bool:
        """Whether the clock is frozen."""
        return bool(self._client.get("/clock")["frozen"])

    def now(self) -> float:
        """Return the current time of the mock in epoch seconds, rounded to milliseconds."""
        return seconds(self.iso())

    def iso(self) -> str:
        """Return the current time of the mock as ISO 8601 in UTC, such as ``2026-01-31T12:00:00.000Z``."""
        return str(self._client.get("/clock")["now"])

    def freeze(self, at: str | float | datetime | None = None) -> None:
        """Stop the clock at *at*, an ISO 8601 string, a `datetime` or epoch seconds (default: the current time).

        A string or a `datetime` without a time zone is UTC. Raises ValueError if *at* is not a time in the years 1 to
        9999.
        """
        self.turn("freeze", True if at is None else at)

    def resume(self) -> None:
        """Unfreeze the clock, which continues from its current time. A running clock is not changed."""
        self.turn("freeze", False)

    def set(self, to: str | float | datetime, *, frozen: bool | None = None) -> None:
        """Set the clock to *to*, an ISO 8601 string, a `datetime` or epoch seconds; the clock may move backwards.

        A string or a `datetime` without a time zone is UTC. *frozen* says whether the clock is frozen afterwards
        (default: as before). Raises ValueError if *to* is not a time in the years 1 to 9999.
        """
        self.turn("freeze" if frozen else "set", to)
        if frozen is False:
            self.resume()

    def advance(self, by: float) -> None:
        """Move the clock forward by *by* seconds, whether it is frozen or running.

        Raises ValueError if *by* is negative, is not a number, or would move the clock past the year 9999.
        """
        self.turn("advance", by)

    def turn(self, change: str, value: object) -> None:
        """Perform one action of the control plane: ``freeze`` (true, false or a time), ``set`` or ``advance``.

        Raises ValueError for any other action, and for a value of the wrong type.
        """
        self._client.post("/clock", {change: seconds(value) if isinstance(value, datetime) else value})

    def patch_sleep(self) -> NoReturn:
        """Raise `SettingError`, because only a mock in this process can move the time of this process."""
        raise SettingError(
            f"sleep: the clock of {self._client.url} can't move the time of this process; use clock.advance, "
            "or a mock in this process"
        )


class RemoteFaultRules:
    """The armed fault rules of a running server, in the order of arming.

    You can add, load, inspect, inject, remove and clear them as with `FaultRules`.
    """

    def __init__(self, client: ControlClient) -> None:
        self._client = client
        self._where: dict[tuple[str, float], str] = {}

    def __iter__(self) -> Iterator[RemoteFaultRule]:
        return iter(self._rules(self._client.get("/faults")))

    def __len__(self) -> int:
        return len(self._client.get("/faults")["faults"])

    @property
    def armed(self) -> tuple[RemoteFaultRule, ...]:
        """Every rule armed since the last `clear` or reset, including rules that were removed since."""
        return tuple(self._rules(self._client.get("/faults", removed=True)))

    @property
    def ever_armed(self) -> tuple[RemoteFaultRule, ...]:
        """The same as `armed`: a server forgets the rules that `clear` removes."""
        return self.armed

    def add(
        self,
        fault: Any,
        operation: str = "*",
        match: Mapping[str, Any] | None = None,
        *,
        when: Mapping[str, Any] | None = None,
        **conditions: Any,
    ) -> Any:
        """Arm a fault, and return its rule. For a list of faults, arm all of them and return a list of rules.

        It takes the same arguments as `FaultRules.add`, but neither *fault* nor *match* may be a function. Raises
        `SettingError` for a function, and for values that the server refuses.
        """
        all_conditions = {**(when or {}), **{name.rstrip("_"): value for name, value in conditions.items()}}
        if isinstance(fault, (list, tuple)):
            return self.load([self._row(source, operation, match, all_conditions) for source in fault])
        return self.load(self._row(fault, operation, match, all_conditions))[0]

    def load(self, definition: Any) -> list[RemoteFaultRule]:
        """Arm the rules of a *definition* as in a faults file, and return them.

        *definition* is one rule, or a list of rules of which all or none are armed. A rule is a dictionary, the name of
        a kind or a `Fault`. Raises `SettingError` for a function, and for values that the server refuses.
        """
        rows = (
            [self._sendable(row) for row in definition]
            if isinstance(definition, (list, tuple))
            else self._sendable(definition)
        )
        rules = self._rules(self._client.post("/faults", rows))
        for rule in rules:
            rule.where = caller()
        return rules

    def injected(
        self, fault: Any, operation: str = "*", match: Mapping[str, Any] | None = None, **conditions: Any
    ) -> AbstractContextManager[Any]:
        """Return a context manager that arms *fault* for the ``with`` block, and gives the rule (or the list of rules).

        It takes the same arguments as `add`, and raises the same errors at the start of the block. It is a decorator
        too. A RuntimeWarning says if it was used in neither way.
        """
        return Injection(self, partial(self.add, fault, operation, match, **conditions))

    def get(self, id_: str) -> RemoteFaultRule | None:
        """Return the rule in force with this id, or None if there is none."""
        return next((rule for rule in self if rule.id == id_), None)

    def remove(self, id_: str) -> bool:
        """Disarm the rule with this id, and return whether it was in force."""
        try:
            self._client.delete(f"/faults/{escaped(id_)}")
        except LookupError:
            return False
        return True

    def clear(self) -> None:
        """Disarm every rule; the next rule gets the id 1."""
        self._client.delete("/faults")
        self._where.clear()

    def _rules(self, response: Mapping[str, Any]) -> list[RemoteFaultRule]:
        return [RemoteFaultRule(self._client, row, self._where) for row in response["faults"]]

    def _row(self, fault: Any, operation: str, match: Any, when: Mapping[str, Any]) -> dict[str, Any]:
        source = {"kind": fault} if isinstance(fault, str) else self._sendable(fault)
        fault, operation, match, when = own_members(source, operation, match, when)
        return {**fault, "operation": operation, "match": match, "when": {**when}}

    def _sendable(self, fault: Any) -> Any:
        """Return *fault* as a JSON-compatible dictionary; raises `SettingError` if it is or contains a function."""
        if isinstance(fault, Fault):
            return fault.as_dict()
        match = fault.get("match") if isinstance(fault, Mapping) else None
        if callable(fault) or callable(match):
            culprit = f"match: {_name_of(match)}" if callable(match) else f"fault: {_name_of(fault)}"
            raise SettingError(
                f"{culprit} is a Python function and can't be sent to {self._client.url}; use a fault kind and JSON"
            )
        if isinstance(fault, str):
            return {"kind": fault}
        if not isinstance(fault, Mapping):
            raise SettingError(f"fault: {brief(fault)} can't be armed; expected a kind's name, a dict or a fault")
        return {**fault}


class RemoteFaultRule:
    """An armed rule of a server, with the conditions, counters and `explain` of a `FaultRule`.

    Its counters are fetched on use. A rule that was removed keeps the counters that were fetched last.
    """

    def __init__(self, client: ControlClient, data: Mapping[str, Any], where: dict[tuple[str, float], str]) -> None:
        self._client, self._data, self._where = client, data, where
        self.id, self.kind, self.operation = str(data["id"]), str(data["kind"]), str(data["operation"])
        self.match, self.armed, self.since = data.get("match"), float(data["armed"]), int(data["since"])
        self.when = When.of(dict(data["when"]))

    @property
    def where(self) -> str:
        """The line of code that armed the rule (``file:line``), in this program or in the server's."""
        return self._where.get((self.id, self.armed), str(self._data["where"]))

    @where.setter
    def where(self, value: str) -> None:
        """Remember the line of code that armed the rule."""
        self._where[self.id, self.armed] = value

    def __repr__(self) -> str:
        return described(self, self._data["fired"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteFaultRule) and (self.id, self.armed) == (other.id, other.armed)

    def __hash__(self) -> int:
        return hash((self.id, self.armed))

    @cached_property
    def fault(self) -> Fault | None:
        """The fault, or None if it is a function on the server or a kind that this process does not know."""
        facts = (*_OF_RULE, "where", "armed", "since", "until")
        with suppress(SettingError):
            return fault_from_json({name: value for name, value in self._data.items() if name not in facts})
        return None

    @property
    def seen(self) -> int:
        """The number of calls that reached the rule."""
        return int(self._now["seen"])

    @property
    def matched(self) -> int:
        """The number of calls that the operation and the match select."""
        return int(self._now["matched"])

    @property
    def fired(self) -> int:
        """The number of calls that the fault struck."""
        return int(self._now["fired"])

    @property
    def suppressed(self) -> int:
        """The number of matching calls that the fault left alone.

        Either a condition such as ``times`` or ``chance`` excluded the call, or the fault had nothing to change in it.
        """
        return int(self._now["suppressed"])

    @property
    def until(self) -> int | None:
        """The id of the journal's newest entry when the rule was removed; None while the rule is armed."""
        until: int | None = self._now["until"]
        return until

    @property
    def is_spent(self) -> bool:
        """Whether the fault has struck as often as ``times`` allows, so that it can't strike again."""
        return self.when.times is not None and self.fired >= self.when.times

    def explain(self) -> str:
        """Return a phrase that says how often the rule fired, or why it did not."""
        return str(self._now["why"])

    def as_dict(self) -> dict[str, Any]:
        """Return the rule, its counters and `explain` (as ``why``), as a JSON-compatible dictionary."""
        return {name: value for name, value in self._now.items() if name not in ("where", "armed", "since", "until")}

    @property
    def _now(self) -> Mapping[str, Any]:
        with suppress(LookupError):
            data = self._client.get(f"/faults/{escaped(self.id)}", removed=True)
            if data["armed"] == self.armed:  # otherwise the mock was reset, and another rule has this id
                self._data = data
        return self._data


class RemoteStub:
    """A stub of a server. ``calls`` is the number of calls that it had answered when it was fetched."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.source = {name: value for name, value in data.items() if name not in ("calls", "initial", "where")}
        self.calls, self.is_initial, self.where = int(data["calls"]), bool(data["initial"]), str(data["where"])

    def __str__(self) -> str:
        return f"{self.source['method']} {self.source['path']}"

    def as_dict(self) -> Json:
        """Return the stub and its number of calls as a JSON-compatible dictionary."""
        return {**self.source, "calls": self.calls}


class RemoteStubs:
    """The stubs of a server, in the order in which they were added."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    def __iter__(self) -> Iterator[RemoteStub]:
        return map(RemoteStub, self._client.get("/stubs")["stubs"])

    def __len__(self) -> int:
        return len(self._client.get("/stubs")["stubs"])

    def load(self, definition: Any) -> list[RemoteStub]:
        """Add the stubs of *definition*, a dictionary or a list of dictionaries, and return them.

        Raises `SettingError`, and adds none of them, if one is invalid.
        """
        stubs = [*map(RemoteStub, self._client.post("/stubs", definition)["stubs"])]
        for stub in stubs:
            stub.where = caller()
        return stubs

    def is_initial(self, stub: RemoteStub) -> bool:
        """Return whether *stub* is an initial stub: one of the server's settings or data files."""
        return stub.is_initial

    def clear(self) -> None:
        """Remove all stubs. A reset still returns to the initial stubs."""
        self._client.delete("/stubs")


class RemoteSnapshot:
    """A snapshot of a server's records; the server drops it when this object is garbage-collected."""

    def __init__(self, client: ControlClient) -> None:
        self.name = f"python-{os.urandom(8).hex()}"
        self.mark = int(client.post(f"/snapshots/{self.name}")["mark"])
        weakref.finalize(self, _forget, client, self.name).atexit = False


class RemoteVendorState:
    """The records of one organization of a server, read and changed without a call to the vendor's API."""

    def __init__(self, client: ControlClient, vendor: Vendor, credential: str = "") -> None:
        self._client, self._vendor, self._credential = client, vendor, credential

    def of(self, credential: str) -> RemoteVendorState:
        """Return the records of the organization that *credential* selects."""
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
    """The interface that assertions need, for a server; see `testing.source.Source`."""

    def __init__(self, client: ControlClient) -> None:
        self.client, self.journal = client, _RemoteEntries(client)
        self.facts = client.get("/settings")
        vendors = {vendor.name: vendor for vendor in find_vendors()}
        self.vendors = {name: vendors[name] for name in self.facts["vendors"] if name in vendors}

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

    def _fault_names(self) -> list[str]:
        names_in_journal = [word for entry in self.journal for fault in entry.faults for word in fault.split()]
        armed = self.client.get("/faults", removed=True)["faults"]
        return [
            *(row["name"] for row in self.client.get("/fault-kinds")["kinds"]),
            *(rule["kind"] for rule in armed),
            *names_in_journal,
        ]

    def entry_filter(self, **filters: Any) -> EntryFilter:
        vendors = [*self.facts["vendors"], UNMATCHED.name]
        key_headers = [vendor.key_header for vendor in self.vendors.values()]
        check_filters(filters, self.facts["operations"], vendors, self._fault_names, key_headers)
        organization = filters.get("organization")
        if organization and organization not in {entry.organization for entry in self.journal}:
            is_isolated = self.facts["settings"]["credentials"] == "isolated"
            filters["organization"] = organization_name(organization) if is_isolated else ""
        return EntryFilter(**filters)

    def entries(self, **filters: Any) -> tuple[list[Entry], list[Entry]]:
        entry_filter = self.entry_filter(**filters)
        entries = self.journal.fetch(
            vendor=entry_filter.vendor, operation=entry_filter.operation, since=entry_filter.since
        )
        return entry_filter.select(entries), entry_filter.undecided(entries)

    def snapshot(self) -> RemoteSnapshot:
        return RemoteSnapshot(self.client)

    def changes_since(self, snapshot: RemoteSnapshot) -> dict[str, list[Difference]]:
        changes = self.client.get(f"/snapshots/{escaped(snapshot.name)}/changes")["changes"]
        return {table: [*map(_difference, rows)] for table, rows in changes.items()}


_OF_RULE = ("id", "operation", "when", "match", "seen", "matched", "fired", "suppressed", "why")


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", None) or brief(function)


def _difference(row: Mapping[str, Any]) -> Difference:
    key = tuple(row["key"]) if isinstance(row["key"], list) else row["key"]
    return Difference(row["table"], key, row["before"], row["after"])


def _forget(client: ControlClient, name: str) -> None:
    with suppress(Exception):  # the server was stopped or reset
        client.delete(f"/snapshots/{name}")
