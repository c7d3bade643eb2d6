"""Fixtures: a mock whose clock is frozen, and functions that send requests to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from requests import Response

from segment_mock import SegmentMock

ROOT = "/api/integration/ext/v1"
KEY = {"authToken": "t", "x-api-key": "k"}


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock without records, whose clock is frozen."""
    with SegmentMock(seed=7) as mock:
        mock.clock.freeze("2026-01-01T00:00:00Z")
        yield mock


@pytest.fixture
def send(mock: SegmentMock) -> Callable[..., Response]:
    """A function that sends a request with the credentials of both vendors: method, path, JSON body, headers."""
    session = mock.session()

    def send_request(method: str, path: str, json: Any = None, headers: Any = KEY) -> Response:
        return session.request(method, path, json=json, headers=headers)

    return send_request


@pytest.fixture
def upsert(send: Callable[..., Response]) -> Callable[..., Response]:
    """A function that upserts groups at Salsa; each argument is a name or a complete item."""

    def send_segments(*items: Any) -> Response:
        rows = [{"name": item} if isinstance(item, str) else item for item in items]
        return send("PUT", f"{ROOT}/segments", {"payload": {"segments": rows}})

    return send_segments
