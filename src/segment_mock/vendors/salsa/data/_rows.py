"""What the rows of a data file look like: stricter than the API, so that a slip is told."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from ....clock import iso, seconds
from ....core import DataRow
from ..operations._common import MANAGED
from ..records import completed, without_nulls
from ..schemas import CONTACTS, TEXTS, TYPES, uuid
from ._tables import DAWN


class Dated(fields.String):
    """A time as ISO 8601 text, kept in the one form that replies have."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        try:
            return iso(seconds(text))
        except ValueError as error:
            raise ValidationError(f"{error}.") from None


class SegmentRow(DataRow):
    """A group in a data file."""

    segmentId = fields.String(validate=uuid)
    name = fields.String(required=True, validate=validate.Length(1, 64))
    description = fields.String(validate=validate.Length(max=256))
    externalSystemId = fields.String(validate=validate.Length(max=100))
    type = fields.String(load_default=MANAGED, validate=validate.OneOf(TYPES))
    mailingList = fields.Boolean()
    publicName = fields.String()
    publicDescription = fields.String()
    parameterName = fields.String()


class ContactRow(DataRow):
    """One way to reach a supporter."""

    type = fields.String(required=True, validate=validate.OneOf(CONTACTS))
    value = fields.String()
    status = fields.String()
    smsStatus = fields.String()


class SupporterRow(DataRow.from_dict({name: fields.String() for name in TEXTS})):  # type: ignore[misc]
    """A supporter in a data file."""

    shapes = (without_nulls, completed)
    supporterId = fields.String(validate=uuid)
    createdDate = Dated(load_default=DAWN)
    lastModified = Dated(load_default=DAWN)
    readOnly = fields.Boolean(load_default=False)
    address = fields.Dict(load_default=dict)
    contacts = fields.List(fields.Nested(ContactRow()), load_default=list)
    customFieldValues = fields.List(fields.Dict(), load_default=list)


class MembershipRow(DataRow):
    """The supporters of one group: ids, external ids, names or e-mails, or a mapping with a date."""

    segment = fields.String(required=True)
    supporters = fields.List(fields.Raw(), required=True)


class JoinedRow(DataRow):
    """A member who tells when they joined."""

    supporter = fields.String(required=True)
    joinedDate = Dated(load_default=DAWN)
