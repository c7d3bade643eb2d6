"""No answer at all."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from ..clock import sleep
from ..core import Call, Proceed
from ..messages import CLOSED, Response
from .base import Fault, after


@dataclass(frozen=True)
class Hang(Fault):
    """Never answer, until the client gives up; with *after*, only after the call was performed."""

    kind: ClassVar[str] = "hang"
    after: bool = after()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Wait for ever."""
        if self.after:
            await proceed()
        await sleep(inf, f"the fault {self.kind!r} on {call.vendor.operation_name(call.operation.name)}")
        return Response(500, delivery=CLOSED)
