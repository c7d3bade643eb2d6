"""The public API for vendors in other packages, which import nothing else of this project.

`VERSION` grows with every change that would break existing vendors; a vendor states its version as `Vendor.api`.
docs/how-to/writing-a-vendor.md explains the parts. `segment_mock.vendor_testing` is the API for a vendor's tests.
"""

from __future__ import annotations

from .clock import Clock
from .core import API_VERSION as VERSION
from .core import (
    REFUSAL_KINDS,
    Assumption,
    Call,
    DataRow,
    ErrorTemplate,
    Identifier,
    ItemError,
    ItemFailure,
    ItemList,
    Items,
    Json,
    Limits,
    NotBlank,
    Operation,
    Refusal,
    RefusalKind,
    RequestSchema,
    Validator,
    Vendor,
    VendorState,
    World,
    known,
    rows,
)
from .messages import Request, reason
from .settings import BOOL, FLOAT, INT, TEXT, Option, OptionType, SettingError
from .store import DuplicateKey, Index, InitialRecords, Record, Store, Table, TableSchema

__all__ = [
    "BOOL",
    "FLOAT",
    "INT",
    "REFUSAL_KINDS",
    "TEXT",
    "VERSION",
    "Assumption",
    "Call",
    "Clock",
    "DataRow",
    "DuplicateKey",
    "ErrorTemplate",
    "Identifier",
    "Index",
    "InitialRecords",
    "ItemError",
    "ItemFailure",
    "ItemList",
    "Items",
    "Json",
    "Limits",
    "NotBlank",
    "Operation",
    "Option",
    "OptionType",
    "Record",
    "Refusal",
    "RefusalKind",
    "Request",
    "RequestSchema",
    "SettingError",
    "Store",
    "Table",
    "TableSchema",
    "Validator",
    "Vendor",
    "VendorState",
    "World",
    "known",
    "reason",
    "rows",
]  # fmt: skip
