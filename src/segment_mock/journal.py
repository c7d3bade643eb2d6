"""The journal: the most recent exchanges as the client saw them, and filters that select some of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import count, takewhile
from threading import Condition
from types import NoneType
from typing import Any, TypedDict, cast

from .clock import iso, seconds
from .forking import new_lock
from .hosts import query_of
from .json_match import ABSENT, Mismatch, brief, json_or_text, mismatches, parsed, steps_of, values_at
from .messages import Request, Response
from .redaction import REDACTED, is_secret_name, redacted, without
from .settings import SettingError, alternatives, unknown_name
from .store import Change, Difference, differences
from .wording import plural

BODY_LIMIT = 64 * 1024


@dataclass(eq=False, slots=True)
class Entry:
    """One exchange as the client saw it: the request, the response, and the records that the call changed.

    * ``id``: its number in the journal, from 1
    * ``time``, ``duration``: its arrival in epoch seconds and its length in seconds, by the mock's clock
    * ``vendor``, ``operation``, ``organization``: what was called, and the name of the organization
    * ``refusal``: the kind of refusal, such as ``unauthorized``, or ``""``
    * ``hint``: advice for the developer: a likely mistake, or a setting that would avoid the refusal
    * ``faults``: the id and kind of each fault that struck the call
    * ``unread``: fields of the request that the API ignores
    * ``caller``, ``test``: the line that made the call (``file:line``) and the pytest test, if both run in this process

    Bodies are cut at 64 KiB. Credentials are redacted when the call arrives.
    """

    id: int
    time: float
    vendor: str
    operation: str
    request: Request
    mark: int
    response: Response | None = None
    duration: float = 0.0
    organization: str = ""
    refusal: str = ""
    hint: str = ""
    faults: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    written: Sequence[Change] = ()
    caller: str = ""
    test: str = ""
    end: int | None = None
    weight: int = 0
    is_dropped: bool = False

    @property
    def method(self) -> str:
        """The HTTP method of the request."""
        return self.request.method

    @property
    def target(self) -> str:
        """The path and query of the request as sent; credentials in the query are redacted."""
        return self.request.target

    @property
    def path(self) -> str:
        """The path of the request as sent, without its query."""
        return self.target.partition("?")[0]

    @property
    def door(self) -> str:
        """The transport that received the request: ``inprocess``, ``live`` or ``wsgi``."""
        return self.request.transport

    @property
    def request_headers(self) -> Mapping[str, str]:
        """The headers of the request, with lower-case names; credentials are redacted."""
        return self.request.headers

    @property
    def request_body(self) -> bytes:
        """The body of the request, cut at 64 KiB."""
        return self.request.body

    @property
    def request_json(self) -> Any:
        """The body of the request parsed as JSON, or None if it is not JSON or was cut."""
        return parsed(self.request_body)

    @property
    def status(self) -> int | None:
        """The HTTP status that the client received, or None before the response and if no status line was sent."""
        return None if self.response is None or self.response.delivery.raw is not None else self.response.status

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The headers of the response, empty before the response; credentials are redacted."""
        return {} if self.response is None else redacted("", self.response.headers)

    @property
    def response_body(self) -> bytes:
        """The part of the response's body that was sent, cut at 64 KiB; empty before the response."""
        if self.response is None:
            return b""
        delivery = self.response.delivery
        return (self.response.body[: delivery.keep] if delivery.raw is None else delivery.raw)[:BODY_LIMIT]

    @property
    def response_json(self) -> Any:
        """The body of the response parsed as JSON, or None if it is not JSON or was cut."""
        return parsed(self.response_body)

    @property
    def outcome(self) -> str:
        """How the call ended.

        * ``open``: it has not ended yet
        * ``answered``: the whole response was sent
        * ``cut``: only the beginning of the response was sent
        * ``closed``, ``reset``: the connection was closed or reset
        * ``abandoned``: the client gave up, or the mock was reset, before the response
        """
        if self.response is None:
            return "open" if self.end is None else "abandoned"
        delivery = self.response.delivery
        if delivery.raw is not None and delivery.end != "open":
            return "closed" if delivery.end == "close" else delivery.end
        return "cut" if delivery.keep is not None else "answered"

    @property
    def changes(self) -> tuple[Difference, ...]:
        """The net change of each record that the call changed: table, key, and the record before and after.

        Empty before the response.
        """
        return deepcopy(differences(self.written))

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as a JSON-compatible dictionary, with bodies parsed if they are JSON."""
        request = {"headers": dict(self.request_headers), "body": json_or_text(self.request_body)}
        response = {"headers": dict(self.response_headers), "body": json_or_text(self.response_body)}
        return {
            "id": self.id, "time": iso(self.time), "vendor": self.vendor, "operation": self.operation,
            "method": self.method, "path": self.target, "door": self.door, "organization": self.organization,
            "status": self.status, "outcome": self.outcome, "duration": round(self.duration, 6),
            "refusal": self.refusal, "hint": self.hint, "faults": list(self.faults),
            "unread": list(self.unread), "changes": [change._asdict() for change in self.changes],
            "caller": self.caller, "test": self.test, "request": request, "response": response,
        }  # fmt: skip


class Journal:
    """The entries of the most recent calls, oldest first.

    It holds at most *size* entries, and at most *weight* bytes of bodies in total; the newest entry is always kept.
    ``forgotten`` counts the older entries that were dropped. ``clears`` counts how often the journal was cleared.
    ``listeners`` are called with each entry when its call has ended.
    """

    def __init__(self, size: int = 1000, weight: int = 64 * 2**20) -> None:
        self._entries: deque[Entry] = deque()
        self._numbers = count(1)
        self._size, self._most, self._weight = size, weight, 0
        self._lock, self._waiting = new_lock(), 0
        self._closing = Condition(self._lock)
        self.listeners: tuple[Callable[[Entry], None], ...] = ()
        self.forgotten = self.clears = self._last = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter([*self._entries])

    @property
    def newest(self) -> int:
        """The id of the newest entry, 0 if there is none."""
        return self._entries[-1].id if self._entries else 0

    @property
    def last(self) -> int:
        """The id of the newest entry since a reset, even if the entry was dropped; 0 if there was none."""
        return max(self._last, self.newest)

    @property
    def mark(self) -> int | None:
        """The position in the change log at which the oldest entry was opened, or None if the journal is empty."""
        return self._entries[0].mark if self._entries else None

    def open(self, request: Request, vendor: str, operation: str, secret: str, now: float, mark: int) -> Entry:
        """Add an entry for a call that arrives at *now* (epoch seconds), and return the entry.

        *secret* is the name of the header with the credential, which is redacted. *mark* is the position in the change
        log.
        """
        headers, target, body = redacted(secret, request.headers), request.target, request.body[:BODY_LIMIT]
        if "?" in target:
            target = without(secret, target)
        redacted_request = Request(request.method, target, headers, body, request.transport, request.number)
        entry = Entry(next(self._numbers), now, vendor, operation, redacted_request, mark)
        with self._lock:
            if len(self._entries) >= self._size:
                self._forget()
            self._entries.append(entry)
        return entry

    def close(self, entry: Entry, response: Response | None, now: float, end: int) -> int:
        """End *entry* with *response*, which leaves at *now* (epoch seconds), or with None if the call got none.

        *end* is the position in the change log. Wakes the threads that wait in `wait`. Returns the position in the
        change log from which the journal still needs the log, 0 if the journal is empty.
        """
        size = 0
        if response is not None:
            size = len(response.body)
            if size > BODY_LIMIT:
                size, response = BODY_LIMIT, replace(response, body=response.body[:BODY_LIMIT])
            entry.response, entry.duration = response, now - entry.time
        entry.end = entry.written[-1].sequence + 1 if entry.written else end
        with self._lock:
            if not entry.is_dropped:
                entry.weight = len(entry.request.body) + size
                self._weight += entry.weight
                while self._weight > self._most and len(self._entries) > 1:
                    self._forget()
            if self._waiting:
                self._closing.notify_all()
            oldest = self._entries[0].mark if self._entries else 0
        for listener in self.listeners:
            listener(entry)
        return oldest

    def subscribe(self, listener: Callable[[Entry], None]) -> None:
        """Call *listener* with each entry when its call has ended, on the thread that answered the call."""
        self.listeners = (*self.listeners, listener)

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        """Wait until *enough* returns True, at most *timeout* real seconds; return whether it did.

        *enough* is called at once, and again whenever a call has ended.
        """
        with self._closing:
            self._waiting += 1
            try:
                return self._closing.wait_for(enough, timeout)
            finally:
                self._waiting -= 1

    def get(self, number: int) -> Entry | None:
        """Return the entry with the id *number*, or None if it does not exist or was dropped."""
        return next((entry for entry in self if entry.id == number), None)

    def since(self, number: int) -> list[Entry]:
        """Return the entries after the entry with the id *number*, oldest first."""
        if number >= self.newest:
            return []
        with self._lock:
            entries = [*takewhile(lambda entry: entry.id > number, reversed(self._entries))]
        return entries[::-1]

    def describe_contents(self) -> str:
        """Return a phrase for error messages: the ids in the journal, and how many entries were dropped and why."""
        ids = [entry.id for entry in self]
        has = f"it has {ids[0]} to {ids[-1]}" if ids else "it is empty, as after a reset"
        limits = f"the limit journal_size={self._size} or journal_bytes={self._most} was reached"
        return f"{has}; {plural(self.forgotten, 'older entry')} dropped because {limits}" if self.forgotten else has

    def clear(self) -> None:
        """Drop all entries. Ids continue: they do not start from 1 again."""
        with self._lock:
            self._last = self.last
            self._drop_all()

    def reset(self) -> None:
        """Drop all entries; the next entry gets the id 1."""
        with self._lock:
            self._drop_all()
            self._numbers, self._last = count(1), 0

    def restore(self, entries: Iterable[Entry], last: int, forgotten: int) -> None:
        """Replace all entries with *entries*.

        The next entry gets the id ``last + 1``. *forgotten* is the number of older entries that were dropped.
        """
        self.reset()
        for entry in entries:
            self.repeat(entry)
        with self._lock:
            self._last, self.forgotten, self._numbers = last, forgotten, count(last + 1)

    def repeat(self, entry: Entry) -> None:
        """Add *entry*, which an earlier process or another writer recorded, in the order of ids.

        If an entry with the same id exists, it is replaced.
        """
        with self._lock:
            later = [*takewhile(lambda later_entry: later_entry.id >= entry.id, reversed(self._entries))]
            if later and later[-1].id == entry.id:
                self._weight -= later[-1].weight
                later[-1].is_dropped = True  # its call may still be open
                self._entries[-len(later)] = entry
            elif self.forgotten and len(later) == len(self._entries):
                self.forgotten += 1  # it was open for so long that it has been forgotten meanwhile
                return
            else:
                if len(self._entries) >= self._size:
                    self._forget()
                self._entries.insert(len(self._entries) - len(later), entry)
            self._last = max(self._last, entry.id)
            self._numbers = count(self._last + 1)
            entry.is_dropped = False
            self._weight += entry.weight
            while self._weight > self._most and len(self._entries) > 1:
                self._forget()

    def _forget(self) -> None:
        entry = self._entries.popleft()
        entry.is_dropped = True  # if its call is still open, `close` adds no weight
        self._weight -= entry.weight
        self.forgotten += 1

    def _drop_all(self) -> None:
        for entry in self._entries:
            entry.is_dropped = True
        self._entries.clear()
        self.forgotten = self._weight = 0
        self.clears += 1


def undecided_note(numbers: Sequence[int]) -> str:
    """Return a sentence about the entries with these *numbers*, whose bodies are not kept whole; ``""`` for none."""
    if not numbers:
        return ""
    reason = f"because the journal keeps only the first {BODY_LIMIT // 1024} KiB of a body"
    some = ", ".join(f"#{number}" for number in numbers[:10]) + (" and others" if len(numbers) > 10 else "")
    return f"json: {plural(len(numbers), 'call')} left out that may match, {reason}: {some}"


class Filters(TypedDict, total=False):
    """The keyword arguments of every query of the journal; `EntryFilter` describes them."""

    status: Any
    fault: str | None
    organization: str | None
    after: str | float | datetime | None
    before: str | float | datetime | None
    exact: bool
    since: int | None
    headers: Mapping[str, Any] | None
    query: Mapping[str, Any] | None


CUT = "more than the 64 KiB that the journal keeps of it"
"""The actual value of a body that can't be compared."""


