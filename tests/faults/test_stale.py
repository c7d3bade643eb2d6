"""Reads that lag behind writes, by calls or by seconds, including counts, and without side effects."""

from __future__ import annotations

from typing import Any

import pytest

from segment_mock import SegmentMock, faults
from tests.faults.fault_world import SALSA, create, names, put, search, send

F: Any = faults
GROUP = "69afe9fc-dcde-4533-92d6-cbf069008c30"
ADA = "00000000-0000-4000-8000-000000000000"
DATA = {
    "salsa": {
        "segments": [{"segmentId": GROUP, "name": "G"}],
        "supporters": [{"supporterId": ADA, "contacts": [{"type": "EMAIL", "value": "ada@example.org"}]}],
    }
}


def visible_groups(mock: SegmentMock) -> tuple[int, list[str]]:
    """Return the total and the names in the response to a search."""
    payload = search(mock).json()["payload"]
    return payload["total"], [segment["name"] for segment in payload["segments"]]


def assign(mock: SegmentMock) -> Any:
    return send(mock, "PUT", f"{SALSA}/segments/members", {"payload": {"segmentId": GROUP, "supporterIds": [ADA]}})


@pytest.mark.parametrize(("lag", "expected"), [(1, "GAB"), (2, "GA"), (3, "G"), (4, "G"), (10**9, "G")])
def test_reads_do_not_see_the_latest_writes(lag: int, expected: str) -> None:
    """Reads and refused writes do not count, and initial data is always visible."""
    mock = SegmentMock(data=DATA)
    for name in "ABC":
        put(mock, name)
        search(mock)
        put(mock, "G")  # the name is taken
    mock.faults.add(F.Stale(lag=lag))

    assert (len(expected), [*expected]) == visible_groups(mock)


@pytest.mark.parametrize(("seconds", "expected"), [(0, "GABC"), (5, "GABC"), (15, "GAB"), (25, "GA"), (3600, "G")])
def test_reads_lag_by_seconds(seconds: float, expected: str) -> None:
    """They are seconds of the mock's clock, which a test may freeze and advance."""
    mock = SegmentMock(data=DATA)
    mock.clock.freeze()
    for name in "ABC":
        put(mock, name)
        mock.clock.advance(10)
    mock.faults.add(F.Stale(seconds=seconds))

    assert (len(expected), [*expected]) == visible_groups(mock)


def test_a_read_from_which_nothing_is_hidden_is_not_struck() -> None:
    mock = SegmentMock(data=DATA)
    rule = mock.faults.add(F.Stale(), times=1)
    reads = [search(mock), send(mock, "POST", f"{SALSA}/segments/search", None, authToken="")]
    put(mock, "A")
    reads.append(search(mock))

    assert [None, None, "1 stale"] == [read.headers.get("X-Segment-Mock-Fault") for read in reads]
    assert (4, 1, 3) == (rule.matched, rule.fired, rule.suppressed)


def test_a_write_becomes_visible_once_the_seconds_have_passed() -> None:
    mock = SegmentMock()
    mock.clock.freeze()
    mock.faults.add(F.Stale(seconds=30))
    put(mock, "A")
    before = visible_groups(mock)
    mock.clock.advance(31)

    assert ((0, []), (1, ["A"])) == (before, visible_groups(mock))


def test_totals_and_member_counts_lag_together() -> None:
    """Memberships, their count and the groups of a supporter are those of the same moment."""
    mock = SegmentMock(data=DATA)
    assign(mock)
    with mock.faults.injected(F.Stale()):
        group = search(mock).json()["payload"]["segments"][0]
        members = send(mock, "POST", f"{SALSA}/segments/members/search", {"payload": {"segmentId": GROUP}})
        body = {"payload": {"identifiers": [ADA], "identifierType": "SUPPORTER_ID"}}
        groups = send(mock, "POST", f"{SALSA}/supporters/groups", body)

    assert (0, 0) == (group["totalMembers"], members.json()["payload"]["total"])
    assert [] == groups.json()["payload"]["results"][0]["segments"]
    assert 1 == search(mock).json()["payload"]["segments"][0]["totalMembers"]


def test_changes_and_deletions_lag_too() -> None:
    """A deleted group is still found, and a renamed one has its old name."""
    mock = SegmentMock(data=DATA)
    send(mock, "PUT", f"{SALSA}/segments", {"payload": {"segments": [{"segmentId": GROUP, "name": "H"}]}})
    send(mock, "DELETE", f"{SALSA}/segments", {"payload": {"segments": [{"segmentId": GROUP}]}})
    counts = []
    for lag in (1, 2):
        with mock.faults.injected(F.Stale(lag=lag)):
            counts.append(visible_groups(mock))

    assert [(1, ["H"]), (1, ["G"])] == counts
    assert (0, []) == visible_groups(mock)


def test_a_stale_read_has_no_side_effects() -> None:
    """It changes neither records nor later ids, and the journal shows no change."""
    plain, stale = SegmentMock(data=DATA), SegmentMock(data=DATA)
    stale.faults.add(F.Stale(lag=2))
    for mock in (plain, stale):
        mock.clock.freeze(0)
        for name in "AB":
            put(mock, name)
            search(mock)

    assert plain.state() == stale.state()
    assert [entry.changes for entry in plain.journal] == [entry.changes for entry in stale.journal]


def test_writes_are_never_stale() -> None:
    """A write sees the current records, and the rule explains that it had nothing to change."""
    mock = SegmentMock()
    put(mock, "A")
    rule = mock.faults.add(F.Stale(lag=5))
    response = put(mock, "A")

    assert "VALIDATION_ERROR" == response.json()["payload"]["segments"][0]["result"]
    assert (["A"], "matched once, but: 1 with nothing to change") == (names(mock), rule.explain())


def test_each_organization_has_its_own_lag() -> None:
    """Calls are counted separately for each organization."""
    mock = SegmentMock(credentials="isolated")
    put(mock, "A", authToken="one")
    put(mock, "B", authToken="other")
    mock.faults.add(F.Stale())
    put(mock, "C", authToken="other")

    assert [0, 1] == [search(mock, authToken=token).json()["payload"]["total"] for token in ("one", "other")]


def test_the_lag_counts_the_calls_of_both_vendors() -> None:
    """It counts the latest writes of the organization to either vendor."""
    mock = SegmentMock()
    put(mock, "A")
    create(mock)
    mock.faults.add(F.Stale())

    assert (1, ["A"]) == visible_groups(mock)


def test_records_prepared_by_a_test_are_always_seen() -> None:
    """However long the lag is, records that were added without a call are visible."""
    mock = SegmentMock()
    mock.salsa.add_segment("A")
    mock.faults.add(F.Stale(lag=9))
    before = visible_groups(mock)
    put(mock, "B")

    assert [(1, ["A"])] * 2 == [before, visible_groups(mock)]
