"""What Salsa's bodies look like."""

from ._frame import DOCUMENT, RECORDED, SERVER_ID, UUID, envelope, frame, refused, reply, wrap
from ._items import ItemFault, ordered, uuid

__all__ = [
    "DOCUMENT", "RECORDED", "SERVER_ID", "UUID", "ItemFault", "envelope", "frame", "ordered", "refused", "reply",
    "uuid", "wrap",
]  # fmt: skip
