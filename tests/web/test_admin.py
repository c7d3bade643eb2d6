"""The control plane: state, snapshots, journal, clock, faults, and access."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from segment_mock import SegmentMock, SettingError, create_app
from tests.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("no_collection")

SEARCH = "/api/integration/ext/v1/segments/search"
ALL = {"payload": {"offset": 0, "count": 20}}
KEY = {"authToken": "t"}


@pytest.fixture
def client() -> FlaskClient:
    """Flask's test client of an application with the demo data."""
    return create_app(data="demo").test_client()


def test_an_exported_state_can_be_imported_unchanged(client: FlaskClient) -> None:
    """PUT /_mock/state accepts what GET returned, even after other changes."""
    exported = client.get("/_mock/state").json
    client.put("/_mock/state", json={})
    emptied = client.get("/_mock/state").json
    client.put("/_mock/state", json=exported)

    assert {"segments": [], "supporters": [], "members": []} == emptied["salsa"]
    assert exported == client.get("/_mock/state").json


def test_a_reset_after_an_import_restores_the_initial_data(client: FlaskClient) -> None:
    before = client.get("/_mock/state").json
    client.put("/_mock/state", json={"salsa": {"segments": [{"name": "A"}]}})
    client.post("/_mock/reset")

    assert before == client.get("/_mock/state").json


def test_a_named_snapshot_can_be_restored(client: FlaskClient) -> None:
    """An import in between makes no difference; an unknown name is 404."""
    client.post("/_mock/snapshots/start")
    before = client.get("/_mock/state").json
    client.put("/_mock/state", json={})
    restored = client.post("/_mock/snapshots/start/restore")
    unknown = client.post("/_mock/snapshots/strat/restore")

    assert (200, 404) == (restored.status_code, unknown.status_code)
    assert before == client.get("/_mock/state").json


def test_the_journal_can_be_listed_filtered_read_and_cleared(client: FlaskClient) -> None:
    """Entries come in the order of the calls; credentials are redacted."""
    client.post(SEARCH, json=ALL, headers=KEY)
    client.put("/segments", json={"id": "nobody"}, headers={"x-api-key": "k"})
    entries = client.get("/_mock/journal").json["entries"]
    refused = client.get("/_mock/journal?vendor=segmenter&status=404&limit=5").json["entries"]
    one = client.get(f"/_mock/journal/{entries[0]['id']}").json
    missing = client.get("/_mock/journal/99")
    client.delete("/_mock/journal")

    assert ["salsa.search_segments", "segmenter.update_segment"] == [entry["operation"] for entry in entries]
    assert [entries[1]] == refused
    assert (entries[0], 404) == (one, missing.status_code)
    assert "[redacted]" == one["request"]["headers"]["authtoken"]
    assert [] == client.get("/_mock/journal").json["entries"]


def test_the_journal_has_the_ids_of_calls_whose_body_is_too_long_to_compare(client: FlaskClient) -> None:
    for text in ("d" * 70_000, "d"):
        body = {"payload": {"segments": [{"name": "n", "description": text}]}}
        client.put("/api/integration/ext/v1/segments", json=body, headers=KEY)
    query = "?json=%7B%22payload%22%3A%7B%7D%7D"
    journal, summary = client.get(f"/_mock/journal{query}").json, client.get(f"/_mock/journal/summary{query}").json

    assert ([2], [1]) == ([entry["id"] for entry in journal["entries"]], journal["undecided"])
    assert ([2], [1]) == ([call["id"] for call in summary["calls"]], summary["undecided"])
    assert "1 call left out" in client.get(f"/_mock/journal.har{query}").json["log"]["comment"]
    assert [] == client.get("/_mock/journal").json["undecided"]


