"""The exchange that every server answers: a search of Salsa's groups, of which there are four."""

from __future__ import annotations

import json
from typing import NamedTuple

from segment_mock import SegmentMock


class BenchmarkRequest(NamedTuple):
    """A request, and the text that the body of its response must contain."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    expected: bytes


HOST = "https://api.salsalabs.org"
PAYLOAD = {"payload": {"offset": 0, "count": 20}}
DATA = {
    "salsa": {
        "segments": [
            {"name": f"Group {number}", "description": "One of four", "externalSystemId": str(35460 + number)}
            for number in range(4)
        ]
    }
}
SEARCH = BenchmarkRequest(
    "POST",
    "/api/integration/ext/v1/segments/search",
    {"authToken": "any", "Content-Type": "application/json"},
    json.dumps(PAYLOAD).encode(),
    b'"count":4',
)


def world(**settings: object) -> SegmentMock:
    """Return a mock with the four groups; it counts calls for the vendor's limit, but refuses none."""
    return SegmentMock(**{"data": DATA, "limits": "off", **settings})


def response_body() -> bytes:
    """Return the body of the mock's response, which static stubs repeat."""
    with world() as mock:
        body: bytes = mock.session().post(SEARCH.path, data=SEARCH.body, headers=SEARCH.headers).content
    assert SEARCH.expected in body
    return body
