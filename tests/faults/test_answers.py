"""Faults that answer a call, in the vendor's format or with your own body."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, SettingError, create_app, faults
from segment_mock.core import REFUSAL_KINDS
from tests.faults.fault_world import HEADERS, SALSA, create, names, put, send

F: Any = faults
PRINTED = b"""{
"success": false,
"message": "Internal Server Error",
"error": "Internal Server Error"
}"""
THROTTLED = "Your per minute call rate has been exceeded"


def mock_with_fault(fault: Any, **settings: Any) -> SegmentMock:
    """Return a mock with one rule."""
    mock = SegmentMock(**settings)
    mock.faults.add(fault)
    return mock


@pytest.mark.parametrize("fault", [F.Error(), F.Error(after=True), F.Refuse(refusal="broken")], ids=repr)
def test_an_error_of_the_segmenter_has_the_documented_body(fault: Any) -> None:
    """Status 500, with the document's body byte for byte."""
    response = create(mock_with_fault(fault))

    assert (500, PRINTED, "application/json") == (
        response.status_code,
        response.content,
        response.headers["Content-Type"],
    )


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Bad Request"), (401, "Unauthorized"), (404, "Not Found"), (413, "Request body too large"),
        (429, THROTTLED), (500, "Internal Server Error"), (502, "Bad Gateway"), (503, "Service Unavailable"),
        (599, "Error"),
    ],
)  # fmt: skip
def test_an_error_of_salsa_is_an_envelope_without_payload(status: int, message: str) -> None:
    """The envelope has the refId of the request, and one error with the status as its code."""
    mock = mock_with_fault(F.Error(status=status))
    response = send(mock, "PUT", f"{SALSA}/segments", {"header": {"refId": "r1"}, "payload": {"segments": []}})
    body = response.json()
    (error,) = body.pop("errors")

    assert (status, "application/json") == (response.status_code, response.headers["Content-Type"])
    assert ["id", "timestamp", "header"] == [*body]
    assert "r1" == body["header"]["refId"]
    assert (status, message) == (error["code"], error["message"])


def test_a_504_of_salsa_is_a_page_of_its_gateway() -> None:
    """Its body is HTML instead of an envelope."""
    response = put(mock_with_fault(F.Error(status=504)), "A")

    assert (504, "text/html") == (response.status_code, response.headers["Content-Type"])
    assert response.text.startswith("<html>\r\n<head><title>504 Gateway Time-out</title></head>")


@pytest.mark.parametrize(
    ("retry_after", "header"), [(None, None), (30, "30"), (0, "0"), (0.5, "0.5"), (1e6, "1000000"), (240.0, "240")]
)
def test_retry_after(retry_after: float | None, header: str | None) -> None:
    response = put(mock_with_fault(F.Error(status=429, retry_after=retry_after)), "A")

    assert (429, header) == (response.status_code, response.headers.get("Retry-After"))


@pytest.mark.parametrize(
    ("settings", "content_type", "content"),
    [
        ({"body": "oh"}, "application/json", b"oh"),
        ({"body": {"a": [1, None]}}, "application/json", b'{"a":[1,null]}'),
        ({"body": {"a": 1}, "status": 504}, "application/json", b'{"a":1}'),
        ({"body": "<p>", "headers": {"content-type": "text/html"}}, "text/html", b"<p>"),
        ({"body": ""}, "application/json", b""),
        ({"body": "☃ \ud800"}, "application/json", "☃ \ud800".encode("utf-8", "surrogatepass")),
    ],
)
def test_an_error_sends_the_given_body_and_headers(settings: dict[str, Any], content_type: str, content: bytes) -> None:
    """Text is sent unchanged, an object as JSON. A header replaces the vendor's header of the same name."""
    response = put(mock_with_fault(F.Error(**settings)), "A")

    assert (content_type, content) == (response.headers["Content-Type"], response.content)


def test_given_headers_are_added_to_those_of_the_vendor() -> None:
    response = put(mock_with_fault(F.Error(headers={"X-Trace": "1"})), "A")

    assert ("1", "application/json") == (response.headers["X-Trace"], response.headers["Content-Type"])


def fetch(mock: SegmentMock, live: bool, path: str = f"{SALSA}/segments/search") -> Any:
    """Return the response of a live server of *mock*, or of its in-process transport."""
    if live:
        with requests.Session() as session:
            return session.post(mock.serve().url + path, json={"payload": {}}, headers=HEADERS, timeout=10)
    return send(mock, "POST", path, {"payload": {}})


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({"body": {"a": 1}, "headers": {"content-type": "text/x"}}, "Content-Type", "text/x"),
        ({"body": {"a": 1}, "headers": {"CONTENT-TYPE": "text/x"}}, "Content-Type", "text/x"),
        ({"status": 429, "headers": {"retry-after": "9"}, "retry_after": 3}, "Retry-After", "3"),
        ({"headers": {"date": "Thu, 01 Jan 1970 00:00:00 GMT"}}, "Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ({"headers": {"X-Trace": "1", "x-trace": "2"}}, "X-Trace", "2"),
    ],
)
def test_a_header_is_sent_once_whatever_its_case(settings: dict[str, Any], name: str, value: str, live: bool) -> None:
    with mock_with_fault(F.Error(**settings)) as mock:
        assert value == fetch(mock, live).headers[name]


