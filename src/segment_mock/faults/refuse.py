"""A refusal in the vendor's format, without its usual cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from ..core import REFUSAL_KINDS, Call, Proceed, RefusalKind
from ..messages import Response
from ..settings import TEXT
from .base import Fault, after, setting


@dataclass(frozen=True)
class Refuse(Fault):
    """Refuse the call as the vendor does: 405 for a non-CRM group, 401, 429 and others.

    The call is not performed, except with *after*.
    """

    kind: ClassVar[str] = "refuse"
    refusal: str = setting("unauthorized", "Which refusal.", TEXT, choices=REFUSAL_KINDS)
    after: bool = after()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Refuse the call, either instead of performing it or afterwards."""
        if self.after:
            await proceed()
        return call.refuse(cast("RefusalKind", self.refusal))
