"""Waiting in process: seconds pass on the mock's clock, and a client's time-out decides first."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple, TypeAlias, TypeVar

from ...clock import Clock

T = TypeVar("T")


class WouldHangForever(RuntimeError):
    """A client without a timeout waits for an answer that never comes."""


class Wait(NamedTuple):
    """A pause of *call* that ends at *end*, in seconds of the mock's clock; *reason* says what causes it."""

    end: float
    call: str
    reason: str = ""


Steps: TypeAlias = Generator["Wait | bytes", None, None]
"""Bytes of a reply, and the waits before and between them."""


def finish(steps: Generator[Wait, None, T], clock: Clock, timeout: float | None) -> T:
    """Run *steps* to their end and return their result; every wait moves *clock* and costs no wall time.

    Raises TimeoutError once the waits exceed *timeout* seconds (None: no limit), WouldHangForever if they never end.
    """
    left = timeout
    try:
        while True:
            left = elapse(next(steps), clock, left)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


async def finish_async(steps: Generator[Wait, None, T], clock: Clock, timeout: float | None) -> T:
    """Run *steps* as `finish` does, for a coroutine: others have their turn before."""
    from anyio.lowlevel import checkpoint

    try:
        await checkpoint()
    except BaseException:
        steps.close()
        raise
    return finish(steps, clock, timeout)


async def next_piece_async(steps: Steps, clock: Clock, timeout: float | None) -> bytes:
    """Return the next bytes as `next_piece` does, for a coroutine: others have their turn before."""
    from anyio.lowlevel import checkpoint

    try:
        await checkpoint()
    except BaseException:
        steps.close()
        raise
    return next_piece(steps, clock, timeout)


def next_piece(steps: Steps, clock: Clock, timeout: float | None) -> bytes:
    """Return the next bytes of *steps*, ``b""`` at their end; waits as in `finish`."""
    left = timeout
    for step in steps:
        if isinstance(step, bytes):
            return step
        try:
            left = elapse(step, clock, left)
        except BaseException:
            steps.close()
            raise
    return b""


def elapse(wait: Wait, clock: Clock, left: float | None) -> float | None:
    """Move *clock* to the end of *wait* and return what remains of *left* seconds of patience (None: no limit)."""
    remaining = max(0.0, wait.end - clock.now())
    if left is not None:
        # The clock may have run for some microseconds since the wait began: they decide nothing.
        if round(remaining, 3) >= left:
            clock.skip(max(0.0, left))
            raise TimeoutError("timed out")
    elif math.isinf(remaining):
        reason = wait.reason or "a stage"
        raise WouldHangForever(f"{wait.call}: {reason} keeps the answer back for ever; the client has no timeout")
    clock.skip(remaining)
    return None if left is None else left - remaining
