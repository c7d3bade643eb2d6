"""Three ways to wait: a door's thread, the core, and a client whose back-off shall cost no time."""

from __future__ import annotations

import asyncio
import math
import time
from types import SimpleNamespace

import pytest

from segment_mock import clock
from segment_mock.clock import Clock, sleep


def test_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A door with a thread to spare really sleeps; for ever is as long as any system can."""
    waiting, slept = Clock(), []
    monkeypatch.setattr(clock, "time", SimpleNamespace(sleep=slept.append))
    waiting.wait(0.25)
    waiting.wait(math.inf)

    assert slept[0] == 0.25
    # The deadline is counted in signed 64-bit nanoseconds; years from now is for ever.
    assert 10 * 365 * 86400 < slept[1] < 2**63 / 1e9 - 4e9


def test_sleep_asks_the_driver() -> None:
    """The core's sleep hands seconds and reason to whoever drives it, and returns when driven on."""
    for asked, why in ((sleep(2.5), ""), (sleep(2.5, "a fault"), "a fault")):
        pause = asked.send(None)

        assert (2.5, why) == (pause, pause.why)
        with pytest.raises(StopIteration):
            asked.send(None)


def test_patch_sleep() -> None:
    """Within the block, who sleeps moves this clock instead, with and without asyncio."""
    moved = Clock()
    moved.freeze(0)

    async def naps() -> str:
        return await asyncio.sleep(40, "rested")

    real = time.sleep, asyncio.sleep
    with moved.patch_sleep():
        time.sleep(20)
        told = asyncio.run(naps())

    assert (60, "rested") == (moved.now(), told)
    assert real == (time.sleep, asyncio.sleep)


def test_patch_sleep_ends_with_its_block() -> None:
    """However the block ends, sleeping is real again."""
    real = time.sleep, asyncio.sleep
    with pytest.raises(ZeroDivisionError), Clock().patch_sleep():
        _ = 1 / 0

    assert real == (time.sleep, asyncio.sleep)
