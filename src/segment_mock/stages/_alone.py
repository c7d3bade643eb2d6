"""The innermost: one call at a time at the store, all of it or nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ..contract import Call, Lag, Proceed
from ..messages import CLOSED, Response


async def alone(call: Call, proceed: Proceed) -> Response:
    """Let one call at a time at the store; what it wrote vanishes again if it fails half-way."""
    if call.organization is None:
        return await proceed()
    log = call.world.log
    with call.world.lock:
        if call.outlived:
            return Response(503, delivery=CLOSED)
        mark = log.mark
        try:
            if call.lag is None:
                response = await proceed()
            else:
                with _lagging(call, call.lag):
                    response = await proceed()
        except BaseException:
            log.rollback(mark)
            raise
        if log.mark != mark:
            call.changes = log.since(mark)
            log.commit(mark, call.organization.name, call.world.clock.now())
        return response


def _lagging(call: Call, lag: Lag) -> AbstractContextManager[None]:
    log, name = call.world.log, call.store.organization
    if not call.operation.reads:
        return nullcontext()
    if lag.seconds is None:
        return log.undone(log.calls_ago(lag.calls, name), name)
    return log.undone(log.as_of(call.world.clock.now() - lag.seconds, name), name)
