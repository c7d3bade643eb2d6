"""Responses that the vendor might send next year: valid JSON with one change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from segment_mock import SegmentMock, faults
from segment_mock.conform import Example, examples
from tests.faults.fault_world import SALSA, create, put, search, send

F: Any = faults
HOW = ("new_field", "null", "number_as_string", "unknown_enum", "reorder")
DATA = {"salsa": {"segments": [{"name": "G", "description": "d"}, {"name": "H"}]}}
SEARCH = ("POST", f"{SALSA}/segments/search", {"payload": {}})
SUCCESSES = [example for example in examples() if example.document["response"]["status"] == 200]


def changes(before: Any, after: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and kind of each difference between *before* and *after*."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            if name not in before:
                yield f"{place}.{name}", "new_field"
            elif name not in after:
                yield f"{place}.{name}", "gone"
            else:
                yield from changes(before[name], after[name], f"{place}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        if before == after[::-1]:
            yield place, "reorder"
        else:
            for index, (old, new) in enumerate(zip(before, after, strict=True)):
                yield from changes(old, new, f"{place}[{index}]")
    elif after is None:
        yield place, "null"
    else:
        yield place, "number_as_string" if after == str(before) else "unknown_enum" if isinstance(after, str) else "?"


def response_of(example: Example, *armed: Any) -> Any:
    """Return the response to *example* in a mock with a frozen clock and the faults *armed*."""
    request = example.request
    with SegmentMock(**example.settings) as mock, mock.session() as session:
        mock.clock.freeze(0)
        for fault in armed:
            mock.faults.add(fault)
        return session.request(request["method"], request["path"], data=request["body"], headers=request["headers"])


@pytest.mark.parametrize("example", SUCCESSES, ids=lambda example: example.name)
def test_a_response_changes_in_at_most_one_place(example: Example) -> None:
    """The response is still JSON. If it has a suitable place, it differs there as the fault says."""
    today = response_of(example)
    for how in HOW:
        later = response_of(example, F.Drift(how=how))

        assert (200, 200) == (today.status_code, later.status_code)
        drifted = [kind for _, kind in changes(today.json(), later.json())]
        assert drifted in ([how], [] if how != "new_field" else [how])


def search_response(*armed: Any, seed: int = 0) -> Any:
    """Return the response to a search of two groups, through the faults *armed*."""
    mock = SegmentMock(data=DATA, seed=seed)
    mock.clock.freeze(0)
    for fault in armed:
        mock.faults.add(fault)
    return send(mock, *SEARCH)


@pytest.mark.parametrize("how", HOW)
def test_a_reply_that_has_the_place_changes_there(how: str) -> None:
    for seed in range(3):
        today, later = (search_response(*armed, seed=seed) for armed in ([], [F.Drift(how=how)]))

        assert [how] == [kind for _, kind in changes(today.json(), later.json())]


@pytest.mark.parametrize("how", HOW)
def test_the_seed_determines_the_place(how: str) -> None:
    """Different seeds change different places; the same seed changes the same place each time."""
    today = [search_response(seed=seed).json() for seed in range(12)]
    later = [search_response(F.Drift(how=how), seed=seed).json() for seed in [*range(12), 0]]
    places = [next(changes(old, new))[0] for old, new in zip([*today, today[0]], later, strict=True)]

    assert places[0] == places[-1]
    assert (how == "reorder") == (len({*places}) == 1)


@pytest.mark.parametrize(
    "inner",
    [
        F.Error(), F.Refuse(), F.Embedded(), F.Garble(), F.Garble(how="html"), F.Garble(how="empty"),
        F.Error(status=200, body="[1]"), F.Error(status=200, body="7"), F.Error(status=200, body={"other": [1, 2]}),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("how", HOW[1:])
def test_an_error_does_not_change(inner: Any, how: str) -> None:
    """Neither does a response that an inner rule has already made unreadable."""
    assert search_response(inner).content == search_response(F.Drift(how=how), inner).content


def test_the_stored_records_do_not_change() -> None:
    """Only the response differs: the records are the same as without the fault."""
    plain, drifted = SegmentMock(data=DATA), SegmentMock(data=DATA)
    drifted.faults.add(F.Drift())
    for mock in (plain, drifted):
        mock.clock.freeze(0)
        put(mock, "A")
        create(mock)

    assert json.dumps(plain.state()) == json.dumps(drifted.state())
    assert 3 == search(plain).json()["payload"]["total"]


def test_a_response_without_a_suitable_place_is_not_struck() -> None:
    """The next one is, also if the fault strikes only once, and the journal and the header say which."""
    mock = SegmentMock(data=DATA)
    rule = mock.faults.add(F.Drift(how="reorder"), times=1)
    responses = [send(mock, "GET", f"{SALSA}/nothing", None), put(mock, "I"), search(mock), search(mock)]

    assert [None, None, "1 drift", None] == [each.headers.get("X-Segment-Mock-Fault") for each in responses]
    assert [(), (), ("1 drift",), ()] == [entry.faults for entry in mock.journal]
    assert (3, 1, 2) == (rule.matched, rule.fired, rule.suppressed)
    assert len(mock.faults) == 1
