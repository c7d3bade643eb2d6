"""The refusals of the Segmenter."""

from __future__ import annotations

from collections.abc import Mapping

from ...core import Call, ErrorTemplate, Json, Refusal
from ...messages import reason
from .schemas import MIDDLEWARE, UPDATE, Failed, Forbidden

_SHAPE = f"{UPDATE}, Responses: shape; status and sentence assumed"

_PRINTED = b"""{
"success": false,
"message": "Internal Server Error",
"error": "Internal Server Error"
}"""


def _other_shape(call: Call) -> str:
    form = call.choice_of("failure_shape")
    other = "is-updated-false" if form == "success-false" else "success-false"
    return f"--segmenter-failures {other} answers in the other documented form"


REFUSALS: Mapping[str, ErrorTemplate] = {
    "unauthorized": ErrorTemplate(403, "Access forbidden. Please provide a valid API token", MIDDLEWARE),
    "throttled": ErrorTemplate(429, "Too Many Requests", "assumed"),
    "too_many_items": ErrorTemplate(429, "At most {limit} items are allowed", "assumed"),
    "not_manageable": ErrorTemplate(405, "Method Not Allowed", "assumed"),
    "malformed": ErrorTemplate(400, "Bad Request", _SHAPE, hint=_other_shape),
    "too_large": ErrorTemplate(413, "Request body too large", "assumed"),
    "not_found": ErrorTemplate(404, "id: no segment has the id {id}", _SHAPE, hint=_other_shape),
    "no_such_operation": ErrorTemplate(404, "Cannot {method} {path}", "assumed"),
    "no_such_method": ErrorTemplate(405, "Cannot {method} {path}", "assumed"),
    "broken": ErrorTemplate(500, "Internal Server Error", f"{UPDATE}, Responses", page=_PRINTED),
}
ERROR_SCHEMAS = {**dict.fromkeys(REFUSALS, Failed()), "unauthorized": Forbidden()}
_NOT_UPDATED = ("malformed", "not_found")


def render_error(call: Call, row: ErrorTemplate, sentence: str, refusal: Refusal) -> tuple[int, Json]:
    """Return status and body of a refusal, in the form that ``--segmenter-failures`` selects."""
    if row is REFUSALS["unauthorized"]:
        return row.status, {"message": sentence}
    if call.operation.name == "create_segment":
        call.assume("create_failure_shape")
    if refusal.kind in _NOT_UPDATED and call.assume("failure_shape") == "is-updated-false":
        return 200, {"data": {"isUpdated": False}, "errorMessage": sentence}
    return row.status, {"success": False, "message": sentence, "error": reason(row.status)}


def details(call: Call) -> Mapping[str, object]:
    """Return the values of *call* for a refusal's sentence: the id of its segment."""
    try:
        body = call.json
    except Refusal:
        body = {}
    key = body.get("id") if isinstance(body, dict) else None
    return {"id": repr(str(call.arguments.get("id") or key or ""))}
