"""What the tests of the server share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """Wait for workers of the control plane that were busy when their server stopped."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("segment-mock-control"):
            thread.join(5)
