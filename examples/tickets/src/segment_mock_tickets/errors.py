"""The refusals of Ticket System: a template for each kind, with its source."""

from collections.abc import Mapping

from segment_mock.vendor_api import Call, ErrorTemplate, ItemError, Json, Refusal

from .schemas import Failed

REFUSALS: Mapping[str, ErrorTemplate] = {
    "unauthorized": ErrorTemplate(401, "Unauthorized", "assumed"),
    "throttled": ErrorTemplate(429, "Too Many Requests", "assumed"),
    "too_many_items": ErrorTemplate(400, "At most {limit} tickets are allowed", "assumed"),
    "not_manageable": ErrorTemplate(409, "The ticket is {state} already", "assumed"),
    "malformed": ErrorTemplate(400, "Bad Request", "assumed"),
    "too_large": ErrorTemplate(413, "Request body too large", "assumed"),
    "not_found": ErrorTemplate(404, "No ticket has the id {id}", "assumed"),
    "no_such_operation": ErrorTemplate(404, "No such path: {path}", "assumed"),
    "no_such_method": ErrorTemplate(405, "{path} does not take {method}", "assumed"),
    "broken": ErrorTemplate(500, "Internal Server Error", "assumed"),
}
ITEM_ERRORS: Mapping[str, ItemError] = {
    "subject_missing": ItemError(10, "A ticket needs a subject", "assumed"),
    "subject_taken": ItemError(11, "There is a ticket with this subject", "assumed"),
}
ERROR_SCHEMAS = dict.fromkeys(REFUSALS, Failed())


def render_error(call: Call, row: ErrorTemplate, sentence: str, refusal: Refusal) -> tuple[int, Json]:
    """Return status and body of a refusal."""
    return row.status, {"error": sentence, "field": refusal.field}
