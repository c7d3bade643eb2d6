"""A refusal that the vendor knows, without its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from ..core import REFUSAL_KINDS, Call, Proceed, RefusalKind
from ..messages import Response
from ..settings import TEXT
from ._base import Fault, after, setting


@dataclass(frozen=True)
class Refuse(Fault):
    """Refuse as the vendor does: 405 for a group that is no CRM group, 401, 429 and the others."""

    kind: ClassVar[str] = "refuse"
    refusal: str = setting("unauthorized", "Which refusal, by its neutral kind.", TEXT, choices=REFUSAL_KINDS)
    after: bool = after()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Answer the refusal, after the call is performed or instead of it."""
        if self.after:
            await proceed()
        return call.refuse(cast("RefusalKind", self.refusal))
