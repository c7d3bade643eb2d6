"""The shipped scenarios: each does what its description says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from segment_mock import SegmentMock, SettingError
from segment_mock.cli import main
from segment_mock.settings import scenarios

SEGMENTS = "/api/integration/ext/v1/segments"
HEADERS = {"authToken": "t", "x-api-key": "k"}


def outcomes(mock: SegmentMock, calls: int, method: str = "PUT", path: str = SEGMENTS) -> list[Any]:
    """Return the status of each of *calls* calls, or its exception; each call has a new name."""
    results: list[Any] = []
    with mock.session() as session:
        for number in range(calls):
            name = f"n{number}"
            salsa = {"payload": {"segments": [{"name": name}]} if method == "PUT" else {}}
            body = salsa if path != "/segments" else {"name": name, "broadcastMediumId": "b", "segmentType": "s"}
            try:
                response = session.request(method, path, json=body, headers=HEADERS, timeout=60)
                results.append(response.status_code)
            except requests.RequestException as error:
                results.append(type(error).__name__)
    return results


def mock_with_scenario(name: str, **settings: Any) -> SegmentMock:
    """Return a mock with the scenario *name* and a frozen clock."""
    mock = SegmentMock(scenario=name, **settings)
    mock.clock.freeze()
    return mock


def test_rate_limited() -> None:
    """Every third call to Salsa is refused with its 429; calls to the Segmenter are not affected."""
    mock = mock_with_scenario("salsa.rate_limited")

    assert [200, 200, 429] * 3 == outcomes(mock, 9)
    assert 6 == len(mock.salsa.segments)
    assert "Your per minute call rate" in mock.journal.entries(status=429)[0].response_json["errors"][0]["message"]
    assert [200] * 3 == outcomes(mock, 3, "POST", "/segments")


def test_gateway_timeout() -> None:
    """Every other write is performed, and answered by a page of the gateway; reads are not affected."""
    mock = mock_with_scenario("salsa.gateway_timeout")

    assert [200, 504] * 2 == outcomes(mock, 4)
    assert 4 == len(mock.salsa.segments)
    assert mock.journal.entries(status=504)[0].response_body.startswith(b"<html>")
    assert [200] * 4 == outcomes(mock, 4, "POST", f"{SEGMENTS}/search")


def test_maintenance() -> None:
    """In the first minute, every call gets an envelope with errors and no payload; later calls succeed."""
    mock = mock_with_scenario("salsa.maintenance")
    down = outcomes(mock, 2)
    body = mock.journal.entries()[0].response_json
    mock.clock.advance(61)

    assert [500, 500] == down
    assert ("errors" in body, "payload" in body) == (True, False)
    assert [200, 200] == outcomes(mock, 2)


def test_segmenter_down() -> None:
    """Every call to the Segmenter gets its documented error, and stores nothing; Salsa is not affected."""
    mock = mock_with_scenario("segmenter.down")

    assert [500] * 3 == outcomes(mock, 3, "POST", "/segments")
    assert {"success": False, "message": "Internal Server Error", "error": "Internal Server Error"} == (
        mock.journal.entries()[0].response_json
    )
    assert ([], [200]) == (mock.segmenter.segments, outcomes(mock, 1))


def test_flaky_network() -> None:
    """About one call in twenty is not performed and loses its connection; about one in ten is a second late."""
    mock = mock_with_scenario("flaky-network", limits="off", seed=1)
    mock.clock.freeze()  # only the delays move it, not the running time of the test
    before = mock.clock.now()
    results = outcomes(mock, 300)
    late, lost = mock.faults
    mean = (mock.clock.now() - before) / late.fired

    assert {200, "ConnectionError"} == {*results}
    assert lost.fired == results.count("ConnectionError") == 300 - len(mock.salsa.segments)
    assert abs(lost.fired - 15) <= 12
    assert abs(late.fired - 30) <= 16
    assert 0.7 < mean < 1.8


def test_lost_replies() -> None:
    """Every third write to either vendor is performed, and its response is lost."""
    mock = mock_with_scenario("lost-replies")

    assert [200, 200, "ConnectionError"] * 2 == outcomes(mock, 6) == outcomes(mock, 6, "POST", "/segments")
    assert (6, 6) == (len(mock.salsa.segments), len(mock.segmenter.segments))


GROUP = "69afe9fc-dcde-4533-92d6-cbf069008c30"
ADA = "11111111-0000-4000-8000-000000000000"
DATA: dict[str, Any] = {
    "salsa": {
        "segments": [{"segmentId": GROUP, "name": "Group"}],
        "supporters": [{"supporterId": ADA, "contacts": [{"type": "EMAIL", "value": "ada@example.org"}]}],
        "members": [{"segment": GROUP, "supporters": [ADA]}],
    }
}


def salsa(mock: SegmentMock, method: str, path: str, **payload: Any) -> Any:
    """Return the response to one call."""
    with mock.session() as session:
        return session.request(method, f"{SEGMENTS}{path}", json={"payload": payload}, headers=HEADERS)


def test_not_a_crm_group() -> None:
    """Changes of groups or members get the body of a real 405; searches and calls to the Segmenter succeed."""
    mock, plain = mock_with_scenario("salsa.not_a_crm_group", data=DATA), SegmentMock(data=DATA)
    plain.salsa.add_segment("Custom", segmentId=GROUP.replace("6", "7"), type="CUSTOM")
    real = salsa(plain, "DELETE", "", segments=[{"segmentId": GROUP.replace("6", "7")}])
    responses = [
        salsa(mock, "PUT", "", segments=[{"segmentId": GROUP, "name": "N"}]),
        salsa(mock, "DELETE", "", segments=[{"segmentId": GROUP}]),
        salsa(mock, "PUT", "/members", segmentId=GROUP, supporterIds=[ADA]),
        salsa(mock, "DELETE", "/members", segmentId=GROUP, supporterIds=[ADA]),
    ]

    assert [405] * 4 == [response.status_code for response in responses]
    for response in responses:
        assert {**real.json()["errors"][0], "id": ""} == {**response.json()["errors"][0], "id": ""}
    assert ["Group"] == [item["name"] for item in salsa(mock, "POST", "/search").json()["payload"]["segments"]]
    assert (1, [200]) == (len(mock.salsa.members), outcomes(mock, 1, "POST", "/segments"))


def test_group_vanished() -> None:
    """Each item with an existing group is NOT_FOUND, and nothing changes; new groups are added."""
    mock = mock_with_scenario("salsa.group_vanished", data=DATA)
    upsert = salsa(mock, "PUT", "", segments=[{"segmentId": GROUP, "name": "N"}, {"name": "New"}])
    delete = salsa(mock, "DELETE", "", segments=[{"segmentId": GROUP}])
    search = salsa(mock, "POST", "/search", identifiers=[GROUP], identifierType="SEGMENT_ID")
    members = [
        salsa(mock, "PUT", "/members", segmentId=GROUP, supporterIds=[ADA]),
        salsa(mock, "DELETE", "/members", segmentId=GROUP, supporterIds=[ADA]),
        salsa(mock, "POST", "/members/search", segmentId=GROUP, supporterIds=[ADA]),
    ]

    assert ["NOT_FOUND", "ADDED"] == [item["result"] for item in upsert.json()["payload"]["segments"]]
    assert [{"segmentId": GROUP, "result": "NOT_FOUND"}] == delete.json()["payload"]["segments"]
    assert [{"segmentId": GROUP, "result": "NOT_FOUND"}] == search.json()["payload"]["segments"]
    assert [[{"supporterId": ADA, "result": "NOT_FOUND"}]] * 3 == [
        response.json()["payload"]["supporters"] for response in members
    ]
    assert (["Group", "New"], 1) == ([row["name"] for row in mock.salsa.segments], len(mock.salsa.members))


@pytest.mark.parametrize(("vendor", "method", "path"), [("salsa", "PUT", SEGMENTS), ("segmenter", "POST", "/segments")])
def test_server_error(vendor: str, method: str, path: str) -> None:
    """Every call gets 500 and stores nothing; the other vendor is not affected."""
    mock = mock_with_scenario(f"{vendor}.server_error")

    assert [500] * 3 == outcomes(mock, 3, method, path)
    assert [] == mock.salsa.segments == mock.segmenter.segments
    assert [200] == outcomes(mock, 1, *(("POST", "/segments") if vendor == "salsa" else ("PUT", SEGMENTS)))


TESTS: dict[str, Callable[..., None]] = {
    "salsa.rate_limited": test_rate_limited,
    "salsa.gateway_timeout": test_gateway_timeout,
    "salsa.maintenance": test_maintenance,
    "segmenter.down": test_segmenter_down,
    "flaky-network": test_flaky_network,
    "lost-replies": test_lost_replies,
    "salsa.not_a_crm_group": test_not_a_crm_group,
    "salsa.group_vanished": test_group_vanished,
    "salsa.server_error": test_server_error,
    "segmenter.server_error": test_server_error,
}


def test_each_scenario_has_a_test_and_a_description() -> None:
    assert TESTS.keys() == scenarios().keys()
    for scenario in scenarios().values():
        assert scenario["about"].endswith(".")
        assert scenario["faults"]


def test_several_scenarios_may_be_armed() -> None:
    mock = SegmentMock(scenario=["segmenter.down", "salsa.rate_limited"])

    assert ["segmenter.*", "salsa.*"] == [rule.operation for rule in mock.faults]


def test_an_unknown_scenario_is_refused() -> None:
    """The error gives the nearest name and all names."""
    with pytest.raises(
        SettingError, match=r"unknown scenario 'flaky' \(did you mean 'flaky-network'\?\); expected one of "
    ):
        SegmentMock(scenario="flaky")


OWN = """
slow-friday:
  about: Every call is late.
  faults:
    - {kind: latency, seconds: 3}
