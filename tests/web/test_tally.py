"""The counts of calls on which the metrics are based."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from segment_mock.journal import Entry
from segment_mock.messages import Request
from segment_mock.tally import CallTally

THREADS, CALLS = 4, 20_000


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Make Python switch threads as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_switches")
def test_every_call_of_several_threads_is_counted() -> None:
    tally = CallTally()
    entry = Entry(1, 0.0, "salsa", "salsa.get_metrics", Request("GET", "/", {}), 0, duration=1.0, faults=("1 error",))

    def count() -> None:
        for _ in range(CALLS):
            tally.count(entry)

    threads = [Thread(target=count) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counts, total = tally.as_dict(), THREADS * CALLS
    assert [count for _, count in counts["calls"] + counts["faults"]] == [total, total]
    assert sum(counts["durations"]["salsa.get_metrics"]) == counts["seconds"]["salsa.get_metrics"] == total


def test_a_tally_can_be_restored_from_its_counts() -> None:
    first, second = CallTally(), CallTally()
    first.count(Entry(1, 0.0, "salsa", "salsa.get_metrics", Request("GET", "/", {}), 0))
    second.restore(first.as_dict())
    assert second.as_dict() == first.as_dict()
    second.restore({})
    assert second.as_dict() == CallTally().as_dict()
