"""Waiting in process: the seconds pass on the mock's clock, unless the client's timeout ends the wait earlier."""

from __future__ import annotations

import math
import sys
from collections.abc import Generator
from typing import NamedTuple, TypeAlias, TypeVar

from ... import virtual_time
from ...clock import Clock

T = TypeVar("T")


class WouldHangForever(RuntimeError):
    """A client without a timeout called the mock, and a fault such as ``hang`` never answers the call.

    Instead of blocking the test, the call raises this RuntimeError. The message names the call and the fault. Give the
    client a timeout to see how it reacts.
    """

    __module__ = "segment_mock"  # where users import it from; a traceback shows it


class Wait(NamedTuple):
    """A pause of *call* until *end*, in seconds of the mock's clock; *reason* names its cause."""

    end: float
    call: str
    reason: str = ""


Steps: TypeAlias = Generator["Wait | bytes", None, None]
"""Bytes of a response, and the waits before and between them."""


def finish(steps: Generator[Wait, None, T], clock: Clock, timeout: float | None) -> T:
    """Run *steps* to their end, and return their result. Each wait moves *clock* and takes no real time.

    Raises TimeoutError once the waits exceed *timeout* seconds (None: no limit), WouldHangForever if they never end.
    """
    remaining = timeout
    try:
        while True:
            remaining = elapse(next(steps), clock, remaining)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


async def finish_async(steps: Generator[Wait, None, T], clock: Clock, timeout: float | None) -> T:
    """Run *steps* as `finish` does, in a coroutine; its event loop performs each wait."""
    from anyio.lowlevel import checkpoint

    remaining = timeout
    try:
        await checkpoint()
        while True:
            remaining = await elapse_async(next(steps), clock, remaining)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


async def next_piece_async(steps: Steps, clock: Clock, timeout: float | None) -> bytes:
    """Return the next bytes as `next_piece` does, in a coroutine; its event loop performs each wait."""
    from anyio.lowlevel import checkpoint

    remaining = timeout
    try:
        await checkpoint()
        for step in steps:
            if isinstance(step, bytes):
                return step
            remaining = await elapse_async(step, clock, remaining)
    except BaseException:
        steps.close()
        raise
    return b""


def next_piece(steps: Steps, clock: Clock, timeout: float | None) -> bytes:
    """Return the next bytes of *steps*, or ``b""`` at their end. It waits as `finish` does."""
    remaining = timeout
    for step in steps:
        if isinstance(step, bytes):
            return step
        try:
            remaining = elapse(step, clock, remaining)
        except BaseException:
            steps.close()
            raise
    return b""


def elapse(wait: Wait, clock: Clock, budget: float | None) -> float | None:
    """Move *clock* to the end of *wait*, and return the rest of the timeout.

    *budget* is the timeout before the wait in seconds (None: no limit).
    """
    remaining = max(0.0, wait.end - clock.now())
    if _is_too_long(remaining, budget):
        clock.skip(max(0.0, budget or 0.0))
        raise TimeoutError("timed out")
    if math.isinf(remaining):
        raise would_hang(wait)
    clock.skip(remaining)
    return None if budget is None else budget - remaining


async def elapse_async(wait: Wait, clock: Clock, budget: float | None) -> float | None:
    """Suspend the running task until the end of *wait*, like `elapse`; cancelling the task ends the wait."""
    now = clock.now()
    remaining = max(0.0, wait.end - now)
    if _is_too_long(remaining, budget):
        patience = max(0.0, budget or 0.0)
        await suspend(clock, patience, now + patience, wait)
        raise TimeoutError("timed out")
    if remaining:
        await suspend(clock, remaining, wait.end, wait)
    return None if budget is None else budget - remaining


async def suspend(clock: Clock, seconds: float, end: float, wait: Wait) -> None:
    """Suspend the running task for *seconds*, to the time *end* of *clock*, under asyncio or trio.

    Raises `WouldHangForever` for an infinite wait that nothing could end.
    """
    trio = sys.modules.get("trio")
    if trio is None or not trio.lowlevel.in_trio_run():
        await virtual_time.wait(clock, seconds, end, lambda: would_hang(wait))
        return
    if math.isinf(seconds) and math.isinf(trio.current_effective_deadline()):
        raise would_hang(wait)
    began, start = clock.now(), trio.current_time()
    try:
        await trio.sleep(seconds)
    except BaseException:
        end = began + virtual_time.rounded(trio.current_time() - start)
        raise
    finally:
        clock.move_to(end)


def would_hang(wait: Wait) -> WouldHangForever:
    """Return the error for a *wait* that nothing can end."""
    reason = wait.reason or "a stage"
    return WouldHangForever(f"{wait.call}: {reason} never answers, and the client has no timeout; set one")


def _is_too_long(seconds: float, remaining: float | None) -> bool:
    # Ignore the microseconds for which the clock may have run since the wait began.
    return remaining is not None and round(seconds, 3) >= remaining