no-writes:
  faults:
    - {kind: error, status: 503, operation: "salsa.upsert_segments"}
"""


def test_a_file_may_define_scenarios(tmp_path: Path) -> None:
    """They are armed by name, like the shipped ones, and each rule names its scenario."""
    file = tmp_path / "own.yaml"
    file.write_text(OWN, encoding="utf-8")
    mock = SegmentMock(scenarios=[str(file)], scenario=["no-writes", "segmenter.down"])

    assert [503, 503] == outcomes(mock, 2)
    assert ["scenario no-writes", "scenario segmenter.down"] == [rule.where for rule in mock.faults]


def test_a_dictionary_may_define_scenarios() -> None:
    """The ids of its rules start from 1."""
    own = {"down": {"faults": [{"kind": "error", "status": 500}]}}
    mock = SegmentMock(scenarios=own, scenario="down")

    assert [500] == outcomes(mock, 1)
    assert ["1"] == [rule.id for rule in mock.faults]
    assert [] == [*SegmentMock(scenarios=own).faults]


def test_a_scenario_that_is_not_armed_strikes_no_call() -> None:
    own = {"down": {"faults": [{"kind": "error", "status": 500}]}, "cut off": {"faults": [{"kind": "connect"}]}}
    mock = SegmentMock(scenarios=own)

    assert [200] == outcomes(mock, 1)
    assert 0 == mock.faults.connections_armed


def test_scenarios_are_listed(tmp_path: Path) -> None:
    """The command and the control plane list the shipped ones first, then those of the file."""
    file = tmp_path / "own.yaml"
    file.write_text(OWN, encoding="utf-8")
    printed = CliRunner().invoke(main, ["faults", "--scenarios", str(file)]).stdout
    with SegmentMock(scenarios=str(file)) as mock:
        rows = requests.get(f"{mock.serve().url}/_mock/scenarios", timeout=5).json()["scenarios"]

    assert "  slow-friday: Every call is late." in printed
    assert [*scenarios(), "slow-friday", "no-writes"] == [row["name"] for row in rows]
    assert {
        "name": "slow-friday",
        "about": "Every call is late.",
        "faults": [{"kind": "latency", "seconds": 3}],
    } in rows


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (
            {"flaky-network": {"faults": [{"kind": "hang"}]}},
            "flaky-network: another scenario already has this name",
        ),
        ({"a": {"fautls": []}}, "a: unknown member 'fautls' (did you mean 'faults'?)"),
        ({"a": {"about": 1, "faults": [{"kind": "hang"}]}}, "a.about: 1 is not text"),
        ({"a": None}, "a.faults: expected a list of rules, got None"),
        ({"a": {"faults": []}}, "a.faults: expected a list of rules, got []"),
        (
            {"a": {"faults": [{"kind": "hang"}, {"kind": "hnag"}]}},
            "a.faults[1]: unknown fault kind 'hnag'",
        ),
        ({"a": {"faults": [{"kind": "item", "operation": "segmenter.*"}]}}, "a.faults[0]: operation:"),
        ({"a": 1}, "a: expected a dictionary of about and faults, got 1; the form is "),
        ([], "expected a dictionary of scenarios, got a list; the form is "),
    ],
)
def test_an_invalid_scenario_stops_the_start(own: Any, message: str, tmp_path: Path) -> None:
    """It need not be armed. The error gives the place, the value and the nearest name."""
    file = tmp_path / "own.json"
    file.write_text(json.dumps(own), encoding="utf-8")
    for source in [own, str(file)] if isinstance(own, dict) else [str(file)]:
        with pytest.raises(SettingError, match=re.escape(message)):
            SegmentMock(scenarios=[source])
