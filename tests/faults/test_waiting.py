"""Late responses, slow bodies and missing responses in process: the mock's clock moves, and no real time passes."""

from __future__ import annotations

import time
from random import Random
from statistics import median
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, faults
from tests.faults.fault_world import names, put, search

F: Any = faults
START = "2026-01-01T00:00:00Z"
MANY = 2000


def frozen_mock(*rules: Any) -> SegmentMock:
    """Return a mock with a frozen clock and *rules*."""
    mock = SegmentMock()
    mock.clock.freeze(START)
    for fault in rules:
        mock.faults.add(fault)
    return mock


def elapsed_seconds(mock: SegmentMock, since: float) -> float:
    """Return the seconds by which the mock's clock has moved."""
    return round(mock.clock.now() - since, 6)


@pytest.mark.parametrize(
    ("rules", "timeout", "seconds", "arrives"),
    [
        ([F.Latency(seconds=30)], None, 30, True),
        ([F.Latency(seconds=30)], 31, 30, True),
        ([F.Latency(seconds=30)], 30, 30, False),
        ([F.Latency(seconds=30, after=True)], 7.5, 7.5, False),
        ([F.Latency(seconds=2), F.Latency(seconds=3, after=True)], 6, 5, True),
        ([F.Latency(seconds=2), F.Latency(seconds=3, after=True)], 4, 4, False),
        ([F.Latency(seconds=0)], 1, 0, True),
        ([F.Hang()], 240, 240, False),
        ([F.Latency(seconds=10), F.Hang()], 15, 15, False),
        ([F.Drip(bytes_per_second=1, chunk=10)], 9, 9, False),
        ([F.Latency(seconds=5), F.Drip(bytes_per_second=1, chunk=3)], 6, None, True),
    ],
    ids=str,
)
def test_a_wait_moves_only_the_clock_of_the_mock(
    rules: list[Any], timeout: float | None, seconds: float | None, arrives: bool
) -> None:
    mock = frozen_mock(*rules)
    before, wall = mock.clock.now(), time.perf_counter()
    try:
        response = put(mock, "A", timeout=timeout)
        seconds = float(-(-len(response.content) // 3) * 3 + 5) if seconds is None else seconds
    except (requests.ReadTimeout, requests.ConnectionError):
        response = None

    assert (seconds, arrives) == (elapsed_seconds(mock, before), response is not None)
    assert time.perf_counter() - wall < min(seconds, 60) or seconds < 5


@pytest.mark.parametrize(
    ("settings", "low", "middle", "high"),
    [
        ({"distribution": "fixed", "jitter": 5}, 10, 10, 10),
        ({"distribution": "uniform", "jitter": 4}, 6, 10, 14),
        ({"distribution": "normal", "jitter": 1}, 5, 10, 15),
        ({"distribution": "lognormal", "jitter": 0.5}, 1, 10, 100),
        ({"distribution": "lognormal", "jitter": 0}, 10, 10, 10),
        ({"distribution": "normal", "jitter": 604800}, 0, None, 604800),
        ({"distribution": "lognormal", "jitter": 604800}, 0, None, 604800),
    ],
    ids=str,
)
def test_a_delay_follows_its_distribution(
    settings: dict[str, Any], low: float, middle: float | None, high: float
) -> None:
    """``seconds`` is its centre, and no delay is negative or longer than a week."""
    call: Any = SimpleNamespace(rng=Random(1))
    delays = [F.Latency(seconds=10, **settings)(call, None).send(None) for _ in range(MANY)]
    delays = [round(delay, 9) for delay in delays]

    assert low <= min(delays) <= max(delays) <= high
    if middle is not None:
        assert abs(median(delays) - middle) < 1
        assert (settings["jitter"] == 0 or settings["distribution"] == "fixed") == (len({*delays}) == 1)


def test_zero_seconds_do_not_wait() -> None:
    """A lognormal delay with a median of 0 is 0."""
    mock = frozen_mock(F.Latency(seconds=0, jitter=1, distribution="lognormal"))
    before = mock.clock.now()
    search(mock)

    assert 0 == elapsed_seconds(mock, before)


def test_the_journal_has_the_times_of_the_mocks_clock() -> None:
    mock = frozen_mock(F.Latency(seconds=30))
    put(mock, "A", timeout=None)
    entry = mock.journal.entries()[0]
    mock.faults.clear()
    response = search(mock)

    assert ("2026-01-01T00:00:00.000Z", 30.0) == (entry.as_dict()["time"], entry.duration)
    assert "2026-01-01T00:00:30.000Z" == entry.response_json["timestamp"] == response.json()["timestamp"]
    assert ("Thu, 01 Jan 2026 00:00:30 GMT", 30_000) == (
        response.headers["Date"], entry.response_json["header"]["processingTime"],
    )  # fmt: skip


def test_a_slow_body_exceeds_no_read_timeout() -> None:
    """Each read gets its piece in time, however long the whole body takes."""
    mock = frozen_mock(F.Drip(bytes_per_second=10, chunk=10))
    before = mock.clock.now()
    response = put(mock, "A", timeout=1.5)

    assert 200 == response.status_code
    assert elapsed_seconds(mock, before) > 10


def test_a_delayed_write_is_not_performed_if_the_client_gave_up() -> None:
    outcomes = []
    for after in (False, True):
        mock = frozen_mock(F.Latency(seconds=60, after=after))
        with pytest.raises(requests.ReadTimeout):
            put(mock, "A", timeout=1)
        mock.clock.advance(3600)
        outcomes.append(names(mock))

    assert [[], ["A"]] == outcomes
