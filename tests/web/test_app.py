"""The Flask application: its routes, the catch-all view, and the limit of request bodies."""

from __future__ import annotations

import pytest
from flask import url_for
from flask.testing import FlaskClient

from segment_mock import create_app

SEARCH = "/api/integration/ext/v1/segments/search"
ALL = {"payload": {"offset": 0, "count": 20}}
KEY = {"authToken": "t"}


@pytest.fixture
def client() -> FlaskClient:
    """Flask's test client of an application with the demo data."""
    return create_app(data="demo").test_client()


def test_flask_lists_every_operation() -> None:
    """The URL map has each path of each vendor, and the control plane."""
    rules = {(rule.rule, rule.endpoint) for rule in create_app().url_map.iter_rules()}

    assert {
        (SEARCH, "salsa.search_segments"),
        ("/segments/<id>", "segmenter.update_segment"),
        ("/_mock/health", "_mock.get_health"),
        ("/<elsewhere:path>", "elsewhere"),
    } <= rules


def test_url_for_builds_the_url_of_an_operation() -> None:
    """Arguments fill the placeholders of the path; others become the query."""
    with create_app().test_request_context(base_url="http://mock.example"):
        operations = [
            url_for("salsa.search_segments"),
            url_for("segmenter.update_segment", id="a b", more=1),
            url_for("_mock.get_health", _external=True),
        ]

    assert [SEARCH, "/segments/a%20b?more=1", "http://mock.example/_mock/health"] == operations


@pytest.mark.parametrize("path", [SEARCH.replace("/api/", "/api//"), "/" + SEARCH, SEARCH.replace("/ext", "///ext")])
def test_repeated_slashes_are_served_without_a_redirect(client: FlaskClient, path: str) -> None:
    # The test client would parse the text after a leading // as a host.
    response = client.post("/", json=ALL, headers=KEY, environ_overrides={"PATH_INFO": path})

    assert 200 == response.status_code


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
def test_unknown_paths_and_methods_are_refused_in_the_vendors_format(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """The catch-all view handles them; the response is JSON, not Flask's HTML page."""
    response = client.open(path, method=method, headers={**KEY, "x-api-key": "k"})

    assert (status, "application/json") == (response.status_code, response.content_type)
    assert (status == 405) == ("Allow" in response.headers)


@pytest.mark.parametrize(
    ("path", "detail"), [("/", "GET /"), ("/_mockery", "GET /_mockery"), ("/_mock/no", "no path '/_mock/no'")]
)
def test_a_path_of_no_vendor_is_404_as_problem_json(client: FlaskClient, path: str, detail: str) -> None:
    """This includes paths that resemble those of the control plane."""
    response = client.get(path)

    assert (404, "application/problem+json") == (response.status_code, response.content_type)
    assert detail in response.json["detail"]


def test_the_host_header_selects_the_vendor(client: FlaskClient) -> None:
    """The path makes no difference."""
    response = client.post("/segments", headers={**KEY, "Host": "api.salsalabs.org"})

    assert "errors" in response.json


def test_a_body_over_the_limit_is_413_in_the_vendors_format(client: FlaskClient) -> None:
    """The body has 17 MiB."""
    response = client.put("/segments", data=b" " * (17 * 2**20), headers={"x-api-key": "k"})

    assert (413, False) == (response.status_code, response.json["success"])