@pytest.mark.parametrize("live", [False, True])
def test_a_header_connection_close_ends_the_connection(live: bool) -> None:
    stub = {"method": "POST", "path": "/other", "json": {}, "headers": {"connection": "close"}}
    with SegmentMock(stubs=[stub]) as mock, requests.Session() as session:
        base = mock.serve().url if live else "https://api.salsalabs.org"
        mock.faults.add(F.Error(headers={"Connection": "close"}), "salsa.search_segments")
        session_used = session if live else mock.session()
        responses = [
            session_used.post(f"{base}{path}", json={}, timeout=10) for path in (f"{SALSA}/segments/search", "/other")
        ]
        reused = mock.faults.add(F.Error(), connection="reused")
        responses.append(session_used.post(f"{base}/other", json={}, timeout=10))

    assert ["close", "close", "close"] == [response.headers["Connection"] for response in responses]
    assert 0 == reused.fired


def test_a_header_connection_close_leaves_the_response_whole_under_wsgi() -> None:
    """The WSGI server decides about the connection, so the header is not sent."""
    client = create_app(faults=[F.Error(headers={"Connection": "close"})]).test_client()
    response = client.get(f"{SALSA}/metrics", headers=HEADERS)

    assert (500, 500) == (response.status_code, response.get_json()["errors"][0]["code"])
    assert "Connection" not in response.headers


@pytest.mark.parametrize(
    ("name", "value"), [("Content-Length", "3"), ("content-length", "3"), ("Transfer-Encoding", "chunked")]
)
def test_a_header_that_frames_the_response_is_refused(name: str, value: str) -> None:
    """Client and server would disagree about the end of such a response."""
    with pytest.raises(SettingError, match=f"{name} is set by the transport.*'truncate' or 'garble'"):
        F.Error(headers={name: value})
    with pytest.raises(SettingError, match=f"{name} is set by the transport"):
        SegmentMock().stub("GET", "/x", headers={name: value})


def test_an_unknown_value_of_connection_is_refused() -> None:
    with pytest.raises(SettingError, match="Connection: 'upgrade' can't be sent; expected 'close' or 'keep-alive'"):
        F.Error(headers={"Connection": "upgrade"})


@pytest.mark.parametrize("kind", REFUSAL_KINDS)
@pytest.mark.parametrize("vendor", ["salsa", "segmenter"])
def test_every_refusal_has_the_format_of_its_vendor(kind: str, vendor: str) -> None:
    """Without details, each refusal still has the vendor's status and format, and no placeholder remains."""
    mock = mock_with_fault(F.Refuse(refusal=kind))
    response = put(mock, "A") if vendor == "salsa" else create(mock)
    row = next(v for v in mock._emulator.vendors.values() if v.name == vendor).refusals[kind]
    body = response.json()

    assert row.status == response.status_code
    assert ("errors" if vendor == "salsa" else "message") in body
    assert "{" not in str(body.get("message", ""))
    assert kind == mock.journal.entries()[0].refusal
    assert [] == [*names(mock), *mock.segmenter.segments]


def test_a_refusal_of_the_segmenter_has_the_form_of_the_setting() -> None:
    """With --segmenter-failures, a refusal has the other documented form: status 200, and isUpdated false."""
    response = create(mock_with_fault(F.Refuse(refusal="not_found"), segmenter_failures="is-updated-false"))

    assert (200, {"isUpdated": False}) == (response.status_code, response.json()["data"])


def test_an_embedded_error_has_status_200() -> None:
    """The body is a sentence instead of JSON, and the call is not performed."""
    mock = mock_with_fault(F.Embedded())
    response = put(mock, "A")

    assert (200, THROTTLED, "text/plain;charset=UTF-8") == (
        response.status_code,
        response.text,
        response.headers["Content-Type"],
    )
    assert [] == names(mock)
    assert "☃" == put(mock_with_fault(F.Embedded(message="☃")), "A").text


def test_a_fault_after_a_refused_call_leaves_the_refusal_in_the_journal() -> None:
    """With after=True, a refused call gets the response of the fault, and the journal has the refusal."""
    mock = mock_with_fault(F.Error(status=504, after=True))
    response = put(mock, *("ABCDEFGHIJKLMNOPQRSTU"))
    entry = mock.journal.entries()[0]

    assert (504, "too_many_items", ()) == (response.status_code, entry.refusal, entry.changes)


def test_the_metrics_of_salsa_count_only_performed_calls() -> None:
    """A call that a fault answers does not count. A performed call counts once, even if its response is replaced."""
    mock = SegmentMock()
    for fault in (F.Error(), F.Error(after=True), F.Refuse(refusal="throttled", after=True)):
        with mock.faults.injected(fault, "salsa.upsert_segments"):
            put(mock, "A")
    figures = send(mock, "GET", f"{SALSA}/metrics", None).json()["payload"]

    assert {"totalAPICalls": 2, "segmentAdd": 1} == {name: figures[name] for name in ("totalAPICalls", "segmentAdd")}
