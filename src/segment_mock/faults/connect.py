"""A connection that can't be established."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core import Call, Operation, Proceed
from ..messages import RESET, Response
from ..settings import TEXT
from .base import Fault, setting

_HOW = "How it fails: nothing listens, nothing answers, the host name is unknown, or the certificate is not trusted."


@dataclass(frozen=True)
class Connect(Fault):
    """Fail every new connection to a vendor's host.

    Its rules select a vendor or a host, not an operation. Arming it closes open connections that are idle. A live
    server that is called by its own address has already accepted the connection, so the fault can only reset the
    connection at its first call, whatever *how* says.
    """

    kind: ClassVar[str] = "connect"
    at_connect: ClassVar[bool] = True
    how: str = setting("refused", _HOW, TEXT, choices=("refused", "timeout", "dns", "tls"))

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Reset a connection that was accepted already."""
        return Response(500, delivery=RESET)

    def fits(self, call: Call) -> bool:
        """Return whether *call* is the first call of its connection."""
        return call.request.number == 1

    def suits(self, operation: Operation | None) -> bool:
        """Return True, because every operation may be the first call of a connection."""
        return True