def test_the_clock_can_be_frozen_advanced_and_released(client: FlaskClient) -> None:
    """POST /_mock/clock changes the timestamps of the vendors."""
    client.post("/_mock/clock", json={"freeze": "2026-01-01T00:00:00Z"})
    client.post("/_mock/clock", json={"advance": 90})
    stamp = client.post(SEARCH, json=ALL, headers=KEY).json["timestamp"]
    clock = client.get("/_mock/clock").json
    running = client.post("/_mock/clock", json={"freeze": False}).json

    assert "2026-01-01T00:01:30.000Z" == stamp == clock["now"]
    assert (True, False) == (clock["frozen"], running["frozen"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/_mock/clock", b'{"advance": -1}', 400),
        ("POST", "/_mock/clock", b'{"freeze": true, "advance": 1}', 400),
        ("POST", "/_mock/clock", b"[" * 100_000, 400),
        ("PUT", "/_mock/state", b"[]", 400),
        ("PUT", "/_mock/state", b'{"salsa": {"segments": 1}}', 400),
        ("GET", "/_mock/journal?limit=x", b"", 400),
        ("GET", "/_mock/nothing", b"", 404),
        ("POST", "/_mock/health", b"", 405),
    ],
)
def test_errors_are_problem_json_with_a_hint(
    client: FlaskClient, method: str, path: str, body: bytes, status: int
) -> None:
    """Every error of the control plane has title, status, detail and hint, and nothing changes."""
    before = client.get("/_mock/state").json
    response = client.open(path, method=method, data=body)

    assert (status, "application/problem+json") == (response.status_code, response.content_type)
    assert {"title", "status", "detail", "hint"} <= json.loads(response.data).keys()
    assert before == client.get("/_mock/state").json


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({}, "Expected one member, which is freeze, set or advance; got an empty object."),
        (
            {"freeze": True, "advance": 1},
            "Expected one member, which is freeze, set or advance; got '",
        ),
        ({"freeze": "noon"}, "freeze: 'noon' is not a time such as 2018-03-21T15:12:09.310Z."),
    ],
)
def test_an_invalid_change_of_the_clock_names_the_expected_members(
    client: FlaskClient, change: dict[str, Any], detail: str
) -> None:
    assert client.post("/_mock/clock", json=change).json["detail"].startswith(detail)


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"Host": "evil.example"}, 403),
        ({}, {"Host": "[::1]:7357"}, 200),
        ({}, {"Origin": "https://evil.example"}, 403),
        ({}, {"Origin": "http://localhost"}, 200),
        ({"admin_token": "s"}, {}, 401),
        ({"admin_token": "s"}, {"Authorization": "Bearer t"}, 401),
        ({"admin_token": "s"}, {"Authorization": "Bearer s", "Host": "mock.ci"}, 200),
    ],
)
def test_access_depends_on_host_origin_and_token(
    settings: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    client = create_app(**settings).test_client()

    assert status == client.get("/_mock/state", headers=headers).status_code
    assert 200 == client.get("/_mock/health").status_code


def test_every_transport_has_the_control_plane() -> None:
    """The live server and the in-process session serve the same state below /_mock."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock, mock.session() as session:
        live = requests.get(mock.serve().url + "/_mock/state", timeout=PATIENCE)
        problem = requests.get(mock.serve().url + "/_mock/nothing", timeout=PATIENCE)

        assert live.json() == session.get("/_mock/state").json() == mock.state()
        assert 404 == problem.status_code


def test_settings_show_only_the_number_of_credentials(client: FlaskClient) -> None:
    app = create_app(credentials="listed", salsa_token=["secret-1", "secret-2"])
    response = app.test_client().get("/_mock/vendors")

    assert 2 == response.json["settings"]["salsa_token"]
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("state", {"salsa": {"segmnts": []}}, "salsa.segmnts: unknown collection (did you mean 'segments'?)"),
        (
            "faults",
            {"kind": "error", "headers": []},
            "fault error: headers: [] is not a dictionary of names and values",
        ),
        ("faults", {"kind": "item", "where": []}, "fault item: where: [] is not a dictionary of names and values"),
        ("faults", {"kind": "hang", "when": []}, "when: [] is not a dictionary of conditions"),
    ],
)
def test_invalid_data_and_fault_rules_are_400(path: str, body: dict[str, Any], detail: str) -> None:
    """The detail names the invalid member; nothing is loaded or armed."""
    client = create_app().test_client()
    response = client.open(f"/_mock/{path}", method="PUT" if path == "state" else "POST", json=body)

    assert 400 == response.status_code
    assert detail in response.json["detail"]
    assert [] == client.get("/_mock/faults").json["faults"]


def test_a_misspelt_collection_is_an_error_at_start() -> None:
    """The initial data is validated like the body of PUT /_mock/state."""
    with pytest.raises(SettingError, match=r"data\.segmenter\.people: unknown collection"):
        SegmentMock(data={"segmenter": {"people": []}})
