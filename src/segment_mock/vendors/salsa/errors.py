"""The refusals of Salsa: a row for each refusal of a call, and for each error of an item."""

from __future__ import annotations

from collections.abc import Mapping

from ...core import ErrorTemplate, ItemError
from .schemas import DOCUMENT, ItemFault, refused

_GENERAL = "Salsa Engage, API - General Use"
_CLIENTS = "recorded by public clients"

_PER_ITEM = "--salsa-non-crm result answers NOT_ALLOWED for the item instead"

REFUSALS: Mapping[str, ErrorTemplate] = {
    "unauthorized": ErrorTemplate(401, "Unauthorized", f"{_GENERAL}: status; body assumed", 401),
    "throttled": ErrorTemplate(
        429,
        "Your per minute call rate has been exceeded",
        f"{_GENERAL}; {_CLIENTS}; the sliding window is assumed",
        429,
    ),
    "too_many_items": ErrorTemplate(
        429,
        "Requested batch size exceeds the allowed size of: {limit}",
        f"{_GENERAL}; {_CLIENTS}",
        429,
        hint="--limits off turns the vendor's limits off",
    ),
    "not_manageable": ErrorTemplate(
        405,
        "Method not allowed: only CRM groups can be managed through the API",
        f"{DOCUMENT}, Note: status; sentence assumed",
        405,
        hint=lambda call: _PER_ITEM if call.choice_of("not_crm_group") == "http-405" else "",
        field="segmentId",
    ),
    "malformed": ErrorTemplate(400, "Bad Request", f"{_GENERAL}: status; sentence assumed", 400),
    "too_large": ErrorTemplate(413, "Request body too large", "assumed", 413),
    "not_found": ErrorTemplate(404, "Not Found", "assumed", 404),
    "no_such_operation": ErrorTemplate(404, "Not Found", "assumed", 404),
    "no_such_method": ErrorTemplate(
        405, "HTTP method {method} is not supported by this URL", f"{_CLIENTS}; body assumed", 405
    ),
    "broken": ErrorTemplate(500, "Internal Server Error", f"{_GENERAL}: status; body assumed", 500),
}

_GATEWAY = (
    b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n"
    b"<center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n"
)
ERRORS: Mapping[int, ErrorTemplate] = {
    504: ErrorTemplate(504, "Gateway Time-out", _CLIENTS, 504, headers={"Content-Type": "text/html"}, page=_GATEWAY),
}


ITEM_ERRORS: Mapping[str, ItemError] = {
    "required": ItemError(2001, "The field is required and must be filled out", "recorded by a public client"),
    "not_unique": ItemError(
        2002, "The field is not unique in the system", f"{DOCUMENT}, Create/Update Response Example"
    ),
    "too_long": ItemError(
        2003,
        "The field is longer than allowed",
        f"{DOCUMENT}, Adding/Updating Segments: lengths; code and message assumed",
    ),
    "invalid": ItemError(2004, "The field is not valid", "assumed"),
}
SYSTEM_ERROR = ItemError(5000, "An unrecoverable error occurred", "assumed")


ERROR_SCHEMAS = dict.fromkeys(REFUSALS, refused(ItemFault))
