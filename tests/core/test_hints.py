"""Hints about mistakes: a header and the journal name the likely mistake; the vendor's body is unchanged."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, create_app

SALSA, HINT = "/api/integration/ext/v1", "X-Segment-Mock-Hint"
GROUP = {"payload": {"segments": [{"name": "n"}]}}
SEARCH = {"payload": {"offset": 0, "count": 1}}


def call_with_hint(
    method: str, path: str, json: Any = None, headers: Any = None, **settings: Any
) -> tuple[int, str, str]:
    """Return the status of one request to an empty mock, with its hints in the header and in the journal."""
    headers = {"authToken": "t", "x-api-key": "k"} if headers is None else headers
    with SegmentMock(**settings) as mock, mock.session() as session:
        response = session.request(method, path, json=json, headers=headers)
        (entry,) = mock.journal
    return response.status_code, response.headers.get(HINT, ""), entry.hint


@pytest.mark.parametrize(
    ("method", "path", "json", "status", "hint"),
    [
        ("PUT", f"{SALSA}/segmets", GROUP, 404, f"unknown path; the nearest operations are PUT {SALSA}/segments, "),
        ("PUT", f"{SALSA}/segment/", GROUP, 404, f"unknown path; the nearest operations are PUT {SALSA}/segments, "),
        ("PATCH", f"{SALSA}/segments", GROUP, 405, f"{SALSA}/segments allows only DELETE, PUT"),
        ("GET", "/segments/1/2", None, 404, "; --segmenter-path sets the path that they begin with"),
        ("GET", "/nowhere", None, 404, "unknown path"),
        ("PUT", f"{SALSA}/segments", {"payload": {"segmets": []}}, 400,
         "unknown field payload.segmets (did you mean 'segments'?)"),
        ("PUT", f"{SALSA}/segments", {"payload": {"segments": [{"name": "n", "externalSystemIdId": "1"}]}}, 200,
         "unknown field payload.segments[0].externalSystemIdId (did you mean 'externalSystemId'?)"),
        ("PUT", f"{SALSA}/segments", {"payload": {"segments": [{"name": "n", **dict.fromkeys("abcde", 1)}]}}, 200,
         "unknown fields payload.segments[0].a, payload.segments[0].b, payload.segments[0].c and 2 more"),
        ("POST", "/segments", {"name": "n", "segmentTyp": "s", "broadcastMediumId": "1"}, 400,
         "the API ignores the unknown field segmentTyp (did you mean 'segmentType'?); --segmenter-failures"),
        ("POST", f"{SALSA}/segments/search", {"payload": {"identifierType": "segment_id", "identifiers": ["1"]}}, 400,
         "identifierType: unknown value 'segment_id' (did you mean 'SEGMENT_ID'?)"),
        ("POST", f"{SALSA}/segments/search", {"payload": {"identifierType": "?", "identifiers": ["1"]}}, 400,
         "identifierType: unknown value '?'; expected one of SEGMENT_ID, EXTERNAL_ID"),
        ("PUT", f"{SALSA}/supporters",
         {"payload": {"supporters": [{"contacts": [{"type": "E-MAIL", "value": "a@b.example"}]}]}}, 200,
         "type: unknown value 'E-MAIL' (did you mean 'EMAIL'?)"),
    ],
)  # fmt: skip
def test_unknown_path_or_method_gets_a_hint(method: str, path: str, json: Any, status: int, hint: str) -> None:
    """If a path, method, member or value is misspelt, the vendor's response has a hint with the nearest valid one."""
    status_code, header, journal = call_with_hint(method, path, json)

    assert status == status_code
    assert hint in header
    assert header == journal


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({}, "send your credential in the header authToken"),
        ({"auth-token": "t"}, "send your credential in the header authToken, not in auth-token"),
        ({"Auth_Token": "t"}, "send your credential in the header authToken, not in auth_token"),
        ({"X-Auth-Token": "t"}, "send your credential in the header authToken, not in x-auth-token"),
        ({"Authorization": "Bearer t"}, "send your credential in the header authToken, not in authorization"),
        ({"authTokn": "t"}, "send your credential in the header authToken, not in authtokn"),
        ({"x-api-key": "t"}, "send your credential in the header authToken, not in x-api-key"),
        ({"authToken": ""}, "send your credential in the header authToken"),
    ],
    ids=lambda value: next(iter(value), "none") if isinstance(value, dict) else None,
)
def test_a_credential_in_the_wrong_header_gets_a_hint(headers: dict[str, str], hint: str) -> None:
    """It names the header that was sent, and the header that the vendor reads."""
    assert (401, hint, hint) == call_with_hint("POST", f"{SALSA}/segments/search", SEARCH, headers)


