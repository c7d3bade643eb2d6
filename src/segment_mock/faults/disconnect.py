"""A connection that closes without a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core import Call, Proceed
from ..messages import CLOSED, RESET, Response
from ..settings import BOOL
from .base import Fault, after, setting


@dataclass(frozen=True)
class Disconnect(Fault):
    """Close the connection without a response.

    The call is not performed or, with *after*, is performed before the connection is closed.
    """

    kind: ClassVar[str] = "disconnect"
    reset: bool = setting(False, "End the connection with RST instead of FIN.", BOOL)
    after: bool = after()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Close the connection without sending a byte."""
        if self.after:
            await proceed()
        return Response(500, delivery=RESET if self.reset else CLOSED)
