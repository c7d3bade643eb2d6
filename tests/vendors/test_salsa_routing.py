"""Salsa: paths, methods, hosts, tokens and content types."""

import http.client

import pytest

from segment_mock import SegmentMock

SEARCH = {"payload": {}}
ROOT = "/api/integration/ext/v1"
HOST = "https://api.salsalabs.org"


def error(response):
    return response.json()["errors"][0]


@pytest.mark.parametrize(
    "path",
    [
        "/api/integration/ext/v1/segments/search",
        "/api//integration/ext/v1/segments/search",
        "//api/integration/ext/v1/segments/search",
        "//api//integration////ext/v1//segments///search",
        "/api/integration/ext/v1/segments/search?authToken=never",
        "/api//integration/ext/v1/segments/search?path=//x",
    ],
)
@pytest.mark.parametrize("host", [HOST, "http://segment-mock", "http://127.0.0.1:7357"])
def test_repeated_slashes_count_as_one_slash(salsa, path, host):
    """The slashes may be anywhere in the path, and cause no redirect."""
    api = salsa([{"name": "a"}])
    response = api.send("POST", host + path, SEARCH)

    assert (200, [], 1) == (response.status_code, response.history, response.json()["payload"]["count"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/integration/ext/v1/%73egments/search", 200),
        ("/%61pi/integration/ext/v1/segments/%73%65arch", 200),
        ("/api/integration/ext/v1/segments%2Fsearch", 404),
        ("/api/integration/ext/v1/segments%20/search", 404),
        ("/api/integration/ext/v1/segments%E9/search", 404),
    ],
)
def test_a_percent_encoded_letter_is_decoded_but_a_slash_is_not(path, status):
    """RFC 3986 requires this. The request uses a socket, because client libraries decode letters themselves."""
    with SegmentMock() as mock:
        connection = http.client.HTTPConnection("127.0.0.1", mock.serve().port, timeout=60)
        connection.request("POST", path, b'{"payload": {}}', {"authToken": "t"})
        response = connection.getresponse().status
        connection.close()

    assert status == response


@pytest.mark.parametrize(
    "kind",
    [
        None, "", "application/json", "application/javascript", "text/plain", "text/xml; charset=utf-16",
        "application/x-www-form-urlencoded", "multipart/form-data", "nonsense",
    ],
)  # fmt: skip
def test_json_is_read_whatever_the_content_type(salsa, kind):
    api = salsa()
    headers = {} if kind is None else {"Content-Type": kind}

    assert 200 == api.send("PUT", "/segments", {"payload": {"segments": [{"name": "n"}]}}, **headers).status_code
    assert ["n"] == api.names


@pytest.mark.parametrize("token", [None, ""])
def test_a_token_is_required(salsa, token):
    """A missing token is 401, with a hint that names the header; a query parameter does not count."""
    response = salsa().send("POST", "/segments/search?authToken=token", SEARCH, authToken=token)

    assert (401, 401, "Unauthorized") == (response.status_code, error(response)["code"], error(response)["message"])
    assert "authToken" in response.headers["X-Segment-Mock-Hint"]


@pytest.mark.parametrize("name", ["authToken", "authtoken", "AUTHTOKEN"])
def test_the_name_of_the_token_header_is_case_insensitive(salsa, name):
    assert 200 == salsa().send("POST", "/segments/search", SEARCH, **{"authToken": None, name: "t"}).status_code


@pytest.mark.parametrize("path", ["/segments/search/x", "/segment/", "", "/", "/segments/x", "/activities/search"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_unknown_path_is_404_in_the_vendors_format(salsa, method, path):
    """The hint names the operations with the nearest paths."""
    response = salsa().send(method, path, SEARCH)

    assert (404, 404) == (response.status_code, error(response)["code"])
    assert "the nearest operations are " in response.headers["X-Segment-Mock-Hint"]
    assert ROOT in response.headers["X-Segment-Mock-Hint"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        (method, path, allow)
        for path, allow in (("/segments", "DELETE, PUT"), ("/segments/search", "POST"), ("/metrics", "GET"))
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "FROB")
        if method not in allow
    ],
)
def test_an_unknown_method_is_405_in_the_vendors_format(salsa, method, path, allow):
    """The Allow header lists the methods of the path."""
    response = salsa().send(method, path, SEARCH)

    assert (405, 405, allow) == (response.status_code, error(response)["code"], response.headers["Allow"])
    assert method in error(response)["message"]


def test_a_head_request_is_405_without_a_body(salsa):
    """Allow and Content-Length are those of the full response."""
    response = salsa().send("HEAD", "/segments")

    assert (405, b"", "DELETE, PUT") == (response.status_code, response.content, response.headers["Allow"])
    assert 0 < int(response.headers["Content-Length"])


@pytest.mark.parametrize("method", ["GET", "PUT", "FROB"])
@pytest.mark.parametrize("path", ["/nowhere", "/segments"])
def test_without_a_token_unknown_paths_and_methods_are_401(salsa, method, path):
    response = salsa().send(method, path, authToken="")

    assert 401 == response.status_code
    assert "Allow" not in response.headers


@pytest.mark.parametrize("host", ["api.salsalabs.org", "API.SalsaLabs.ORG", "api.salsalabs.org:443"])
def test_every_path_of_salsas_host_belongs_to_salsa(salsa, host):
    """The Segmenter's path is no exception."""
    response = salsa().send("PUT", "http://localhost/segments", {"id": "1"}, Host=host, x_api_key="key")

    assert (404, 404) == (response.status_code, error(response)["code"])


def test_on_an_unknown_host_paths_below_salsas_root_belong_to_salsa(salsa):
    assert 404 == error(salsa().send("PUT", "http://elsewhere.example/api/integration/ext/v1/nowhere"))["code"]
    assert "detail" in salsa().send("PUT", "http://elsewhere.example/api/integration/ext/v10/segments").json()


def test_with_listed_credentials_only_these_tokens_are_accepted(salsa):
    api = salsa(settings={"credentials": "listed", "salsa_token": ["token", "second"]})
    other = api.send("POST", "/segments/search", SEARCH, authToken="Token")

    assert 200 == api.send("POST", "/segments/search", SEARCH).status_code
    assert 200 == api.send("POST", "/segments/search", SEARCH, authToken="second").status_code
    assert 401 == other.status_code
    assert "--salsa-token" in other.headers["X-Segment-Mock-Hint"]


def test_by_default_all_tokens_see_the_same_groups(salsa):
    api = salsa()
    api.upsert({"name": "n"})

    response = api.send("POST", "/segments/search", SEARCH, authToken="another")
    assert ["n"] == [segment["name"] for segment in response.json()["payload"]["segments"]]


def test_with_isolated_credentials_each_token_has_its_own_groups(salsa):
    """Each token begins with the initial data, and its writes are invisible to others."""
    api = salsa([{"name": "initial"}], settings={"credentials": "isolated"})
    api.upsert({"name": "mine"})
    theirs = api.send("POST", "/segments/search", SEARCH, authToken="another").json()["payload"]

    assert ["initial", "mine"] == [segment["name"] for segment in api.search()["segments"]]
    assert ["initial"] == [segment["name"] for segment in theirs["segments"]]
    assert ["initial"] == api.names
    assert ["initial", "mine"] == [segment["name"] for segment in api.mock.salsa.of("token").segments]
