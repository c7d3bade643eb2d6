"""The change log of a world. It keeps the value before each write, so that writes can be listed and undone."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from .table import Key, Record, Row, Table, TableState


class Change(NamedTuple):
    """One write; *key* is None if it replaced the whole table."""

    sequence: int
    organization: str
    table: Table
    key: Key
    before: Row | TableState | None
    after: Row | TableState | None


class Difference(NamedTuple):
    """The difference of one record: *before* and *after* with the names of the API, None where it does not exist."""

    table: str
    key: Key
    before: Record | None
    after: Record | None


def differences(changes: Iterable[Change]) -> tuple[Difference, ...]:
    """Return the net effect of *changes*, one row for each record in order of first change.

    Replacements of whole tables are left out.
    """
    rows: dict[tuple[str, str, Key], Difference] = {}
    for _, organization, table, key, before, after in changes:
        if isinstance(before, TableState) or isinstance(after, TableState):
            continue
        place = (organization, table.schema.name, key)
        first = rows[place].before if place in rows else before and before.record
        rows[place] = Difference(table.schema.name, key, first, after and after.record)
    return tuple(row for row in rows.values() if row.before != row.after)


class ChangeLog:
    """The writes of all organizations, in order, as far back as they are needed.

    A mark is the sequence number of the next write. Hold the world's lock for every method except `release`.
    """

    def __init__(self) -> None:
        self._tail: deque[Change] = deque()
        self._holds: Counter[int] = Counter()
        self._released: deque[int] = deque()
        self._commits: deque[tuple[int, str, float]] = deque()
        self._returns: dict[int, int] = {}
        self.mark = self.reach = 0
        """*reach* is the mark of the oldest write that is still in the log."""

    def __len__(self) -> int:
        return len(self._tail)

    def append(self, table: Table, key: Key, before: Row | TableState | None, after: Row | TableState | None) -> None:
        """Add one write."""
        self._tail.append(Change(self.mark, table.organization, table, key, before, after))
        self.mark += 1

    def since(self, mark: int) -> list[Change]:
        """Return the writes from *mark* on, oldest first; raises LookupError if some of them were dropped."""
        if mark == self.mark:
            return []
        if mark < self.reach:
            raise LookupError("that state was before a reset, or the change log does not reach back to it any more")
        return [*islice(reversed(self._tail), self.mark - mark)][::-1]

    def commit(self, mark: int, organization: str, now: float) -> None:
        """Record that one call of *organization* made the writes since *mark*, at *now* (epoch seconds)."""
        self._commits.append((mark, organization, now))

    def calls_ago(self, calls: int, organization: str) -> int:
        """Return the mark before the last *calls* calls that changed something, or before the oldest known call.

        Writes without a call, by which a test prepares records, do not count.
        """
        marks = [mark for mark, whose, _ in self._commits if whose == organization]
        return [*marks, self.mark][max(0, len(marks) - calls)]

    def as_of(self, moment: float, organization: str) -> int:
        """Return the mark before the first known call after *moment* that changed something, or the current mark."""
        marks = (mark for mark, whose, when in self._commits if whose == organization and when > moment)
        return next(marks, self.mark)

    def rollback(self, mark: int) -> None:
        """Undo every write since *mark*. The log records this, so that later marks can still be reached."""
        for change in self._back_to(mark):
            change.table.apply(change.key, change.after, change.before)
            self.append(change.table, change.key, change.after, change.before)
        if mark < self.mark:
            self._returns[self.mark] = min(mark, self._returns.get(self.mark, mark))

    def _back_to(self, mark: int) -> list[Change]:
        # Skip undo entries that an earlier rollback already reverted.
        changes, undo = self.since(mark), []
        at = self.mark
        while at > mark:
            earlier = self._returns.get(at, -1)
            if earlier >= mark:  # a rollback ended here, so the records were those at the earlier mark
                at = earlier
            else:
                at -= 1
                undo.append(changes[at - mark])
        return undo

    @contextmanager
    def undone(self, mark: int, organization: str) -> Iterator[None]:
        """Return *organization* to its records at *mark* within a ``with`` block, without logging it."""
        changes = [change for change in self.since(mark) if change.organization == organization]
        for change in reversed(changes):
            change.table.apply(change.key, change.after, change.before)
        try:
            yield
        finally:
            for change in changes:
                change.table.apply(change.key, change.before, change.after)

    def hold(self, mark: int) -> None:
        """Keep all writes since *mark* until `release` was called as many times."""
        while self._released:
            self._drop_hold(self._released.popleft())
        self._holds[mark] += 1

    def release(self, mark: int) -> None:
        """Undo one `hold` of *mark*. Safe in any thread and without the lock, since finalizers call it."""
        self._released.append(mark)

    def trim(self, mark: int) -> None:
        """Drop the writes before *mark*, except writes that a held mark needs."""
        while self._released:
            self._drop_hold(self._released.popleft())
        oldest = min([mark, *self._holds])
        while self._tail and self._tail[0].sequence < oldest:
            self._tail.popleft()
        self.reach = self.mark - len(self._tail)
        while self._commits and self._commits[0][0] < self.reach:
            self._commits.popleft()
        while self._returns and next(iter(self._returns)) <= self.reach:
            del self._returns[next(iter(self._returns))]

    def parts(self) -> tuple[int, list[Change], list[tuple[int, str, float]], dict[int, int]]:
        """Return the current mark, the writes in the log, the known calls, and the known rollbacks, for `restore`."""
        return self.mark, [*self._tail], [*self._commits], {**self._returns}

    def restore(
        self, mark: int, tail: Iterable[Change], commits: Iterable[tuple[int, str, float]], returns: Mapping[int, int]
    ) -> None:
        """Set the log to the results of `parts`; no mark is held."""
        self._tail, self._commits, self._returns = deque(tail), deque(commits), dict(returns)
        self._holds.clear()
        self._released.clear()
        self.mark, self.reach = mark, mark - len(self._tail)

    def _drop_hold(self, mark: int) -> None:
        # Truncating the log also dropped the holds from before it.
        if self._holds[mark] > 1:
            self._holds[mark] -= 1
        else:
            del self._holds[mark]

    def truncate(self) -> None:
        """Drop every write; no earlier mark can be reached afterwards."""
        self._tail.clear()
        self._holds.clear()
        self._commits.clear()
        self._returns.clear()
        self.reach = self.mark = self.mark + 1  # so that the mark until now counts as an earlier one
