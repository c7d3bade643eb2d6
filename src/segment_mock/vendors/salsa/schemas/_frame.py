"""The frame of every body: what clients send around a payload, and what comes back around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, validate

from ....clock import iso, seconds
from ....core import Call, Json, RequestSchema, known

DOCUMENT = "Salsa Engage, API - Groups Data Detail"
RECORDED = known("recorded by the vendor's own tests")
CLIENT = known("recorded by a public client")
SUPPORTER_DATA = known("Salsa Engage, Supporter Data")
SERVER_ID = "segment-mock"
_IDS = ("segmentId", "supporterId", "externalSystemId")
_DIGITS = re.compile(r"\s*[+-]?[0-9]{1,100}\s*").fullmatch
_BODY = known(f"{DOCUMENT}, Request Body Format")
_REPLY = known(f"{DOCUMENT}, Response Body Format")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


class Whole(fields.Integer):
    """A whole number, also as a string, as PHP clients send it."""

    as_schema: ClassVar[Json] = {
        "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\s*(\+?[0-9]{1,100}|-0{1,100})\s*$"}]
    }

    def _validated(self, value: Any) -> int:
        # Python reads "1_0" and digits of other scripts as numbers too.
        if (isinstance(value, float) and not value.is_integer()) or (isinstance(value, str) and not _DIGITS(value)):
            raise self.make_error("invalid", input=value)
        number: int = super()._validated(value)
        return number


class Moment(fields.Field):  # type: ignore[type-arg]  # not generic in marshmallow 3
    """A time as ISO 8601 text, read as seconds since the epoch."""

    as_schema: ClassVar[Json] = {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> float:
        try:
            return seconds(str(value))
        except ValueError as error:
            raise ValidationError(f"{error}.") from None


def text_ids(collection: str) -> Callable[[Json], Json]:
    """Return a shape of a payload that takes numbers as text where *collection*'s items have ids."""

    def shape(payload: Json) -> Json:
        items = payload[collection]
        if not any(type(item.get(name)) is int for item in items for name in _IDS):
            return payload
        return {**payload, collection: [_with_text_ids(item) for item in items]}

    return shape


def _with_text_ids(item: Json) -> Json:
    return {**item, **{name: str(item[name]) for name in _IDS if type(item.get(name)) is int}}


def frame(payload: Schema) -> Schema:
    """Return the schema of a request's whole body around *payload*."""
    members = {
        "id": fields.Raw(allow_none=True, **CLIENT),
        "header": fields.Nested(Header(), allow_none=True, **_BODY),
        "payload": fields.Nested(payload, required=True, **_BODY),
    }
    return RequestSchema.from_dict(members, name=f"{type(payload).__name__}Body")()


class Header(RequestSchema):
    """What a client may send along; only ``refId`` comes back."""

    refId = fields.Raw(allow_none=True, **_BODY)
    batchId = fields.Raw(allow_none=True, **CLIENT)
    userData = fields.Raw(allow_none=True, **CLIENT)


class Paging(RequestSchema):
    """Where a page begins and how long it is; both may be null or strings."""

    offset = Whole(allow_none=True, validate=validate.Range(min=0), **_BODY)
    count = Whole(allow_none=True, validate=validate.Range(min=0), **_BODY)


class ReplyHeader(Schema):
    """How the vendor answered; ``refId`` only if the request had one."""

    refId = fields.Raw(**RECORDED)
    processingTime = fields.Integer(required=True, **RECORDED)
    serverId = fields.String(required=True, **RECORDED)


def _envelope() -> dict[str, fields.Field[Any]]:
    return {
        "id": fields.UUID(required=True, **RECORDED),
        "timestamp": fields.String(required=True, **RECORDED),
        "header": fields.Nested(ReplyHeader(), required=True, **RECORDED),
    }


def reply(payload: Schema) -> Schema:
    """Return the schema of a reply's whole body around *payload*."""
    members: dict[str, fields.Field[Any]] = {
        **_envelope(),
        "payload": fields.Nested(payload, required=True, **_REPLY),
    }
    return Schema.from_dict(members, name=f"{type(payload).__name__}Reply")()


def refused(error: Schema) -> Schema:
    """Return the schema of the whole body of a call that is refused, each of its errors an *error*."""
    errors = fields.List(fields.Nested(error), required=True, **CLIENT)
    return Schema.from_dict({**_envelope(), "errors": errors}, name="Refused")()


def envelope(call: Call) -> Json:
    """Return the members that every reply begins with."""
    world, ref = call.world, call.header.get("refId")
    now = world.clock.now()
    header = {"processingTime": max(0, round((now - call.arrived) * 1000)), "serverId": SERVER_ID}
    if ref is not None:
        header = {"refId": ref, **header}
    return {"id": world.uuid("salsa.replies"), "timestamp": iso(now), "header": header}


def wrap(call: Call, payload: Json) -> Json:
    """Return a whole successful reply."""
    return {**envelope(call), "payload": payload}
