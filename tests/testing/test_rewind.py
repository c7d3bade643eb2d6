"""Rewinding the records to the end of any call in the journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from segment_mock import SegmentMock, faults
from segment_mock.messages import Request

ROOT = "/api/integration/ext/v1"


def group_names(mock):
    """Return the names of Salsa's groups."""
    return [group["name"] for group in mock.salsa.segments]


def test_records_can_be_rewound_backwards_and_forwards(mock, upsert, send):
    """They return to the state after any entry, and later writes are undone."""
    states = []
    for name in "ABC":
        upsert(name)
        send("POST", f"{ROOT}/segments/search", {"payload": {}})
        states.append(mock.state())
    mock.salsa.add_segment("past the API")
    entries = [*mock.journal]

    for number in (0, 4, 2, 5, 1):
        mock.rewind(to=entries[number])
        assert states[number // 2] == mock.state()
    mock.rewind(to=entries[0].id)
    upsert("D")
    assert ["A", "D"] == group_names(mock)
    assert 7 == len(mock.journal), "rewinding keeps the journal"


def test_rewinding_affects_both_vendors(mock, upsert, send):
    upsert("A")
    send("POST", "/segments", {"name": "VIP", "broadcastMediumId": "1", "segmentType": "s", "persons": []})
    upsert("B")
    mock.rewind(2)

    assert (["A"], ["VIP"]) == (group_names(mock), [segment["name"] for segment in mock.segmenter.segments])


def test_records_can_be_rewound_to_a_call_without_a_response(mock, upsert):
    """The call's writes are kept."""
    mock.faults.add(faults.Disconnect(after=True), times=1)
    with pytest.raises(OSError, match="Connection aborted"):
        upsert("A")
    upsert("B")
    mock.rewind(1)

    assert ["A"] == group_names(mock)


def test_rewinding_to_an_unknown_entry_is_an_error_with_the_reason():
    """The entry was dropped, is from before a reset, belongs to another mock, or never existed."""
    with SegmentMock(journal_size=2) as mock, mock.session() as session:
        for _ in range(3):
            session.get(f"{ROOT}/metrics", headers={"authToken": "t"})
        last = [*mock.journal][-1]
        with pytest.raises(LookupError, match="entry 1 is not in the journal: it has 2 to 3; 1 older entry dropped"):
            mock.rewind(1)
        with pytest.raises(LookupError, match="entry 9 is not"):
            mock.rewind(9)
        with SegmentMock() as other, pytest.raises(LookupError, match="entry 3 is not in the journal: it is empty"):
            other.rewind(last)
        with SegmentMock() as other, other.session() as session:
            session.get(f"{ROOT}/metrics", headers={"authToken": "t"})
            with pytest.raises(LookupError, match="entry 2 is not in the journal"):
                mock.rewind(replace(next(iter(mock.journal))))
        mock.reset()
        with pytest.raises(LookupError, match="it is empty, as after a reset"):
            mock.rewind(last)


def test_rewinding_to_an_unfinished_call_is_an_error(mock):
    mock.faults.add(faults.Hang())
    call = mock._emulator.answer(Request("GET", f"{ROOT}/metrics", {"authtoken": "t"}))
    call.send(None)

    with pytest.raises(LookupError, match=r"entry 1 is still open: salsa\.get_metrics"):
        mock.rewind(1)
    call.close()
    mock.rewind(1)


def test_the_control_plane_can_rewind_and_filter(mock, upsert, send):
    """It has the same filters as Python, and its errors are problem+json."""
    upsert("A")
    upsert("B")
    session = mock.session()

    assert 200 == session.post("/_mock/journal/1/rewind").status_code
    assert ["A"] == group_names(mock)
    response = session.get(
        "/_mock/journal", params={"json": '{"payload": {"segments": [{"name": "B"}]}}', "status": 200}
    )
    assert [2] == [entry["id"] for entry in response.json()["entries"]]
    late = session.get("/_mock/journal?after=2026-01-01T00:00:01Z&operation=salsa.*&json={}&exact=true&limit=1")
    assert [] == late.json()["entries"]
    for method, path, status, phrase in (
        ("POST", "/9/rewind", 404, "entry 9 is not in the journal: it has 1 to 2"),
        ("GET", "/9", 404, "entry 9 is not in the journal"),
        ("GET", "?operation=salsa.upsert_segment", 400, "did you mean 'salsa.upsert_segments'"),
        ("GET", "?stats=200", 400, "did you mean 'status'"),
        ("GET", "?json={", 400, "json: '{' is not JSON"),
        ("GET", "?exact=perhaps", 400, "exact: 'perhaps' is not true or false"),
        ("GET", "?since=x", 400, "since: 'x' is not a whole number"),
        ("GET", "?before=x", 400, "before: 'x' is not a time"),
    ):
        problem = session.request(method, f"/_mock/journal{path}")
        assert (status, "application/problem+json") == (problem.status_code, problem.headers["Content-Type"])
        assert phrase in problem.json()["detail"]


def test_changing_a_returned_state_or_record_changes_nothing(mock, upsert):
    upsert("A")
    mock.state()["salsa"]["segments"][0]["name"] = "B"
    mock.salsa.segments[0]["name"] = "B"

    assert ["A"] == group_names(mock)


def test_an_unknown_snapshot_is_an_error_with_the_nearest_name(mock):
    session = mock.session()
    session.post("/_mock/snapshots/start")

    assert "'strat' (did you mean 'start'?)" in session.post("/_mock/snapshots/strat/restore").json()["detail"]
