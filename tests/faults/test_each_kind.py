"""Each kind of fault on one write: the client's result, the records, and the journal."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, WouldHangForever, faults
from segment_mock.faults import Fault
from tests.faults.fault_world import names, put

F: Any = faults
LOST, CUT, LATE = requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.ReadTimeout
BOTH = ["A", "B"]
# (fault, what the client sees, what is in the store, status and outcome in the journal)
SEEN = [
    (F.Error(), 500, [], (500, "answered")),
    (F.Error(after=True), 500, BOTH, (500, "answered")),
    (F.Refuse(refusal="throttled"), 429, [], (429, "answered")),
    (F.Refuse(refusal="throttled", after=True), 429, BOTH, (429, "answered")),
    (F.Embedded(), 200, [], (200, "answered")),
    (F.Item(index=0), 200, ["B"], (200, "answered")),
    (F.Latency(), 200, BOTH, (200, "answered")),
    (F.Latency(after=True), 200, BOTH, (200, "answered")),
    (F.Latency(seconds=60), LATE, [], (None, "abandoned")),
    (F.Latency(seconds=60, after=True), LATE, BOTH, (None, "abandoned")),
    (F.Hang(), LATE, [], (None, "abandoned")),
    (F.Hang(after=True), LATE, BOTH, (None, "abandoned")),
    (F.Disconnect(), LOST, [], (None, "closed")),
    (F.Disconnect(after=True), LOST, BOTH, (None, "closed")),
    (F.Disconnect(reset=True), LOST, [], (None, "reset")),
    (F.Disconnect(reset=True, after=True), LOST, BOTH, (None, "reset")),
    (F.Truncate(), CUT, BOTH, (200, "cut")),
    (F.Truncate(at=0, reset=True), CUT, BOTH, (200, "cut")),
    (F.Drip(), 200, BOTH, (200, "answered")),
    (F.Garble(), 200, BOTH, (200, "answered")),
    (F.Garble(how="html"), 200, BOTH, (200, "answered")),
    (F.Garble(how="empty"), 200, BOTH, (200, "answered")),
    (F.Garble(how="bytes"), LOST, BOTH, (None, "closed")),
    (F.Garble(how="chunk"), CUT, BOTH, (None, "closed")),
    (F.Garble(how="encoding"), requests.exceptions.ContentDecodingError, BOTH, (200, "answered")),
    (F.Stale(), 200, BOTH, (200, "answered")),
    (F.Drift(), 200, BOTH, (200, "answered")),
]


@pytest.mark.parametrize(("fault", "seen", "stored", "journaled"), SEEN, ids=lambda value: repr(value)[:60])
def test_client_records_and_journal_agree(
    fault: Fault, seen: Any, stored: list[str], journaled: tuple[int | None, str]
) -> None:
    """The records have the write if it was performed; the journal has the outcome and names the rule."""
    mock = SegmentMock()
    rule = mock.faults.add(fault, "salsa.*_segments")
    if isinstance(seen, int):
        actual: Any = put(mock, *BOTH).status_code
    else:
        with pytest.raises(seen) as caught:
            put(mock, *BOTH)
        actual = caught.type
    entry = mock.journal.entries()[0]

    assert (seen, stored, journaled) == (actual, names(mock), (entry.status, entry.outcome))
    assert stored == [change.after["name"] for change in entry.changes if change.after]
    assert ((f"1 {fault.kind}",) if rule.fired else ()) == entry.faults
    assert (fault.kind != "stale") == bool(rule.fired)


def test_every_kind_is_in_the_table() -> None:
    """Kinds that strike before there is a call need no row."""
    names_of_kinds = {name for name, kind in faults.kinds().items() if not kind.at_connect}

    assert set() == names_of_kinds - {row[0].kind for row in SEEN}, (
        "add a row to SEEN in tests/faults/test_each_kind.py"
    )


@pytest.mark.parametrize("fault", [row[0] for row in SEEN], ids=repr)
def test_the_next_call_of_the_session_is_answered_normally(fault: Fault) -> None:
    mock = SegmentMock()
    mock.faults.add(fault, times=1)
    with mock.session() as session:
        for name in ("A", "B"):
            body = {"payload": {"segments": [{"name": name}]}}
            try:
                response = session.put(
                    "/api/integration/ext/v1/segments", json=body, headers={"authToken": "t"}, timeout=9
                )
            except requests.RequestException:
                continue

    assert "ADDED" == response.json()["payload"]["segments"][0]["result"]
    assert "B" == names(mock)[-1]


@pytest.mark.parametrize("after", [False, True])
def test_a_hang_without_a_timeout_raises_an_error(after: bool) -> None:
    """The error names the fault and the operation."""
    mock = SegmentMock()
    mock.faults.add(F.Hang(after=after))
    with pytest.raises(WouldHangForever, match=r"the fault 'hang' on salsa\.upsert_segments .* no timeout"):
        put(mock, "A", timeout=None)

    assert ["A"] * after == names(mock)
    assert "abandoned" == mock.journal.entries()[0].outcome