@dataclass(frozen=True)
class EntryFilter:
    """The conditions that an entry has to meet; None sets no condition.

    * *vendor*, *operation*: names; an operation may omit its vendor, and may be a glob
    * *status*: the status of the response, compared by ``==``
    * *fault*: the kind or the id of a fault that struck the call
    * *organization*: the name of an organization
    * *after* (inclusive), *before* (exclusive): times of arrival, ISO 8601, a `datetime` or epoch seconds; UTC unless
      they have another time zone
    * *json*: members that the body of the request must contain, nested or by paths such as
      ``payload.segments[0].name``; with *exact*, the whole body
    * *headers*, *query*: names and values that the request must have; names of headers in any case
    * *since*: the id of an entry; only later entries match
    * *limit*: keep at most this many of the newest matching entries

    Raises `SettingError` for a value of the wrong type.
    """

    vendor: str | None = None
    operation: str | None = None
    status: Any = None
    fault: str | None = None
    organization: str | None = None
    after: str | float | datetime | None = None
    before: str | float | datetime | None = None
    json: Any = None
    exact: bool = False
    since: int | None = None
    limit: int | None = None
    headers: Mapping[str, Any] | None = None
    query: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("after", "before"):
            try:
                object.__setattr__(self, name, None if getattr(self, name) is None else seconds(getattr(self, name)))
            except ValueError as error:
                raise SettingError(f"{name}: {error}") from None
        for name in ("headers", "query"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, Mapping) and all(isinstance(text, str) for text in value)):
                raise SettingError(f"{name}: {brief(value)} is not a dictionary of names and values")
        for name in ("operation", "vendor", "fault", "organization"):
            if not isinstance(getattr(self, name), (str, NoneType)):
                raise SettingError(f"{name}: {brief(getattr(self, name))} is not text")
        if isinstance(self.status, (str, bytes, bool, float, list, tuple, dict, set)):
            raise SettingError(f"status: {brief(self.status)} is not a whole number")
        if isinstance(self.status, int) and not 100 <= self.status <= 999:
            raise SettingError(f"status: {brief(self.status)} is not a status, which is from 100 to 999")
        _refuse_credentials(self.headers, self.query)
        if isinstance(self.json, (str, bytes)) and self.json.strip()[:1] in ("{", "[", b"{", b"["):
            raise SettingError(f"json: {brief(self.json)} is JSON text; expected the parsed value")
        if self.exact and self.json is None:
            raise SettingError("exact: json is missing; exact=True compares the whole body with it")
        for name in ("since", "limit"):
            value = getattr(self, name)
            if not isinstance(value, (int, NoneType)) or isinstance(value, bool):
                raise SettingError(f"{name}: {brief(value)} is not a whole number")
        if self.limit is not None and self.limit < 0:
            raise SettingError(f"limit: {brief(self.limit)} is negative; expected 0 or more")

    def select(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the matching *entries*, oldest first."""
        matching = [entry for entry in entries if self.names(entry) and not any(self.misses(entry))]
        return matching if self.limit is None else matching[max(0, len(matching) - self.limit) :]

    def names(self, entry: Entry) -> bool:
        """Return whether *entry* is later than *since*, and a call of the filter's vendor and operation."""
        return (
            self.vendor in (None, entry.vendor)
            and (self.operation is None or matches_operation(entry.operation, self.operation))
            and (self.since is None or entry.id > self.since)
        )

    def misses(self, entry: Entry) -> Iterator[Mismatch]:
        """Yield each mismatch of *entry* except those of operation and vendor."""
        if self.status is not None and self.status != entry.status:
            yield Mismatch("status", self.status, entry.status)
        kinds = {part for fault in entry.faults for part in fault.split()}
        if self.fault is not None and self.fault not in kinds:
            yield Mismatch("fault", self.fault, ", ".join(entry.faults) or ABSENT)
        if self.organization is not None and self.organization != entry.organization:
            yield Mismatch("organization", self.organization, entry.organization)
        if self.after is not None and entry.time < cast("float", self.after):
            yield Mismatch("time", f"{iso(cast('float', self.after))} or later", iso(entry.time))
        if self.before is not None and entry.time >= cast("float", self.before):
            yield Mismatch("time", f"before {iso(cast('float', self.before))}", iso(entry.time))
        yield from self._parameters(entry)
        if self.json is not None:
            yield from self._body(entry)

    def may_match(self, entry: Entry) -> bool:
        """Return whether *entry* fails only because the journal does not keep its whole body."""
        misses = [*self.misses(entry)] if self.names(entry) else []
        return bool(misses) and all(miss.actual is CUT for miss in misses)

    def undecided(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return those of *entries* that `select` leaves out although they may match, oldest first."""
        if self.json is None or self.limit == 0:
            return []
        entries = [*entries]
        matching = self.select(entries)
        oldest = matching[0].id if matching and len(matching) == self.limit else 0
        return [entry for entry in entries if entry.id > oldest and self.may_match(entry)]

    def _parameters(self, entry: Entry) -> Iterator[Mismatch]:
        for name, expected in (self.headers or {}).items():
            actual = entry.request_headers.get(name.lower(), ABSENT)
            if not _is_sent_as(expected, actual):
                yield Mismatch(f"headers.{name}", expected, actual)
        values = query_of(entry.target) if self.query else {}
        for name, expected in (self.query or {}).items():
            if not any(_is_sent_as(expected, value) for value in values.get(name, ())):
                yield Mismatch(f"query.{name}", expected, ", ".join(values[name]) if name in values else ABSENT)

    def _body(self, entry: Entry) -> Iterator[Mismatch]:
        body = entry.request_json
        if body is None and len(entry.request_body) >= BODY_LIMIT:
            yield Mismatch("body", self.json, CUT)
            return
        expected = self.json
        if isinstance(expected, Mapping) and isinstance(body, Mapping) and not self.exact:
            paths = {name: steps_of(name) for name in expected if isinstance(name, str) and name not in body}
            paths = {name: steps for name, steps in paths.items() if len(steps) > 1 or (steps and name[0] == "$")}
            for name, steps in paths.items():
                values = values_at(body, steps)
                if all(any(mismatches(expected[name], value)) for value in values):
                    yield Mismatch(name, expected[name], values[0] if len(values) == 1 else values or ABSENT)
            expected = {name: value for name, value in expected.items() if name not in paths}
        yield from mismatches(expected, body, exact=self.exact)


def _refuse_credentials(
    headers: Mapping[str, Any] | None, query: Mapping[str, Any] | None, key_headers: Iterable[str] = ()
) -> None:
    """Raise `SettingError` for the text of a credential, which no entry has; *key_headers* are those of the vendors."""
    names = [name.lower() for name in key_headers]
    for place, values in (("headers", headers), ("query", query)):
        for name, value in (values or {}).items():
            if isinstance(value, str) and value != REDACTED and (is_secret_name(name) or name.lower() in names):
                raise SettingError(
                    f"{place}.{name}: the journal redacts credentials; expected a matcher such as unittest.mock.ANY"
                )


def _is_sent_as(expected: Any, text: Any) -> bool:
    """Return whether *expected* equals *text*, or is a number with that text."""
    if expected == text:  # in this order: a matcher promises == and nothing else
        return True
    try:
        return isinstance(expected, (int, float)) and str(expected) == text
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return False


_LONGEST_PATTERN = 200


def matches_operation(name: str, pattern: str) -> bool:
    """Return whether *pattern*, a name or a glob, with or without the vendor, matches the operation *name*."""
    if len(pattern) > _LONGEST_PATTERN:  # a pattern of a thousand stars takes seconds to compile
        return False
    return fnmatchcase(name, pattern) or fnmatchcase(name.partition(".")[2] or name, pattern)


def unknown_operation(operation: Any, operations: Iterable[str]) -> str:
    """Return a sentence about *operation*, which no name of *operations* matches, with the nearest name or pattern."""
    from difflib import get_close_matches  # slow to import

    names = [*operations]
    vendor, _, pattern = operation.partition(".") if isinstance(operation, str) else ("", "", "")
    vendors = get_close_matches(vendor, {name.partition(".")[0] for name in names}, n=1)
    near = f"{vendors[0]}.{pattern}" if vendors and "*" in pattern else ""
    if near and any(matches_operation(name, near) for name in names):
        return f"operation: unknown operation {operation!r} (did you mean {near!r}?)"
    return f"operation: unknown operation {brief(operation)}{alternatives(operation, names, 'a pattern or ')}"


def check_filters(
    members: Mapping[str, Any],
    operations: Sequence[str],
    vendors: Sequence[str],
    fault_names: Callable[[], Sequence[str]],
    key_headers: Iterable[str] = (),
) -> None:
    """Raise `SettingError` with the nearest name for an unknown filter, operation, vendor or fault in *members*.

    *fault_names* returns the known kinds of fault, and the ids of rules. *key_headers* are the headers with the
    credentials of the vendors, which no filter can compare.
    """
    filters = [row.name for row in fields(EntryFilter)]
    for name in members:
        if name not in filters:
            raise SettingError(unknown_name("filter", name, [*filters, "times"]))  # an assertion takes times too
    EntryFilter(**members)  # says what is of the wrong type
    _refuse_credentials(members.get("headers"), members.get("query"), key_headers)
    operation, vendor = members.get("operation"), members.get("vendor")
    if operation is not None and not any(matches_operation(name, operation) for name in operations):
        raise SettingError(unknown_operation(operation, operations))
    if vendor is not None and vendor not in vendors:
        raise SettingError(f"vendor: {unknown_name('vendor', vendor, vendors)}")
    fault = members.get("fault")
    if fault is not None and not fault.isdecimal() and fault not in (names := fault_names()):  # an id is a number
        kinds = [name for name in dict.fromkeys(names) if not name.isdecimal()]
        raise SettingError(f"fault: {unknown_name('fault kind', fault, kinds)}")
