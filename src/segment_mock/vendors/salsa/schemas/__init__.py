"""What Salsa's bodies look like."""

from ._frame import DOCUMENT, SERVER_ID, envelope, frame, reply, wrap
from ._items import ordered, uuid

__all__ = ["DOCUMENT", "SERVER_ID", "envelope", "frame", "ordered", "reply", "uuid", "wrap"]
