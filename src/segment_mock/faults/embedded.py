"""An error in a reply with status 200."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core import Call, Proceed
from ..messages import Response
from ..settings import TEXT
from .base import Fault, setting


@dataclass(frozen=True)
class Embedded(Fault):
    """Answer 200 with the text of an error, as Salsa does. A client that checks only the status sees a success."""

    kind: ClassVar[str] = "embedded"
    message: str = setting("Your per minute call rate has been exceeded", "The text of the body.", TEXT)

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Answer instead of performing the call."""
        return Response(200, {"Content-Type": "text/plain;charset=UTF-8"}, self.message.encode("utf-8", "replace"))
