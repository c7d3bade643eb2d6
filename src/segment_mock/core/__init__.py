"""What a vendor consists of, and the steps that every call takes."""

from .call import Call, ItemError, Items, Lag, Operation, Vendor, all_options
from .hints import advise, choice_hints, credential_hint
from .json_codec import Json, dumps, parse
from .provenance import Assumption, Mark, doubt, fields_of, known, mark, rule_of, source_of
from .refusals import KINDS, Dress, Kind, Limits, Refusal, Spoiled
from .schemas import Batch, DataRow, Filled, Identifier, Lenient, complaints, inner, members, unread
from .through import Answering, Handler, Proceed, Stage, perform, through
from .validation import Undecided, Validator, rows
from .vendor_state import Face
from .world import fresh

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
    "all_options",
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
