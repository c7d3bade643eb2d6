"""The second attempt: a response is lost after the write, and a client that only repeats the call gets an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from segment_mock import SegmentMock, faults
from tests.faults.fault_world import HEADERS, SALSA

F: Any = faults
GROUP = {"name": "Volunteers", "externalSystemId": "35467"}
Client = tuple[SegmentMock, requests.Session, str]


@pytest.fixture(params=["in process", "live"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A mock whose first write is performed and loses its response, and a client with nothing but Retry(total=3)."""
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
    """Send the group; repeated below by the adapter, for PUT is idempotent in HTTP."""
    reply = session.put(f"{base}/segments", json={"payload": {"segments": [GROUP]}}, timeout=5)
    return reply.json()["payload"]["segments"][0]


def find_group(session: requests.Session, base: str) -> Any:
    """Ask for the group by the id that our own system gave it."""
    body = {"payload": {"identifiers": [GROUP["externalSystemId"]], "identifierType": "EXTERNAL_ID"}}
    segment = session.post(f"{base}/segments/search", json=body, timeout=5).json()["payload"]["segments"][0]
    return segment if segment["result"] == "FOUND" else None


def ensure(session: requests.Session, base: str) -> Any:
    """Send the group only if the vendor does not have it."""
    segment = find_group(session, base) or upsert(session, base)
    return find_group(session, base) if segment["result"] == "VALIDATION_ERROR" else segment


def test_client_that_repeats_a_lost_call_gets_a_duplicate_error(client: Client) -> None:
    """The create reaches the vendor twice, and the client learns VALIDATION_ERROR 2002 for what it made itself."""
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


def test_the_same_client_that_looks_first_is_right(client: Client) -> None:
    """A client that searches by externalSystemId first finds the group, and does not send it again."""
    mock, session, base = client
    segments = [ensure(session, base) for _ in range(2)]
    (group,) = mock.salsa.segments

    assert [("FOUND", group["segmentId"])] * 2 == [(each["result"], each["segmentId"]) for each in segments]
    assert [1, 0] == [len(entry.changes) for entry in mock.journal.entries(operation="salsa.upsert_segments")]


def test_number_of_retries_can_be_set() -> None:
    """max_retries is what requests' own adapter takes; without it nothing is repeated."""
    outcomes = []
    for options in ({}, {"max_retries": 2}, {"max_retries": Retry(total=3)}):
        mock = SegmentMock()
        rule = mock.faults.add(F.Disconnect())
        with mock.session(**options) as session, pytest.raises(requests.ConnectionError):
            upsert(session, SALSA)
        outcomes.append(rule.fired)

    assert [1, 3, 4] == outcomes
