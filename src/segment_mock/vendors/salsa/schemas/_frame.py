"""The frame of every body: what clients send around a payload, and what comes back around it."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ....clock import seconds
from ....contract import Call, Json, Lenient

DOCUMENT = "Salsa Engage, API - Groups Data Detail"
SERVER_ID = "segment-mock"
_DIGITS = re.compile(r"\s*[+-]?[0-9]{1,100}\s*").fullmatch
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


class Whole(fields.Integer):
    """A whole number, also as a string, as PHP clients send it."""

    def _validated(self, value: Any) -> int:
        # Python reads "1_0" and digits of other scripts as numbers too.
        if (isinstance(value, float) and not value.is_integer()) or (isinstance(value, str) and not _DIGITS(value)):
            raise self.make_error("invalid", input=value)
        number: int = super()._validated(value)
        return number


class Identifier(fields.Field[Any]):
    """An id as the client wrote it: text, or a number where a client forgot the quotes."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str | int:
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return value
        raise ValidationError("Not a valid identifier.")


class Moment(fields.Field[float]):
    """A time as ISO 8601 text, read as seconds since the epoch."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> float:
        try:
            return seconds(str(value))
        except ValueError as error:
            raise ValidationError(f"{error}.") from None


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
    header |= {"processingTime": max(0, round((now - call.arrived) * 1000)), "serverId": SERVER_ID}
    return {"id": call.world.uuid("salsa.replies"), "timestamp": clock.iso(), "header": header}


def wrap(call: Call, payload: Json) -> Json:
    """Return a whole successful reply."""
    return {**envelope(call), "payload": payload}
