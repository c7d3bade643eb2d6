"""The Segmenter: paths, methods, hosts and content types."""

import pytest

SEGMENT = {"id": "s", "name": "n"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://segment-mock/segments", 200),
        ("http://segment-mock//segments", 200),
        ("http://segment-mock//segments//s", 200),
        ("http://segment-mock/segments/s?x=//", 200),
        ("https://segmenter.instaleap.io/segments", 200),
        ("https://segmenter.xandar.instaleap.io/segments/s", 200),
        ("https://Segmenter.Instaleap.IO:443/segments", 200),
        ("https://segmenter.instaleap.io/api/integration/ext/v1/segments", 404),
        ("https://segmenter.instaleap.io/other", 404),
        ("http://segment-mock/segments/s/t", 404),
        ("http://segment-mock/segments/", 200),
        ("http://segment-mock/segments/s/", 200),
        ("http://segment-mock/segments/s/t/", 404),
    ],
)
def test_requests_are_routed_by_host_else_by_path(segmenter, url, expected):
    """All paths of the Segmenter's hosts belong to it; on other hosts, those below its root do."""
    response = segmenter([SEGMENT]).send("PUT", url, {"id": "s"})

    assert (expected, []) == (response.status_code, response.history)
    assert "authToken" not in response.text
    assert ("success" if expected == 404 else "data") in response.json()


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "", "POST, PUT"),
        ("DELETE", "", "POST, PUT"),
        ("OPTIONS", "", "POST, PUT"),
        ("FROB", "", "POST, PUT"),
        ("GET", "/s", "PUT"),
        ("POST", "/s", "PUT"),
        ("PATCH", "/s", "PUT"),
    ],
)
def test_an_unknown_method_is_405_in_the_vendors_format(segmenter, method, path, allow):
    """The Allow header lists the methods of the path."""
    response = segmenter([SEGMENT]).send(method, path, {})

    expected = {"success": False, "message": f"Cannot {method} /segments{path}", "error": "Method Not Allowed"}
    assert (405, expected, allow) == (response.status_code, response.json(), response.headers["Allow"])


def test_an_unknown_path_is_404_in_the_vendors_format(segmenter):
    """The hint names the operation with the nearest path."""
    response = segmenter().send("PUT", "/s/members", {})

    expected = {"success": False, "message": "Cannot PUT /segments/s/members", "error": "Not Found"}
    assert (404, expected) == (response.status_code, response.json())
    assert "PUT /segments/{id}" in response.headers["X-Segment-Mock-Hint"]


@pytest.mark.parametrize("kind", [None, "application/json", "text/plain", "application/x-www-form-urlencoded", "odd"])
def test_json_is_read_whatever_the_content_type(segmenter, kind):
    headers = {} if kind is None else {"Content-Type": kind}

    assert 200 == segmenter([SEGMENT]).send("PUT", "", {"id": "s"}, **headers).status_code


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("/v2/segments", "/v2/segments"),
        ("v2/segments", "/v2/segments"),
        ("/v2/segments/", "/v2/segments"),
        ("//v2//segments", "/v2/segments"),
        ("/a.b/c+d/(e)$", "/a.b/c+d/(e)$"),
        ("/", ""),
    ],
)
def test_a_setting_changes_the_path(segmenter, setting, path):
    """Both operations use the new path, in which special characters are literal."""
    api = segmenter([SEGMENT], settings={"segmenter_path": setting})
    base = f"http://segment-mock{path}"

    assert 200 == api.send("PUT", base, {"id": "s"}).status_code
    assert 200 == api.send("PUT", f"{base}/s", {}).status_code
    assert 400 == api.send("POST", base, {}).status_code
    assert 404 == api.send("PUT", f"http://segment-mock{path.replace('.', 'x')}y/s/t", {}).status_code


@pytest.mark.parametrize("setting", ["/seg ments", "/segments?x=1", "/segments#x", "/{tenant}/segments", "/sëgments"])
def test_an_invalid_path_setting_is_an_error_at_start(segmenter, setting):
    """The error names the setting and the value, and shows a valid path."""
    with pytest.raises(ValueError, match=r"segmenter_path: .* is not a path such as /segments"):
        segmenter(settings={"segmenter_path": setting})


def test_the_longer_of_two_matching_roots_decides(segmenter):
    """A Segmenter below Salsa's root gets only the paths below its own root."""
    root = "http://segment-mock/api/integration/ext/v1"
    api = segmenter([SEGMENT], settings={"segmenter_path": "/api/integration/ext/v1/segmenter"})

    assert {"data": {"isUpdated": True}, "errorMessage": ""} == api.send("PUT", f"{root}/segmenter/s", {}).json()
    assert "errors" in api.send("PUT", f"{root}/segments", {}, authToken="t").json()
    assert "errors" in api.send("PUT", f"{root}/segmenters", {}, authToken="t").json()
