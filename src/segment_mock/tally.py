"""Counts of calls by operation and outcome, and of faults by kind, with the durations of the calls."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .forking import new_lock
from .journal import Entry

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, float("inf"))
"""Upper bounds of the classes of durations, in seconds: those that prometheus-client uses by default."""


class CallTally:
    """Counts calls that have ended.

    ``calls`` are by vendor, operation, status and outcome, ``faults`` by kind and operation. ``durations`` has for each
    operation the number of calls in each of `BUCKETS`, and ``seconds`` the sum of their durations. It is safe in
    threads.
    """

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, ...]] = Counter()
        self.faults: Counter[tuple[str, ...]] = Counter()
        self.durations: dict[str, list[int]] = {}
        self.seconds: dict[str, float] = {}
        self._lock = new_lock()

    def count(self, entry: Entry) -> None:
        """Count a call that has ended."""
        status = "" if entry.status is None else str(entry.status)
        with self._lock:
            self.calls[entry.vendor, entry.operation, status, entry.outcome] += 1
            classes = self.durations.setdefault(entry.operation, [0] * len(BUCKETS))
            classes[bisect_left(BUCKETS, entry.duration)] += 1
            self.seconds[entry.operation] = self.seconds.get(entry.operation, 0.0) + entry.duration
            for fault in entry.faults:
                self.faults[fault.partition(" ")[2] or fault, entry.operation] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return all counts as a JSON-compatible dictionary for `restore`."""
        with self._lock:
            durations = {name: [*classes] for name, classes in self.durations.items()}
            return {
                "calls": [*self.calls.items()], "faults": [*self.faults.items()], "durations": durations,
                "seconds": {**self.seconds},
            }  # fmt: skip

    def restore(self, counts: Mapping[str, Any]) -> None:
        """Continue from *counts*, the result of `as_dict`, or from zero if it is empty."""
        self.calls = Counter({tuple(labels): count for labels, count in counts.get("calls", ())})
        self.faults = Counter({tuple(labels): count for labels, count in counts.get("faults", ())})
        self.durations = {name: [*classes] for name, classes in counts.get("durations", {}).items()}
        self.seconds = {**counts.get("seconds", {})}
