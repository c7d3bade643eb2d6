"""No connection comes about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..core import Call, Operation, Proceed
from ..messages import RESET, Response
from ..settings import TEXT
from ._base import Fault, setting

_HOW = (
    "What a connection fails by: nothing listens, nothing answers, the name is unknown, the certificate is not trusted."
)


@dataclass(frozen=True)
class Connect(Fault):
    """Let no connection to a vendor's host come about. A rule of it is for a vendor or a host, not for an operation.

    Connections that are open and idle are closed when it is armed. A server that clients call by its own address has
    accepted them already: it can only reset a connection at its first call, whatever *how* is.
    """

    kind: ClassVar[str] = "connect"
    at_connect: ClassVar[bool] = True
    how: str = setting("refused", _HOW, TEXT, choices=("refused", "timeout", "dns", "tls"))

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Reset a connection that was accepted."""
        return Response(500, delivery=RESET)

    def fits(self, call: Call) -> bool:
        """Tell whether *call* is the first of its connection."""
        return call.request.number == 1

    def suits(self, operation: Operation | None) -> bool:
        """Tell that any operation may be the first call of a connection."""
        return True
