"""How a call is led through the stages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TypeAlias

from ..messages import Response
from ._call import Call

Proceed: TypeAlias = Callable[[], Coroutine[float, None, Response]]
Stage: TypeAlias = Callable[[Call, Proceed], Awaitable[Response]]
Handler: TypeAlias = Callable[[Call], Coroutine[float, None, Response]]


async def perform(call: Call) -> Response:
    """Do what *call* asks: the end of the line that the stages stand in."""
    result = call.operation.perform(call, call.data)
    call.tally(result)
    return call.reply(result)


def through(stages: Sequence[Stage], last: Handler) -> Handler:
    """Return a handler that leads a call through *stages*, outermost first, to *last*."""
    if not stages:
        return last
    stage, rest = stages[0], through(stages[1:], last)

    async def handler(call: Call) -> Response:
        return await stage(call, partial(rest, call))

    return handler
