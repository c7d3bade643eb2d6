"""A lost response to a write: a client that only repeats the call gets an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from segment_mock import SegmentMock, faults
from tests.faults.fault_world import HEADERS, SALSA
from tests.waiting import PATIENCE

F: Any = faults
GROUP = {"name": "Volunteers", "externalSystemId": "35467"}
Client = tuple[SegmentMock, requests.Session, str]


@pytest.fixture(params=["in process", "live"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A mock that loses the response to the first write, and a client with nothing but Retry(total=3)."""
    with SegmentMock() as mock:
        mock.faults.add(F.Disconnect(after=True), operation="salsa.upsert_segments", times=1)
        retries = Retry(total=3)
        if request.param == "live":
            session, base = requests.Session(), mock.serve().url
            session.mount("http://", HTTPAdapter(max_retries=retries))
        else:
            session, base = mock.session(max_retries=retries), ""
        session.headers.update(HEADERS)
        with session:
            yield mock, session, base + SALSA


def upsert(session: requests.Session, base: str) -> Any:
    """Send the group; the adapter repeats a failed PUT, which HTTP defines as idempotent."""
    response = session.put(f"{base}/segments", json={"payload": {"segments": [GROUP]}}, timeout=PATIENCE)
    return response.json()["payload"]["segments"][0]


def find_group(session: requests.Session, base: str) -> Any:
    """Search for the group by its external id."""
    body = {"payload": {"identifiers": [GROUP["externalSystemId"]], "identifierType": "EXTERNAL_ID"}}
    segment = session.post(f"{base}/segments/search", json=body, timeout=PATIENCE).json()["payload"]["segments"][0]
    return segment if segment["result"] == "FOUND" else None


def ensure(session: requests.Session, base: str) -> Any:
    """Send the group unless the vendor has it."""
    segment = find_group(session, base) or upsert(session, base)
    return find_group(session, base) if segment["result"] == "VALIDATION_ERROR" else segment


def test_a_client_that_repeats_the_call_gets_a_duplicate_error(client: Client) -> None:
    """The vendor gets the group twice, and refuses the second with error 2002: the name is not unique."""
    mock, session, base = client
    segment = upsert(session, base)
    calls = mock.journal.entries(operation="salsa.upsert_segments")

    assert ["Volunteers"] == [group["name"] for group in mock.salsa.segments]
    assert ("VALIDATION_ERROR", 2002, "name") == (
        segment["result"], segment["errors"][0]["code"], segment["errors"][0]["fieldName"],
    )  # fmt: skip
    assert [(None, "closed", 1), (200, "answered", 0)] == [
        (entry.status, entry.outcome, len(entry.changes)) for entry in calls
    ]


def test_a_client_that_searches_first_succeeds(client: Client) -> None:
    """It finds the group by its externalSystemId, and does not send it again."""
    mock, session, base = client
    segments = [ensure(session, base) for _ in range(2)]
    (group,) = mock.salsa.segments

    assert [("FOUND", group["segmentId"])] * 2 == [(each["result"], each["segmentId"]) for each in segments]
    assert [1, 0] == [len(entry.changes) for entry in mock.journal.entries(operation="salsa.upsert_segments")]


def test_a_session_repeats_max_retries_times() -> None:
    """The argument is that of requests' adapter; without it, no call is repeated."""
    outcomes = []
    for options in ({}, {"max_retries": 2}, {"max_retries": Retry(total=3)}):
        mock = SegmentMock()
        rule = mock.faults.add(F.Disconnect())
        with mock.session(**options) as session, pytest.raises(requests.ConnectionError):
            upsert(session, SALSA)
        outcomes.append(rule.fired)

    assert [1, 3, 4] == outcomes
