"""``GET /_mock/events``: calls, changes, faults and the clock as server-sent events."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import islice
from threading import Lock
from typing import Any, NamedTuple

from flask import Response, current_app, request

from ..clock import Clock
from ..core import Json, dumps
from ..emulator import Emulator
from ..store import Change, differences
from ..store.table import TableState
from ..transports import wsgi
from .journal import summary
from .views import TEXT, Views, described

views = Views()
INTERVAL = 0.05
"""Poll interval of the mock's state, in seconds."""
KEPT = 2000
"""How many events are kept for readers that are slow or reconnect."""
_SHORTEST = INTERVAL / 2
_PIECE = 128 * 1024  # how many bytes a reader gets at once
_PING = 15.0  # seconds without an event after which a comment shows that the connection is alive
_TURN = 20.0  # seconds for which a reader may occupy a thread of a WSGI server
_MOST = 100  # how many rules one event has at most
_RULE = 0.0002  # poll interval of the rules in seconds, for each rule, so that many rules do not slow the clients down
_ABOUT_LOST = "events were dropped; read /_mock/journal and /_mock/state again"


class Event(NamedTuple):
    """An event as sent, and its number."""

    number: int
    text: bytes


class Feed:
    """The events of one mock. Any number of readers share it, on any threads.

    It polls the journal, the change log, the fault rules and the clock only when a reader reads. So readers do not slow
    down the calls of the vendors' clients.
    """

    def __init__(self, core: Emulator) -> None:
        self._core, self._lock = core, Lock()
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._names = {id(s): vendor.table(s.name) for vendor in core.vendors.values() for s in vendor.tables}
        self._token = f"{int(Clock.monotonic() * 1000):x}"
        self._number = 0
        self._looked = -1.0
        self._start()

    def position(self, event_id: str = "") -> int | None:
        """Return the number of the event *event_id* (default: the newest); None if it belongs to another mock."""
        with self._lock:
            self._publish_news()
        if not event_id:
            return self._number
        token, _, number = event_id.rpartition("-")
        is_known = token == self._token and number.isascii() and number.isdigit() and int(number) <= self._number
        return int(number) if is_known else None

    def event_id(self, number: int) -> str:
        """Return the id of the event with this *number*, from which a client can resume."""
        return f"{self._token}-{number}"

    def after(self, number: int) -> tuple[list[Event], int]:
        """Poll the mock; return the events after *number*, and the number of them that were dropped."""
        with self._lock:
            self._publish_news()
            oldest = self._number - len(self._events)
            missed = max(0, oldest - number)
            return [*islice(self._events, max(0, number - oldest), None)], missed

    def _start(self) -> None:
        core = self._core
        self._generation, self._clears = core.world.generation, core.journal.clears
        self._newest, self._mark = core.journal.newest, core.world.log.mark
        self._open = {entry.id: entry for entry in core.journal if entry.end is None}
        self._clock = core.world.clock.setting
        self._counters = {rule.id: rule.counters for rule in core.fault_rules}
        self._rules = tuple(core.fault_rules)
        self._rules_due, self._rules_next = True, 0.0

    def _publish(self, kind: str, data: Json) -> None:
        self._number += 1
        head = f"id: {self.event_id(self._number)}\nevent: {kind}\ndata: ".encode()
        self._events.append(Event(self._number, head + dumps(data) + b"\n\n"))

    def _publish_news(self) -> None:
        """Publish everything that has happened since the last poll."""
        now = Clock.monotonic()
        if now - self._looked < _SHORTEST:
            return
        self._looked = now
        core = self._core
        if (self._generation, self._clears) != (core.world.generation, core.journal.clears):
            records = self._generation != core.world.generation
            self._start()
            self._publish("reset", {"records": records, "journal": True, "now": core.world.clock.iso()})
            self._newest = 0  # include the calls since the reset
            self._open = {}
        self._look_at_rules()
        self._look_at_calls()
        self._look_at_records()
        if self._clock != (setting := core.world.clock.setting):
            self._clock = setting
            self._publish("clock", {"now": core.world.clock.iso(), "frozen": core.world.clock.frozen})

    def _look_at_calls(self) -> None:
        ended = [entry for entry in self._open.values() if entry.end is not None]
        started = self._core.journal.since(self._newest)
        for entry in (*ended, *started):
            self._publish("entry", summary(entry))
            if entry.end is None:
                self._open[entry.id] = entry
            else:
                self._open.pop(entry.id, None)
        if started:
            self._newest = started[-1].id
        # A rule counts a call after the entry was opened, so poll the rules once more.
        self._rules_due = self._rules_due or bool(started or self._open or ended)

    def _look_at_rules(self) -> None:
        rules = tuple(self._core.fault_rules)
        self._rules_due |= rules != self._rules or self._newest != self._core.journal.newest
        if not self._rules_due or self._looked < self._rules_next:
            return
        self._rules_due = False
        self._rules_next = self._looked + len(rules) * _RULE
        counters = {rule.id: rule.counters for rule in rules}
        changed = [rule for rule in rules if self._counters.get(rule.id) != counters[rule.id]]
        removed = [id_ for id_ in self._counters if id_ not in counters]
        self._rules, self._counters = rules, counters
        if changed or removed:
            definitions = [rule.as_dict() for rule in changed[:_MOST]]
            self._publish("fault", {"faults": definitions, "removed": removed[:_MOST], "armed": len(rules)})

    def _look_at_records(self) -> None:
        world = self._core.world
        # Do not wait for the lock: it may be held for long, and a reader may run on the thread that answers clients.
        if world.log.mark == self._mark or not world.lock.acquire(blocking=False):
            return
        try:
            mark, begin = world.log.mark, self._mark
            changes = world.log.since(begin)
        except LookupError:
            changes = []
        finally:
            world.lock.release()
        self._mark = mark
        self._publish("change", {"mark": mark, "tables": self._tables(changes), "all": not changes})

    def _tables(self, changes: Iterable[Change]) -> list[Json]:
        """Return a summary of *changes*, one row for each table of an organization."""
        groups: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            name = self._names.get(id(change.table.schema), change.table.schema.name)
            groups.setdefault((change.organization, name), []).append(change)
        return [
            {"organization": organization, "table": name, **_counts(rows)}
            for (organization, name), rows in groups.items()
        ]


