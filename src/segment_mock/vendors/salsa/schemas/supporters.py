"""Supporters, and their membership in groups, as they are sent and answered."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate

from ....core import Identifier, ItemList, Json, RequestSchema, known
from ._frame import CLIENT, RECORDED, SUPPORTER_DATA, Moment, Paging, text_ids
from ._items import RESULTS, ItemFault, text, uuid
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


class Contact(RequestSchema):
    """One way to reach a supporter."""

    type = text(required=True, checks=[validate.OneOf(CONTACTS, error="invalid")], **RECORDED)
    value = text(allow_none=True, **RECORDED)
    status = text(allow_none=True, checks=[validate.OneOf(STATUSES, error="invalid")], **RECORDED)


Address = RequestSchema.from_dict({name: fields.Raw(allow_none=True, **RECORDED) for name in ADDRESS}, name="Address")


def _reachable(contacts: list[Json]) -> None:
    if not any(contact["type"] == "EMAIL" and contact.get("value") for contact in contacts):
        raise ValidationError("required")


class SupporterItem(RequestSchema.from_dict({name: text(allow_none=True, **RECORDED) for name in TEXTS})):  # type: ignore[misc]
    """A supporter as sent for adding or updating; an e-mail address is required."""

    supporterId = text(36, checks=[uuid], allow_none=True, **SUPPORTER_DATA)
    address = fields.Nested(Address(), allow_none=True, error_messages={"type": "invalid"}, **RECORDED)
    contacts = fields.List(
        fields.Nested(Contact(), error_messages={"type": "invalid"}),
        required=True,
        validate=_reachable,
        error_messages={"required": "required", "null": "required", "invalid": "invalid"},
        **SUPPORTER_DATA,
    )
    customFieldValues = fields.List(fields.Dict(error_messages={"invalid": "invalid"}), allow_none=True, **RECORDED)


class SupporterKey(RequestSchema):
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
