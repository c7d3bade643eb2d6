"""Hang up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core import Call, Proceed
from ..messages import CLOSED, RESET, Response
from ..settings import BOOL
from ._base import Fault, after, setting


@dataclass(frozen=True)
class Disconnect(Fault):
    """Hang up: before the call is performed, or, with *after*, once it is."""

    kind: ClassVar[str] = "disconnect"
    reset: bool = setting(False, "Break the connection with RST instead of closing it with FIN.", BOOL)
    after: bool = after()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Close the connection without a byte."""
        if self.after:
            await proceed()
        return Response(500, delivery=RESET if self.reset else CLOSED)
