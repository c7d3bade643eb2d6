"""Salsa: paths, verbs, hosts, tokens and content types."""

import http.client

import pytest

from segment_mock import SegmentMock

SEARCH = {"payload": {}}
ROOT = "/api/integration/ext/v1"
HOST = "https://api.salsalabs.org"


def error(reply):
    return reply.json()["errors"][0]


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
def test_doubled_slashes_are_one(salsa, path, host):
    """Anywhere in the path, at the first go: no redirect."""
    api = salsa([{"name": "a"}])
    reply = api.send("POST", host + path, SEARCH)

    assert (200, [], 1) == (reply.status_code, reply.history, reply.json()["payload"]["count"])


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
def test_a_letter_may_be_percent_encoded_but_not_a_slash(path, status):
    """As RFC 3986 has it; over a socket, because the clients decode letters themselves."""
    with SegmentMock() as mock:
        connection = http.client.HTTPConnection("127.0.0.1", mock.serve().port, timeout=10)
        connection.request("POST", path, b'{"payload": {}}', {"authToken": "t"})
        reply = connection.getresponse().status
        connection.close()

    assert status == reply


@pytest.mark.parametrize(
    "kind",
    [
        None, "", "application/json", "application/javascript", "text/plain", "text/xml; charset=utf-16",
        "application/x-www-form-urlencoded", "multipart/form-data", "nonsense",
    ],
)  # fmt: skip
def test_json_is_read_whatever_the_content_type(salsa, kind):
    """The body is JSON, whether Content-Type is right, wrong, odd or absent."""
    api = salsa()
    headers = {} if kind is None else {"Content-Type": kind}

    assert 200 == api.send("PUT", "/segments", {"payload": {"segments": [{"name": "n"}]}}, **headers).status_code
    assert ["n"] == api.names


@pytest.mark.parametrize("token", [None, ""])
def test_a_token_is_needed(salsa, token):
    """Missing or empty: 401, with a hint that names the header; a query parameter does not count."""
    reply = salsa().send("POST", "/segments/search?authToken=token", SEARCH, authToken=token)

    assert (401, 401, "Unauthorized") == (reply.status_code, error(reply)["code"], error(reply)["message"])
    assert "authToken" in reply.headers["X-Segment-Mock-Hint"]


@pytest.mark.parametrize("name", ["authToken", "authtoken", "AUTHTOKEN"])
def test_the_tokens_header_is_known_in_any_case(salsa, name):
    """Header names have no case."""
    assert 200 == salsa().send("POST", "/segments/search", SEARCH, **{"authToken": None, name: "t"}).status_code


@pytest.mark.parametrize("path", ["/segments/search/x", "/segment/", "", "/", "/segments/x", "/activities/search"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_unknown_path_is_404_in_the_vendors_format(salsa, method, path):
    """In Salsa's envelope, with the nearest operations for the developer in a header."""
    reply = salsa().send(method, path, SEARCH)

    assert (404, 404) == (reply.status_code, error(reply)["code"])
    assert "the nearest operations are " in reply.headers["X-Segment-Mock-Hint"]
    assert ROOT in reply.headers["X-Segment-Mock-Hint"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        (method, path, allow)
        for path, allow in (("/segments", "DELETE, PUT"), ("/segments/search", "POST"), ("/metrics", "GET"))
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "FROB")
        if method not in allow
    ],
)
def test_unknown_method_is_405_in_the_vendors_format(salsa, method, path, allow):
    """In Salsa's envelope, with the verbs that the path has in Allow."""
    reply = salsa().send(method, path, SEARCH)

    assert (405, 405, allow) == (reply.status_code, error(reply)["code"], reply.headers["Allow"])
    assert method in error(reply)["message"]


def test_head_has_the_head_of_its_refusal(salsa):
    """Status, Allow and length of a 405, and no body."""
    reply = salsa().send("HEAD", "/segments")

    assert (405, b"", "DELETE, PUT") == (reply.status_code, reply.content, reply.headers["Allow"])
    assert 0 < int(reply.headers["Content-Length"])


@pytest.mark.parametrize("method", ["GET", "PUT", "FROB"])
@pytest.mark.parametrize("path", ["/nowhere", "/segments"])
def test_the_token_comes_before_path_and_verb(salsa, method, path):
    reply = salsa().send(method, path, authToken="")

    assert 401 == reply.status_code
    assert "Allow" not in reply.headers


@pytest.mark.parametrize("host", ["api.salsalabs.org", "API.SalsaLabs.ORG", "api.salsalabs.org:443"])
def test_the_host_decides(salsa, host):
    """Under Salsa's host everything is Salsa's, the Segmenter's path too."""
    reply = salsa().send("PUT", "http://localhost/segments", {"id": "1"}, Host=host, x_api_key="key")

    assert (404, 404) == (reply.status_code, error(reply)["code"])


def test_without_a_known_host_the_root_decides(salsa):
    """Under any other host a path below Salsa's root is Salsa's."""
    assert 404 == error(salsa().send("PUT", "http://elsewhere.example/api/integration/ext/v1/nowhere"))["code"]
    assert "detail" in salsa().send("PUT", "http://elsewhere.example/api/integration/ext/v10/segments").json()


def test_a_listed_token_is_let_in_and_no_other(salsa):
    api = salsa(settings={"credentials": "listed", "salsa_token": ["token", "second"]})
    other = api.send("POST", "/segments/search", SEARCH, authToken="Token")

    assert 200 == api.send("POST", "/segments/search", SEARCH).status_code
    assert 200 == api.send("POST", "/segments/search", SEARCH, authToken="second").status_code
    assert 401 == other.status_code
    assert "--salsa-token" in other.headers["X-Segment-Mock-Hint"]


def test_any_token_names_one_organization(salsa):
    """By default all tokens see the same groups."""
    api = salsa()
    api.upsert({"name": "n"})

    reply = api.send("POST", "/segments/search", SEARCH, authToken="another")
    assert ["n"] == [segment["name"] for segment in reply.json()["payload"]["segments"]]


def test_isolated_token_has_its_own_organization(salsa):
    """Each begins with the initial data; what one writes, the others never see."""
    api = salsa([{"name": "initial"}], settings={"credentials": "isolated"})
    api.upsert({"name": "mine"})
    theirs = api.send("POST", "/segments/search", SEARCH, authToken="another").json()["payload"]

    assert ["initial", "mine"] == [segment["name"] for segment in api.search()["segments"]]
    assert ["initial"] == [segment["name"] for segment in theirs["segments"]]
    assert ["initial"] == api.names
    assert ["initial", "mine"] == [segment["name"] for segment in api.mock.salsa.of("token").segments]
