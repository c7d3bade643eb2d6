"""A refusal by a fault has the same status and body as the vendor's own refusal, and a helpful hint."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, create_app
from tests.faults.fault_world import SALSA, send
from tests.waiting import PATIENCE

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HINT = "X-Segment-Mock-Hint"
GROUP = "69afe9fc-dcde-4533-92d6-cbf069008c30"
DATA: dict[str, Any] = {
    "salsa": {"segments": [{"segmentId": GROUP, "name": "G", "type": "CUSTOM"}]},
    "segmenter": {"segments": [{"id": "s", "name": "S"}]},
}
RENAME = {"payload": {"segments": [{"segmentId": GROUP, "name": "N"}]}}
UPDATE = {"id": "gone", "name": "S"}
REFUSED_405 = [
    {"kind": "refuse", "refusal": "not_manageable", "operation": "salsa.upsert_segments"},
    {"kind": "error", "status": 405, "operation": "salsa.upsert_segments"},
]


def body_of(response: Any) -> str:
    return UUID.sub("UUID", response.text)


def mock_at_noon(**settings: Any) -> SegmentMock:
    mock = SegmentMock(**settings)
    mock.clock.freeze("2024-01-01T12:00:00Z")
    return mock


@pytest.mark.parametrize("rule", REFUSED_405, ids=lambda rule: rule["kind"])
def test_a_405_by_fault_has_the_body_of_a_real_one(rule: dict[str, Any]) -> None:
    """fieldName, message and code are the same in process, intercepted, live and under Flask."""
    with mock_at_noon(data=DATA) as plain, mock_at_noon(faults=[rule]) as mock:
        real = send(plain, "PUT", f"{SALSA}/segments", RENAME)
        url, headers = mock.serve().url, {"authToken": "t"}
        responses = [send(mock, "PUT", f"{SALSA}/segments", RENAME)]
        responses.append(requests.put(f"{url}{SALSA}/segments", json=RENAME, headers=headers, timeout=PATIENCE))
        with mock.intercept():
            at = f"https://api.salsalabs.org{SALSA}/segments"
            responses.append(requests.put(at, json=RENAME, headers=headers, timeout=PATIENCE))
    flask = create_app(faults=[rule]).test_client().put(f"{SALSA}/segments", json=RENAME, headers=headers)
    (error,) = flask.get_json()["errors"]

    assert [(405, body_of(real))] * 3 == [(response.status_code, body_of(response)) for response in responses]
    assert {**real.json()["errors"][0], "id": ""} == {**error, "id": ""}
    assert "segmentId" == error["fieldName"]


def test_too_many_items_by_fault_names_the_list() -> None:
    """The body is the same as for a batch of 21 items."""
    mock = mock_at_noon()
    real = send(mock, "PUT", f"{SALSA}/segments", {"payload": {"segments": [{"name": "N"}] * 21}})
    mock.faults.load({"kind": "refuse", "refusal": "too_many_items"})

    assert body_of(real) == body_of(send(mock, "PUT", f"{SALSA}/segments", RENAME))


@pytest.mark.parametrize("path", ["/segments", "/segments/gone"])
@pytest.mark.parametrize("failures", ["success-false", "is-updated-false"])
def test_a_404_by_fault_names_the_id_of_the_call(path: str, failures: str) -> None:
    """The Segmenter's message contains the id from the body or the path, in either documented form."""
    mock = mock_at_noon(segmenter_failures=failures)
    real = send(mock, "PUT", path, UPDATE)
    mock.faults.load({"kind": "refuse", "refusal": "not_found", "operation": "segmenter.update_segment"})
    response = send(mock, "PUT", path, UPDATE)

    assert (real.status_code, real.content, real.headers[HINT]) == (
        response.status_code,
        response.content,
        response.headers[HINT],
    )
    assert "no segment has the id 'gone'" in response.text


@pytest.mark.parametrize("failures", ["success-false", "is-updated-false"])
@pytest.mark.parametrize("status", [400, 404])
def test_an_armed_error_arrives_with_its_status(status: int, failures: str) -> None:
    """``error status=404`` is a 404 even if the vendor's own refusals have the status 200."""
    mock = mock_at_noon(segmenter_failures=failures, data=DATA)
    mock.faults.load({"kind": "error", "status": status, "operation": "segmenter.*"})
    response = send(mock, "PUT", "/segments", {**UPDATE, "id": "s"})

    assert status == response.status_code
    assert response.json()["success"] is False


@pytest.mark.parametrize(
    ("failures", "other"), [("success-false", "is-updated-false"), ("is-updated-false", "success-false")]
)
def test_the_hint_names_the_other_value_of_the_setting(failures: str, other: str) -> None:
    response = send(SegmentMock(segmenter_failures=failures), "PUT", "/segments", UPDATE)

    assert f"--segmenter-failures {other} answers in the other documented form" == response.headers[HINT]


def test_no_hint_names_a_setting_in_force() -> None:
    """The fault refuses the call, while the setting already answers non-CRM groups for each item."""
    mock = SegmentMock(salsa_non_crm="result", faults=REFUSED_405[:1])

    assert HINT not in send(mock, "PUT", f"{SALSA}/segments", RENAME).headers
