"""What Salsa's bodies look like: frames, groups, supporters, and the order of their members."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from ...contract import Batch, Call, Json

DOCUMENT = "Salsa Engage, API - Groups Data Detail"
SERVER_ID = "segment-mock"
TYPES = ("INTEGRATED", "DEFAULT", "CUSTOM")
RESULTS = (
    "ADDED", "UPDATED", "DELETED", "FOUND", "NOT_FOUND", "VALIDATION_ERROR", "SYSTEM_ERROR", "NOT_ALLOWED",
)  # fmt: skip
SEGMENT_ORDER = (
    "segmentId", "name", "description", "totalMembers", "type", "result", "externalSystemId",
    "mailingList", "publicName", "publicDescription", "parameterName", "errors",
)  # fmt: skip
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


class Lenient(Schema):
    """Reads what it knows and leaves the rest, as the vendor does."""

    class Meta:
        unknown = EXCLUDE


class Whole(fields.Integer):
    """A whole number, also as a string, as PHP clients send it."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, float) and not value.is_integer():
            raise self.make_error("invalid", input=value)
        number: int = super()._validated(value)
        return number


class Identifier(fields.Field[Any]):
    """An id as the client wrote it: text, or a number where a client forgot the quotes."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str | int:
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return value
        raise ValidationError("Not a valid identifier.")


def frame(payload: Schema) -> Schema:
    """Return the schema of a request's whole body around *payload*."""
    members = {
        "id": fields.Raw(allow_none=True),
        "header": fields.Nested(Header(), allow_none=True),
        "payload": fields.Nested(payload, required=True),
    }
    return Lenient.from_dict(members, name=f"{type(payload).__name__}Body")()


class Header(Lenient):
    """What a client may send along; only ``refId`` comes back."""

    refId = fields.Raw(allow_none=True)
    batchId = fields.Raw(allow_none=True)
    userData = fields.Raw(allow_none=True)


class Paging(Lenient):
    """Where a page begins and how long it is; both may be null or strings."""

    offset = Whole(allow_none=True, validate=validate.Range(min=0))
    count = Whole(allow_none=True, validate=validate.Range(min=0))


class SearchSegments(Paging):
    """All groups by page, or those with given ids of one kind."""

    identifiers = fields.List(Identifier(), allow_none=True)
    identifierType = fields.String(allow_none=True, validate=validate.OneOf(("SEGMENT_ID", "EXTERNAL_ID")))
    includeMemberCounts = fields.Boolean(allow_none=True)

    @validates_schema
    def _typed(self, data: Json, **_: Any) -> None:
        if data.get("identifiers") is not None and data.get("identifierType") is None:
            sentence = "Must be provided with 'identifiers': one of SEGMENT_ID, EXTERNAL_ID."
            raise ValidationError({"identifierType": [sentence]})


def _text(limit: int, **options: Any) -> fields.String:
    checks = [*options.pop("checks", ()), validate.Length(max=limit, error="too_long")]
    words: dict[str, Any] = {"required": "required", "null": "required", "invalid": "invalid"}
    return fields.String(validate=checks, error_messages=words, **options)


def _filled(value: str) -> None:
    if not value.strip():
        raise ValidationError("required")


uuid = validate.Regexp(_UUID, error="invalid")


class SegmentItem(Lenient):
    """A group as sent for adding or updating; its messages are rows of the table of item errors."""

    segmentId = _text(36, checks=[uuid], allow_none=True)
    name = _text(64, checks=[_filled], required=True)
    description = _text(256, allow_none=True)
    externalSystemId = _text(100, allow_none=True)


class SegmentKey(Lenient):
    """A group as sent for deletion."""

    segmentId = _text(36, checks=[uuid], required=True)


class UpsertSegments(Lenient):
    """The groups to add or update, in sequence."""

    segments = Batch(SegmentItem(), required=True)


class DeleteSegments(Lenient):
    """The groups to delete, in sequence."""

    segments = Batch(SegmentKey(), required=True)


class ItemError(Schema):
    """One thing wrong with one item."""

    id = fields.UUID(required=True)
    code = fields.Integer(required=True)
    message = fields.String(required=True)
    fieldName = fields.String()


class Segment(Schema):
    """A group in a reply."""

    segmentId = fields.Raw()
    name = fields.Raw()
    description = fields.Raw()
    totalMembers = fields.Integer()
    type = fields.String(validate=validate.OneOf(TYPES))
    result = fields.String(required=True, validate=validate.OneOf(RESULTS))
    externalSystemId = fields.Raw()
    mailingList = fields.Boolean()
    publicName = fields.String()
    publicDescription = fields.String()
    parameterName = fields.String()
    errors = fields.List(fields.Nested(ItemError()))


class Segments(Schema):
    """Groups in a reply; ``total`` and ``offset`` only where a search was asked."""

    total = fields.Integer()
    offset = fields.Integer()
    segments = fields.List(fields.Nested(Segment()), required=True)
    count = fields.Integer(required=True)


class ReplyHeader(Schema):
    """How the vendor answered; ``refId`` only if the request had one."""

    refId = fields.Raw()
    processingTime = fields.Integer(required=True)
    serverId = fields.String(required=True)


def reply(payload: Schema) -> Schema:
    """Return the schema of a reply's whole body around *payload*."""
    members: dict[str, fields.Field[Any]] = {
        "id": fields.UUID(required=True),
        "timestamp": fields.String(required=True),
        "header": fields.Nested(ReplyHeader(), required=True),
        "payload": fields.Nested(payload, required=True),
    }
    return Schema.from_dict(members, name=f"{type(payload).__name__}Reply")()


def envelope(call: Call) -> Json:
    """Return the members that every reply begins with."""
    clock, ref = call.world.clock, call.header.get("refId")
    now = clock.now()
    header = {} if ref is None else {"refId": ref}
    header |= {"processingTime": max(0, int((now - call.arrived) * 1000)), "serverId": SERVER_ID}
    return {"id": call.world.uuid("salsa.replies"), "timestamp": clock.iso(), "header": header}


def wrap(call: Call, payload: Json) -> Json:
    """Return a whole successful reply."""
    return {**envelope(call), "payload": payload}


def ordered(record: Json, order: tuple[str, ...] = SEGMENT_ORDER) -> Json:
    """Return *record* in the recorded order of members, nulls and members of no order left out."""
    return {name: record[name] for name in order if record.get(name) is not None}