def _counts(changes: list[Change]) -> Json:
    kinds = Counter(
        "added" if row.before is None else "removed" if row.after is None else "updated" for row in differences(changes)
    )
    replaced = any(isinstance(change.after, TableState) for change in changes)
    return {"added": kinds["added"], "updated": kinds["updated"], "removed": kinds["removed"], "replaced": replaced}


class Reader:
    """A client's position in a *feed*: after the event *last_id*, or at its end."""

    def __init__(self, feed: Feed, last_id: str = "") -> None:
        self._feed, self._spoke = feed, Clock.monotonic()
        position = feed.position(last_id)
        self._number = feed.position() or 0 if position is None else position
        self._greeting = f"retry: 1000\nid: {feed.event_id(self._number)}\n\n".encode()
        if position is None:
            self._greeting += _lost_event(None)

    def read(self) -> bytes:
        """Return the new events, ``b""`` if there are none."""
        pieces, size = [self._greeting], len(self._greeting)
        self._greeting = b""
        events, missed = self._feed.after(self._number)
        if missed:
            pieces.append(_lost_event(missed))
        for event in events:
            pieces.append(event.text)
            self._number, size = event.number, size + len(event.text)
            if size > _PIECE:
                break
        now, data = Clock.monotonic(), b"".join(pieces)
        if not data and now - self._spoke > _PING:
            data = b": nothing new\n\n"
        if data:
            self._spoke = now
        return data

    def pieces(self) -> Iterator[bytes]:
        """Yield the events of some seconds, for a server with a thread for each request."""
        end = Clock.monotonic() + _TURN
        while Clock.monotonic() < end:
            yield self.read()
            Clock().wait(INTERVAL)


def _lost_event(count: int | None) -> bytes:
    return b"event: lost\ndata: " + dumps({"lost": count, "hint": _ABOUT_LOST}) + b"\n\n"


@views.get(
    "/events",
    TEXT,
    content_type="text/event-stream",
    query={
        "after": described(
            TEXT, "The id of the last event that was read; by default only what happens from now on is sent."
        )
    },
)
def get_events(core: Emulator) -> Response:
    """Stream server-sent events: entry, change, fault, clock, reset, and lost if the reader is too slow.

    Resume with the header Last-Event-ID or the query parameter *after*. Only the live server streams without end. A
    WSGI server with threads streams for 20 seconds at a time; other servers return the new events.
    """
    feed = current_app.extensions.get("segment_mock.feed")
    if feed is None:  # in one step, so that all readers share one feed
        feed = current_app.extensions.setdefault("segment_mock.feed", Feed(core))
    reader = Reader(feed, request.headers.get("Last-Event-ID") or request.args.get("after", ""))
    more: list[Any] | None = request.environ.get("segment_mock.more")
    if more is not None:
        more.append(reader.read)
    if request.method == "GET" and request.environ.get("wsgi.multithread") and wsgi.is_served(request.environ):
        body: Any = reader.pieces()
    else:
        body = reader.read()
    return Response(body, content_type="text/event-stream", headers={"Cache-Control": "no-store"})
