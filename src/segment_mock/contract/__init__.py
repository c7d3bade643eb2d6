"""What a vendor is made of, what a request becomes on its way, and how the stages are led through."""

from ._call import Call, Items, Operation, Vendor
from ._face import Face
from ._json import Json, dumps, parse
from ._refusal import KINDS, Dress, Kind, Limits, Refusal, Spoiled
from ._shape import Batch, complaints, rows, unread
from ._through import Handler, Proceed, Stage, perform, through

__all__ = [
    "KINDS", "Batch", "Call", "Dress", "Face", "Handler", "Items", "Json", "Kind", "Limits", "Operation", "Proceed",
    "Refusal", "Spoiled", "Stage", "Vendor", "complaints", "dumps", "parse", "perform", "rows", "through", "unread",
]  # fmt: skip
