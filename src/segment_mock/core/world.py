"""The state of one emulator: clock, random streams, ids and organizations. Two worlds share nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping
from hashlib import blake2b
from random import Random as Random
from typing import Any

from ..clock import Clock
from ..forking import new_rlock
from ..store import ChangeLog, InitialRecords, Store

_SKIPPED_AT_ONCE = 2**16
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The variant digit of a UUID of version 4, by the random digit that it replaces."""


class Organization:
    """A tenant that a credential names: its tables, and *counters* that a rollback does not change.

    *notice* is a hint for the developer in the next reply. *is_dropped*: the world has dropped it, see `LimitedWorld`.
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
        """Draw so many words and return the stream."""
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
    """Return *stream*, or if it is not there or too far a new one of *seed*, at the position *words*."""
    if not isinstance(stream, CountedStream) or stream.words > words:
        stream = CountedStream(seed)
    return stream.skip(words - stream.words)


class World:
    """Clock, random streams, ids and organizations, all from one *seed*; *lock* guards stores and log.

    *isolated*: each credential names a separate organization; otherwise all share one. *generation* counts resets.
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
        self._spent: dict[str, Any] = {}
        self._begin()

    def _begin(self) -> None:
        self._rng: Random | None = None
        self._ids: dict[str, Random] = {}
        self._organizations: dict[str, Organization] = {}

    def __iter__(self) -> Iterator[Organization]:
        return iter([*dict.fromkeys(self._organizations.values())])

    def recoverable(self) -> Iterator[Organization]:
        """Return every organization that the log has writes of."""
        return iter(self)

    def has_named(self, name: str) -> bool:
        """Return whether an organization has this *name*."""
        return any(one.name == name for one in self)

    def rollback(self, mark: int) -> None:
        """Undo every write since *mark* of the log; raises LookupError if it does not reach back so far."""
        with self.lock:
            self.log.rollback(mark)

    def uuid(self, kind: str) -> str:
        """Return the next UUID (version 4) of the stream for a *kind* of thing.

        Separate streams keep an extra reply or a failed call from shifting the ids of later records.
        """
        stream = self._ids.get(kind)
        if stream is None:
            stream = self._ids.setdefault(kind, self._stream(kind))
        digits = stream.getrandbits(128).to_bytes(16, "big").hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"

    def new_id(self, kind: str, *existing_ids: Container[Any]) -> str:
        """Return the next id of the stream *kind* that is in none of *existing_ids*.

        A loaded state may already have records from another run with the same seed.
        """
        while True:
            new = self.uuid(kind)
            for ids in existing_ids:
                if new in ids:
                    break
            else:
                return new

    @property
    def rng(self) -> Random:
        """The random stream for everything that has no stream of its own."""
        if self._rng is None:  # created on first use, because seeding takes longer than the rest of a reset
            self._rng = self.random_stream("luck")
        return self._rng

    def random_stream(self, name: str) -> Random:
        """Return a separate random stream for *name*, derived from the world's seed."""
        return self._new_stream(f"{name} {self.seed}")

    def organization(self, credential: str = "") -> Organization:
        """Return the organization of *credential*; its first use forks it from the initial data.

        ``""`` is the organization of the initial data. The name is a digest, so that no log contains a credential.
        """
        credential = credential if self.isolated else ""
        organization = self._organizations.get(credential)
        if organization is None:
            name = self.organization_name(credential)
            with self.lock:
                organization = self._organizations.get(_restored(name))
                organization = organization or Organization(name, Store(name, self._initial, self.log))
                organization = self._organizations.setdefault(credential, organization)
        return organization

    def look_up(self, credential: str = "") -> Organization:
        """Return the organization of *credential*; if no call has used it yet, return a temporary one like it."""
        name = self.organization_name(credential)
        organizations = self._organizations
        organization = organizations.get(credential if self.isolated else "") or organizations.get(_restored(name))
        return organization or Organization(name, Store(name, self._initial, self.log))

    def organization_name(self, credential: str) -> str:
        """Return the name of the organization of *credential*, which need not exist yet."""
        return organization_name(credential) if self.isolated else ""

    def restore_organization(self, name: str) -> Organization:
        """Return the organization called *name*, made from the initial data if there is none."""
        by_name = {one.name: one for one in self._organizations.values()}
        if name in by_name:
            return by_name[name]
        place = _restored(name) if name else ""
        return self._organizations.setdefault(place, Organization(name, Store(name, self._initial, self.log)))

    @property
    def initial_data(self) -> Mapping[str, InitialRecords]:
        """The data that `reset` and every fork begin with."""
        return self._initial

    def stream_positions(self) -> dict[str, Any]:
        """Return how far each stream is: ``ids`` and ``spent`` by kind, and ``rng``, None if it was never needed.

        The streams have to be `CountedStream`.
        """
        return {
            "ids": {kind: getattr(stream, "words", 0) for kind, stream in [*self._ids.items()]},
            "spent": {kind: state[0] for kind, state in self._spent.items()},
            "rng": getattr(self._rng, "words", None),
        }

    def restore_streams(self, positions: Mapping[str, Any]) -> None:
        """Put each stream in its place as `stream_positions` says; what it does not mention stays."""
        for kind, words in positions.get("spent", {}).items():
            self._spent[kind] = CountedStream(f"ids {self.seed} {kind}").skip(words).getstate()
        for kind, words in positions.get("ids", {}).items():
            self._ids[kind] = moved(self._ids.get(kind), f"ids {self.seed} {kind}", words)
        if positions.get("rng") is not None:
            self._rng = moved(self._rng, f"luck {self.seed}", positions["rng"])

    def set_initial_data(self, initial: Mapping[str, InitialRecords]) -> None:
        """Make *initial* the data that `reset` and every fork begin with.

        The ids drawn so far belong to these records, so a reset does not draw them again.
        """
        self._initial = initial
        self._spent = {kind: stream.getstate() for kind, stream in self._ids.items()}
        self.reset()

    def restore_initial_data(self, initial: Mapping[str, InitialRecords]) -> None:
        """Make *initial*, whose ids an earlier process drew, the data that `reset` and every fork begin with."""
        self._initial, self._spent = initial, {}
        self.reset()

    def exchange_initial_data(self, load: Callable[[], Mapping[str, InitialRecords]]) -> None:
        """Make what *load* returns the data that `reset` and every new fork begin with; what is there stays."""
        before = {kind: stream.getstate() for kind, stream in self._ids.items()}
        self._initial = load()
        after = {kind: stream.getstate() for kind, stream in self._ids.items()}
        drawn = {kind: state for kind, state in after.items() if state != before.get(kind)}
        self._spent = {**{kind: after.get(kind, state) for kind, state in self._spent.items()}, **drawn}

    def forget_initial_data(self) -> None:
        """Drop the initial data and the ids that it used, as before the first `set_initial_data`."""
        self._initial, self._spent = {}, {}
        self.reset()

    def reset(self) -> None:
        """Return to the initial data, to real time and to the beginning of every stream."""
        with self.lock:
            self.generation += 1
            self.log.truncate()
            self.clock.reset()
            self._begin()

    def _stream(self, kind: str) -> Random:
        stream = self._new_stream(f"ids {self.seed} {kind}")
        if kind in self._spent:
            stream.setstate(self._spent[kind])
        return stream


def _restored(name: str) -> str:
    """Return the place of an organization whose name is known and whose credential is not: no header has a NUL."""
    return f"\0{name}"


def organization_name(credential: str) -> str:
    """Return the name of the organization of *credential*, where each credential names a separate one."""
    return credential and blake2b(credential.encode("utf-8", "replace"), digest_size=6).hexdigest()
