"""The core: all vendors over one world. Answers calls; resets, snapshots, state and queries of the journal."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .core import Call, Json, Refusal, Vendor
from .core.call import all_options
from .core.steps import Policy, begin, end, perform
from .core.vendor_state import load_records
from .core.world import RateWindow, World
from .faults import FaultRules, is_kind, kinds
from .hosts import host_of, is_browser_noise, normalized
from .journal import Entry, EntryFilter, Journal, check_filters
from .json_match import brief, is_json_in_force, json_words
from .messages import Admission, ConnectFailure, Pending, Request, Response, is_preflight
from .routing import UNMATCHED, Routes
from .settings import (
    SettingError,
    merged,
    read_data,
    read_rules,
    resolve,
    scenarios,
    scenarios_of,
    suggestion,
    unknown_name,
)
from .settings.files import DATA_FORM, is_from_file, located, naming, place_of_scenario
from .settings.files import STUBS as STUB_ROWS
from .store import Change, Difference, InitialRecords, Store, Table, differences
from .stubs import Stubs
from .tally import CallTally
from .vendors import find_vendors
from .wording import comma_list

_NO_ICON = Response(404, {"Content-Type": "text/plain; charset=utf-8"}, b"There is nothing for browsers here.\n")
"""The response to requests that browsers send on their own, such as for an icon; the journal does not record them."""
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "*"}
_PREFLIGHT = Response(
    204,
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Max-Age": "600",
    },
)
"""The response to a CORS preflight request; the journal does not record those either."""
DELETED = "deleted"
"""The collection of a data file that lists the ids of deleted records."""


class Snapshot:
    """The records of all organizations at one moment, as `SegmentMock.snapshot` returns them.

    Pass it to `SegmentMock.restore` to return to that moment. A reset of the mock makes it unusable.
    """

    def __init__(self, world: World, mark: int | None = None) -> None:
        with world.lock:
            self.mark = world.log.mark if mark is None else mark
            world.log.hold(self.mark)
        self._world = weakref.ref(world)
        weakref.finalize(self, world.log.release, self.mark)

    def is_of(self, world: World) -> bool:
        """Return whether this is a snapshot of *world*."""
        return self._world() is world


class FaultyAdmission(Admission):
    """Fails connections to the vendors' hosts while a ``connect`` fault is armed."""

    def __init__(self, fault_rules: FaultRules, routes: Routes) -> None:
        self._fault_rules, self._routes = fault_rules, routes

    @property
    def armed(self) -> int:
        """The number of ``connect`` faults that were armed so far."""
        return self._fault_rules.connections_armed

    def __call__(self, host: str) -> ConnectFailure | None:
        """Return how a new connection to *host* fails, or None if it is established."""
        if not self._fault_rules.active:
            return None
        return self._fault_rules.connect_failure(self._routes.vendor_of(host), normalized(host))


