"""A body that comes slowly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..core import Call, Proceed
from ..messages import Response
from ..settings import FLOAT, INT
from ._base import Fault, setting


@dataclass(frozen=True)
class Drip(Fault):
    """Perform the call and let its answer's body drip: no single read is late, the whole is."""

    kind: ClassVar[str] = "drip"
    bytes_per_second: float = setting(100.0, "How fast.", FLOAT, min=0.001)
    chunk: int = setting(10, "How many bytes at a time.", INT, min=1, max=65536)

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Slow the answer down."""
        response = await proceed()
        pause = self.chunk / self.bytes_per_second
        return replace(response, delivery=replace(response.delivery, chunk=self.chunk, pause=pause))
