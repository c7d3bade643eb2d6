"""The calls that the tests of faults make, in process."""

from __future__ import annotations

from typing import Any

import requests

from segment_mock import SegmentMock

SALSA = "/api/integration/ext/v1"
HEADERS = {"authToken": "t", "x-api-key": "k"}
SEGMENT = {"broadcastMediumId": "b", "segmentType": "s"}


def send(mock: SegmentMock, method: str, path: str, body: Any, timeout: float | None = 10, **more: str) -> Any:
    """Send *body* to *path*; *more* are further headers."""
    with mock.session() as session:
        return session.request(method, path, json=body, headers={**HEADERS, **more}, timeout=timeout)


def put(mock: SegmentMock, *names: str, **options: Any) -> requests.Response:
    """Add groups of these *names* in one call."""
    return send(mock, "PUT", f"{SALSA}/segments", {"payload": {"segments": [{"name": n} for n in names]}}, **options)


def search(mock: SegmentMock, **options: Any) -> requests.Response:
    """Search all groups."""
    return send(mock, "POST", f"{SALSA}/segments/search", {"payload": {"offset": 0, "count": 20}}, **options)


def create(mock: SegmentMock, name: str = "s", **options: Any) -> requests.Response:
    """Create a segment of the Segmenter."""
    return send(mock, "POST", "/segments", {"name": name, **SEGMENT, "persons": []}, **options)


def names(mock: SegmentMock) -> list[str]:
    """Return the names of the stored groups."""
    return [segment["name"] for segment in mock.salsa.segments]
