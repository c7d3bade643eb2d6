"""Fixtures for the tests of storage engines."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from segment_mock.persistence import redis as engine
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def _patience_with_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a store in this process wait long for Redis, which a busy machine may suspend for seconds."""
    monkeypatch.setattr(engine, "TIMEOUT", PATIENCE)


@pytest.fixture(autouse=True)
def _no_lease_thread_is_left_running() -> Iterator[None]:
    """Fail a test if the thread that renews the lease of a Redis store does not end with it."""
    others = {*threading.enumerate()}
    yield
    for thread in {*threading.enumerate()} - others:
        if thread.name == "segment-mock-lease":
            thread.join(PATIENCE)
            assert not thread.is_alive()
