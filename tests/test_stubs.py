"""Stubs: fixed responses to calls that match no operation."""

from __future__ import annotations

from typing import Any

import pytest

from segment_mock import SegmentMock, SettingError, create_app

HOST = "https://api.salsalabs.org"
PATH = "/api/integration/ext/v1/activities/search"
NEIGHBOUR = {"method": "POST", "path": PATH, "json": {"payload": {"total": 0}}}


def send_request(mock: SegmentMock, method: str = "POST", url: str = HOST + PATH, **options: Any) -> Any:
    return mock.session().request(method, url, **options)


def test_a_stub_answers_calls_of_no_operation() -> None:
    """The journal has the call as the vendor's operation ``stub``, and a header names the stub."""
    mock = SegmentMock()
    stub = mock.stub("POST", PATH, json={"payload": {"total": 0}}, headers={"X-Own": "1"})

    response, other = send_request(mock, params={"page": 2}), send_request(mock, "GET")

    assert (200, {"payload": {"total": 0}}) == (response.status_code, response.json())
    assert ("1", "application/json") == (response.headers["X-Own"], response.headers["Content-Type"])
    assert response.headers["X-Segment-Mock-Assumed"].startswith(f"stub POST {PATH}, added at tests/test_stubs.py:")
    assert 401 == other.status_code
    assert ["salsa.stub", "salsa.no_such_operation"] == [entry.operation for entry in mock.journal]
    assert (1, 1) == (stub.calls, len(mock.journal.assert_called("stub")))


def test_stubs_match_by_times_glob_host_and_order() -> None:
    mock = SegmentMock()
    mock.stub("*", f"{HOST}/x/*", status=204, times=1)
    mock.stub("GET", "/x/1", body="text", headers={"Content-Type": "text/plain"})

    first, second = send_request(mock, "GET", f"{HOST}/x/1"), send_request(mock, "GET", f"{HOST}/x/1")
    elsewhere = send_request(mock, "PUT", "https://segmenter.instaleap.io/x/1")

    assert (204, b"") == (first.status_code, first.content)
    assert (200, "text") == (second.status_code, second.text)
    assert 403 == elsewhere.status_code


@pytest.mark.parametrize("path", ["/x y", "/x%20y", "/%78 y", "/x*"])
def test_a_path_of_a_stub_may_be_quoted_or_not(path: str) -> None:
    mock = SegmentMock()
    stub = mock.stub("GET", path)

    assert (200, 1) == (send_request(mock, "GET", f"{HOST}/x y").status_code, stub.calls)


def test_a_fault_can_apply_to_a_stub() -> None:
    mock = SegmentMock()
    mock.stub("POST", PATH, json={})
    mock.faults.add({"kind": "error", "status": 503}, "stub", times=1)

    assert [503, 200] == [send_request(mock).status_code for _ in range(2)]


@pytest.mark.parametrize(
    "settings",
    [{"stubs": NEIGHBOUR}, {"stubs": [NEIGHBOUR]}, {"data": {"stubs": [NEIGHBOUR], "salsa": {}}}],
    ids=["keyword", "list", "data"],
)
def test_stubs_of_the_settings_survive_a_reset(settings: dict[str, Any]) -> None:
    mock = SegmentMock(**settings)
    mock.stub("GET", "/own")
    assert 200 == send_request(mock).status_code

    mock.reset()

    assert (200, 1) == (send_request(mock).status_code, len(mock.stubs))
    assert [1] == [stub.calls for stub in mock.stubs]


def test_the_control_plane_can_add_list_and_remove_stubs() -> None:
    client = create_app().test_client()

    added = client.post("/_mock/stubs", json=[NEIGHBOUR, {"method": "GET", "path": "/ping", "status": 204}])
    assert 201 == added.status_code
    assert 200 == client.post(PATH, base_url=HOST).status_code
    assert [1, 0] == [stub["calls"] for stub in client.get("/_mock/stubs").json["stubs"]]
    assert 200 == client.delete("/_mock/stubs").status_code
    assert 401 == client.post(PATH, base_url=HOST).status_code
    refused = client.post("/_mock/stubs", json=[NEIGHBOUR, {"method": "GET", "pth": "/x"}])
    assert (400, "stubs[1]: unknown member 'pth' (did you mean 'path'?); expected one of") == (
        refused.status_code,
        refused.json["detail"].partition(" method")[0],
    )
    assert [] == client.get("/_mock/stubs").json["stubs"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"path": "/x"}, "its method is missing; expected a dictionary with method and path"),
        ({"method": "FETCH", "path": "/x"}, "method: 'FETCH' is not one of"),
        ({"method": "GET", "path": "x"}, "path: 'x' is neither a path such as /api/x nor a URL"),
        ({"method": "GET", "path": "/x?a=1"}, "path: '/x?a=1' has a query or a fragment, which no stub compares"),
        ({"method": "GET", "path": f"{HOST}/x?"}, "/x?' has a query or a fragment"),
        ({"method": "GET", "path": "/x#a"}, "path: '/x#a' has a query or a fragment"),
        ({"method": "GET", "path": "/_mock/x"}, "path: '/_mock/x' belongs to the control plane, so no call would"),
        ({"method": "GET", "path": "/x", "status": 204, "body": "x"}, "status: a response with the status 204 has no"),
        ({"method": "GET", "path": "/x", "status": 99}, "status: 99 is not a whole number from 200 to 599"),
        ({"method": "GET", "path": "/x", "times": -1}, "times: -1 is not a whole number from 0 to 999999999"),
        ({"method": "GET", "path": "/x", "json": 1, "body": "x"}, "json and body are both given"),
        ({"method": "GET", "path": "/x", "json": {1, 2}}, "json: Object of type set is not JSON serializable"),
        ({"method": "GET", "path": "/x", "body": 5}, "body: 5 is not text"),
        ({"method": "GET", "path": "/x", "headers": {"A B": "1"}}, "headers: 'A B' is not a valid header name"),
        ({"method": "GET", "path": "/x", "headers": {"A": "1\n"}}, "headers: A: '1\\n' is not a valid header value"),
        (
            {"method": "PUT", "path": "/api/integration/ext/v1/segments"},
            "PUT /api/integration/ext/v1/segments would never be called: that path belongs to",
        ),
        (5, "expected a dictionary with method and path, got 5"),
    ],
)
def test_an_invalid_stub_is_an_error(row: Any, problem: str) -> None:
    with pytest.raises(SettingError) as refused:
        SegmentMock(stubs=row) if isinstance(row, dict) else SegmentMock(data={"stubs": [row]})

    assert problem in str(refused.value)


def test_a_capsule_contains_the_stubs() -> None:
    from segment_mock.testing.replay import Replay

    mock = SegmentMock()
    mock.stub("POST", PATH, json={"a": 1})
    send_request(mock)

    assert [[]] == [call.differences for call in Replay(mock.journal.capsule()).calls()]
