"""Names and values of headers are checked when a fault is armed or a stub is made; every transport sends the same."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests

from segment_mock import SegmentMock, SettingError, create_app

WRONG: list[dict[Any, Any]] = [
    {"X": "a\r\nb"}, {"X": "a\nSet-Cookie: b"}, {"X": "a\0"}, {"": "x"}, {"X y": "z"}, {"X:": "z"}, {"X\r\nY": "z"},
    {"X": "\u20ac"}, {"\xe9": "z"}, {"X": "\x7f"},
]  # fmt: skip


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
    with pytest.raises(SettingError):
        SegmentMock(faults=[rule])


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
