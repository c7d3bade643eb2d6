"""The last exchanges as the client saw them, and how to select some of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from itertools import count
from threading import Condition, Lock
from typing import Any, TypedDict

from .clock import iso, seconds
from .json_match import ABSENT, Mismatch, mismatches, parsed, shown
from .messages import Request, Response
from .redaction import redacted, without
from .settings import SettingError, suggestion
from .store import Change, Difference, differences

BODY_LIMIT = 64 * 1024


@dataclass(eq=False)
class Entry:
    """One exchange. Opened when the call arrives; *status* stays None while no answer has left.

    *changes* are (table, key, before, after) in wire names; *unread* are members that were sent
    and that nobody reads; *outcome* is ``open``, ``answered``, ``cut``, ``closed``, ``reset`` or
    ``abandoned``. *duration* is in seconds. Bodies are cut at 64 KiB, credentials are redacted.
    *hint* tells of a slip, or names the setting that would change a refusal. *caller* (``file:line``)
    and *test* are known in process only. *end* is the mark of the moment right after the call.
    """

    id: int
    time: float
    vendor: str
    operation: str
    method: str
    target: str
    door: str
    request_headers: Mapping[str, str]
    request_body: bytes
    mark: int
    # What an answer brings, or few calls need, is the class's until it is set: an entry is made faster so.
    response_headers: Mapping[str, str] = field(init=False, default_factory=dict)
    organization: str = field(init=False, default="")
    status: int | None = field(init=False, default=None)
    response_body: bytes = field(init=False, default=b"")
    outcome: str = field(init=False, default="open")
    duration: float = field(init=False, default=0.0)
    refusal: str = field(init=False, default="")
    hint: str = field(init=False, default="")
    faults: tuple[str, ...] = field(init=False, default=())
    unread: tuple[str, ...] = field(init=False, default=())
    written: Sequence[Change] = field(init=False, default=())
    caller: str = field(init=False, default="")
    test: str = field(init=False, default="")
    end: int | None = field(init=False, default=None)
    weight: int = field(init=False, default=0)

    @property
    def path(self) -> str:
        """The path as it was sent, without its query."""
        return self.target.partition("?")[0]

    @property
    def changes(self) -> tuple[Difference, ...]:
        """What the call did to the records, once it is answered: a row a record that is not as before."""
        return deepcopy(differences(self.written))

    @property
    def request_json(self) -> Any:
        """The request's body as JSON, or None when it is none (or was cut)."""
        return parsed(self.request_body)

    @property
    def response_json(self) -> Any:
        """The reply's body as JSON, or None when it is none (or was cut)."""
        return parsed(self.response_body)

    def answer(self, response: Response, now: float) -> None:
        """Close the entry with what leaves."""
        delivery = response.delivery
        self.status = response.status if delivery.raw is None else None
        sent = response.body[: delivery.keep] if delivery.raw is None else delivery.raw
        self.response_headers, self.response_body = redacted("", response.headers), sent[:BODY_LIMIT]
        cut = "cut" if delivery.keep is not None else "answered"
        ended = "closed" if delivery.end == "close" else delivery.end
        self.outcome = cut if delivery.raw is None or delivery.end == "open" else ended
        self.duration = now - self.time

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as plain JSON data."""
        request = {"headers": dict(self.request_headers), "body": shown(self.request_body)}
        response = {"headers": dict(self.response_headers), "body": shown(self.response_body)}
        return {
            "id": self.id, "time": iso(self.time), "vendor": self.vendor, "operation": self.operation,
            "method": self.method, "path": self.target, "door": self.door, "organization": self.organization,
            "status": self.status, "outcome": self.outcome, "duration": round(self.duration, 6),
            "refusal": self.refusal, "hint": self.hint, "faults": list(self.faults),
            "unread": list(self.unread), "changes": [change._asdict() for change in self.changes],
            "caller": self.caller, "test": self.test, "request": request, "response": response,
        }  # fmt: skip


class Journal:
    """The last *size* entries, oldest first, whose bodies have at most *weight* bytes in all.

    *forgotten* counts the older ones, that fell out; the newest is kept whatever it weighs. *listeners*
    are told each entry once its call is over.
    """

    def __init__(self, size: int = 1000, weight: int = 64 * 2**20) -> None:
        self._entries: deque[Entry] = deque()
        self._numbers = count(1)
        self._size, self._most, self._weight = size, weight, 0
        self._lock, self._waiting = Lock(), 0
        self._closing = Condition(self._lock)
        self.listeners: tuple[Callable[[Entry], None], ...] = ()
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter([*self._entries])

    @property
    def newest(self) -> int:
        """The id of the newest entry, 0 without one."""
        return self._entries[-1].id if self._entries else 0

    @property
    def mark(self) -> int | None:
        """The mark of the oldest entry that is still here."""
        return self._entries[0].mark if self._entries else None

    def open(self, request: Request, vendor: str, operation: str, secret: str, now: float, mark: int) -> Entry:
        """Begin the entry of a call; *secret* is the name of the header that carries its credential."""
        headers = redacted(secret, request.headers)
        entry = Entry(
            next(self._numbers), now, vendor, operation, request.method, without(secret, request.target),
            request.transport, headers, request.body[:BODY_LIMIT], mark,
        )  # fmt: skip
        with self._lock:
            if len(self._entries) >= self._size:
                self._forget()
            self._entries.append(entry)
        return entry

    def close(self, entry: Entry, end: int) -> None:
        """Take *entry* as complete, its call over at the mark *end*; wakes those who wait."""
        entry.end = entry.written[-1].sequence + 1 if entry.written else end
        with self._lock:
            if self._entries and entry.id >= self._entries[0].id:
                entry.weight = len(entry.request_body) + len(entry.response_body)
                self._weight += entry.weight
                while self._weight > self._most and len(self._entries) > 1:
                    self._forget()
            if self._waiting:
                self._closing.notify_all()
        for listener in self.listeners:
            listener(entry)

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        """Wait until *enough*, asked again whenever a call is over, at most *timeout* real seconds; tell if it is."""
        with self._closing:
            self._waiting += 1
            try:
                return self._closing.wait_for(enough, timeout)
            finally:
                self._waiting -= 1

    def get(self, number: int) -> Entry | None:
        """Return the entry with this id, or None if there is none or it is forgotten."""
        return next((entry for entry in self if entry.id == number), None)

    def kept(self) -> str:
        """Return what is here, and what has been forgotten and why, as half a sentence."""
        ids = [entry.id for entry in self]
        has = f"it has {ids[0]} to {ids[-1]}" if ids else "it is empty, as after a reset"
        why = f"journal_size {self._size} or journal_bytes {self._most} was reached"
        return f"{has}; it forgot {self.forgotten} older ones when {why}" if self.forgotten else has

    def clear(self) -> None:
        """Forget every entry; ids go on."""
        with self._lock:
            self._entries.clear()
            self.forgotten = self._weight = 0

    def reset(self) -> None:
        """Forget every entry, and number the next one 1."""
        with self._lock:
            self._entries.clear()
            self._numbers = count(1)
            self.forgotten = self._weight = 0

    def _forget(self) -> None:
        self._weight -= self._entries.popleft().weight
        self.forgotten += 1


class Filters(TypedDict, total=False):
    """The filters by keyword that every question to the journal takes, as `EntryFilter` tells them."""

    status: Any
    fault: str | None
    organization: str | None
    after: str | float | None
    before: str | float | None
    exact: bool
    since: int | None


@dataclass(frozen=True)
class EntryFilter:
    """What an entry must be like; None asks nothing.

    *operation* is a name with or without its vendor, or a glob; *fault* the kind of one that struck (or
    its id); *organization* the name of one; *after* and *before* are times (ISO 8601 or epoch seconds),
    *after* included; *json* is what the request's body must have, all of it if *exact*. *vendor*,
    *operation*, *fault* and *organization* are compared as text, *status* and *json* by ``==``.
    *since* is an entry id after which to begin, *limit* keeps the newest so many. Raises
    `SettingError` for what is no time and for a negative limit.
    """

    vendor: str | None = None
    operation: str | None = None
    status: Any = None
    fault: str | None = None
    organization: str | None = None
    after: str | float | None = None
    before: str | float | None = None
    json: Any = None
    exact: bool = False
    since: int | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("after", "before"):
            try:
                object.__setattr__(self, name, None if getattr(self, name) is None else seconds(getattr(self, name)))
            except ValueError as error:
                raise SettingError(f"{name}: {error}") from None
        if self.limit is not None and self.limit < 0:
            raise SettingError(f"limit: {self.limit!r} is less than 0")

    def select(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return those of *entries* that fit, oldest first."""
        found = [entry for entry in entries if self.names(entry) and not any(self.misses(entry))]
        return found if self.limit is None else found[max(0, len(found) - self.limit) :]

    def names(self, entry: Entry) -> bool:
        """Tell whether *entry* is a call of the operation and vendor that are meant, and not too old."""
        return (
            self.vendor in (None, entry.vendor)
            and (self.operation is None or matches_operation(entry.operation, self.operation))
            and (self.since is None or entry.id > self.since)
        )

    def misses(self, entry: Entry) -> Iterator[Mismatch]:
        """Yield each respect in which *entry* is not what is meant, other than what it calls."""
        if self.status is not None and self.status != entry.status:
            yield Mismatch("status", self.status, entry.status)
        kinds = {word for told in entry.faults for word in told.split()}
        if self.fault is not None and self.fault not in kinds:
            yield Mismatch("fault", self.fault, ", ".join(entry.faults) or ABSENT)
        if self.organization is not None and self.organization != entry.organization:
            yield Mismatch("organization", self.organization, entry.organization)
        if self.after is not None and entry.time < float(self.after):
            yield Mismatch("time", f"{iso(float(self.after))} or later", iso(entry.time))
        if self.before is not None and entry.time >= float(self.before):
            yield Mismatch("time", f"before {iso(float(self.before))}", iso(entry.time))
        if self.json is not None:
            yield from self._body(entry)

    def _body(self, entry: Entry) -> Iterator[Mismatch]:
        body = entry.request_json
        if body is None and len(entry.request_body) >= BODY_LIMIT:
            yield Mismatch("body", self.json, "more than the 64 KiB that the journal keeps of it")
        else:
            yield from mismatches(self.json, body, exact=self.exact)


def matches_operation(name: str, told: str) -> bool:
    """Tell whether *told*, a name with or without its vendor or a glob, means the operation *name*."""
    return fnmatchcase(name, told) or fnmatchcase(name.partition(".")[2], told)


def check(told: Mapping[str, Any], operations: Sequence[str], vendors: Sequence[str]) -> None:
    """Raise `SettingError` for a filter, an operation or a vendor that there is not, naming the nearest."""
    filters = [row.name for row in fields(EntryFilter)]
    for name in told:
        if name not in filters:
            raise SettingError(f"{name}: no such filter{suggestion(name, filters)}; there are {filters}")
    operation, vendor = told.get("operation"), told.get("vendor")
    if operation is not None and not any(matches_operation(name, operation) for name in operations):
        raise SettingError(f"operation: {operation!r} is none{suggestion(operation, operations)}")
    if vendor is not None and vendor not in vendors:
        raise SettingError(f"vendor: {vendor!r} is none{suggestion(vendor, vendors)}; there are {vendors}")
