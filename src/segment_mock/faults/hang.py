"""A call that is never answered."""

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
    """Never answer; the call ends when the client gives up.

    The call is not performed, except with *after*.
    """

    kind: ClassVar[str] = "hang"
    after: bool = after()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Wait without end."""
        if self.after:
            await proceed()
        await sleep(inf, f"the fault {self.kind!r} on {call.operation_name}")
        return Response(500, delivery=CLOSED)
