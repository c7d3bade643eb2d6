"""A body that arrives slowly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..core import Call, Proceed
from ..messages import Response
from ..settings import FLOAT, INT
from .base import Fault, setting


@dataclass(frozen=True)
class Drip(Fault):
    """Perform the call, and send the body of the response slowly.

    Each piece arrives in time for a read timeout, but the whole body takes long.
    """

    kind: ClassVar[str] = "drip"
    bytes_per_second: float = setting(100.0, "Bytes of the body per second.", FLOAT, min=0.001)
    chunk: int = setting(10, "Bytes in each piece.", INT, min=1, max=65536)

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Send the body in pieces."""
        response = await proceed()
        pause = self.chunk / self.bytes_per_second
        return replace(response, delivery=replace(response.delivery, chunk=self.chunk, pause=pause))
