"""Fixtures for the tests of the live server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from segment_mock.clock import Clock
from segment_mock.transports.server import server
from tests.waiting import PATIENCE

from .raw_client import EARLIER_THREADS


@pytest.fixture(autouse=True)
def _no_control_plane_thread_is_left() -> Iterator[None]:
    """After each test, wait for control-plane threads that were busy when their server stopped."""
    EARLIER_THREADS.clear()
    EARLIER_THREADS.update(threading.enumerate())
    yield
    for thread in {*threading.enumerate()} - EARLIER_THREADS:
        if thread.name.startswith("segment-mock-control"):
            thread.join(PATIENCE)


@pytest.fixture(autouse=True)
def _stop_and_interrupt_wait_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both wait until the server's thread has done its part, even if the machine pauses for seconds."""
    monkeypatch.setattr(server, "STOP_TIMEOUT", PATIENCE)
    monkeypatch.setattr(server, "INTERRUPT_TIMEOUT", PATIENCE)


@pytest.fixture
def advance_loop_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that advances the time of the server's loop by a number of seconds."""
    offset = [0.0]
    monkeypatch.setattr(server._Loop, "time", staticmethod(lambda: Clock.monotonic() + offset[0]))

    def advance_loop_time(seconds: float) -> None:
        offset[0] += seconds

    return advance_loop_time
