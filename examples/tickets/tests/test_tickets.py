"""Ticket System: its examples through every transport, its sources, and its refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from segment_mock import SegmentMock
from segment_mock.vendor_testing import TRANSPORTS, Example, Transport, examples, forbidden_imports, replay, unsourced

import segment_mock_tickets
from segment_mock_tickets import VENDOR

HEADERS = {"x-api-key": "k"}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("example", examples(VENDOR), ids=lambda example: str(example.name))
def test_an_example_is_answered_as_printed(example: Example, transport: Transport) -> None:
    assert replay(example, transport) == []


def test_there_is_an_example_of_each_operation() -> None:
    names = {example.operation.name for example in examples(VENDOR)}

    assert names == {operation.name for operation in VENDOR.operations}


def test_everything_names_its_source() -> None:
    assert unsourced(VENDOR) == []


def test_only_the_public_modules_of_segment_mock_are_imported() -> None:
    assert forbidden_imports(Path(segment_mock_tickets.__file__).parent) == []


def test_an_assumption_is_named_in_the_response() -> None:
    with SegmentMock() as mock, mock.session() as session:
        mock.vendor("tickets").add_ticket("Lamp")
        response = session.post("/api/v2/tickets", json={"tickets": [{"subject": "lamp"}]}, headers=HEADERS)

    assert response.json()["results"][0]["code"] == 11
    assert "unique_subjects" in response.headers["X-Segment-Mock-Assumed"]


def test_every_page_together_has_every_ticket_once() -> None:
    subjects = [f"Ticket {number}" for number in range(45)]
    data = {"tickets": {"tickets": [{"subject": subject} for subject in subjects]}}
    with SegmentMock(data=data) as mock, mock.session() as session:
        pages = [
            session.post("/api/v2/tickets/search", json={"offset": offset}, headers=HEADERS).json()
            for offset in (0, 20, 40)
        ]

    assert [ticket["subject"] for page in pages for ticket in page["tickets"]] == subjects
    assert {page["total"] for page in pages} == {45}


def test_the_61st_call_of_a_minute_is_refused_until_the_minute_is_over() -> None:
    with SegmentMock(limits="vendor") as mock, mock.session() as session:
        mock.clock.freeze("2026-01-01T00:00:00Z")
        statuses = [session.post("/api/v2/tickets/search", json={}, headers=HEADERS).status_code for _ in range(61)]
        mock.clock.advance(60)
        later = session.post("/api/v2/tickets/search", json={}, headers=HEADERS).status_code

    assert statuses == [200] * 60 + [429]
    assert later == 200


def test_a_batch_has_at_most_20_tickets() -> None:
    with SegmentMock(limits="vendor") as mock, mock.session() as session:
        response = session.post("/api/v2/tickets", json={"tickets": [{"subject": "x"}] * 21}, headers=HEADERS)

    assert response.status_code == 400
    assert response.json() == {"error": "At most 20 tickets are allowed", "field": "tickets"}


def test_a_fault_fails_one_ticket_of_a_batch() -> None:
    with SegmentMock(faults=[{"kind": "item", "index": 1}]) as mock, mock.session() as session:
        body = {"tickets": [{"subject": "A"}, {"subject": "B"}, {"subject": "C"}]}
        results = session.post("/api/v2/tickets", json=body, headers=HEADERS).json()["results"]
        subjects = [ticket["subject"] for ticket in mock.vendor("tickets").tickets]

    assert [result.get("code") for result in results] == [None, 99, None]
    assert subjects == ["A", "C"]


def test_an_exported_state_can_be_loaded() -> None:
    with SegmentMock(data={"tickets": {"tickets": [{"subject": "Lamp"}]}}) as mock:
        state = mock.state()
    with SegmentMock(data=state) as other:
        assert other.state() == state
