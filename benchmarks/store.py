"""The store with many rows compared with few: ``python benchmarks/store.py`` exits with 1 if a bound is exceeded.

A figure is the median of the ratios of interleaved rounds, in processor time, so other load does not count.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from statistics import median
from time import process_time

from segment_mock.store import ChangeLog, Index, InitialRecords, Store, TableSchema

MANY, FEW = 1_000_000, 1_000
ROUNDS, REPEATS = 9, 200
BOUND = 2.0
LAYOUT = TableSchema("rows", lambda row: row["id"], (Index("third", lambda row: (row["id"] % 3,)),))
Action = Callable[[], object]


class Side:
    """A store with initial records, and the measured actions."""

    def __init__(self, seed: InitialRecords, *, holes: bool = False) -> None:
        self.seed, self.log, self.size = seed, ChangeLog(), len(seed.records)
        self.store = Store("", {"rows": seed}, self.log)
        for key in range(0, self.size, 3) if holes else ():
            self.store["rows"].delete(key)
        self.log.truncate()

    def put(self, key: int) -> None:
        """Write one row and roll it back."""
        mark = self.log.mark
        self.store["rows"].put({"id": key, "n": 1})
        self.log.rollback(mark)
        self.log.trim(self.log.mark)

    def delete(self, key: int) -> None:
        """Delete one row and roll it back."""
        mark = self.log.mark
        self.store["rows"].delete(key)
        self.log.rollback(mark)
        self.log.trim(self.log.mark)

    def page(self, offset: int) -> None:
        """Read twenty rows."""
        assert len(self.store["rows"].page(offset, 20)) == 20

    def fork(self) -> None:
        """Create another organization."""
        Store("other", {"rows": self.seed}, self.log)

    def revert(self) -> None:
        """Write one row and return to the initial data."""
        self.store["rows"].put({"id": self.size // 2, "n": 1})
        self.store = Store("", {"rows": self.seed}, self.log)
        self.log.truncate()


def seconds(action: Action) -> float:
    """Return the average processor time of *action* over many calls."""
    began = process_time()
    for _ in range(REPEATS):
        action()
    return (process_time() - began) / REPEATS


def within(name: str, action: Action, yardstick: Action) -> bool:
    """Print the ratio of the times of *action* and *yardstick*; return whether it is within the bound."""
    rounds = [(seconds(action), seconds(yardstick)) for _ in range(ROUNDS)]
    ratio = median(long / short for long, short in rounds)
    long, short = (1e6 * median(side) for side in zip(*rounds, strict=True))
    print(f"{name:<44} {long:6.1f} us / {short:6.1f} us = {ratio:5.2f}{'' if ratio <= BOUND else '  too much'}")
    return ratio <= BOUND


def main() -> int:
    """Measure everything; return the exit code."""
    seeds = [InitialRecords(LAYOUT, [{"id": number, "n": 0} for number in range(size)]) for size in (MANY, FEW)]
    many, few, holes = Side(seeds[0]), Side(seeds[1]), Side(seeds[0], holes=True)
    gc.freeze()  # exclude the initial records themselves from the figures
    sizes = f"{MANY:,} / {FEW:,} rows"
    print(f"median of {ROUNDS} rounds, bound {BOUND}")
    results = [
        within(f"rollback of an insert, {sizes}", lambda: many.put(MANY), lambda: few.put(FEW)),
        within(f"rollback of an update, {sizes}", lambda: many.put(MANY // 2), lambda: few.put(FEW // 2)),
        within(f"rollback of a deletion, {sizes}", lambda: many.delete(MANY // 2), lambda: few.delete(FEW // 2)),
        within("page at 900,000 / at 0", lambda: many.page(900_000), lambda: many.page(0)),
        within("the same at 600,000, every third row gone", lambda: holes.page(600_000), lambda: holes.page(0)),
        within(f"fork, {sizes}", many.fork, few.fork),
        within(f"revert of a write, {sizes}", many.revert, few.revert),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