def test_a_credential_in_the_header_of_the_other_vendor_gets_a_hint() -> None:
    """The Segmenter does not read Salsa's header."""
    status, hint, _ = call_with_hint("PUT", "/segments", {"id": "x"}, {"authToken": "t"})

    assert (403, "send your credential in the header x-api-key, not in authtoken") == (status, hint)


@pytest.mark.parametrize(
    ("json", "settings", "flag"),
    [
        ({"payload": {"segments": [{"name": "n"}] * 21}}, {}, "--limits off"),
        ({"payload": {"segments": [{"segmentId": "1b7458d0-e747-40fe-8e1e-5d7fad4241cb", "name": "n"}]}}, {},
         "--salsa-unknown-id create"),
        (GROUP, {"credentials": "listed", "salsa_token": ["other"]}, "--salsa-token"),
        ({"payload": {"segments": [{"segmentId": "1b7458d0-e747-40fe-8e1e-5d7fad4241cb", "name": "n"}]}},
         {"data": {"salsa": {"segments": [
             {"segmentId": "1b7458d0-e747-40fe-8e1e-5d7fad4241cb", "name": "n", "type": "DEFAULT"}]}}},
         "--salsa-non-crm result"),
    ],
)  # fmt: skip
def test_a_hint_names_a_setting_that_would_change_the_response(json: Any, settings: dict[str, Any], flag: str) -> None:
    _, header, journal = call_with_hint("PUT", f"{SALSA}/segments", json, **settings)

    assert flag in header
    assert header == journal


def test_the_hint_at_the_rate_limit_names_its_setting() -> None:
    with SegmentMock() as mock, mock.session() as session:
        mock.clock.freeze()
        responses = [session.get(f"{SALSA}/metrics", headers={"authToken": "t"}) for _ in range(301)]

    assert ({200}, 429) == ({response.status_code for response in responses[:-1]}, responses[-1].status_code)
    assert "--limits off" in responses[-1].headers[HINT]
    assert not any(HINT in response.headers for response in responses[:-1])


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "a\0b", "\u540d\ud800", "x" * 300_000, "\n" * 100_000], ids=len)
def test_a_hint_is_a_valid_header_whatever_it_quotes(name: str) -> None:
    """It is one short line even with unusual or very long names, on the live server and under Flask."""
    body = {"payload": {"segments": [{"name": "n", name: 1}]}}
    odd = {"payload": {"identifierType": name, "identifiers": ["1"]}}
    flask = create_app().test_client()
    with SegmentMock() as mock, mock.session() as session:
        responses = [
            session.put(f"{SALSA}/segments", json=body, headers={"authToken": "t"}),
            session.post(f"{SALSA}/segments/search", json=odd, headers={"authToken": "t"}),
            flask.put(f"{SALSA}/segments", json=body, headers={"authToken": "t"}),
            flask.post(f"{SALSA}/segments/search", json=odd, headers={"authToken": "t"}),
        ]
        longest = max(len(entry.hint) for entry in mock.journal)

    assert [200, 400, 200, 400] == [response.status_code for response in responses]
    assert not any("X-Evil" in response.headers for response in responses)
    assert all(0 < len(response.headers[HINT]) < 10_000 for response in responses)
    assert longest < 10_000


def test_a_call_without_a_mistake_has_no_hint() -> None:
    assert (200, "", "") == call_with_hint("PUT", f"{SALSA}/segments", GROUP)


@pytest.mark.parametrize(("encoding", "has_hint"), [("gzip", True), ("br", True), ("identity", False), ("", False)])
def test_a_compressed_body_gets_a_hint(encoding: str, has_hint: bool) -> None:
    """No source says that the APIs accept one, so the status is 400; in process, live and under WSGI."""
    path, body = f"{SALSA}/segments/search", gzip.compress(json.dumps(SEARCH).encode())
    headers = {"authToken": "t", "Content-Type": "application/json", "Content-Encoding": encoding}
    with SegmentMock() as mock:
        responses: list[Any] = [mock.session().post(path, data=body, headers=headers)]
        responses.append(requests.post(mock.serve().url + path, data=body, headers=headers, timeout=60))
    responses.append(create_app().test_client().post(path, data=body, headers=headers))

    hint = f"the body has Content-Encoding: {encoding}; send it uncompressed"
    assert [(400, has_hint)] * 3 == [
        (response.status_code, hint in response.headers.get(HINT, "")) for response in responses
    ]
