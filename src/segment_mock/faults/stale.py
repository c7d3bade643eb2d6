"""Reads that lag behind writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core import Call, Lag, Operation, Proceed
from ..messages import Response
from ..settings import FLOAT, INT
from .base import Fault, setting


@dataclass(frozen=True)
class Stale(Fault):
    """Answer reads, including counts, from the records as they were some calls or some seconds ago."""

    kind: ClassVar[str] = "stale"
    lag: int = setting(1, "How many of the latest writes are not yet visible to reads.", INT, min=1)
    seconds: float | None = setting(None, "Instead of lag: by how many seconds reads lag behind writes.", FLOAT, min=0)

    def fits(self, call: Call) -> bool:
        """Return whether *call* only reads."""
        return call.operation.reads

    def suits(self, operation: Operation | None) -> bool:
        """Return whether *operation* only reads."""
        return operation is not None and operation.reads

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Perform the operation on an earlier state of the records."""
        call.lag = Lag(self.lag, self.seconds)
        response = await proceed()
        if not call.has_lagged:  # there was no write to hide, or the call was refused
            call.note_unchanged()
        return response
