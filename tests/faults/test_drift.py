"""Answers that the vendor might give next year: valid JSON, and one thing is other than today."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from segment_mock import SegmentMock, faults
from segment_mock.vendors import find_vendors
from tests.faults.fault_world import SALSA, create, put, search, send

F: Any = faults
HOW = ("new_field", "null", "number_as_string", "unknown_enum", "reorder")
GROUP = "69afe9fc-dcde-4533-92d6-cbf069008c30"
ADA, BO = "00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001"
PEOPLE = [
    {"supporterId": key, "externalSystemId": key[-1], "contacts": [{"type": "EMAIL", "value": f"{key}@example.org"}]}
    for key in (ADA, BO)
]
DATA = {
    "salsa": {
        "segments": [{"segmentId": GROUP, "name": "G", "description": "d"}, {"name": "H"}],
        "supporters": PEOPLE,
        "members": [{"segment": "G", "supporters": [ADA, BO]}],
    },
    "segmenter": {"segments": [{"id": "v", "name": "V"}]},
}
BY_ID = {"identifiers": [ADA, BO], "identifierType": "SUPPORTER_ID"}
PERSONS = [{"externalId": "1"}, {"externalId": "2", "email": "e"}]
CALLS: dict[str, tuple[str, str, Any]] = {
    "search_segments": ("POST", f"{SALSA}/segments/search", {"payload": {}}),
    "upsert_segments": ("PUT", f"{SALSA}/segments", {"payload": {"segments": [{"name": "A"}, {"name": ""}]}}),
    "delete_segments": ("DELETE", f"{SALSA}/segments", {"payload": {"segments": [{"segmentId": GROUP}] * 2}}),
    "search_members": ("POST", f"{SALSA}/segments/members/search", {"payload": {"segmentId": GROUP}}),
    "assign_members": (
        "PUT", f"{SALSA}/segments/members", {"payload": {"segmentId": GROUP, "supporterIds": [ADA, BO]}},
    ),
    "remove_members": (
        "DELETE", f"{SALSA}/segments/members", {"payload": {"segmentId": GROUP, "supporterIds": [ADA, BO]}},
    ),
    "search_supporters": ("POST", f"{SALSA}/supporters/search", {"payload": BY_ID}),
    "upsert_supporters": ("PUT", f"{SALSA}/supporters", {"payload": {"supporters": PEOPLE}}),
    "delete_supporters": ("DELETE", f"{SALSA}/supporters", {"payload": {"supporters": PEOPLE}}),
    "search_supporter_groups": ("POST", f"{SALSA}/supporters/groups", {"payload": BY_ID}),
    "get_metrics": ("GET", f"{SALSA}/metrics", None),
    "create_segment": (
        "POST", "/segments", {"name": "s", "broadcastMediumId": "b", "segmentType": "t", "persons": PERSONS},
    ),
    "update_segment": ("PUT", "/segments", {"id": "v", "name": "W"}),
}  # fmt: skip
# Where there is no such place: what is optional, a number, an enum or a list of two, as the schemas tell.
NOWHERE = {
    "null": {"get_metrics", "update_segment"},
    "number_as_string": {"create_segment", "update_segment"},
    "unknown_enum": {"get_metrics", "create_segment", "update_segment"},
    "reorder": {"get_metrics", "update_segment"},
}


def changes(before: Any, after: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, what became of it) where *after* is other than *before*."""
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
            for index, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from changes(one, other, f"{place}[{index}]")
    elif after is None:
        yield place, "null"
    else:
        yield place, "number_as_string" if after == str(before) else "unknown_enum" if isinstance(after, str) else "?"


def answered(call: tuple[str, str, Any], *armed: Any, seed: int = 0) -> Any:
    """Return the reply to *call* in a world that stands still, through the faults *armed*."""
    mock = SegmentMock(data=DATA, seed=seed)
    mock.clock.freeze(0)
    for fault in armed:
        mock.faults.add(fault)
    return send(mock, *call)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("operation", CALLS)
def test_exactly_one_place_changes(operation: str, how: str) -> None:
    """The reply is still JSON, and differs from today's in one place, by what was asked for."""
    expected = [] if operation in NOWHERE.get(how, ()) else [how]
    for seed in range(3):
        today, later = (answered(CALLS[operation], *armed, seed=seed) for armed in ([], [F.Drift(how=how)]))

        assert (200, 200) == (today.status_code, later.status_code)
        drifted = [what for _, what in changes(today.json(), later.json())]
        assert expected == drifted, f"if no reply of {operation} has a place for {how}, add it to NOWHERE"


def test_every_operation_is_tried() -> None:
    known = {row.name for vendor in find_vendors() for row in vendor.operations}

    assert set() == known ^ CALLS.keys(), "add a row to CALLS in tests/faults/test_drift.py"


@pytest.mark.parametrize("how", HOW)
def test_random_stream_decides_the_place(how: str) -> None:
    """Over many seeds more than one place is struck; one seed strikes the same each time."""
    today = [answered(CALLS["search_segments"], seed=seed).json() for seed in range(12)]
    later = [answered(CALLS["search_segments"], F.Drift(how=how), seed=seed).json() for seed in [*range(12), 0]]
    places = [next(changes(one, other))[0] for one, other in zip([*today, today[0]], later, strict=True)]

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
def test_what_is_no_success_leaves_as_it_is(inner: Any, how: str) -> None:
    """An error, or what a rule within has spoilt already, has nothing to drift."""
    call = CALLS["search_segments"]

    assert answered(call, inner).content == answered(call, F.Drift(how=how), inner).content


def test_the_store_does_not_drift() -> None:
    """Only the answer is another: what was written is as today."""
    plain, drifted = SegmentMock(data=DATA), SegmentMock(data=DATA)
    drifted.faults.add(F.Drift())
    for mock in (plain, drifted):
        mock.clock.freeze(0)
        put(mock, "A")
        create(mock)

    assert json.dumps(plain.state()) == json.dumps(drifted.state())
    assert 3 == search(plain).json()["payload"]["total"]
