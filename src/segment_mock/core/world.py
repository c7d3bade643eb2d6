"""The state of one emulator: clock, random streams, ids, organizations, calls per credential. Two share nothing."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from random import Random as Random
from typing import Any

from ..clock import Clock
from ..forking import new_lock, new_rlock
from ..store import ChangeLog, InitialRecords, Store

_SKIPPED_AT_ONCE = 2**16
_REMEMBERED_NAMES = 10_000
"""How many names a rate window remembers; beyond that, the least recently used are dropped."""
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The variant digit of a UUID of version 4, by the random digit that it replaces."""


class Organization:
    """A tenant that a credential names: its tables, and *counters* that a rollback does not change.

    *notice* is a hint for the developer in the next response. *is_dropped*: the world has dropped it, see
    `LimitedWorld`.
    """

    notice = ""
    is_dropped = False

    def __init__(self, name: str, store: Store) -> None:
        self.name, self.store = name, store
        self.counters: defaultdict[str, int] = defaultdict(int)


class CountedStream(Random):
    """A random stream that knows its position: how many *words* of 32 bits were drawn since its seed."""

    words = 0

    def random(self) -> float:
        """Return a number from 0 to 1, which takes two words."""
        self.words += 2
        return super().random()

    def getrandbits(self, k: int, /) -> int:
        """Return *k* random bits."""
        self.words += -(-k // 32)
        return super().getrandbits(k)

    def skip(self, words: int) -> CountedStream:
        """Draw *words* words of 32 bits, and return the stream."""
        for begin in range(0, words, _SKIPPED_AT_ONCE):
            self.getrandbits(32 * min(_SKIPPED_AT_ONCE, words - begin))
        return self

    def getstate(self) -> tuple[Any, ...]:
        """Return the state, the position included."""
        return self.words, super().getstate()

    def setstate(self, state: tuple[Any, ...]) -> None:
        """Continue from a state that `getstate` returned."""
        self.words = state[0]
        super().setstate(state[1])


def moved(stream: Random | None, seed: str, words: int) -> CountedStream:
    """Return *stream* at the position *words*; if it is missing or beyond that position, a new stream of *seed*."""
    if not isinstance(stream, CountedStream) or stream.words > words:
        stream = CountedStream(seed)
    return stream.skip(words - stream.words)


class World:
    """Clock, random streams, ids and organizations of a mock, all derived from one *seed*.

    ``lock`` guards stores and log, and ``generation`` counts resets. If *isolated*, each credential has its own
    organization; otherwise all share one.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        isolated: bool = False,
        log: ChangeLog | None = None,
        new_stream: Callable[[str], Random] = Random,
    ) -> None:
        self.seed, self.isolated, self._new_stream = seed, isolated, new_stream
        self.clock, self.log, self.lock = Clock(), ChangeLog() if log is None else log, new_rlock()
        self.generation = 0
        self.dropped = 0
        """How many organizations were dropped to keep to a limit."""
        self._initial: Mapping[str, InitialRecords] = {}
        self._streams_after_loading: dict[str, Any] = {}
        self._begin()

    def _begin(self) -> None:
        self._rng: Random | None = None
        self._ids: dict[str, Random] = {}
        self._organizations: dict[str, Organization] = {}

    def __iter__(self) -> Iterator[Organization]:
        return iter([*dict.fromkeys(self._organizations.values())])

    def recoverable(self) -> Iterator[Organization]:
        """Return every organization with writes in the change log."""
        return iter(self)

    def has_named(self, name: str) -> bool:
        """Return whether an organization has this *name*."""
        return any(organization.name == name for organization in self)

    def drop_beyond_limit(self) -> None:
        """Drop the least recently used organizations beyond the limit; do nothing in a world without one."""

    def rollback(self, mark: int) -> None:
        """Undo every write since *mark*; raises LookupError if the change log does not reach back that far."""
        with self.lock:
            self.log.rollback(mark)

    def new_id(self, kind: str, *existing_ids: Container[Any]) -> str:
        """Return the next UUID (version 4) of the stream for a *kind* of record, such as ``salsa.segments``.

        Each kind has its own stream, so that an additional or failed call does not change the ids of other kinds of
        record. Ids in one of *existing_ids* are skipped: loaded records may have ids of an earlier run with the same
        seed.
        """
        stream = self._ids.get(kind)
        if stream is None:
            stream = self._ids.setdefault(kind, self._stream(kind))
        while True:
            digits = stream.getrandbits(128).to_bytes(16, "big").hex()
            new = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"
            for ids in existing_ids:
                if new in ids:
                    break
            else:
                return new

    @property
    def rng(self) -> Random:
        """The random stream for everything that has no separate stream."""
        if self._rng is None:  # created on first use, because seeding takes longer than the rest of a reset
            self._rng = self.random_stream("luck")
        return self._rng

    def random_stream(self, name: str) -> Random:
        """Return a separate random stream for *name*, derived from the world's seed."""
        return self._new_stream(f"{name} {self.seed}")

    def organization(self, credential: str = "") -> Organization:
        """Return the organization of *credential*, created from the initial data when it is first used.

        ``""`` is the organization of the initial data. The name is a digest, so that no log contains a credential.
        """
        credential = credential if self.isolated else ""
        organization = self._organizations.get(credential)
        if organization is None:
            name = self.organization_name(credential)
            with self.lock:
                organization = self._organizations.get(restored_place(name))
                organization = organization or Organization(name, Store(name, self._initial, self.log))
                organization = self._organizations.setdefault(credential, organization)
        return organization

    def look_up(self, credential: str = "") -> Organization:
        """Return the organization of *credential*.

        If no call has used it yet, return a temporary organization with the initial data.
        """
        name = self.organization_name(credential)
        organizations = self._organizations
        organization = organizations.get(credential if self.isolated else "") or organizations.get(restored_place(name))
        return organization or Organization(name, Store(name, self._initial, self.log))

    def organization_name(self, credential: str) -> str:
        """Return the name of the organization of *credential*, which need not exist yet."""
        return organization_name(credential) if self.isolated else ""

    def restore_organization(self, name: str) -> Organization:
        """Return the organization called *name*, created from the initial data if it does not exist.

        It does not find an organization of that name that a call with the credential has created.
        """
        place = restored_place(name)
        organization = self._organizations.get(place)
        return organization or self._organizations.setdefault(
            place, Organization(name, Store(name, self._initial, self.log))
        )

    @property
    def initial_data(self) -> Mapping[str, InitialRecords]:
        """The records with which `reset` and every new organization begin, by table."""
        return self._initial

    def stream_positions(self) -> dict[str, Any]:
        """Return the position of each stream: ``ids`` and ``spent`` by kind, and ``rng`` (None: not used yet).

        Every stream has to be a `CountedStream`.
        """
        return {
            "ids": {kind: getattr(stream, "words", 0) for kind, stream in [*self._ids.items()]},
            "spent": {kind: state[0] for kind, state in self._streams_after_loading.items()},
            "rng": getattr(self._rng, "words", None),
        }

    def restore_streams(self, positions: Mapping[str, Any]) -> None:
        """Move each stream to its position in *positions*, the result of `stream_positions`.

        A stream without a position stays the same.
        """
        for kind, words in positions.get("spent", {}).items():
            self._streams_after_loading[kind] = CountedStream(f"ids {self.seed} {kind}").skip(words).getstate()
        for kind, words in positions.get("ids", {}).items():
            self._ids[kind] = moved(self._ids.get(kind), f"ids {self.seed} {kind}", words)
        if positions.get("rng") is not None:
            self._rng = moved(self._rng, f"luck {self.seed}", positions["rng"])

    def set_initial_data(self, initial: Mapping[str, InitialRecords]) -> None:
        """Set the records with which `reset` and every new organization begin.

        The ids drawn so far count as ids of these records, so that a reset does not draw them again.
        """
        self._initial = initial
        self._streams_after_loading = {kind: stream.getstate() for kind, stream in self._ids.items()}
        self.reset()

    def restore_initial_data(self, initial: Mapping[str, InitialRecords]) -> None:
        """Set the initial records from a store; an earlier process drew their ids."""
        self._initial, self._streams_after_loading = initial, {}
        self.reset()

    def exchange_initial_data(self, load: Callable[[], Mapping[str, InitialRecords]]) -> None:
        """Set the initial records to the result of *load*.

        They apply to the next `reset` and to new organizations; current records stay.
        """
        before = {kind: stream.getstate() for kind, stream in self._ids.items()}
        self._initial = load()
        after = {kind: stream.getstate() for kind, stream in self._ids.items()}
        advanced = {kind: state for kind, state in after.items() if state != before.get(kind)}
        self._streams_after_loading = {
            **{kind: after.get(kind, state) for kind, state in self._streams_after_loading.items()},
            **advanced,
        }

    def forget_initial_data(self) -> None:
        """Drop the initial data and the ids that it used, as before the first `set_initial_data`."""
        self._initial, self._streams_after_loading = {}, {}
        self.reset()

    def reset(self) -> None:
        """Return to the initial data, to real time, and to the beginning of every random stream."""
        with self.lock:
            self.generation += 1
            self.log.truncate()
            self.clock.reset()
            self._begin()

    def _stream(self, kind: str) -> Random:
        stream = self._new_stream(f"ids {self.seed} {kind}")
        if kind in self._streams_after_loading:
            stream.setstate(self._streams_after_loading[kind])
        return stream


class RateWindow:
    """A sliding window of *seconds* in which a name may make *calls* calls."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self._calls_by_name: dict[str, deque[float]] = {}
        self._restored: dict[str, deque[float]] = {}
        self._lock = new_lock()

    def admit(self, name: str, now: float) -> bool:
        """Count a call of *name* at *now*, and return whether it is within the limit."""
        with self._lock:
            moments = self._calls_by_name.pop(name, None)
            if moments is None:
                moments = self._restored.pop(organization_name(name), None) if self._restored else None
                moments = deque(maxlen=self.calls) if moments is None else moments
            self._calls_by_name[name] = moments
            if len(self._calls_by_name) > _REMEMBERED_NAMES:
                del self._calls_by_name[next(iter(self._calls_by_name))]
            while moments and moments[-1] > now:  # the clock was set back, so these calls lie in the future
                moments.pop()
            fits = len(moments) < self.calls or now - moments[0] >= self.seconds
            moments.append(now)
            return fits

    def remaining(self, name: str, now: float) -> int:
        """Return how many more calls *name* may make at *now*."""
        with self._lock:
            recent = sum(0 <= now - moment < self.seconds for moment in self._calls_by_name.get(name, ()))
        return self.calls - recent

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls_by_name.clear()
            self._restored.clear()

    def moments(self) -> dict[str, list[float]]:
        """Return the times of the calls of each name, by a digest of the name, the oldest last call first."""
        with self._lock:
            seen = {
                **self._restored,
                **{organization_name(name): moments for name, moments in self._calls_by_name.items()},
            }
            return {digest: [*moments] for digest, moments in seen.items()}

    def restore(self, moments: Mapping[str, Iterable[float]]) -> None:
        """Restore the calls that `moments` returned."""
        with self._lock:
            self._calls_by_name.clear()
            self._restored = {digest: deque(row, self.calls) for digest, row in moments.items()}

    def restore_call(self, digest: str, now: float) -> None:
        """Count a call at *now* of the name with this *digest*, after `restore`."""
        moments = self._restored.pop(digest, None)
        self._restored[digest] = deque(maxlen=self.calls) if moments is None else moments
        while self._restored[digest] and self._restored[digest][-1] > now:
            self._restored[digest].pop()
        self._restored[digest].append(now)
        if len(self._restored) > _REMEMBERED_NAMES:
            del self._restored[next(iter(self._restored))]


def restored_place(name: str) -> str:
    """Return the key for an organization with a known name and an unknown credential; no header contains a NUL."""
    return name and f"\0{name}"


def organization_name(credential: str) -> str:
    """Return the name of the organization of *credential*, if each credential has its own organization."""
    from hashlib import blake2b  # loads OpenSSL

    return credential and blake2b(credential.encode("utf-8", "replace"), digest_size=6).hexdigest()
