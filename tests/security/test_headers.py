"""Headers of faults and stubs are checked when a fault is armed or a stub is added; every transport sends the same."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests

from segment_mock import SegmentMock, SettingError, create_app
from segment_mock.messages import Response

INVALID: list[dict[Any, Any]] = [
    {"X": "a\r\nb"}, {"X": "a\nSet-Cookie: b"}, {"X": "a\0"}, {"": "x"}, {"X y": "z"}, {"X:": "z"}, {"X\r\nY": "z"},
    {"X": "\u20ac"}, {"\xe9": "z"}, {"X": "\x7f"}, {"X": "\ud800"}, {"X": None}, {"X": []}, {"X": {"a": 1}},
    {"X": True}, {"Connection": "close\n"},
    {"X" * 99_000 + " ": "y"}, {"X": "y" * 99_000 + "\n"},
]  # fmt: skip
NOT_JSON: list[dict[Any, Any]] = [
    {1: "a"},
    {None: "a"},
    {b"X": "a"},
    {"X": b"a"},
    {"X": object()},
    {"X": float},
    {"X": {1}},
]
"""Invalid headers that JSON can't express, so only Python code can pass them."""


@pytest.mark.parametrize("headers", INVALID, ids=range(len(INVALID)))
def test_invalid_headers_of_faults_and_stubs_are_refused(headers: Any) -> None:
    """This holds for Python, the control plane and settings. No fault is armed."""
    rule = {"kind": "error", "headers": headers}
    stub = {"method": "GET", "path": "/x", "headers": headers}
    with SegmentMock() as mock, mock.session() as client:
        with pytest.raises(SettingError, match="headers"):
            mock.faults.add(rule)
        with pytest.raises(SettingError, match="header"):
            mock.stub("GET", "/x", headers=headers)
        responses = [client.post("/_mock/faults", json=rule), client.post("/_mock/stubs", json=stub)]

        assert ([400, 400], 0) == ([response.status_code for response in responses], len(mock.faults))
    with pytest.raises(SettingError, match="fault error: headers: ") as error:
        SegmentMock(faults=[rule])
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("headers", NOT_JSON, ids=range(len(NOT_JSON)))
def test_headers_that_are_not_json_are_refused(headers: Any) -> None:
    with SegmentMock() as mock:
        with pytest.raises(SettingError, match="headers: "):
            mock.faults.add({"kind": "error", "headers": headers})
        with pytest.raises(SettingError, match="headers: "):
            mock.stub("GET", "/x", headers=headers)

        assert (0, 0) == (len(mock.faults), len(mock._emulator.stubs))


@pytest.mark.parametrize("headers", [{"Content-Length": "5\r\n"}, {"X": "a\r\nEvil: 1"}, {"": "x"}, {"X": 1}])
def test_invalid_headers_of_a_custom_fault_are_an_error_of_the_call(headers: Any) -> None:
    """A live server answers 500, and an in-process client gets the exception. The header is not sent."""

    async def fault(call: Any, proceed: Any) -> Response:
        return Response(200, headers, b"x")

    with SegmentMock() as mock, mock.session() as session:
        mock.faults.add(fault)
        with pytest.raises(ValueError, match="header"):
            session.get("/segments")
        response = requests.get(f"{mock.serve().url}/segments", timeout=5)

    assert 500 == response.status_code
    assert "Evil" not in response.headers


@pytest.mark.parametrize("value", ["plain", "  blanks around\t", "", "caf\xe9", 'a,b; c="d"'])
def test_every_transport_sends_the_same_header(value: str) -> None:
    """Spaces around the value are removed."""
    rule = {"kind": "error", "status": 503, "headers": {"X-Own": value}}
    url, values = "https://api.salsalabs.org/api/integration/ext/v1/metrics", []
    with SegmentMock(faults=[rule]) as mock:
        values.append(requests.get(f"{mock.serve().url}/segments", timeout=5).headers["X-Own"])
        with mock.intercept():
            values += [requests.get(url, timeout=5).headers["X-Own"]]
            values += [httpx.get(url).headers["X-Own"]]
    values.append(create_app(faults=[rule]).test_client().get("/segments").headers["X-Own"])

    assert [value.strip()] * 4 == values