class Emulator:
    """All vendors over one world. Raises `SettingError` for a bad one of its *settings*.

    ``answer`` uses no socket, no thread and no real time; transports call it.
    """

    tally: CallTally | None = None
    """The calls that were counted so far, where they are counted from the start on."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.vendors = {vendor.name: vendor for vendor in find_vendors()}
        self.settings = resolve(all_options(self.vendors.values()), settings)
        self.world = self._new_world()
        self.journal = self._new_journal()
        self._policy = self._policy_of_settings()
        self._options = {
            vendor.name: {option.name: self.settings[f"{vendor.name}_{option.name}"] for option in vendor.options}
            for vendor in self.vendors.values()
        }
        self.routes = Routes(self.vendors.values(), self._options, self.settings["hosts"])
        self.stubs = Stubs(self.routes)
        self.refused: Counter[str] = Counter()
        """How often clients called each host that was refused."""
        journal = self.journal  # a closure over self would be a reference cycle
        self.fault_rules = self._new_fault_rules(lambda: journal.newest)
        self.admission: Admission = FaultyAdmission(self.fault_rules, self.routes)
        self._snapshots: dict[str, Snapshot] = {}
        self.on_reset: list[Callable[[], None]] = []
        self._settings_at_start = dict(self.settings)
        self._begin()

    def _new_world(self) -> World:
        return _world_of(self.settings)

    def _new_journal(self) -> Journal:
        return Journal(self.settings["journal_size"], self.settings["journal_bytes"])

    def _new_fault_rules(self, newest: Callable[[], int]) -> FaultRules:
        return FaultRules(self.world, self.routes.operations(), newest)

    def _new_window(self, calls: int, seconds: float) -> RateWindow:
        return RateWindow(calls, seconds)

    def _begin(self) -> None:
        """Prepare for calls."""
        self._start()

    @property
    def outage(self) -> str:
        """The reason why no call can be answered at the moment, or ``""``: a store may be unavailable."""
        return ""

    readings = 0
    """How often the state was read back from its store, where state lasts."""

    def save(self, since: int | None = None) -> None:
        """Make all that has happened last, where state does; raises `StoreUnavailable` if that fails.

        It also fails if *since*, the `readings` before the changes, is not the number now: then they are undone.
        """

    def close(self) -> None:
        """Release everything that outlives the process."""

    def _start(self) -> None:
        """Load the initial data, arm the faults and add the stubs of the settings."""
        self._load_data()
        self._read_scenarios()
        self._arm()
        self._load_stubs()

    def _load_data(self) -> None:
        self.world.set_initial_data(self._loaded(self.settings["data"], "data"))

    def _load_stubs(self) -> None:
        for source in self.settings["stubs"]:
            with naming(source, "stub: ", "stubs"):
                self.stubs.load(read_rules(source) if isinstance(source, str) else source)
        self.stubs.keep()

    def answer(self, request: Request) -> Response | Pending:
        """Return the vendor's response to *request*.

        While a fault rule can fire, return a coroutine of the response, which awaits nothing but `clock.sleep`.
        """
        has_cors = self.settings["cors"]
        if has_cors and is_preflight(request):
            return _PREFLIGHT
        call = self.call(request)
        if call.operation.name in ("", "no_such_operation") and self._is_browser_noise(request):
            return _NO_ICON
        if self.fault_rules.active:
            return self._answer_with_faults(call)
        entry, response = begin(call, self.journal), None
        try:
            response = perform(call, self._policy)
            if has_cors:
                response = _shared(response)
        finally:
            end(call, entry, response, self.journal)
        return response

    def call(self, request: Request) -> Call:
        """Return *request* as a call to the operation or stub that answers it."""
        vendor, operation, arguments, assumed = self.routes.find(request)
        if not operation.paths and self.stubs:
            operation = self.stubs.operation_for(request) or operation
        name = f"{vendor.name}.{operation.name}" if operation.name else vendor.name
        world, options = self.world, self._options.get(vendor.name, {})
        call = Call(request, vendor, operation, name, world, options, arguments, world.clock.now(), world.generation)
        if assumed:
            call.assume(assumed)
        return call

    async def _answer_with_faults(self, call: Call) -> Response:
        entry, response = begin(call, self.journal), None
        try:
            try:
                response = await self.fault_rules.apply(call, partial(perform, call, self._policy))
            except Refusal as refusal:
                response = call.render_refusal(refusal)
            response = call.with_faults(response)
            if self.settings["cors"]:
                response = _shared(response)
        except (Exception, SystemExit) as error:
            call.hints.append(f"a fault, or the match of a rule, raised {brief(error, 300)}")
            if isinstance(error, SystemExit):  # it must not end the program or the event loop
                raise RuntimeError(f"a fault raised {error!r}") from error
            raise
        finally:
            end(call, entry, response, self.journal)
        return response

    def _is_browser_noise(self, request: Request) -> bool:
        return is_browser_noise(request.target) and not self.routes.owns(host_of(request.headers.get("host", "")))

    def now(self) -> float:
        """Return the time of the mock's clock in epoch seconds."""
        return self.world.clock.now()

    def vendor_state(self, name: str) -> Any:
        """Return the records of the vendor *name* (``mock.<name>``); raises KeyError for an unknown name."""
        vendor = self.vendors[name]
        return vendor.state_class(self.world, vendor, "")

    def reset(self) -> None:
        """Return to the initial data and clear everything else. Calls in flight are closed without being performed."""
        for interrupt in self.on_reset:
            interrupt()
        with self.world.lock:
            self.world.reset()
            self.fault_rules.reset()
            self.stubs.reset()
            self.refused.clear()
            self.journal.reset()
            self._snapshots.clear()
            for window in self._policy.windows.values():
                window.clear()

    def reload(self) -> None:
        """Read the files of data, faults, stubs and scenarios again, and reset to their contents.

        Raises `SettingError`, and changes nothing, if a file is invalid.
        """
        settings_before = self._settings_at_start
        stubs = [read_rules(source) if isinstance(source, str) else source for source in settings_before["stubs"]]
        sources = {
            "data": [read_data(source) if isinstance(source, str) else source for source in settings_before["data"]],
            "faults": [rule for source in settings_before["faults"] for rule in _as_list(rules_of(source))],
            "stubs": [stub for source in stubs for stub in _as_list(source)],
            "scenarios": [scenarios_of([source]) for source in settings_before["scenarios"]],
        }
        settings = {**settings_before, **sources}
        try:
            Emulator(settings)  # raises for unusable settings before anything has changed
        except SettingError:
            Emulator(settings_before)  # the same files, whose names this error has
            raise
        with self.world.lock:
            self.reset()
            self.stubs.forget()
            self.settings = resolve(all_options(self.vendors.values()), settings)
            self.world.forget_initial_data()
            self._start()

    def state(self, credential: str = "", *, deleted: bool = False) -> Json:
        """Return all records of the organization of *credential* in the form of a data file.

        *deleted* adds deleted ids.
        """
        with self.world.lock:
            return self.document(self.world.look_up(credential).store, deleted=deleted)

    def document(self, store: Store, *, deleted: bool) -> Json:
        """Return the records of *store* in the form of a data file; *deleted* adds the deleted ids."""
        document = {name: vendor.export(store) for name, vendor in self.vendors.items()}
        for name, vendor in self.vendors.items() if deleted else ():
            document[name].update(_deleted(vendor, store))
        return document

    def load(self, document: Json, credential: str = "", place: str = "") -> None:
        """Replace the records of one organization with those of *document*, which is at *place* in a file, if any.

        `reset` still returns to the initial data.

        Raises `SettingError`, and changes nothing, if a row is invalid.
        """
        if not isinstance(document, (Mapping, str)):
            raise SettingError(f"expected a dictionary of vendors, got {brief(document)}; the form is {DATA_FORM}")
        initial = self._loaded([document], place)
        with self.world.lock:
            self.world.organization(credential).store.replace(initial.items())

    def snapshot(self, name: str | None = None) -> Snapshot:
        """Take a snapshot of all records, and keep it under *name* if one is given."""
        snapshot = Snapshot(self.world)
        if name is not None:
            self._snapshots[name] = snapshot
        return snapshot

    @property
    def snapshots(self) -> Mapping[str, Snapshot]:
        """The named snapshots, oldest first."""
        return MappingProxyType(self._snapshots)

    def remove_snapshot(self, name: str) -> bool:
        """Remove the snapshot called *name*, and return whether there was one."""
        return self._snapshots.pop(name, None) is not None

    def restore_snapshots(self, marks: Mapping[str, int]) -> None:
        """Replace all named snapshots with snapshots that have these names and marks."""
        snapshots = self._snapshots
        self._snapshots = {
            name: snapshots[name] if name in snapshots and snapshots[name].mark == mark else Snapshot(self.world, mark)
            for name, mark in marks.items()
        }

    def changes_since(self, snapshot: Snapshot | str) -> dict[str, list[Difference]]:
        """Return the differences of the records from a snapshot or the name of a snapshot, by full table name.

        Raises LookupError like `restore`.
        """
        return self.differences_since(self._resolve_snapshot(snapshot).mark)

    def differences_since(self, mark: int, organization: str | None = None) -> dict[str, list[Difference]]:
        """Return the differences of the records from their state at *mark* of the change log, by full table name.

        *organization* is the name of one organization (default: all). Raises LookupError if the log does not reach back
        that far.
        """
        names = {id(schema): vendor.table(schema.name) for vendor in self.vendors.values() for schema in vendor.tables}
        by_table: dict[int, list[Change]] = {}
        differences_by_table: dict[str, list[Difference]] = {}
        with self.world.lock:
            for change in self.world.log.since(mark):
                if organization not in (None, change.organization):
                    continue
                by_table.setdefault(id(change.table), []).append(change)
            for changes in by_table.values():
                table = changes[0].table
                replaces_table = any(change.key is None for change in changes)
                rows = self._compared(table, mark) if replaces_table else differences(changes)
                differences_by_table.setdefault(names[id(table.schema)], []).extend(rows)
        return {name: rows for name, rows in differences_by_table.items() if rows}

    def _compared(self, table: Table, mark: int) -> Iterable[Difference]:
        """Return the differences of a table that was replaced as a whole; its change log has no single records."""
        key, name = table.schema.key, table.schema.name
        now = {key(row): row for row in table}
        with self.world.log.undone(mark, table.organization):
            then = {key(row): row for row in table}
        pairs = ((each, then.get(each), now.get(each)) for each in {**then, **now})
        return [Difference(name, each, before, after) for each, before, after in pairs if before != after]

    def restore(self, snapshot: Snapshot | str) -> None:
        """Restore the records of all organizations from a snapshot or the name of a snapshot.

        Raises LookupError for an unknown name, and for a snapshot of another mock or from before the last reset.
        """
        moment = self._resolve_snapshot(snapshot)
        self.world.rollback(moment.mark)

    def _resolve_snapshot(self, snapshot: Snapshot | str) -> Snapshot:
        if isinstance(snapshot, Snapshot):
            if not snapshot.is_of(self.world):
                raise LookupError("that snapshot was taken of another mock")
            return snapshot
        if not isinstance(snapshot, str) or snapshot not in self._snapshots:
            near, names = suggestion(snapshot, self._snapshots), comma_list(self._snapshots)
            others = f"the names are {names}" if names else "none was taken"
            raise LookupError(f"no snapshot is called {brief(snapshot)}{near}; {others}")
        return self._snapshots[snapshot]

    def rewind(self, to: Entry | int) -> None:
        """Restore the records of all organizations to their state right after a call in the journal.

        *to* is the entry of the call, or the entry's id. Raises LookupError for an entry that is open, that was
        dropped, or that another mock recorded.
        """
        number = to.id if isinstance(to, Entry) else to
        entry = self.journal.get(number) if isinstance(number, int) else None
        if entry is None or (to is not entry and to is not number):
            raise LookupError(f"entry {brief(number)} is not in the journal: {self.journal.describe_contents()}")
        if entry.end is None:
            raise LookupError(f"entry {number} is still open: {entry.operation} has not been answered yet")
        self.world.rollback(entry.end)

    def _fault_names(self) -> list[str]:
        names_in_journal = [word for entry in self.journal for fault in entry.faults for word in fault.split()]
        return [*kinds(), *(rule.kind for rule in self.fault_rules.armed), *names_in_journal]

    def entry_filter(self, **filters: Any) -> EntryFilter:
        """Return a filter of entries; *filters* are fields of `EntryFilter`, and *organization* may be a credential.

        Raises `SettingError` for an unknown filter, operation or vendor, with the nearest valid name.
        """
        vendors, key_headers = [*self.vendors, UNMATCHED.name], [row.key_header for row in self.vendors.values()]
        check_filters(filters, self.routes.names(), vendors, self._fault_names, key_headers)
        organization = filters.get("organization")
        if organization is not None and not self.world.has_named(organization):
            filters["organization"] = self.world.organization_name(organization)
        return EntryFilter(**filters)

    def entries(self, **filters: Any) -> tuple[list[Entry], list[Entry]]:
        """Return the matching entries of the journal, and those that may match, both oldest first.

        It takes the same arguments as `entry_filter`.
        """
        entry_filter, entries = self.entry_filter(**filters), [*self.journal]
        return entry_filter.select(entries), entry_filter.undecided(entries)

    def scenarios(self) -> dict[str, Json]:
        """Return every scenario by name, with ``about`` and ``faults``: the shipped ones, then the user's own."""
        return {**scenarios(), **self._own_scenarios}

    def _read_scenarios(self) -> None:
        self._own_scenarios = scenarios_of(self.settings["scenarios"])
        for name, scenario in self._own_scenarios.items():
            try:
                self.fault_rules.check(scenario["faults"])
            except SettingError as error:
                place = place_of_scenario(name, self.settings["scenarios"])
                raise SettingError(f"{place}.{error}") from None

    def _arm(self) -> None:
        by_name = self.scenarios() if self.settings["scenario"] else {}
        for name in self.settings["scenario"]:
            if name not in by_name:
                near, names = suggestion(name, by_name), comma_list(by_name)
                raise SettingError(f"scenario: unknown scenario {name!r}{near}; expected one of {names}")
            for rule in self.fault_rules.load(by_name[name]["faults"]):
                rule.where = f"scenario {name}"
        for source in self.settings["faults"]:
            with naming_rules(source):
                self.fault_rules.load(rules_of(source))

    def _policy_of_settings(self) -> Policy:
        vendors, settings = self.vendors.values(), self.settings
        return Policy(
            accepted={vendor.name: settings[f"{vendor.name}_{vendor.key_option}"] for vendor in vendors}
            if settings["credentials"] == "listed"
            else None,
            key_headers=[vendor.key_header for vendor in vendors],
            windows={
                vendor.name: self._new_window(vendor.limits.calls, vendor.limits.seconds)
                for vendor in vendors
                if vendor.limits.calls
            },
            limited=settings["limits"] == "vendor",
        )

    def _loaded(self, sources: Iterable[Any], argument: str = "") -> dict[str, InitialRecords]:
        """Return the records of *sources*, which *argument* has, and add their stubs."""
        try:
            from_file = is_json_in_force() or any(map(is_from_file, sources))
            with garbage_collection_paused(), json_words(from_file):
                document = merged(sources, argument)
                stubs = document.pop(STUB_ROWS, {}).get(STUB_ROWS, [])
                try:
                    records = self._initial_records(document)
                    if stubs:
                        self.stubs.load(stubs)
                except SettingError as error:
                    raise located(error, sources, argument) from None
        except SettingError:
            raise
        except (RecursionError, ValueError) as error:  # a dictionary with a number too long for text, or a cycle
            raise SettingError(f"data: it can't be read: {error}") from None
        return records

    def _initial_records(self, document: Mapping[str, Json]) -> dict[str, InitialRecords]:
        for name in document:
            if name not in self.vendors:
                near, names = suggestion(name, self.vendors), comma_list(self.vendors)
                raise SettingError(f"{name}: unknown vendor{near}; expected one of {names}, or {STUB_ROWS}")
            collections = [*(schema.name for schema in self.vendors[name].tables), DELETED]
            for collection in document[name]:
                if collection not in collections:
                    near = suggestion(collection, collections)
                    raise SettingError(
                        f"{name}.{collection}: unknown collection{near}; expected one of {comma_list(collections)}"
                    )
        seeds: dict[str, InitialRecords] = {}
        for vendor in self.vendors.values():
            part = document.get(vendor.name, {})
            loaded = _records_of(vendor, {name: rows for name, rows in part.items() if name != DELETED}, self.world)
            _mark_deleted(vendor, part.get(DELETED, ()), loaded)
            seeds |= {vendor.table(table): seed for table, seed in loaded.items()}
        return seeds


