"""Groups as they are sent and answered."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate

from ....contract import Batch, Json, Lenient
from ._frame import Identifier, Paging
from ._items import RESULTS, ItemFault, filled, text, uuid

TYPES = ("INTEGRATED", "DEFAULT", "CUSTOM")
SEGMENT_ORDER = (
    "segmentId", "name", "description", "totalMembers", "type", "result", "externalSystemId",
    "mailingList", "publicName", "publicDescription", "parameterName", "errors",
)  # fmt: skip


def _typed(data: Json) -> None:
    if data.get("identifiers") is not None and data.get("identifierType") is None:
        sentence = "Must be provided with 'identifiers': one of SEGMENT_ID, EXTERNAL_ID."
        raise ValidationError({"identifierType": [sentence]})


class SearchSegments(Paging):
    """All groups by page, or those with given ids of one kind."""

    rules = (_typed,)
    identifiers = fields.List(Identifier(), allow_none=True)
    identifierType = fields.String(allow_none=True, validate=validate.OneOf(("SEGMENT_ID", "EXTERNAL_ID")))
    includeMemberCounts = fields.Boolean(allow_none=True)


class SegmentItem(Lenient):
    """A group as sent for adding or updating; its messages are rows of the table of item errors."""

    segmentId = text(36, checks=[uuid], allow_none=True)
    name = text(64, checks=[filled], required=True)
    description = text(256, allow_none=True)
    externalSystemId = text(100, allow_none=True)


class SegmentKey(Lenient):
    """A group as sent for deletion."""

    segmentId = text(36, checks=[uuid], required=True)


class UpsertSegments(Lenient):
    """The groups to add or update, in sequence."""

    segments = Batch(SegmentItem(), required=True)


class DeleteSegments(Lenient):
    """The groups to delete, in sequence."""

    segments = Batch(SegmentKey(), required=True)


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
    errors = fields.List(fields.Nested(ItemFault()))


class Segments(Schema):
    """Groups in a reply; ``total`` and ``offset`` only where a search was asked."""

    total = fields.Integer()
    offset = fields.Integer()
    segments = fields.List(fields.Nested(Segment()), required=True)
    count = fields.Integer(required=True)
