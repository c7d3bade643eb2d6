"""Fixtures for the tests of the live server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_control_plane_thread_is_left() -> Iterator[None]:
    """After each test, wait for control-plane threads that were busy when their server stopped."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("segment-mock-control"):
            thread.join(5)