def _shared(response: Response) -> Response:
    """Return *response* with the CORS headers for pages of any site; raw bytes have no headers."""
    if response.delivery.raw is not None:
        return response
    return replace(response, headers={**response.headers, **_CORS})


def _world_of(settings: Mapping[str, Any]) -> World:
    limit = limit_of_organizations(settings)
    if limit is None:
        return World(settings["seed"], isolated=settings["credentials"] == "isolated")
    from .core.limited_world import LimitedWorld  # few worlds are limited

    return LimitedWorld(settings["seed"], limit=limit)


def limit_of_organizations(settings: Mapping[str, Any]) -> int | None:
    """Return how many organizations are kept, None for all; raises `SettingError` if there is only one anyway."""
    limit: int | None = settings["max_organizations"]
    if limit is not None and settings["credentials"] != "isolated":
        raise SettingError(
            "max_organizations: it needs credentials='isolated' (--credentials isolated); otherwise all calls share "
            "one organization"
        )
    return limit


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Disable garbage collection within a ``with`` block that creates many lasting objects."""
    # Loading creates lasting objects only. Searching them for garbage again and again would take most of the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _deleted(vendor: Vendor, store: Store) -> Json:
    """Return the part of a data file that lists the deleted ids, ``{}`` if there are none."""
    rows = [
        {"collection": schema.name, "id": key}
        for schema in vendor.tables
        for key in store[vendor.table(schema.name)].deleted_keys()
        if isinstance(key, str)
    ]
    return {DELETED: rows} if rows else {}


def _records_of(vendor: Vendor, part: Json, world: World) -> Mapping[str, InitialRecords]:
    """Return the records that *vendor* loads from its *part* of a data file; raises `SettingError` if it is invalid."""
    try:
        loaded = load_records(vendor, part, world)
    except (RecursionError, ValueError):
        raise
    except Exception as error:
        raise SettingError(f"{vendor.name}: load failed: {type(error).__name__}: {error}") from error
    tables = {schema.name for schema in vendor.tables}
    records = loaded if isinstance(loaded, Mapping) else {}
    if records.keys() != tables or not all(isinstance(value, InitialRecords) for value in records.values()):
        names = ", ".join(sorted(tables))
        raise SettingError(f"{vendor.name}: load returned {brief(loaded)}; expected InitialRecords of each of {names}")
    return records


def _mark_deleted(vendor: Vendor, rows: Iterable[Any], seeds: Mapping[str, InitialRecords]) -> None:
    """Add the ids that *rows* of a data file list as deleted to *seeds*; raises `SettingError` naming the row."""
    for index, row in enumerate(rows):
        place = f"{vendor.name}.{DELETED}[{index}]"
        if not isinstance(row, Mapping) or row.keys() != {"collection", "id"} or not isinstance(row["id"], str):
            raise SettingError(f"{place}: expected a collection and an id, got {brief(row)}")
        seed = seeds.get(str(row["collection"]))
        if seed is None:
            near = suggestion(str(row["collection"]), seeds)
            raise SettingError(f"{place}.collection: unknown collection{near}; expected one of {comma_list(seeds)}")
        key = seed.schema.normal(row["id"])
        if key in seed.numbers:
            raise SettingError(f"{place}.id: {row['id']!r} is listed as deleted, but {seed.schema.name} has it")
        seed.deleted[key] = None


def _as_list(value: Any) -> list[Any]:
    return [*value] if isinstance(value, (list, tuple)) else [value]


def _may_be_a_file(name: str) -> bool:
    path = Path(name)
    try:
        return bool(path.suffix) or path.parent != Path() or path.exists()
    except (OSError, ValueError):  # no file can have this name
        return False


def naming_rules(source: Any) -> AbstractContextManager[None]:
    """Name the file of *source*, a value of the setting ``faults``, in a `SettingError` of the ``with`` block."""
    is_name = isinstance(source, str) and (is_kind(source) or not _may_be_a_file(source))
    return naming(None if is_name else source, "faults")


def rules_of(source: Any) -> Any:
    """Return *source*, a value of the setting ``faults``; if it names a file, return the rules of that file."""
    if not isinstance(source, str) or is_kind(source):
        return source
    if _may_be_a_file(source):
        return read_rules(source)
    raise SettingError(f"faults: {unknown_name('fault kind', source, kinds())}, or a file")
