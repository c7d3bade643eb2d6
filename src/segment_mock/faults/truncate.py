"""A body that ends too early."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..core import Call, Proceed
from ..messages import Response
from ..settings import BOOL, OptionType
from .base import Fault, setting


def _cut_position(value: Any) -> float | int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise ValueError
    if isinstance(value, float) and not value < 1:
        raise ValueError
    return value


@dataclass(frozen=True)
class Truncate(Fault):
    """Perform the call, but send only the beginning of the response, with the Content-Length of the whole body."""

    kind: ClassVar[str] = "truncate"
    at: float | int = setting(
        0.5,
        "How much is sent: a fraction of the body (with a decimal point, below 1) or a number of bytes.",
        OptionType("a fraction from 0.0 up to 1, or a number of bytes", _cut_position),
    )
    reset: bool = setting(False, "End the connection with RST instead of FIN.", BOOL)

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Cut at least one byte of the body, if it has any."""
        response = await proceed()
        if response.delivery.raw is not None:
            return response
        size = len(response.body)
        keep = int(size * self.at) if isinstance(self.at, float) else self.at
        cut = replace(response.delivery, keep=min(keep, max(0, size - 1)), end="reset" if self.reset else "close")
        return replace(response, delivery=cut)
