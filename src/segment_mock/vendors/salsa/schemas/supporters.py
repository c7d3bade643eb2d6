"""Supporters, and their membership in groups, as they are sent and answered."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ....core import Identifier, ItemList, Json, RequestSchema, known
from ._frame import CLIENT, RECORDED, SUPPORTER_DATA, Moment, Paging, text_ids
from ._items import RESULTS, WORDS, Coordinate, ItemFault, Scalar, iso_date, text, uuid
from ._rules import Either, Needs
from .segments import Segment

TEXTS = (
    "title", "firstName", "middleName", "lastName", "suffix", "dateOfBirth", "gender", "externalSystemId",
)  # fmt: skip
SUPPORTER_ORDER = (
    "readOnly", "supporterId", *TEXTS[:7], "createdDate", "lastModified", "externalSystemId", "address", "contacts",
    "customFieldValues", "result", "errors",
)  # fmt: skip
BELONGING_ORDER = ("supporterId", "externalSystemId", "contacts", "segments", "result", "errors")
CONTACTS = ("EMAIL", "HOME_PHONE", "CELL_PHONE", "WORK_PHONE", "FACEBOOK_ID", "TWITTER_ID", "LINKEDIN_ID")
STATUSES = ("OPT_IN", "OPT_OUT", "HARD_BOUNCE")
GENDERS = ("MALE", "FEMALE", "OTHER")
LENGTH = 255
"""How long a text of a supporter may be; the vendor checks lengths, but publishes none."""
ADDRESS = (
    "addressLine1", "addressLine2", "city", "state", "postalCode", "county", "country", "federalHouseDistrict",
    "stateHouseDistrict", "stateSenateDistrict", "countyDistrict", "municipalityDistrict", "lattitude", "longitude",
)  # fmt: skip


class SearchMembers(Paging):
    """The members of one group by page, or those among given supporters."""

    segmentId = Identifier(required=True, **RECORDED)
    supporterIds = fields.List(Identifier(), allow_none=True, **RECORDED)
    joinedSince = Moment(allow_none=True, **CLIENT)
    sortOrder = fields.Raw(allow_none=True, **CLIENT)


class Membership(RequestSchema):
    """Supporters to assign to a group or to remove from it."""

    segmentId = Identifier(required=True, **RECORDED)
    supporterIds = fields.List(Identifier(), required=True, **RECORDED)


_KINDS = ("SUPPORTER_ID", "EXTERNAL_ID", "EMAIL_ADDRESS")


class SearchSupporters(Paging):
    """Supporters with given ids of one kind, or modified within a time, by page."""

    rules = (
        Either("identifiers", "modifiedFrom", "Either 'modifiedFrom' or 'identifiers' must be provided."),
        Needs("identifiers", "identifierType", "Must be provided with 'identifiers'."),
    )
    identifiers = fields.List(Identifier(), allow_none=True, **SUPPORTER_DATA)
    modifiedFrom = Moment(allow_none=True, **SUPPORTER_DATA)
    modifiedTo = Moment(allow_none=True, **SUPPORTER_DATA)
    identifierType = fields.String(allow_none=True, validate=validate.OneOf(_KINDS), **SUPPORTER_DATA)


def _in_replies(*names: str) -> dict[str, fields.Field[Any]]:
    """Return members of replies: a client that sends a record back as it was found may send them, to no effect."""
    return {name: fields.Raw(dump_only=True, **RECORDED) for name in names}


class _EmailSyntax:
    """The value of an EMAIL contact must be an e-mail address."""

    def __init__(self) -> None:
        self._check = validate.Email(error="invalid")

    def __call__(self, contact: Json) -> None:
        """Raise ValidationError where the value is none."""
        if contact["type"] != "EMAIL" or ("value" in contact and contact["value"] is None):
            return
        value = contact.get("value") or ""
        try:
            self._check(value)
        except ValidationError:
            raise ValidationError({"value": ["invalid" if value.strip() else "required"]}) from None

    def as_schema(self) -> Json:
        """Return the rule in JSON Schema."""
        other = {"properties": {"type": {"not": {"const": "EMAIL"}}}}
        email = {"required": ["value"], "properties": {"value": {"type": ["string", "null"], "format": "email"}}}
        return {"anyOf": [other, email]}


class _Named:
    """A custom field must have a name, or the id of a known field."""

    def __call__(self, field: Json) -> None:
        """Raise ValidationError where both are missing."""
        if not field.get("name") and not field.get("fieldId"):
            raise ValidationError({"name": ["required"]})

    def as_schema(self) -> Json:
        """Return the rule in JSON Schema."""
        return {"anyOf": [{"required": ["name"]}, {"required": ["fieldId"]}]}


class Contact(RequestSchema.from_dict(_in_replies("errors"))):  # type: ignore[misc]
    """One way to reach a supporter."""

    rules = (_EmailSyntax(),)
    type = text(required=True, checks=[validate.OneOf(CONTACTS, error="invalid")], **RECORDED)
    value = text(LENGTH, allow_none=True, **RECORDED)
    status = text(allow_none=True, checks=[validate.OneOf(STATUSES, error="invalid")], **RECORDED)
    smsStatus = text(LENGTH, allow_none=True, **CLIENT)


_ADDRESS = {name: text(LENGTH, allow_none=True, **RECORDED) for name in ADDRESS}


class Address(RequestSchema.from_dict(_ADDRESS | _in_replies("errors"))):  # type: ignore[misc]
    """Where a supporter lives."""

    addressLine3 = text(LENGTH, allow_none=True, **CLIENT)
    postalCode = Scalar(
        allow_none=True, validate=validate.Length(max=LENGTH, error="too_long"), error_messages=WORDS, **RECORDED
    )
    lattitude = Coordinate(allow_none=True, error_messages=WORDS, **RECORDED)
    longitude = Coordinate(allow_none=True, error_messages=WORDS, **RECORDED)
    status = text(LENGTH, allow_none=True, **CLIENT)
    optInDate = text(allow_none=True, checks=[iso_date], **CLIENT)


class CustomField(RequestSchema.from_dict(_in_replies("errors"))):  # type: ignore[misc]
    """The value of a field that the organization has defined."""

    rules = (_Named(),)
    fieldId = Identifier(allow_none=True, error_messages=WORDS, **RECORDED)
    name = text(LENGTH, allow_none=True, **RECORDED)
    value = Scalar(allow_none=True, error_messages=WORDS, **RECORDED)
    type = text(LENGTH, allow_none=True, **RECORDED)
    optInDate = text(allow_none=True, checks=[iso_date], **CLIENT)
    optOutDate = text(allow_none=True, checks=[iso_date], **CLIENT)


_READ_ONLY = ("readOnly", "createdDate", "lastModified", "result", "errors")


_TEXTS = {name: text(LENGTH, allow_none=True, **RECORDED) for name in TEXTS}


class SupporterItem(RequestSchema.from_dict(_TEXTS | _in_replies(*_READ_ONLY))):  # type: ignore[misc]
    """A supporter as sent for adding or updating."""

    supporterId = text(36, checks=[uuid], allow_none=True, **SUPPORTER_DATA)
    dateOfBirth = text(allow_none=True, checks=[iso_date], **RECORDED)
    gender = text(allow_none=True, checks=[validate.OneOf(GENDERS, error="invalid")], **RECORDED)
    externalSystemId = text(100, allow_none=True, **RECORDED)
    address = fields.Nested(Address(), allow_none=True, error_messages=WORDS, **RECORDED)
    contacts = fields.List(
        fields.Nested(Contact(), error_messages=WORDS), allow_none=True, error_messages=WORDS, **SUPPORTER_DATA
    )
    customFieldValues = fields.List(
        fields.Nested(CustomField(), error_messages=WORDS), allow_none=True, error_messages=WORDS, **RECORDED
    )


class SupporterKey(
    RequestSchema.from_dict(_in_replies(*_READ_ONLY, *TEXTS, "address", "contacts", "customFieldValues"))  # type: ignore[misc]
):
    """A supporter as sent for deletion."""

    supporterId = text(36, checks=[uuid], required=True, **RECORDED)


class UpsertSupporters(RequestSchema):
    """The supporters to add or update, in sequence."""

    shapes = (text_ids("supporters"),)
    supporters = ItemList(SupporterItem(), required=True, **SUPPORTER_DATA)


class DeleteSupporters(RequestSchema):
    """The supporters to delete, in sequence."""

    shapes = (text_ids("supporters"),)
    supporters = ItemList(SupporterKey(), required=True, **RECORDED)


class Supporter(Schema.from_dict({name: fields.Raw(**RECORDED) for name in SUPPORTER_ORDER})):  # type: ignore[misc]
    """A supporter in a reply."""

    result = fields.String(required=True, validate=validate.OneOf(RESULTS), **RECORDED)
    errors = fields.List(fields.Nested(ItemFault()), **CLIENT)


class Supporters(Schema):
    """Supporters in a reply; ``total`` and ``offset`` only where a search by page has them."""

    total = fields.Integer(**RECORDED)
    offset = fields.Integer(**RECORDED)
    supporters = fields.List(fields.Nested(Supporter()), required=True, **RECORDED)
    count = fields.Integer(required=True, **RECORDED)


class Belonging(Schema):
    """The groups of one supporter."""

    supporterId = fields.Raw(**CLIENT)
    externalSystemId = fields.Raw(**known("assumed"))
    contacts = fields.Raw(**known("assumed"))
    segments = fields.List(fields.Nested(Segment()), **CLIENT)
    result = fields.String(required=True, validate=validate.OneOf(RESULTS), **CLIENT)
    errors = fields.List(fields.Nested(ItemFault()), **known("assumed"))


class Belongings(Schema):
    """The groups of several supporters; ``count`` is of supporters."""

    results = fields.List(fields.Nested(Belonging()), required=True, **CLIENT)
    count = fields.Integer(required=True, **CLIENT)
