"""The state of an emulator as plain data: all of it, or the changes since it was saved. Both can be restored.

Records that never change, such as the initial records, are written once, as blobs, and referred to by name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from ..core import Json
from ..core.world import RateWindow
from ..emulator import Emulator
from ..journal import Entry
from ..messages import Delivery, Request, Response
from ..persistence import StoreError
from ..store import (
    Change,
    InitialRecords,
    Row,
    Table,
    TableSchema,
    TableState,
    is_logged,
    repeat_write,
    restored_state,
    set_state,
    state_of,
)
from ..tally import CallTally
from .plain import bytes_of, decode, encode, tuples
from .recorders import RecordedJournal, RecordedWindow, RecordedWorld, Touched

_RECORDS_OF_BLOB = 4000
Put = Callable[[str, bytes], None]
Get = Callable[[str], bytes]


class State:
    """Saves the state of *core* as plain data, and restores it. *windows* are its rate windows by vendor."""

    def __init__(self, core: Emulator, windows: Mapping[str, RateWindow], put: Put, get: Get) -> None:
        assert isinstance(core.world, RecordedWorld)
        assert isinstance(core.journal, RecordedJournal)
        self._core, self._world, self._journal = core, core.world, core.journal
        self._windows = {name: window for name, window in windows.items() if isinstance(window, RecordedWindow)}
        self._put, self._get = put, get
        self._schemas = {
            vendor.table(schema.name): schema for vendor in core.vendors.values() for schema in vendor.tables
        }
        self._names = {id(schema): name for name, schema in self._schemas.items()}
        self._bases: dict[str, tuple[InitialRecords, list[str]]] = {}
        self._base_names: dict[int, str] = {}
        self.note()

    @property
    def blobs(self) -> set[str]:
        """The names of the blobs that the last `document` refers to."""
        return {name for _, names in self._bases.values() for name in names}

    @property
    def tally(self) -> CallTally:
        """The tally of all calls."""
        return self._journal.tally

    def forget_blobs(self) -> None:
        """Write every blob again with the next `document`."""
        self._bases, self._base_names = {}, {}

    # All of it.

    def document(self) -> Json:
        """Return the whole state as a JSON-compatible dictionary, and record changes from now on for `changes`."""
        core, world, journal = self._core, self._world, self._journal
        with journal.recording:  # what happens from here on in other threads is written again by `changes`
            self.note()
            tally = journal.tally.as_dict()
        mark, tail, commits, returns = world.log.parts()
        states: dict[int, tuple[int, TableState]] = {}
        organizations = [
            {
                "name": one.name,
                "counters": {**one.counters},
                "tables": {name: _number_of(state_of(table), states) for name, table in one.store.items()},
                "logged": [name for name, table in one.store.items() if is_logged(table)],
            }
            for one in world.recoverable()
        ]
        changes = [
            [change.organization, self._names[id(change.table.schema)], change.key,
             _row(change.before, states), _row(change.after, states)]
            for change in tail
        ]  # fmt: skip
        initial = {name: self._base(records) for name, records in world.initial_data.items()}
        document: Json = {
            "seed": world.seed,
            "streams": world.stream_positions(),
            "clock": core.world.clock.setting,
            "initial": initial,
            "states": [self._state(state) for _, state in states.values()],
            "organizations": organizations,
            "dropped": world.dropped_organizations(),
            "log": {"mark": mark, "tail": changes, "commits": commits, "returns": [*returns.items()]},
            "journal": {
                "entries": [_entry(entry) for entry in journal], "last": journal.last, "forgotten": journal.forgotten,
            },
            "tally": tally,
            "rules": core.fault_rules.definitions(),
            "stubs": _with_bytes(core.stubs.rows()),
            "initial_stubs": _with_bytes(core.stubs.initial_rows()),
            "refused": {**core.refused},
            "snapshots": {name: snapshot.mark for name, snapshot in core.snapshots.items()},
            "windows": {name: window.take_moments() for name, window in self._windows.items()},
        }  # fmt: skip
        used = {*initial.values(), *(row["base"] for row in document["states"])}
        for name in [name for name in self._bases if name not in used]:
            del self._base_names[id(self._bases.pop(name)[0])]
        document["bases"] = {
            name: {
                "table": self._names[id(records.schema)], "blobs": blobs, "deleted": [*records.deleted],
            }
            for name, (records, blobs) in self._bases.items()
        }  # fmt: skip
        return document

    def restore(self, document: Json) -> None:
        """Restore the state from *document*, the result of `document`."""
        core, world = self._core, self._world
        self._check(document)
        world.seed = document["seed"]
        self.forget_blobs()
        for name, row in document["bases"].items():
            self._read_base(name, row)
        initial = {name: self._bases[base][0] for name, base in document["initial"].items()}
        of_new_vendors = {name: InitialRecords(row) for name, row in self._schemas.items() if name not in initial}
        world.restore_initial_data(initial | of_new_vendors)
        world.restore_streams(document["streams"])
        core.stubs.restore_initial(_without_bytes(document["initial_stubs"]))
        states = [self._read_state(row) for row in document["states"]]
        for row in document["organizations"]:
            organization = world.restore_organization(row["name"])
            organization.counters.clear()
            organization.counters.update(row["counters"])
            for name, number in row["tables"].items():
                logged = name in row.get("logged", row["tables"])
                set_state(organization.store[name], states[number], logged=logged)
        if "dropped" in document:
            world.restore_dropped(document["dropped"])
        core.restore_snapshots({})
        log = document["log"]
        first = log["mark"] - len(log["tail"])
        tail = [self._read_change(first + index, row, states) for index, row in enumerate(log["tail"])]
        commits = [(mark, name, now) for mark, name, now in log["commits"]]
        world.log.restore(log["mark"], tail, commits, dict(log["returns"]))
        world.clock.restore(*document["clock"])
        journal = document["journal"]
        self._journal.restore(
            [self._read_entry(row, lambda begin: tail[max(0, begin - first) :]) for row in journal["entries"]],
            journal["last"],
            journal["forgotten"],
        )
        self._journal.tally.restore(document.get("tally", {}))
        core.fault_rules.restore(document["rules"])
        core.stubs.restore(_without_bytes(document["stubs"]))
        core.refused.clear()
        core.refused.update(document["refused"])
        core.restore_snapshots(document["snapshots"])
        for name, window in self._windows.items():
            window.restore(document["windows"].get(name, {}))
        self.note()

    def _check(self, document: Json) -> None:
        """Raise `StoreError` for a document that does not fit the settings and the vendors that are installed."""
        seed = self._core.settings["seed"]
        if seed not in (0, document["seed"]):
            raise StoreError(
                f"seed: the store was created with the seed {document['seed']}, which can't change; use "
                f"seed={document['seed']} (--seed {document['seed']}), or another store"
            )
        missing = [row["table"] for row in document["bases"].values() if row["table"] not in self._schemas]
        if missing:
            raise StoreError(f"store: it has records of {missing[0]}, and its vendor is not installed")

    # What has changed.

    def note(self) -> None:
        """Treat the current state as saved."""
        core, world, rules = self._core, self._world, self._core.fault_rules
        with self._journal.recording:
            self._journal.touched, self.closings = {}, self._journal.closings
        world.log.done, world.log.lowest, self._reach = [], world.log.mark, world.log.reach
        for window in self._windows.values():
            window.take_admitted()
        self._streams, self._clock = world.stream_positions(), world.clock.setting
        self._armed, self._rules_in_force = rules.armed, tuple(rules)
        self._positions = {rule.id: (rule.position, rule.where) for rule in rules.armed}
        self._stubs, self._calls = tuple(core.stubs), [stub.calls for stub in core.stubs]
        self._refused, self._snapshots = {**core.refused}, {**core.snapshots}
        self._clears = self._journal.clears

    @property
    def has_writes(self) -> bool:
        """Whether records were written that `changes` has not returned yet."""
        return bool(self._world.log.done)

    @property
    def is_replaced(self) -> bool:
        """Whether `changes` can't describe all changes.

        It can't after the journal was cleared, or after a rollback to before the writes that a store has. Such older
        writes are in the log only for snapshots without a name, which are not saved.
        """
        return self._clears != self._journal.clears or self._world.log.lowest < self._reach

    def changes(self) -> Json:
        """Return the changes since the last `document`, `restore`, `changes` or `repeat`; ``{}`` if there are none.

        Afterwards ``closings`` is the number of calls that had ended then.
        """
        core, world, journal = self._core, self._world, self._journal
        changes: Json = {}
        if world.log.done:
            done, world.log.done, world.log.lowest = world.log.done, [], world.log.mark
            changes["log"] = [self._step(*one) for one in done]
        with journal.recording:
            touched, self.closings = journal.take_touched(), journal.closings
        if touched:
            changes["entries"] = [_touched_entry(one) for one in touched]
            changes["forgotten"] = journal.forgotten
            names = {one.entry.organization for one in touched}
            organizations = [one for one in map(world.known_as, names) if one is not None]
            changes["counters"] = {one.name: {**one.counters} for one in organizations if one.counters}
        if (streams := world.stream_positions()) != self._streams:
            ids = {kind: words for kind, words in streams["ids"].items() if words != self._streams["ids"].get(kind)}
            changes["streams"] = {"ids": ids, "rng": streams["rng"]}
            self._streams = streams
        if (clock := world.clock.setting) != self._clock:
            changes["clock"] = self._clock = clock
        for name, window in self._windows.items():
            if admitted := window.take_admitted():
                changes.setdefault("windows", {})[name] = admitted
        self._add_rules(changes)
        if self._stubs or tuple(core.stubs):
            self._add_stubs(changes)
        if core.refused != self._refused:
            changes["refused"] = self._refused = {**core.refused}
        if core.snapshots != self._snapshots:
            self._snapshots = {**core.snapshots}
            changes["snapshots"] = {name: snapshot.mark for name, snapshot in self._snapshots.items()}
        if changes:  # what `repeat` does at its end
            marks = [snapshot.mark for snapshot in self._snapshots.values()]
            self._reach = max(self._reach, min([journal.mark or 0, *marks]))
        return changes

    def _add_rules(self, changes: Json) -> None:
        rules = self._core.fault_rules
        if rules.armed is not self._armed or tuple(rules) != self._rules_in_force:
            changes["rules"] = rules.definitions()
        else:
            changed = [rule for rule in self._armed if (rule.position, rule.where) != self._positions[rule.id]]
            if not changed:
                return
            if any(rule.where != self._positions[rule.id][1] for rule in changed):
                changes["rules"] = rules.definitions()
            else:
                changes["tallies"] = {rule.id: rule.tally() for rule in changed}
        self._armed, self._rules_in_force = rules.armed, tuple(rules)
        self._positions = {rule.id: (rule.position, rule.where) for rule in rules.armed}

    def _add_stubs(self, changes: Json) -> None:
        stubs = tuple(self._core.stubs)
        calls = [stub.calls for stub in stubs]
        if len(stubs) != len(self._stubs) or any(a is not b for a, b in zip(stubs, self._stubs, strict=True)):
            changes["stubs"] = _with_bytes(self._core.stubs.rows())
        elif calls != self._calls:
            changes["stub_calls"] = calls
        self._stubs, self._calls = stubs, calls

    def repeat(self, changes: Json) -> None:
        """Apply *changes*, the result of `changes`."""
        core, world = self._core, self._world
        for kind, *arguments in changes.get("log", ()):
            self._take_step(kind, arguments)
        for row in changes.get("entries", ()):
            entry = self._read_entry(row, self._since)
            if not row.get("is_without"):
                self._journal.repeat(entry)
            if row.get("is_over", row["plain"]["end"] is not None):
                self._journal.tally.count(entry)
        self._journal.forgotten = changes.get("forgotten", self._journal.forgotten)
        for name, counters in changes.get("counters", {}).items():
            world.restore_organization(name).counters.update(counters)
        world.restore_streams(changes.get("streams", {}))
        if "clock" in changes:
            world.clock.restore(*changes["clock"])
        for name, admitted in changes.get("windows", {}).items():
            for digest, now in admitted if name in self._windows else ():
                self._windows[name].restore_call(digest, now)
        if "rules" in changes:
            core.fault_rules.restore(changes["rules"])
        if "tallies" in changes:
            core.fault_rules.restore_tallies(changes["tallies"])
        if "stubs" in changes:
            core.stubs.restore(_without_bytes(changes["stubs"]))
        for stub, calls in zip(core.stubs, changes.get("stub_calls", ()), strict=False):
            stub.calls = calls
        if "refused" in changes:
            core.refused.update(changes["refused"])
        if "snapshots" in changes:
            core.restore_snapshots(changes["snapshots"])
        world.log.trim(self._journal.mark or 0)
        world.log.done, world.log.lowest = [], world.log.mark

    def _since(self, mark: int) -> list[Change]:
        # An entry that is dropped before its call has ended may refer to writes that are dropped as well.
        return self._world.log.since(mark) if mark >= self._world.log.reach else []

    def _step(self, kind: str, *arguments: Any) -> list[Any]:
        if kind == "write":
            table, key, row = arguments
            name = self._names[id(table.schema)]
            if row.record is None:
                return [kind, table.organization, name, row.number, None, key]
            return [kind, table.organization, name, row.number, row.record]
        if kind == "replace":
            table, initial = arguments
            base = self._base(initial)
            row = {"table": self._names[id(table.schema)], "blobs": self._bases[base][1], "deleted": [*initial.deleted]}
            return [kind, table.organization, base, row]
        return [kind, *arguments]

    def _take_step(self, kind: str, arguments: list[Any]) -> None:
        log = self._world.log
        if kind == "write":
            organization, name, number, record, *key = arguments
            table = self._table(organization, name)
            repeat_write(table, tuples(key[0]) if key else table.schema.key(record), Row(number, record))
        elif kind == "replace":
            organization, base, row = arguments
            self._table(organization, row["table"]).replace(self._read_base(base, row))
        elif kind == "organization":
            self._world.restore_organization(*arguments)
        elif kind == "use":
            self._world.repeat_use(*arguments)
        elif kind == "drop":
            self._world.repeat_drop(*arguments)
        elif kind == "commit":
            mark, organization, now = arguments
            log.commit(mark, organization, now)
        else:
            (mark,) = arguments
            log.rollback(mark)

    def _table(self, organization: str, name: str) -> Table:
        return self._world.restore_organization(organization).store[name]

    # Tables.

    def _base(self, records: InitialRecords) -> str:
        """Return the name of *records*, which are written as blobs on first use."""
        name = self._base_names.get(id(records))
        if name is None:
            name = os.urandom(8).hex()
            blobs = []
            for number, rows in enumerate(_batches(records.records)):
                blobs.append(f"{name}-{number}")
                self._put(blobs[-1], encode(rows))
            self._bases[name], self._base_names[id(records)] = (records, blobs), name
        return name

    def _read_base(self, name: str, row: Json) -> InitialRecords:
        if name not in self._bases:
            schema: TableSchema = self._schemas[row["table"]]
            records = InitialRecords(schema, (record for blob in row["blobs"] for record in decode(self._get(blob))))
            records.deleted.update(dict.fromkeys(map(tuples, row["deleted"])))
            self._bases[name], self._base_names[id(records)] = (records, row["blobs"]), name
        return self._bases[name][0]

    def _state(self, state: TableState) -> Json:
        rows = [
            [row.number, row.record] if row.record is not None else [row.number, None, key]
            for key, row in state.rows.items()
        ]
        return {"base": self._base(state.initial), "rows": rows, "next": state.next_number}

    def _read_state(self, row: Json) -> TableState:
        initial = self._bases[row["base"]][0]
        key_of = initial.schema.key
        rows = (
            (tuples(rest[0]) if rest else key_of(record), Row(number, record)) for number, record, *rest in row["rows"]
        )
        return restored_state(initial, rows, row["next"])

    def _read_change(self, sequence: int, row: list[Any], states: list[TableState]) -> Change:
        organization, name, key, before, after = row
        table, key = self._table(organization, name), tuples(key)
        return Change(sequence, organization, table, key, _read_row(before, states), _read_row(after, states))

    # The journal.

    def _read_entry(self, row: Json, tail_from: Callable[[int], list[Change]]) -> Entry:
        method, target, headers, body, transport, number = row["request"]
        request = Request(method, target, headers, bytes_of(body), transport, number)
        response = None
        if row["response"] is not None:
            status, headers, body, *delivery = row["response"]
            keep, chunk, pause, raw, end = delivery
            raw = None if raw is None else bytes_of(raw)
            response = Response(status, headers, bytes_of(body), Delivery(keep, chunk, pause, raw, None, end))
        entry = Entry(request=request, response=response, **row["plain"])
        entry.faults, entry.unread = tuple(entry.faults), tuple(entry.unread)
        if row["written"]:
            first, count = row["written"]
            entry.written = tail_from(first)[:count]
        if entry.end is None:
            entry.end = self._world.log.mark  # its process has ended before it was answered
        return entry


_PLAIN = ("id", "time", "vendor", "operation", "mark", "duration", "organization", "refusal", "hint", "faults",
          "unread", "caller", "test", "end", "weight")  # fmt: skip


def _entry(entry: Entry) -> Json:
    request, response = entry.request, entry.response
    response_row = None
    if response is not None:
        delivery = response.delivery
        response_row = [response.status, {**response.headers}, response.body,
                        delivery.keep, delivery.chunk, delivery.pause, delivery.raw, delivery.end]  # fmt: skip
    written = [entry.written[0].sequence, len(entry.written)] if entry.written else None
    return {
        "plain": {name: getattr(entry, name) for name in _PLAIN},
        "request": [request.method, request.target, request.headers, request.body, request.transport, request.number],
        "response": response_row,
        "written": written,
    }


def _touched_entry(one: Touched) -> Json:
    row: Json = {**_entry(one.entry), "is_over": one.is_over}
    if one.is_without:
        row |= {"is_without": True, "written": None}
    return row


def _number_of(state: TableState, states: dict[int, tuple[int, TableState]]) -> int:
    """Return the index of *state* in *states*; add it if it is new."""
    return states.setdefault(id(state), (len(states), state))[0]


def _row(row: Row | TableState | None, states: dict[int, tuple[int, TableState]]) -> Any:
    if isinstance(row, TableState):
        return {"state": _number_of(row, states)}
    return row and [row.number, row.record]


def _read_row(row: Any, states: list[TableState]) -> Row | TableState | None:
    if isinstance(row, dict):
        return states[row["state"]]
    return row and Row(*row)


def _batches(records: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(records)
    while batch := [*islice(rows, _RECORDS_OF_BLOB)]:
        yield batch


def _with_bytes(rows: list[Json]) -> list[Json]:
    """Return *rows* of stubs, each with ``is_bytes``: whether its body is bytes, which JSON can't represent."""
    return [{**row, "is_bytes": isinstance(row["source"].get("body"), bytes)} for row in rows]


def _without_bytes(rows: list[Json]) -> list[Json]:
    """Return the rows that `_with_bytes` was given."""
    return [
        {**row, "source": {**row["source"], "body": bytes_of(row["source"]["body"])}} if row["is_bytes"] else row
        for row in rows
    ]
