"""What a vendor consists of, and the steps that every call takes."""

from .call import Call, ItemError, Items, Lag, Operation, Vendor, all_options
from .hints import advise, choice_hints, credential_hint
from .json_codec import Json, dumps, parse
from .provenance import Assumption, Mark, doubt, fields_of, known, mark, rule_of, source_of
from .refusals import REFUSAL_KINDS, ErrorTemplate, ItemFailure, Limits, Refusal, RefusalKind
from .schemas import DataRow, Identifier, ItemList, NotBlank, RequestSchema, flatten_errors, inner, members, unread
from .through import Answering, Handler, Proceed, Stage, perform, through
from .validation import Undecided, Validator, rows
from .vendor_state import VendorState
from .world import Organization, Random, World

__all__ = [
    "REFUSAL_KINDS",
    "Answering",
    "Assumption",
    "Call",
    "DataRow",
    "ErrorTemplate",
    "Handler",
    "Identifier",
    "ItemError",
    "ItemFailure",
    "ItemList",
    "Items",
    "Json",
    "Lag",
    "Limits",
    "Mark",
    "NotBlank",
    "Operation",
    "Organization",
    "Proceed",
    "Random",
    "Refusal",
    "RefusalKind",
    "RequestSchema",
    "Stage",
    "Undecided",
    "Validator",
    "Vendor",
    "VendorState",
    "World",
    "advise",
    "all_options",
    "choice_hints",
    "credential_hint",
    "doubt",
    "dumps",
    "fields_of",
    "flatten_errors",
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
