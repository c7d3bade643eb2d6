"""The named scenarios: each reproduces what its sentence says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, SettingError
from segment_mock.settings import scenarios

SEGMENTS = "/api/integration/ext/v1/segments"
HEADERS = {"authToken": "t", "x-api-key": "k"}


def outcomes(mock: SegmentMock, calls: int, method: str = "PUT", path: str = SEGMENTS) -> list[Any]:
    """Return the status of each of so many calls, or the exception in its place; a new name each."""
    told: list[Any] = []
    with mock.session() as session:
        for number in range(calls):
            name = f"n{number}"
            salsa = {"payload": {"segments": [{"name": name}]} if method == "PUT" else {}}
            body = salsa if path != "/segments" else {"name": name, "broadcastMediumId": "b", "segmentType": "s"}
            try:
                reply = session.request(method, path, json=body, headers=HEADERS, timeout=60)
                told.append(reply.status_code)
            except requests.RequestException as error:
                told.append(type(error).__name__)
    return told


def named(name: str, **settings: Any) -> SegmentMock:
    """Return a mock under the scenario of this name, frozen."""
    mock = SegmentMock(scenario=name, **settings)
    mock.clock.freeze()
    return mock


def test_rate_limited() -> None:
    """Every third call is refused with 429 in Salsa's words; the Segmenter is not concerned."""
    mock = named("salsa.rate_limited")

    assert [200, 200, 429] * 3 == outcomes(mock, 9)
    assert 6 == len(mock.salsa.segments)
    assert "Your per minute call rate" in mock.journal.entries(status=429)[0].response_json["errors"][0]["message"]
    assert [200] * 3 == outcomes(mock, 3, "POST", "/segments")


def test_gateway_timeout() -> None:
    """One write in two is answered by the gateway's page, and was performed; reads are not concerned."""
    mock = named("salsa.gateway_timeout")

    assert [200, 504] * 2 == outcomes(mock, 4)
    assert 4 == len(mock.salsa.segments)
    assert mock.journal.entries(status=504)[0].response_body.startswith(b"<html>")
    assert [200] * 4 == outcomes(mock, 4, "POST", f"{SEGMENTS}/search")


def test_maintenance() -> None:
    """For the first minute nothing works, with an envelope of errors and no payload; then all does."""
    mock = named("salsa.maintenance")
    down = outcomes(mock, 2)
    body = mock.journal.entries()[0].response_json
    mock.clock.advance(61)

    assert [500, 500] == down
    assert ("errors" in body, "payload" in body) == (True, False)
    assert [200, 200] == outcomes(mock, 2)


def test_segmenter_down() -> None:
    """Every call of the Segmenter gets its printed failure, and nothing is kept; Salsa is not concerned."""
    mock = named("segmenter.down")

    assert [500] * 3 == outcomes(mock, 3, "POST", "/segments")
    assert {"success": False, "message": "Internal Server Error", "error": "Internal Server Error"} == (
        mock.journal.entries()[0].response_json
    )
    assert ([], [200]) == (mock.segmenter.segments, outcomes(mock, 1))


def test_flaky_network() -> None:
    """About one call in twenty loses its connection unperformed, about one in ten is late by a second or so."""
    mock = named("flaky-network", limits="off", seed=1)
    before = mock.clock.now()
    told = outcomes(mock, 300)
    late, lost = mock.faults
    mean = (mock.clock.now() - before) / late.fired

    assert {200, "ConnectionError"} == {*told}
    assert lost.fired == told.count("ConnectionError") == 300 - len(mock.salsa.segments)
    assert abs(lost.fired - 15) <= 12
    assert abs(late.fired - 30) <= 16
    assert 0.7 < mean < 1.8


def test_lost_replies() -> None:
    """One write in three is performed and its answer never arrives, with either vendor."""
    mock = named("lost-replies")

    assert [200, 200, "ConnectionError"] * 2 == outcomes(mock, 6) == outcomes(mock, 6, "POST", "/segments")
    assert (6, 6) == (len(mock.salsa.segments), len(mock.segmenter.segments))


TESTS: dict[str, Callable[[], None]] = {
    "salsa.rate_limited": test_rate_limited,
    "salsa.gateway_timeout": test_gateway_timeout,
    "salsa.maintenance": test_maintenance,
    "segmenter.down": test_segmenter_down,
    "flaky-network": test_flaky_network,
    "lost-replies": test_lost_replies,
}


def test_each_has_a_test_and_a_sentence() -> None:
    """A new scenario needs a row here, a sentence of what it reproduces, and rules."""
    assert TESTS.keys() == scenarios().keys()
    for told in scenarios().values():
        assert told["about"].endswith(".")
        assert told["faults"]


def test_several_at_once() -> None:
    """Their rules are in force one after the other, in the order told."""
    mock = SegmentMock(scenario=["segmenter.down", "salsa.rate_limited"])

    assert ["segmenter.*", "salsa.*"] == [rule.operation for rule in mock.faults]


def test_an_unknown_one_is_refused() -> None:
    """With the nearest name and all there are."""
    with pytest.raises(
        SettingError, match=r"scenario: 'flaky' is none \(did you mean 'flaky-network'\?\); there are \["
    ):
        SegmentMock(scenario="flaky")
