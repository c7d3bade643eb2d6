"""Faults over the control plane, and sleeping that moves the mock's clock."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from segment_mock import SegmentMock, create_app, faults
from segment_mock.clock import Clock

pytestmark = pytest.mark.usefixtures("no_collection")

F: Any = faults
SEGMENTS = "/api/integration/ext/v1/segments"
KEY = {"authToken": "t"}
RULE = {"kind": "disconnect", "after": True, "operation": "salsa.*", "when": {"skip": 1, "times": 2}}


@pytest.fixture
def client() -> FlaskClient:
    """Flask's test client of an empty mock."""
    return create_app().test_client()


def test_rules_are_armed_listed_and_disarmed_over_http(client: FlaskClient) -> None:
    """POST accepts one rule or a list and returns 201, GET returns counters, and DELETE removes one rule or all."""
    one = client.post("/_mock/faults", json=RULE)
    two = client.post(
        "/_mock/faults", json=[{"kind": "hang", "operation": "segmenter.*"}, {"kind": "CONNECTION_RESET_BY_PEER"}]
    )
    rules = client.get("/_mock/faults").json["faults"]

    assert (201, 201) == (one.status_code, two.status_code)
    assert RULE.items() <= one.json["faults"][0].items()
    assert [*one.json["faults"], *two.json["faults"]] == rules
    assert [("1", "disconnect"), ("2", "hang"), ("3", "disconnect")] == [(rule["id"], rule["kind"]) for rule in rules]
    assert rules[1] == client.get("/_mock/faults/2").json
    assert 200 == client.delete("/_mock/faults/2").status_code
    assert ["1", "3"] == [rule["id"] for rule in client.get("/_mock/faults").json["faults"]]
    assert 200 == client.delete("/_mock/faults").status_code
    assert {"faults": []} == client.get("/_mock/faults").json


def test_a_rule_over_http_has_its_counters(client: FlaskClient) -> None:
    """They are seen, matched, fired and suppressed, with the explanation."""
    client.post("/_mock/faults", json={"kind": "error", "operation": "*.search_segments", "when": {"skip": 1}})
    for path in ("", "/search", "/search"):
        client.open(SEGMENTS + path, method="POST" if path else "PUT", json={"payload": {}}, headers=KEY)
    (rule,) = client.get("/_mock/faults").json["faults"]

    assert {"seen": 3, "matched": 2, "fired": 1, "suppressed": 1, "why": "fired once"}.items() <= rule.items()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": "hnag"}, "unknown fault kind 'hnag'"),
        ({"kind": "hang", "aftr": 1}, "fault hang: unknown setting 'aftr' (did you mean 'after'?)"),
        ({"kind": "error", "status": 99}, "fault error: status: expected at least 200, got 99"),
        ({"kind": "hang", "operation": "salsa.upsert_segment"}, "(did you mean 'salsa.upsert_segments'?)"),
        ({"kind": "hang", "when": {"time": 1}}, "when: unknown condition 'time' (did you mean 'times'?)"),
        ({"kind": "hang", "when": 5}, "when: 5 is not a dictionary of conditions"),
        ({"kind": "hang", "match": 5}, "match: 5 is not a dictionary of names and values"),
        ({"kind": "hang", "match": {"headers": [1]}}, "match.headers: [1] is not a dictionary of names and values"),
        ({"kind": "hang", "match": {"json": {"a[": 1}}}, "match.json: 'a[' is not a path"),
        ([{"kind": "hang"}, {}], "faults[1]: fault {}: its kind is missing"),
        (5, "fault: 5 can't be armed; expected the name of a kind"),
    ],
)
def test_an_invalid_fault_is_a_problem_response(client: FlaskClient, body: Any, message: str) -> None:
    """Status 400, problem+json with field, value and the nearest name; nothing is armed."""
    response = client.post("/_mock/faults", json=body)

    assert (400, "application/problem+json") == (response.status_code, response.content_type)
    assert message in response.json["detail"]
    assert {"faults": []} == client.get("/_mock/faults").json


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 10_000])
def test_a_body_that_is_not_json_is_a_problem_response(client: FlaskClient, data: bytes) -> None:
    """So is a body that is not text."""
    response = client.post("/_mock/faults", data=data)

    assert (400, "application/problem+json") == (response.status_code, response.content_type)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_rule_is_a_problem_response(client: FlaskClient, method: str) -> None:
    """Status 404, problem+json with the id."""
    response = client.open("/_mock/faults/7", method=method)

    assert (404, "application/problem+json") == (response.status_code, response.content_type)
    assert "No fault has the id '7'; none is armed." == response.json["detail"]


def test_sleeping_within_patch_sleep_takes_no_real_time() -> None:
    """time.sleep and asyncio.sleep move the mock's clock within the block, and are restored however the block ends."""
    mock = SegmentMock()
    mock.clock.freeze(0)
    real, wall = (time.sleep, asyncio.sleep), time.monotonic()
    with pytest.raises(ZeroDivisionError), mock.clock.patch_sleep():
        _naps(mock)

    assert real == (time.sleep, asyncio.sleep)
    assert 270 == mock.clock.now()
    assert time.monotonic() - wall < 200


def _naps(mock: SegmentMock) -> None:
    time.sleep(30)
    asyncio.run(asyncio.sleep(240))
    raise ZeroDivisionError


def test_a_server_really_waits_under_patch_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, waits = SegmentMock().clock, list[float]()
    clock.freeze(0)
    assert Clock._real_sleep is time.sleep
    monkeypatch.setattr(Clock, "_real_sleep", staticmethod(waits.append))
    with SegmentMock().clock.patch_sleep(), clock.patch_sleep():
        clock.wait(0.02)

    assert ([0.02], 0) == (waits, clock.now())
