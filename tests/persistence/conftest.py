"""What tests of logs share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_lease_is_left() -> Iterator[None]:
    """Fail a test that leaves the thread of a store on Redis behind."""
    yield
    assert "segment-mock-lease" not in {thread.name for thread in threading.enumerate()}
