"""Fixtures for the tests of storage engines."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_lease_thread_is_left_running() -> Iterator[None]:
    """Fail a test if the thread that renews the lease of a Redis store still runs afterwards."""
    yield
    assert "segment-mock-lease" not in {thread.name for thread in threading.enumerate()}
