"""Reads that lag behind writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core import Call, Lag, Operation, Proceed
from ..messages import Response
from ..settings import FLOAT, INT
from ._base import Fault, setting


@dataclass(frozen=True)
class Stale(Fault):
    """Answer reads as the records were some calls, or some seconds, ago; counts lag along."""

    kind: ClassVar[str] = "stale"
    lag: int = setting(1, "How many of the last calls that changed something are unseen.", INT, min=1)
    seconds: float | None = setting(None, "Instead of lag: how many seconds the reads are behind.", FLOAT, min=0)

    def fits(self, call: Call) -> bool:
        """Tell whether the call reads."""
        return call.operation.reads

    def suits(self, operation: Operation | None) -> bool:
        """Tell whether *operation* reads."""
        return operation is not None and operation.reads

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Let the operation see an earlier moment."""
        call.lag = Lag(self.lag, self.seconds)
        return await proceed()
