"""Names and values of headers are checked when a fault is armed or a stub is made; every transport sends the same."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests

from segment_mock import SegmentMock, SettingError, create_app
from segment_mock.messages import Response

WRONG: list[dict[Any, Any]] = [
    {"X": "a\r\nb"}, {"X": "a\nSet-Cookie: b"}, {"X": "a\0"}, {"": "x"}, {"X y": "z"}, {"X:": "z"}, {"X\r\nY": "z"},
    {"X": "\u20ac"}, {"\xe9": "z"}, {"X": "\x7f"}, {"X": "\ud800"}, {"X": None}, {"X": []}, {"X": {"a": 1}},
    {"X": True}, {"Connection": "close\n"},
    {"X" * 99_000 + " ": "y"}, {"X": "y" * 99_000 + "\n"},
]  # fmt: skip
OBJECTS: list[dict[Any, Any]] = [
    {1: "a"},
    {None: "a"},
    {b"X": "a"},
    {"X": b"a"},
    {"X": object()},
    {"X": float},
    {"X": {1}},
]
"""What only Python can hand over."""


@pytest.mark.parametrize("headers", WRONG, ids=range(len(WRONG)))
def test_refused_when_armed(headers: Any) -> None:
    """In Python, over the control plane, by a setting; nothing is armed."""
    rule = {"kind": "error", "headers": headers}
    stub = {"method": "GET", "path": "/x", "headers": headers}
    with SegmentMock() as mock, mock.session() as client:
        with pytest.raises(SettingError, match="headers"):
            mock.faults.add(rule)
        with pytest.raises(SettingError, match="header"):
            mock.stub("GET", "/x", headers=headers)
        seen = [client.post("/_mock/faults", json=rule), client.post("/_mock/stubs", json=stub)]

        assert ([400, 400], 0) == ([reply.status_code for reply in seen], len(mock.faults))
    with pytest.raises(SettingError, match="fault error: headers: ") as refused:
        SegmentMock(faults=[rule])
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("headers", OBJECTS, ids=range(len(OBJECTS)))
def test_objects_are_no_headers(headers: Any) -> None:
    with SegmentMock() as mock:
        with pytest.raises(SettingError, match="headers: "):
            mock.faults.add({"kind": "error", "headers": headers})
        with pytest.raises(SettingError, match="headers: "):
            mock.stub("GET", "/x", headers=headers)

        assert (0, 0) == (len(mock.faults), len(mock._emulator.stubs))


@pytest.mark.parametrize("headers", [{"Content-Length": "5\r\n"}, {"X": "a\r\nEvil: 1"}, {"": "x"}, {"X": 1}])
def test_bad_headers_of_a_users_fault_are_an_error_of_the_call(headers: Any) -> None:
    """It breaks no framing: live the call is a 500, and in process the client gets the error itself."""

    async def fault(call: Any, proceed: Any) -> Response:
        return Response(200, headers, b"x")

    with SegmentMock() as mock, mock.session() as session:
        mock.faults.add(fault)
        with pytest.raises(ValueError, match="header"):
            session.get("/segments")
        reply = requests.get(f"{mock.serve().url}/segments", timeout=5)

    assert 500 == reply.status_code
    assert "Evil" not in reply.headers


@pytest.mark.parametrize("value", ["plain", "  blanks around\t", "", "caf\xe9", 'a,b; c="d"'])
def test_the_same_through_every_transport(value: str) -> None:
    """Without blanks around it, over a socket, in process and under WSGI."""
    rule = {"kind": "error", "status": 503, "headers": {"X-Own": value}}
    url, seen = "https://api.salsalabs.org/api/integration/ext/v1/metrics", []
    with SegmentMock(faults=[rule]) as mock:
        seen.append(requests.get(f"{mock.serve().url}/segments", timeout=5).headers["X-Own"])
        with mock.intercept():
            seen += [requests.get(url, timeout=5).headers["X-Own"]]
            seen += [httpx.get(url).headers["X-Own"]]
    seen.append(create_app(faults=[rule]).test_client().get("/segments").headers["X-Own"])

    assert [value.strip()] * 4 == seen
