"""The Flask application and the control plane."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from flask import url_for
from flask.testing import FlaskClient

from segment_mock import SegmentMock, create_app

SEARCH = "/api/integration/ext/v1/segments/search"
ALL = {"payload": {"offset": 0, "count": 20}}
KEY = {"authToken": "t"}


@pytest.fixture
def client() -> FlaskClient:
    """Flask's test client over the demo world."""
    return create_app(data="demo").test_client()


def test_flask_lists_every_operation() -> None:
    """``flask routes`` shows each path and method of each vendor, and the control plane."""
    rules = {(rule.rule, rule.endpoint) for rule in create_app().url_map.iter_rules()}

    assert {
        (SEARCH, "salsa.search_segments"),
        ("/segments/<id>", "segmenter.update_segment"),
        ("/_mock/health", "_mock.get_health"),
        ("/<elsewhere:path>", "elsewhere"),
    } <= rules


def test_flask_builds_the_address_of_every_operation() -> None:
    """``url_for`` knows each rule, with its places filled in and what is left over as a query."""
    with create_app().test_request_context(base_url="http://mock.example"):
        known = [
            url_for("salsa.search_segments"),
            url_for("segmenter.update_segment", id="a b", more=1),
            url_for("_mock.get_health", _external=True),
        ]

    assert [SEARCH, "/segments/a%20b?more=1", "http://mock.example/_mock/health"] == known


@pytest.mark.parametrize("path", [SEARCH.replace("/api/", "/api//"), "/" + SEARCH, SEARCH.replace("/ext", "///ext")])
def test_doubled_slashes_are_answered_in_place(client: FlaskClient, path: str) -> None:
    """Flask neither redirects nor misses a path with doubled slashes."""
    # The test client would read a leading // as a host.
    reply = client.post("/", json=ALL, headers=KEY, environ_overrides={"PATH_INFO": path})

    assert 200 == reply.status_code


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PATCH", "/segments", 405),
        ("OPTIONS", SEARCH, 405),
        ("GET", "/segments/1/2", 404),
        ("HEAD", SEARCH, 405),
        ("BREW", f"{SEARCH}/%0Atea", 404),
    ],
)
def test_what_a_vendor_does_not_have_is_refused_in_its_words(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """Unknown paths and verbs reach the core through the catch-all view, and no HTML comes back."""
    reply = client.open(path, method=method, headers={**KEY, "x-api-key": "k"})

    assert (status, "application/json") == (reply.status_code, reply.content_type)
    assert (status == 405) == ("Allow" in reply.headers)


@pytest.mark.parametrize(
    ("path", "detail"), [("/", "GET /"), ("/_mockery", "GET /_mockery"), ("/_mock/no", "URL was not")]
)
def test_a_path_of_no_vendor_is_a_problem(client: FlaskClient, path: str, detail: str) -> None:
    """The catch-all view answers it unless it is the control plane's."""
    reply = client.get(path)

    assert (404, "application/problem+json") == (reply.status_code, reply.content_type)
    assert detail in reply.json["detail"]


def test_host_leads_to_its_vendor(client: FlaskClient) -> None:
    """A vendor's Host decides, whatever the path."""
    reply = client.post("/segments", headers={**KEY, "Host": "api.salsalabs.org"})

    assert "errors" in reply.json


def test_a_body_over_the_limit_is_refused_in_the_dialect(client: FlaskClient) -> None:
    """17 MiB are 413 in the vendor's words; the records stand."""
    reply = client.put("/segments", data=b" " * (17 * 2**20), headers={"x-api-key": "k"})

    assert (413, False) == (reply.status_code, reply.json["success"])


def test_state_round_trips_exactly(client: FlaskClient) -> None:
    """What GET /_mock/state gives, PUT takes; the demo world comes back equal, also after changes."""
    exported = client.get("/_mock/state").json
    client.put("/_mock/state", json={})
    emptied = client.get("/_mock/state").json
    client.put("/_mock/state", json=exported)

    assert {"segments": [], "supporters": [], "members": []} == emptied["salsa"]
    assert exported == client.get("/_mock/state").json


def test_import_does_not_change_what_reset_returns_to(client: FlaskClient) -> None:
    """After an import, reset brings back the data that the server started with."""
    before = client.get("/_mock/state").json
    client.put("/_mock/state", json={"salsa": {"segments": [{"name": "A"}]}})
    client.post("/_mock/reset")

    assert before == client.get("/_mock/state").json


def test_snapshots_by_name(client: FlaskClient) -> None:
    """A named state can be returned to, also over an import; an unknown name is told."""
    client.post("/_mock/snapshots/start")
    before = client.get("/_mock/state").json
    client.put("/_mock/state", json={})
    restored = client.post("/_mock/snapshots/start/restore")
    unknown = client.post("/_mock/snapshots/strat/restore")

    assert (200, 404) == (restored.status_code, unknown.status_code)
    assert before == client.get("/_mock/state").json


def test_journal_tells_each_exchange(client: FlaskClient) -> None:
    """Entries run oldest first, can be filtered, read one by one and cleared; the key is redacted."""
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


def test_clock_stands_moves_and_runs(client: FlaskClient) -> None:
    """POST freeze, advance and set reach the vendors' timestamps."""
    client.post("/_mock/clock", json={"freeze": "2026-01-01T00:00:00Z"})
    client.post("/_mock/clock", json={"advance": 90})
    stamp = client.post(SEARCH, json=ALL, headers=KEY).json["timestamp"]
    told = client.get("/_mock/clock").json
    running = client.post("/_mock/clock", json={"freeze": False}).json

    assert "2026-01-01T00:01:30.000Z" == stamp == told["now"]
    assert (True, False) == (told["frozen"], running["frozen"])


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
def test_mistakes_are_problems_with_a_way_out(
    client: FlaskClient, method: str, path: str, body: bytes, status: int
) -> None:
    """Every error of the control plane is problem+json with title, detail and hint; nothing changes."""
    before = client.get("/_mock/state").json
    reply = client.open(path, method=method, data=body)

    assert (status, "application/problem+json") == (reply.status_code, reply.content_type)
    assert {"title", "status", "detail", "hint"} <= json.loads(reply.data).keys()
    assert before == client.get("/_mock/state").json


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
def test_who_may_call_the_control_plane(settings: dict[str, Any], headers: dict[str, str], status: int) -> None:
    """Without a token only this machine's names, never another site's page; with one, whoever has it."""
    client = create_app(**settings).test_client()

    assert status == client.get("/_mock/state", headers=headers).status_code
    assert 200 == client.get("/_mock/health").status_code


def test_every_door_has_the_control_plane() -> None:
    """The live door and the in-process session lead /_mock to the same application and the same world."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock, mock.session() as session:
        live = requests.get(mock.serve().url + "/_mock/state", timeout=5)
        problem = requests.get(mock.serve().url + "/_mock/nothing", timeout=5)

        assert live.json() == session.get("/_mock/state").json() == mock.state()
        assert 404 == problem.status_code


def test_no_credential_is_told(client: FlaskClient) -> None:
    """Settings that are secrets are counted, not shown."""
    app = create_app(credentials="listed", salsa_token=["secret-1", "secret-2"])
    told = app.test_client().get("/_mock/vendors")

    assert 2 == told.json["settings"]["salsa_token"]
    assert "secret" not in told.text
