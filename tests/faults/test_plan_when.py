"""The conditions of a rule: skip, times, every, connection and a time window; and its explanation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, SettingError, faults
from tests.faults.fault_world import HEADERS, SALSA, names, put, search

F: Any = faults
BUSY = F.Error(status=503)


@pytest.fixture
def restless() -> Iterator[None]:
    """Make threads switch as often as Python can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def pattern(mock: SegmentMock, calls: int = 12) -> str:
    """Return ``x`` for each call that was struck, ``.`` for any other."""
    return "".join("x" if search(mock).status_code == 503 else "." for _ in range(calls))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, "xxxxxxxxxxxx"),
        ({"skip": 2}, "..xxxxxxxxxx"),
        ({"times": 0}, "............"),
        ({"times": 3}, "xxx........."),
        ({"skip": 2, "times": 3}, "..xxx......."),
        ({"every": 3}, "..x..x..x..x"),
        ({"every": 1}, "xxxxxxxxxxxx"),
        ({"skip": 1, "every": 3}, "...x..x..x.."),
        ({"skip": 1, "every": 3, "times": 2}, "...x..x....."),
        ({"chance": 0}, "............"),
        ({"chance": 1, "times": 1}, "x..........."),
    ],
)
def test_skip_every_and_times_select_calls(when: dict[str, Any], expected: str) -> None:
    """``every`` counts after the skipped calls, and ``times`` limits the struck ones; by keyword and as JSON."""
    by_keyword, by_json = SegmentMock(), SegmentMock()
    rule = by_keyword.faults.add(BUSY, **when)
    by_json.faults.load({**BUSY.as_dict(), "when": when})

    assert [expected] * 2 == [pattern(by_keyword), pattern(by_json)]
    fired = expected.count("x")
    last = expected.rindex("x") + 1 if when.get("times") else 0 if when.get("times") == 0 else 12
    assert (last, last, fired, last - fired) == (rule.seen, rule.matched, rule.fired, rule.suppressed)


def test_times_counts_calls_that_chance_selected() -> None:
    """Together, they strike exactly ``times`` calls."""
    mock = SegmentMock()
    mock.faults.add(BUSY, chance=0.3, times=4)

    assert 4 == pattern(mock, 100).count("x")


def test_only_calls_that_the_rule_selects_count() -> None:
    """Calls of another operation use up neither skip nor times."""
    mock = SegmentMock()
    rule = mock.faults.add(BUSY, "salsa.search_*", skip=1, times=1)
    statuses = [
        put(mock, "A").status_code,
        search(mock).status_code,
        put(mock, "B").status_code,
        search(mock).status_code,
    ]

    assert [200, 200, 200, 503] == statuses
    assert (4, 2, 1, 1) == (rule.seen, rule.matched, rule.fired, rule.suppressed)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"from_": 30}, "...xxx"),
        ({"until": 25}, "xxx..."),
        ({"from_": 10, "until": 30}, ".xxx.."),
        ({"from_": 0, "until": 0}, "x....."),
        ({"from_": 10, "until": 30, "skip": 1, "times": 1}, "..x..."),
    ],
)
def test_a_rule_strikes_within_its_time_window(window: dict[str, Any], expected: str) -> None:
    """``from`` and ``until`` are seconds of the mock's clock since arming."""
    mock = SegmentMock()
    mock.clock.freeze()
    mock.clock.advance(1000)
    rule = mock.faults.add(BUSY, **window)
    outcomes = ""
    for _ in range(6):
        outcomes += pattern(mock, 1)
        mock.clock.advance(10)

    assert expected == outcomes
    assert {name.rstrip("_"): value for name, value in window.items()} == rule.as_dict()["when"]


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(SettingError, match="when: until 1 is before from 5, so it would never strike"):
        SegmentMock().faults.add(BUSY, from_=5, until=1)


