"""Rules: the operations that they select, their nesting, arming and removal."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, SettingError, faults
from tests.faults.fault_world import SALSA, create, names, put, search, send

F: Any = faults
BUSY = F.Error(status=503)


def statuses(mock: SegmentMock) -> list[int]:
    """Return the statuses of a read, a write, a call to the other vendor, and three unknown paths."""
    calls = [search(mock), put(mock, "A"), create(mock)]
    paths = [f"{SALSA}/nowhere", "/segments/1/2", "/nowhere"]
    return [response.status_code for response in [*calls, *(send(mock, "PUT", path, None) for path in paths)]]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("*", [503] * 6),
        ("salsa.*", [503, 503, 200, 503, 404, 404]),
        ("segmenter.*", [200, 200, 503, 404, 503, 404]),
        ("salsa.upsert_segments", [200, 503, 200, 404, 404, 404]),
        ("*.*segments", [503, 503, 200, 404, 404, 404]),
        ("salsa.search_*", [503, 200, 200, 404, 404, 404]),
        ("*.create_segment", [200, 200, 503, 404, 404, 404]),
        ("s????.[u]psert_segments", [200, 503, 200, 404, 404, 404]),
        ("*.no_such_operation", [200, 200, 200, 503, 503, 404]),
        ("unmatched", [200, 200, 200, 404, 404, 503]),
    ],
)
def test_a_glob_selects_operations(operation: str, expected: list[int]) -> None:
    """It also selects calls that no operation answers, such as an unknown path."""
    mock = SegmentMock()
    rule = mock.faults.add(BUSY, operation)

    assert expected == statuses(mock)
    assert (6, expected.count(503), expected.count(503)) == (rule.seen, rule.matched, rule.fired)


@pytest.mark.parametrize(
    ("rule_settings", "message"),
    [
        ({"operation": "salsa.upsert_segment"}, "operation: unknown operation 'salsa.upsert_segment' (did you mean 's"),
        ({"operation": "upsert_segment"}, "(did you mean 'salsa.upsert_segments'?)"),
        ({"operation": "slasa.*"}, "operation: unknown operation 'slasa.*'"),
        ({"operation": ""}, "operation: unknown operation ''"),
        ({"match": {"vendor": "sals"}}, "match.vendor: unknown vendor 'sals' (did you mean 'salsa'?); expected "),
        ({"match": {"header": {}}}, "match: unknown key 'header' (did you mean 'headers'?)"),
        ({"match": 5}, "match: 5 is not a dictionary of names and values"),
        ({"match": {"headers": 5}}, "match.headers: 5 is not a dictionary of names and values"),
        ({"match": {"json": ["a"]}}, "match.json: ['a'] is not a dictionary of names and values"),
        ({"times": -1}, "when: times: expected at least 0, got -1"),
        ({"skip": 1.5}, "when: skip: 1.5 is not a whole number"),
        ({"every": 0}, "when: every: expected at least 1, got 0"),
        ({"chance": 2}, "when: chance: expected at most 1, got 2"),
        ({"connection": "new"}, "when: connection: 'new' is not 'reused' or a number of calls"),
        ({"connection": 0}, "when: connection: 0 is not"),
        ({"until": "soon"}, "when: until: 'soon' is not a number"),
        ({"tmes": 1}, "when: unknown condition 'tmes' (did you mean 'times'?); expected one of skip, "),
    ],
)  # fmt: skip
def test_an_invalid_rule_is_refused(rule_settings: dict[str, Any], message: str) -> None:
    """By keyword and as JSON; the error gives the nearest valid name, and nothing is armed."""
    mock = SegmentMock()
    conditions = {name: value for name, value in rule_settings.items() if name not in ("operation", "match")}
    rest = {name: value for name, value in rule_settings.items() if name in ("operation", "match")}
    for arm in (
        lambda: mock.faults.add(BUSY, **rule_settings),
        lambda: mock.faults.load({"kind": "error", **rest, "when": conditions}),
    ):
        with pytest.raises(SettingError) as caught:
            arm()

        assert message in str(caught.value)
    assert 0 == len(mock.faults)


@pytest.mark.parametrize("fault", [F.Hang, "hnag", None, 5])
def test_a_value_that_is_not_a_fault_is_refused(fault: Any) -> None:
    with pytest.raises(SettingError, match=r"faults\.Hang\(\)$|unknown fault kind 'hnag' \(did you mean 'hang'\?\)"):
        SegmentMock().faults.add(fault)


def test_load_with_an_invalid_rule_arms_none() -> None:
    """The error gives the position of the rule, and no rule ids are used up."""
    mock = SegmentMock()
    mock.faults.load({"kind": "hang"})
    with pytest.raises(SettingError, match=r"^faults\[1\]: fault hang: unknown setting 'aftr'"):
        mock.faults.load([{"kind": "error"}, {"kind": "hang", "aftr": True}])
    loaded = mock.faults.load([F.Hang(), {"kind": "error", "operation": "salsa.*", "when": {"skip": 1, "until": 60}}])

    assert ["1", "2", "3"] == [rule.id for rule in mock.faults]
    assert ["2", "3"] == [rule.id for rule in loaded]
    assert {"skip": 1, "until": 60} == loaded[1].when.as_dict()


@pytest.mark.parametrize("definition", [5, "hnag", None, [None], {"kind": "hang", "when": 5}, {}])
def test_load_refuses_any_other_json(definition: Any) -> None:
    with pytest.raises(SettingError):
        SegmentMock().faults.load(definition)


def test_injected_arms_a_rule_for_a_block() -> None:
    """The rule is removed at the end, also if the block fails; other rules stay."""
    mock = SegmentMock()
    other = mock.faults.add(F.Latency())
    with mock.faults.injected(BUSY, "salsa.*", times=5) as rule:
        inside = search(mock).status_code
    with pytest.raises(ZeroDivisionError), mock.faults.injected(BUSY):
        _ = 1 / 0

    assert (503, 200) == (inside, search(mock).status_code)
    assert (1, [other]) == (rule.fired, [*mock.faults])


def test_injected_is_a_decorator() -> None:
    mock = SegmentMock()

    @mock.faults.injected(BUSY, "salsa.*")
    def status() -> int:
        return search(mock).status_code

    assert [503, 503] == [status(), status()]
    assert 0 == len(mock.faults)


def test_injected_decorates_a_coroutine_function() -> None:
    mock = SegmentMock()

    @mock.faults.injected(BUSY, "salsa.*")
    async def count() -> int:
        return len([*mock.faults])

    assert (1, 0) == (asyncio.run(count()), len([*mock.faults]))


def test_injected_refuses_to_decorate_a_class_or_a_generator() -> None:
    def generate() -> Iterator[int]:
        yield 1

    for other in (generate, type("Sync", (), {})):
        with pytest.raises(TypeError, match=r"decorates functions and coroutine functions, not .*; use 'with'"):
            SegmentMock().faults.injected(BUSY)(other)


def test_injected_is_used_if_it_decorates_a_function_that_is_never_called() -> None:
    """Such as a test that was deselected."""
    mock = SegmentMock()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mock.faults.injected(BUSY)(search)
        gc.collect()

    assert [] == caught


def test_injected_warns_if_it_is_not_used() -> None:
    mock = SegmentMock()
    with pytest.warns(RuntimeWarning, match="injected.* was not used in a with statement, so no fault was armed"):
        mock.faults.injected(BUSY)


def test_clear_keeps_what_was_armed_until_a_reset() -> None:
    mock = SegmentMock()
    rules = [mock.faults.add(BUSY) for _ in range(2)]
    mock.faults.clear()
    rules.append(mock.faults.add(BUSY))

    assert ((*rules,), (rules[2],)) == (mock.faults.ever_armed, mock.faults.armed)
    mock.reset()
    assert () == mock.faults.ever_armed


def test_rules_are_found_and_removed_by_id() -> None:
    """Removing a rule leaves the others, and after clearing, ids start from 1 again."""
    mock = SegmentMock()
    rules = [mock.faults.add(BUSY) for _ in range(3)]

    assert (rules[1], None) == (mock.faults.get("2"), mock.faults.get("9"))
    assert (True, False) == (mock.faults.remove("2"), mock.faults.remove("2"))
    assert [rules[0], rules[2]] == [*mock.faults]
    mock.faults.clear()
    assert (0, "1") == (len(mock.faults), mock.faults.add(BUSY).id)


def test_a_reset_removes_all_rules() -> None:
    """The next rule has the id 1."""
    mock = SegmentMock(faults=[BUSY])
    mock.reset()

    assert (0, 200) == (len(mock.faults), search(mock).status_code)


@pytest.mark.parametrize(
    ("rules", "status", "stored", "fired"),
    [
        ([F.Error(status=503), F.Error(status=502)], 503, [], [1, 0]),
        ([F.Error(status=503, after=True), F.Error(status=502, after=True)], 503, ["A"], [1, 1]),
        ([F.Error(status=503, after=True), F.Error(status=502)], 503, [], [1, 1]),
        ([F.Latency(), F.Error(status=503), F.Latency()], 503, [], [1, 1, 0]),
        ([F.Error(status=503, after=True), F.Disconnect()], 503, [], [1, 1]),
        ([F.Garble(how="empty"), F.Error(status=503)], 200, [], [1, 1]),
        ([F.Truncate(), F.Disconnect()], requests.ConnectionError, [], [1, 1]),
        ([F.Garble(how="html"), F.Disconnect(after=True)], requests.ConnectionError, ["A"], [1, 1]),
        ([F.Drip(), F.Disconnect(reset=True)], requests.ConnectionError, [], [1, 1]),
        ([F.Drift(), F.Truncate()], requests.exceptions.ChunkedEncodingError, ["A"], [1, 1]),
        ([F.Truncate(), F.Drip()], requests.exceptions.ChunkedEncodingError, ["A"], [1, 1]),
    ],
    ids=str,
)
def test_the_first_rule_is_outermost(rules: list[Any], status: Any, stored: list[str], fired: list[int]) -> None:
    """It sees the result of the inner rule; without a response, there is nothing to change."""
    mock = SegmentMock()
    armed = [mock.faults.add(fault) for fault in rules]
    try:
        seen: Any = put(mock, "A").status_code
    except requests.RequestException as error:
        seen = type(error)

    assert (status, stored, fired) == (seen, names(mock), [rule.fired for rule in armed])
    struck_by = tuple(f"{rule.id} {rule.kind}" for rule in armed if rule.fired)
    assert struck_by == mock.journal.entries()[0].faults


def test_a_fault_changes_no_later_id() -> None:
    """Records after a struck call get the same ids as without the fault; each rule has its own random stream."""
    plain, disturbed = SegmentMock(seed=3), SegmentMock(seed=3)
    for number, fault in enumerate([F.Error(), F.Latency(jitter=1, distribution="normal"), F.Drift(), F.Hang()]):
        with disturbed.faults.injected(fault, "salsa.search_*", chance=0.5):
            for _ in range(number + 1):
                try:
                    search(disturbed)
                except requests.RequestException:
                    continue
    for mock in (plain, disturbed):
        put(mock, "A", "B")
        create(mock)

    assert plain.state() == disturbed.state()
    assert plain._emulator.world.rng.random() == disturbed._emulator.world.rng.random()
