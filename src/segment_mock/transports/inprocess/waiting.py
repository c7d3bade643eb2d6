"""Waiting in process: the seconds pass on the mock's clock, unless the client's timeout ends the wait earlier."""

from __future__ import annotations

import math
from collections.abc import Coroutine, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

from ... import refused, virtual_time
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


def run(call: Coroutine[Any, Any, T]) -> T:
    """Run *call*, the coroutine of synchronous code, and return its result.

    Whatever it awaits is complete immediately, so it needs no event loop.
    """
    try:
        call.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("synchronous code can't wait for an event loop")


async def finish(steps: Generator[Wait, None, T], clock: Clock, timeout: float | None, *, is_async: bool) -> T:
    """Run *steps* to their end, and return their result. Each wait moves *clock*, as `pause` describes.

    Raises TimeoutError once the waits exceed *timeout* seconds (None: no limit), WouldHangForever if they never end.
    """
    remaining = timeout
    try:
        while True:
            wait = next(steps)
            now = clock.now()
            seconds = max(0.0, wait.end - now)
            # Ignore the microseconds for which the clock may have run since the wait began.
            if remaining is not None and round(seconds, 3) >= remaining:
                patience = max(0.0, remaining)
                await pause(clock, patience, wait._replace(end=now + patience), is_async=is_async)
                raise TimeoutError("timed out")
            if seconds:
                await pause(clock, seconds, wait, is_async=is_async)
            if remaining is not None:
                remaining -= seconds
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


async def pause(clock: Clock, seconds: float, wait: Wait, *, is_async: bool) -> None:
    """Let *seconds* pass on *clock*, to the end of *wait*.

    In coroutines, the event loop of asyncio or trio performs the wait, and cancelling the task ends it. In synchronous
    code, no real time passes. Raises `WouldHangForever` for an infinite wait that nothing could end.
    """
    if is_async:
        await virtual_time.wait(clock, seconds, wait.end, lambda: would_hang(wait))
    elif math.isinf(seconds):
        raise would_hang(wait)
    else:
        clock.skip(seconds)


def would_hang(wait: Wait, remedy: str = "set one") -> WouldHangForever:
    """Record and return the error for a *wait* that nothing can end; *remedy* is about the client's missing timeout."""
    reason = wait.reason or "a fault"
    message = f"{wait.call}: {reason} waits without end, and the client has no timeout; {remedy}"
    refused.note_hanging(message)
    return WouldHangForever(message)
