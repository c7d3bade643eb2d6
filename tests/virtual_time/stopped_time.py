"""Stops the real time that event loops read, so that a machine that pauses can't change what their time does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from segment_mock.virtual_time import LoopTime

REAL_MONOTONIC = time.monotonic


class StoppedTime:
    """Seconds that pass only if a test says so."""

    def __init__(self) -> None:
        self._seconds, self._started_at = 1000.0, REAL_MONOTONIC()

    def now(self, _loop: object = None) -> float:
        """Return the time; fail after ten minutes of real time, because a loop that waits would not end."""
        assert REAL_MONOTONIC() - self._started_at < 600, "the loop waits in real time"
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self._seconds += seconds


@contextmanager
def stopped_time() -> Iterator[StoppedTime]:
    """Stop the real time of event loops within a ``with`` block, in which only jumps move their time."""
    stopped = StoppedTime()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.BaseEventLoop, "time", stopped.now)
        patch.setattr(LoopTime, "monotonic", staticmethod(stopped.now))
        yield stopped
