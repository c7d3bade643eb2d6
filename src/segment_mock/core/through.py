"""How a call is led through the stages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias

from ..messages import Response
from .call import Call

Answering: TypeAlias = Coroutine[Any, Any, Response]
Proceed: TypeAlias = Callable[[], Answering]
Stage: TypeAlias = Callable[[Call, Proceed], Answering]
Handler: TypeAlias = Callable[[Call], Answering]


async def perform(call: Call) -> Response:
    """Do what *call* asks: the end of the line that the stages stand in."""
    result = call.operation.perform(call, call.data)
    call.count(result)
    return call.reply(result)


def through(stages: Sequence[Stage], last: Handler) -> Handler:
    """Return a handler that leads a call through *stages*, outermost first, to *last*."""
    if not stages:
        return last
    stage, rest = stages[0], through(stages[1:], last)
    return lambda call: stage(call, partial(rest, call))
