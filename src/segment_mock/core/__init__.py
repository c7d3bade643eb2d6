"""The parts of a vendor, and the steps of every call."""

from .call import API_VERSION, Call, ItemError, Items, Lag, Middleware, Operation, Proceed, Vendor, all_options
from .hints import advise, choice_hints, credential_hint
from .json_codec import Json, dumps, parse
from .provenance import (
    Assumption,
    Mark,
    doubt,
    fields_of,
    known,
    limits_of,
    mark,
    rule_of,
    rules_of,
    source_of,
    type_of,
)
from .refusals import REFUSAL_KINDS, ErrorTemplate, ItemFailure, Limits, Refusal, RefusalKind
from .schemas import DataRow, Identifier, ItemList, NotBlank, RequestSchema, flatten_errors, inner, members, unread
from .validation import Validator, rows
from .vendor_state import VendorState, member_names
from .world import Organization, Random, World

__all__ = [
    "API_VERSION",
    "REFUSAL_KINDS",
    "Assumption",
    "Call",
    "DataRow",
    "ErrorTemplate",
    "Identifier",
    "ItemError",
    "ItemFailure",
    "ItemList",
    "Items",
    "Json",
    "Lag",
    "Limits",
    "Mark",
    "Middleware",
    "NotBlank",
    "Operation",
    "Organization",
    "Proceed",
    "Random",
    "Refusal",
    "RefusalKind",
    "RequestSchema",
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
    "limits_of",
    "mark",
    "member_names",
    "members",
    "parse",
    "rows",
    "rule_of",
    "rules_of",
    "source_of",
    "type_of",
    "unread",
]  # fmt: skip