@pytest.mark.parametrize("live", [False, True], ids=["in process", "live"])
@pytest.mark.parametrize(
    ("connection", "expected"), [("reused", ".xx.xx"), (1, "x..x.."), (2, "xx.xx."), (None, "xxxxxx")]
)
def test_a_rule_selects_calls_by_their_number_on_a_connection(connection: Any, expected: str, live: bool) -> None:
    """Only calls on a used connection, or only the first N calls of each connection."""
    outcomes = ""
    with SegmentMock() as mock:
        mock.faults.add(BUSY, connection=connection)
        base = mock.serve().url if live else ""
        for _ in range(2):
            with requests.Session() if live else mock.session() as session:
                for _ in range(3):
                    response = session.post(f"{base}{SALSA}/segments/search", json={"payload": {}}, headers=HEADERS)
                    outcomes += "x" if response.status_code == 503 else "."

    assert expected == outcomes


@pytest.mark.parametrize(
    ("rule_settings", "message"),
    [
        ({"operation": "segmenter.*"}, "none of 2 calls matched"),
        ({"match": {"headers": {"x": "y"}}}, "none of 2 calls matched"),
        ({"skip": 5}, "matched 2 times, but: 2 skipped"),
        ({"times": 0}, "times=0 never lets it strike"),
        ({"every": 3}, "matched 2 times, but: 2 excluded by every=3"),
        ({"chance": 0}, "matched 2 times, but: 2 excluded by chance=0"),
        ({"connection": "reused"}, "matched 2 times, but: 2 excluded by connection=reused"),
        ({"from_": 60}, "matched 2 times, but: 2 outside its time window"),
        ({}, "fired 2 times"),
    ],
)
def test_the_explanation_says_why_a_rule_did_not_fire(rule_settings: dict[str, Any], message: str) -> None:
    """A condition excluded the calls, or no call came yet."""
    mock = SegmentMock()
    rule = mock.faults.add(BUSY, **rule_settings)

    assert rule.explain() in ("no call reached it", "times=0 never lets it strike")
    pattern(mock, 2)
    assert message == rule.explain() == rule.as_dict()["why"]


def test_a_rule_has_a_json_form() -> None:
    """It has id, fault, operation, match, conditions and counters."""
    mock = SegmentMock()
    rule = mock.faults.add(F.Hang(after=True), "salsa.*", {"vendor": "salsa"}, skip=1, from_=0)
    search(mock)

    assert {
        "id": "1", "kind": "hang", "after": True, "operation": "salsa.*", "match": {"vendor": "salsa"},
        "when": {"skip": 1, "from": 0.0}, "seen": 1, "matched": 1, "fired": 0, "suppressed": 1,
        "why": "matched once, but: 1 skipped",
    } == rule.as_dict()  # fmt: skip


def test_sixteen_threads_get_exactly_the_configured_faults(restless: None) -> None:
    """With times=5, exactly five of all calls are struck, and the others are performed."""
    mock = SegmentMock(limits="off")
    rule = mock.faults.add(F.Disconnect(), skip=3, times=5)
    ready = Barrier(16)

    def calls(thread: int) -> int:
        ready.wait()
        lost = 0
        for number in range(8):
            try:
                put(mock, f"{thread} {number}")
            except requests.ConnectionError:
                lost += 1
        return lost

    with ThreadPoolExecutor(16) as pool:
        lost = sum(pool.map(calls, range(16)))

    assert (5, 5) == (lost, rule.fired)
    assert rule.seen == rule.fired + rule.suppressed >= 8
    assert 123 == len({*names(mock)}) == len(names(mock))


def test_threads_may_arm_and_disarm() -> None:
    """No rule is lost, no id is used twice, and each thread removes only its own rules."""
    mock = SegmentMock()

    def arms(_: int) -> list[str]:
        rules = [mock.faults.add(BUSY) for _ in range(50)]
        for rule in rules[::2]:
            mock.faults.remove(rule.id)
        return [rule.id for rule in rules[1::2]]

    with ThreadPoolExecutor(8) as pool:
        ids_in_order = [id_ for ids in pool.map(arms, range(8)) for id_ in ids]

    assert sorted(ids_in_order, key=int) == [rule.id for rule in mock.faults]
    assert 200 == len({*ids_in_order})
