"""What a vendor is made of, what a request becomes on its way, and how the stages are led through."""

from ._call import Call, Lag
from ._face import Face
from ._fresh import fresh
from ._hints import advise, choice_hints, credential_hint
from ._refusal import KINDS, Dress, Kind, Limits, Refusal, Spoiled
from ._shape import Batch, DataRow, Filled, Identifier, Lenient, complaints, inner, members, unread
from ._through import Answering, Handler, Proceed, Stage, perform, through
from ._vendor import ItemError, Items, Operation, Vendor
from .json_codec import Json, dumps, parse
from .provenance import Assumption, Mark, doubt, fields_of, known, mark, rule_of, source_of
from .validation import Undecided, Validator, rows

__all__ = [
    "KINDS",
    "Answering",
    "Assumption",
    "Batch",
    "Call",
    "DataRow",
    "Dress",
    "Face",
    "Filled",
    "Handler",
    "Identifier",
    "ItemError",
    "Items",
    "Json",
    "Kind",
    "Lag",
    "Lenient",
    "Limits",
    "Mark",
    "Operation",
    "Proceed",
    "Refusal",
    "Spoiled",
    "Stage",
    "Undecided",
    "Validator",
    "Vendor",
    "advise",
    "choice_hints",
    "complaints",
    "credential_hint",
    "doubt",
    "dumps",
    "fields_of",
    "fresh",
    "inner",
    "known",
    "mark",
    "members",
    "parse",
    "perform",
    "rows",
    "rule_of",
    "source_of",
    "through",
    "unread",
]  # fmt: skip
