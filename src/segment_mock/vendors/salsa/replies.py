"""Parts of Salsa's responses: the envelope, the results of a batch, and the errors of a call or an item."""

from __future__ import annotations

from typing import Any, cast

from marshmallow import Schema, ValidationError, validate

from ...clock import iso
from ...core import (
    Call,
    ErrorTemplate,
    ItemFailure,
    Json,
    Refusal,
    Validator,
    choice_hints,
    doubt,
    flatten_errors,
)
from .errors import ITEM_ERRORS, SYSTEM_ERROR
from .schemas import IDS, SERVER_ID, Order

_READ_ONLY = ("type", "totalMembers", "errors", "readOnly", "createdDate", "lastModified")


def wrap(call: Call, content: Any, member: str = "payload") -> Json:
    """Return the whole body of a response, with *content* as its *member*: ``errors`` if the call is refused."""
    try:
        body = call.json
    except Refusal:
        body = None
    request_header = body.get("header") if isinstance(body, dict) else None
    ref = request_header.get("refId") if isinstance(request_header, dict) else None
    world = call.world
    now = world.clock.now()
    header = {"processingTime": max(0, round((now - call.arrived) * 1000)), "serverId": SERVER_ID}
    if ref is not None:
        header = {"refId": ref, **header}
    return {"id": world.new_id("salsa.replies"), "timestamp": iso(now), "header": header, member: content}


def ordered(order: Order, record: Json, **others: Any) -> Json:
    """Return the members of *record* and *others* without nulls, in the recorded *order*, which has all of them."""
    members = {**order, **record, **others}
    for name in order:
        if members[name] is None:
            del members[name]
    return members


def batch_response(call: Call, name: str, items: list[Json]) -> Json:
    """Return *items* with their count, as in every response to a batch."""
    if not items:
        call.assume("empty_page")
    # Loading converts numbers to text, so a request that loading did not change has no numbers.
    if call.data is not call.json and _has_numeric_ids(call.vendor.unwrap(call.json)):
        call.assume("numeric_ids")
    return {name: items, "count": len(items)}


def _has_numeric_ids(payload: Json) -> bool:
    rows = [payload, *(payload.get("segments") or payload.get("supporters") or ())]
    ids = [*(payload.get("identifiers") or payload.get("supporterIds") or ())]
    return int in map(type, ids) or int in [type(row.get(name)) for row in rows for name in IDS]


def not_found(call: Call, kind: str, identifier: Any) -> Json:
    """Return the result for an unknown *identifier* of *kind*, with the identifier as sent."""
    if kind == "EMAIL_ADDRESS":
        call.assume("unknown_email")
    elif kind != "EXTERNAL_ID" and str(identifier) != str(identifier).lower():
        call.assume("unknown_id_echo")
    return {**identifier_member(kind, identifier), "result": "NOT_FOUND"}


def identifier_member(kind: str, identifier: Any) -> Json:
    """Return the member by which a response repeats an *identifier* of *kind*."""
    members: Json = {
        "SEGMENT_ID": {"segmentId": identifier},
        "SUPPORTER_ID": {"supporterId": identifier},
        "EXTERNAL_ID": {"externalSystemId": identifier},
        "EMAIL_ADDRESS": {"contacts": [{"type": "EMAIL", "value": identifier}]},
    }
    return cast("Json", members[kind])


def render_error(call: Call, row: ErrorTemplate, sentence: str, refusal: Refusal) -> tuple[int, Json]:
    """Return status and body of a refused call: errors and no payload."""
    error = _error(call, row.code or row.status, sentence, (refusal.field or row.field).rpartition(".")[2])
    return row.status, wrap(call, [error], "errors")


class ItemValidator(Validator):
    """A validator of the items of a batch; *limits* are the maximum lengths of their texts."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        checks = [(name, check) for name, row in schema.fields.items() for check in row.validators]
        self.limits = {
            name: check.max for name, check in checks if isinstance(check, validate.Length) and check.max is not None
        }


def load_item(call: Call, validator: ItemValidator, item: Json) -> tuple[Json, list[tuple[str, str]]]:
    """Return *item* as loaded, and path and name of each of its errors, in the order of the schema."""
    try:
        loaded: Json = validator.load(item, [])
    except ValidationError:
        call.hints += choice_hints(validator.schema, item)
        messages = flatten_errors(validator.schema.validate(item))
        return item, [(field, kind if kind in ITEM_ERRORS else "invalid") for field, kind in messages]
    for name, limit in validator.limits.items():
        text = loaded.get(name)
        # Only characters beyond the Basic Multilingual Plane count twice in UTF-16.
        if isinstance(text, str) and not text.isascii() and len(text) + sum(char > "\uffff" for char in text) > limit:
            call.assume("text_length")
    return loaded, []


def item_error(call: Call, kind: str, field: str, details: str = "") -> Json:
    """Return the error of *kind* for *field* of an item."""
    row = ITEM_ERRORS[kind]
    if assumption := doubt(row.source):
        call.note_assumed(f"{kind}: {assumption}")
    return _error(call, row.code, row.message, field, details)


def fail_item(order: Order, call: Call, item: Json, failure: ItemFailure) -> Json:
    """Return the result of *item*, which a fault makes fail."""
    own_members = {name: value for name, value in item.items() if name in order and name not in _READ_ONLY}
    failed = ordered(order, own_members, result=failure.result)
    if failure.result in ("VALIDATION_ERROR", "SYSTEM_ERROR"):
        row = ITEM_ERRORS["invalid"] if failure.result == "VALIDATION_ERROR" else SYSTEM_ERROR
        failed["errors"] = [_error(call, row.code, failure.message or row.message, "")]
    return failed


def _error(call: Call, code: int, message: str, field: str, details: str = "") -> Json:
    error = {"id": call.world.new_id("salsa.errors"), "code": code, "message": message}
    if details:
        error["details"] = details
    return {**error, "fieldName": field} if field else error
