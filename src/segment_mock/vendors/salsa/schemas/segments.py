"""Groups as they are sent and answered."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ....core import Identifier, ItemList, RequestSchema, known
from ._frame import CLIENT, DOCUMENT, RECORDED, Paging, text_ids
from ._items import RESULTS, ItemFault, filled, text, uuid
from ._rules import Needs

TYPES = ("INTEGRATED", "DEFAULT", "CUSTOM")
SEGMENT_ORDER = (
    "segmentId", "name", "description", "totalMembers", "type", "result", "externalSystemId",
    "mailingList", "publicName", "publicDescription", "parameterName", "errors",
)  # fmt: skip
_SEARCH = known(f"{DOCUMENT}, Searching for Segments")
_ATTRIBUTES = known(f"{DOCUMENT}, Adding/Updating Segments")
_DELETED = known(f"{DOCUMENT}, Deleting Segments")
_FOUND = known(f"{DOCUMENT}, Response Body Format")
_IN_REPLIES = {
    name: fields.Raw(dump_only=True, **RECORDED)
    for name in ("totalMembers", "type", "result", "mailingList", "publicName", "publicDescription", "parameterName")
}
"""What a client that sends a group back as it was found sends along; nothing is read of it."""
_TYPED = "Must be provided with 'identifiers': one of SEGMENT_ID, EXTERNAL_ID."


class SearchSegments(Paging):
    """All groups by page, or those with given ids of one kind."""

    rules = (Needs("identifiers", "identifierType", _TYPED),)
    identifiers = fields.List(Identifier(), allow_none=True, **_SEARCH)
    identifierType = fields.String(allow_none=True, validate=validate.OneOf(("SEGMENT_ID", "EXTERNAL_ID")), **_SEARCH)
    includeMemberCounts = fields.Boolean(allow_none=True, **RECORDED)


class SegmentItem(RequestSchema.from_dict(_IN_REPLIES)):  # type: ignore[misc]
    """A group as sent for adding or updating; its messages are rows of the table of item errors."""

    segmentId = text(36, checks=[uuid], allow_none=True, **_ATTRIBUTES)
    name = text(64, checks=[filled], required=True, **_ATTRIBUTES)
    description = text(256, allow_none=True, **_ATTRIBUTES)
    externalSystemId = text(100, allow_none=True, **_ATTRIBUTES)


class SegmentKey(RequestSchema.from_dict(_IN_REPLIES)):  # type: ignore[misc]
    """A group as sent for deletion."""

    segmentId = text(36, checks=[uuid], required=True, **_DELETED)
    name = fields.Raw(dump_only=True, **_ATTRIBUTES)
    description = fields.Raw(dump_only=True, **_ATTRIBUTES)
    externalSystemId = fields.Raw(dump_only=True, **_ATTRIBUTES)


class UpsertSegments(RequestSchema):
    """The groups to add or update, in sequence."""

    shapes = (text_ids("segments"),)
    segments = ItemList(SegmentItem(), required=True, **_ATTRIBUTES)


class DeleteSegments(RequestSchema):
    """The groups to delete, in sequence."""

    shapes = (text_ids("segments"),)
    segments = ItemList(SegmentKey(), required=True, **_DELETED)


class Segment(Schema):
    """A group in a reply."""

    segmentId = fields.Raw(**_FOUND)
    name = fields.Raw(**_FOUND)
    description = fields.Raw(**_FOUND)
    totalMembers = fields.Integer(**_FOUND)
    type = fields.String(validate=validate.OneOf(TYPES), **RECORDED)
    result = fields.String(required=True, validate=validate.OneOf(RESULTS), **_ATTRIBUTES)
    externalSystemId = fields.Raw(**_FOUND)
    mailingList = fields.Boolean(**CLIENT)
    publicName = fields.String(**CLIENT)
    publicDescription = fields.String(**CLIENT)
    parameterName = fields.String(**CLIENT)
    errors = fields.List(fields.Nested(ItemFault()), **known(f"{DOCUMENT}, Create/Update Response Example"))


class Segments(Schema):
    """Groups in a reply; ``total`` and ``offset`` only where a search was asked."""

    total = fields.Integer(**_FOUND)
    offset = fields.Integer(**_FOUND)
    segments = fields.List(fields.Nested(Segment()), required=True, **_FOUND)
    count = fields.Integer(required=True, **_FOUND)
