"""Sixteen threads call one organization, with faults that a client can distinguish."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import requests

from segment_mock import SegmentMock
from tests.faults.fault_world import HEADERS, SALSA

THREADS, CALLS = 16, 20
# Faults that strike before the call are armed first: any other result means that the call was performed.
PLAN = [
    {"kind": "disconnect", "when": {"chance": 0.1}},
    {"kind": "error", "status": 503, "when": {"chance": 0.1}},
    {"kind": "disconnect", "reset": True, "after": True, "when": {"chance": 0.1}},
    {"kind": "error", "status": 504, "after": True, "when": {"chance": 0.1}},
    {"kind": "latency", "seconds": 3, "jitter": 2, "distribution": "normal", "when": {"chance": 0.2}},
    {"kind": "hang", "after": True, "when": {"times": 7}},
    {"kind": "stale", "lag": 2, "when": {"chance": 0.3}},
]
IS_PERFORMED = {"200": True, "503": False, "504": True, "RemoteDisconnected": False, "ConnectionResetError": True}


def test_sixteen_threads_lose_and_duplicate_nothing() -> None:
    """Each fault shows its client whether the call was performed, and the counters agree."""
    mock = SegmentMock(faults=PLAN, limits="off", journal_size=THREADS * CALLS)

    def make_calls(thread: int) -> Counter[str]:
        rng, expected = Random(thread), Counter[str]()
        with mock.session() as session:
            for number in range(CALLS):
                name, salsa = f"{thread} {number}", rng.random() < 0.5
                body: Any = {"name": name, "broadcastMediumId": "b", "segmentType": "t"}
                body, path = (
                    ({"payload": {"segments": [{"name": name}]}}, f"{SALSA}/segments") if salsa else (body, "/segments")
                )
                try:
                    response = session.request("PUT" if salsa else "POST", path, json=body, headers=HEADERS, timeout=60)
                    outcome = str(response.status_code)
                except requests.ReadTimeout:  # of the one that hangs after the write
                    outcome = "200"
                except requests.ConnectionError as error:
                    outcome = type(error.args[0].args[1]).__name__
                expected[name] += IS_PERFORMED[outcome]
        return +expected

    with ThreadPoolExecutor(THREADS) as pool:
        expected = sum(pool.map(make_calls, range(THREADS)), Counter[str]())
    stored = Counter(row["name"] for row in [*mock.salsa.segments, *mock.segmenter.segments])

    assert expected == stored
    assert {1} == {*stored.values()}
    assert len(stored) == sum(bool(entry.changes) for entry in mock.journal)
    assert sum(rule.fired for rule in mock.faults) == sum(len(entry.faults) for entry in mock.journal)
    assert all(rule.matched == rule.fired + rule.suppressed for rule in mock.faults)
    assert THREADS * CALLS == len(mock.journal) == next(iter(mock.faults)).seen
