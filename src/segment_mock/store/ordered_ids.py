"""Insertion numbers in ascending order, as an overlay on a shared base."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortedcontainers import SortedList


class OrderedIds:
    """Ascending numbers: the numbers of a shared, immutable *base* without removed ones, plus added ones.

    Memory and time depend on the number of changes, not on the size of the base. Every page costs the same.
    """

    __slots__ = ("_added", "_base", "_removed")

    def __init__(self, base: Sequence[int] = ()) -> None:
        self._base = base
        self._removed: SortedList | None = None  # ranks in the base
        self._added: SortedList | list[int] | None = None  # a list until a number is added out of order

    def __len__(self) -> int:
        return len(self._base) - len(self._removed or ()) + len(self._added or ())

    def __iter__(self) -> Iterator[int]:
        return self._ids_from(0)

    def add(self, number: int) -> None:
        """Add *number* unless it is present."""
        added, base = self._added, self._base
        if isinstance(added, list) and number > added[-1] and not (base and number <= base[-1]):
            added.append(number)
            return
        rank = self._rank(number)
        if rank is not None and self._removed is not None:
            self._removed.discard(rank)
        elif rank is None:
            if added is None:
                self._added = [number]
            elif number not in (added := self._sorted()):
                added.add(number)

    def discard(self, number: int) -> None:
        """Remove *number* if it is present."""
        rank = self._rank(number)
        if rank is None:
            self._sorted().discard(number)
            return
        if self._removed is None:
            self._removed = _sorted_list()
        if rank not in self._removed:
            self._removed.add(rank)

    def page(self, offset: int, count: int) -> list[int]:
        """Return at most *count* numbers from position *offset* (from 0) on."""
        if self._removed or self._added:
            return list(islice(self._ids_from(offset), min(count, len(self))))
        return [*self._base[offset : offset + count]]

    def _ids_from(self, nth: int) -> Iterator[int]:
        if not self._added:
            return self._base_from(nth)
        added = self._sorted()
        added_count = (
            bisect_left(range(len(added)), nth, key=lambda i: i + self._remaining_below(added[i])) if nth else 0
        )
        base_ids, rest = self._base_from(nth - added_count), added.islice(added_count)
        # New rows come after the base. Only a row of the base that changes its value is inserted in between.
        return merge(base_ids, rest) if self._base and added[0] < self._base[-1] else chain(base_ids, rest)

    def _sorted(self) -> SortedList:
        if self._added is None or isinstance(self._added, list):
            self._added = _sorted_list(self._added or ())
        return self._added

    def _base_from(self, nth: int) -> Iterator[int]:
        """Yield the remaining numbers of the base, from the *nth* on."""
        rank, passed = self._select(nth) if self._removed else (nth, 0)
        removed = iter(self._removed.islice(passed) if self._removed else ())
        for hole in chain(removed, (len(self._base),)):
            for place in range(rank, hole):
                yield self._base[place]
            rank = hole + 1

    def _remaining_below(self, number: int) -> int:
        rank = bisect_left(self._base, number)
        return rank - (self._removed.bisect_left(rank) if self._removed else 0)

    def _rank(self, number: int) -> int | None:
        if not self._base or number > self._base[-1]:
            return None
        rank = bisect_left(self._base, number)
        return rank if rank < len(self._base) and self._base[rank] == number else None

    def _select(self, nth: int) -> tuple[int, int]:
        """Return the rank of the *nth* remaining number of the base, and how many before it were removed."""
        removed = self._removed
        assert removed is not None
        low, high = 0, len(removed)
        while low < high:
            middle = (low + high) // 2
            if removed[middle] - middle <= nth:
                low = middle + 1
            else:
                high = middle
        return nth + low, low


def _sorted_list(numbers: Iterable[int] = ()) -> SortedList:
    from sortedcontainers import SortedList  # late, because a server rarely needs it for its first response

    return SortedList(numbers)
