"""What a vendor is made of, what a request becomes on its way, and how the stages are led through."""

from ._accept import Acceptor, Unclear
from ._call import Call, Lag
from ._face import Face
from ._fresh import fresh
from ._json import Json, dumps, parse
from ._refusal import KINDS, Dress, Kind, Limits, Refusal, Spoiled
from ._shape import Batch, Lenient, complaints, members, rows, unread
from ._through import Handler, Proceed, Stage, perform, through
from ._vendor import Items, Operation, Vendor

__all__ = [
    "KINDS", "Acceptor", "Batch", "Call", "Dress", "Face", "Handler", "Items", "Json", "Kind", "Lag", "Lenient",
    "Limits", "Operation", "Proceed", "Refusal", "Spoiled", "Stage", "Unclear", "Vendor", "complaints", "dumps",
    "fresh", "members", "parse", "perform", "rows", "through", "unread",
]  # fmt: skip
