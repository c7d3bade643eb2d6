"""An error in a response with status 200."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core import Call, Proceed
from ..messages import Response
from ..settings import TEXT
from .base import Fault, setting


@dataclass(frozen=True)
class Embedded(Fault):
    """Answer with status 200 and an error message in the body, as Salsa does.

    A client that checks only the status mistakes it for a success. The call is not performed.
    """

    kind: ClassVar[str] = "embedded"
    message: str = setting("Your per minute call rate has been exceeded", "The text of the body.", TEXT)

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Answer instead of performing the call."""
        return Response(200, {"Content-Type": "text/plain;charset=UTF-8"}, self.message.encode("utf-8", "replace"))
