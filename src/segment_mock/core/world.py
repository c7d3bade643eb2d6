"""The state of one emulator: clock, random streams, ids and organizations. Two worlds share nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from hashlib import blake2b
from random import Random as Random
from typing import Any

from ..clock import Clock
from ..forking import new_rlock
from ..store import ChangeLog, InitialRecords, Store

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


class World:
    """Clock, random streams, ids and organizations, all from one *seed*; *lock* guards stores and log.

    *isolated*: each credential names a separate organization; otherwise all share one. *generation* counts resets.
    """

    def __init__(self, seed: int = 0, *, isolated: bool = False) -> None:
        self.seed, self.isolated = seed, isolated
        self.clock, self.log, self.lock = Clock(), ChangeLog(), new_rlock()
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
        return iter([*self._organizations.values()])

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
        drawn = stream.getrandbits(128).to_bytes(16, "big").hex()
        return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-{_VARIANT[drawn[16]]}{drawn[17:20]}-{drawn[20:]}"

    def new_id(self, kind: str, *taken: Container[Any]) -> str:
        """Return the next id of the stream *kind* that is in none of *taken*.

        A loaded state may already have records from another run with the same seed.
        """
        while True:
            new = self.uuid(kind)
            if not any(new in ids for ids in taken):
                return new

    @property
    def rng(self) -> Random:
        """The random stream for everything that has no stream of its own."""
        if self._rng is None:  # created on first use, because seeding takes longer than the rest of a reset
            self._rng = self.random_stream("luck")
        return self._rng

    def random_stream(self, name: str) -> Random:
        """Return a separate random stream for *name*, derived from the world's seed."""
        return Random(f"{name} {self.seed}")

    def organization(self, credential: str = "") -> Organization:
        """Return the organization of *credential*; its first use forks it from the initial data.

        ``""`` is the organization of the initial data. The name is a digest, so that no log contains a credential.
        """
        credential = credential if self.isolated else ""
        organization = self._organizations.get(credential)
        if organization is None:
            name = self.organization_name(credential)
            with self.lock:
                store = Store(name, self._initial, self.log)
                organization = self._organizations.setdefault(credential, Organization(name, store))
        return organization

    def look_up(self, credential: str = "") -> Organization:
        """Return the organization of *credential*; if no call has used it yet, return a temporary one like it."""
        known = self._organizations.get(credential if self.isolated else "")
        if known is not None:
            return known
        name = self.organization_name(credential)
        return Organization(name, Store(name, self._initial, self.log))

    def organization_name(self, credential: str) -> str:
        """Return the name of the organization of *credential*, which need not exist yet."""
        return organization_name(credential) if self.isolated else ""

    def set_initial_data(self, initial: Mapping[str, InitialRecords]) -> None:
        """Make *initial* the data that `reset` and every fork begin with.

        The ids drawn so far belong to these records, so a reset does not draw them again.
        """
        self._initial = initial
        self._spent = {kind: stream.getstate() for kind, stream in self._ids.items()}
        self.reset()

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
        stream = Random(f"ids {self.seed} {kind}")
        if kind in self._spent:
            stream.setstate(self._spent[kind])
        return stream


def organization_name(credential: str) -> str:
    """Return the name of the organization of *credential*, where each credential names a separate one."""
    return credential and blake2b(credential.encode("utf-8", "replace"), digest_size=6).hexdigest()
