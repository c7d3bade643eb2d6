"""The schemas of Salsa's bodies: their envelope, groups, supporters and the errors of items."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from marshmallow import Schema, ValidationError, fields, validate

from ...clock import seconds
from ...core import Identifier, ItemList, Json, NotBlank, RequestSchema, known

DOCUMENT = "Salsa Engage, API - Groups Data Detail"
RECORDED = known("recorded by the vendor's own tests")
CLIENT = known("recorded by a public client")
SUPPORTER_DATA = known("Salsa Engage, Supporter Data")
_BODY = known(f"{DOCUMENT}, Request Body Format")
_RESPONSE = known(f"{DOCUMENT}, Response Body Format")
_ERROR = known(f"{DOCUMENT}, Create/Update Response Example")
_SEARCH = known(f"{DOCUMENT}, Searching for Segments")
_ATTRIBUTES = known(f"{DOCUMENT}, Adding/Updating Segments")
_DELETED = known(f"{DOCUMENT}, Deleting Segments")

SERVER_ID = "segment-mock"
RESULTS = (
    "ADDED", "UPDATED", "DELETED", "FOUND", "NOT_FOUND", "VALIDATION_ERROR", "SYSTEM_ERROR", "NOT_ALLOWED",
)  # fmt: skip
Order: TypeAlias = Mapping[str, None]
"""The members of an object in a response, in the recorded order."""
TYPES = ("INTEGRATED", "DEFAULT", "CUSTOM")
SEGMENT_ORDER: Order = dict.fromkeys((
    "segmentId", "name", "description", "totalMembers", "type", "result", "externalSystemId",
    "mailingList", "publicName", "publicDescription", "parameterName", "errors",
))  # fmt: skip
TEXTS = (
    "title", "firstName", "middleName", "lastName", "suffix", "dateOfBirth", "gender", "externalSystemId",
)  # fmt: skip
SUPPORTER_ORDER: Order = dict.fromkeys((
    "readOnly", "supporterId", *TEXTS[:7], "createdDate", "lastModified", "externalSystemId", "address", "contacts",
    "customFieldValues", "result", "errors",
))  # fmt: skip
BELONGING_ORDER: Order = dict.fromkeys(("supporterId", "externalSystemId", "contacts", "segments", "result", "errors"))
CONTACTS = ("EMAIL", "HOME_PHONE", "CELL_PHONE", "WORK_PHONE", "FACEBOOK_ID", "TWITTER_ID", "LINKEDIN_ID")
STATUSES = ("OPT_IN", "OPT_OUT", "HARD_BOUNCE")
GENDERS = ("MALE", "FEMALE", "OTHER")
LENGTH = 255
"""The longest text of a supporter; the vendor checks lengths, but does not publish them."""
ADDRESS = (
    "addressLine1", "addressLine2", "city", "state", "postalCode", "county", "country", "federalHouseDistrict",
    "stateHouseDistrict", "stateSenateDistrict", "countyDistrict", "municipalityDistrict", "lattitude", "longitude",
)  # fmt: skip

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_DIGITS = re.compile(r"\s*[+-]?[0-9]{1,100}\s*").fullmatch
IDS = ("segmentId", "supporterId", "externalSystemId")
_GIVEN: Json = {"not": {"type": "null"}}
MESSAGES: dict[str, Any] = {"required": "required", "null": "required", "invalid": "invalid", "type": "invalid"}
"""marshmallow's messages as the names of item errors."""


# Kinds of fields


class WholeNumber(fields.Integer):
    """A whole number, also as a string, which PHP clients send."""

    as_schema: ClassVar[Json] = {
        "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\s*(\+?[0-9]{1,100}|-0{1,100})\s*$"}]
    }
    words = "integer, or its digits as a string"

    def _validated(self, value: Any) -> int:
        # Python also reads "1_0" and digits of other scripts as numbers.
        if (isinstance(value, float) and not value.is_integer()) or (isinstance(value, str) and not _DIGITS(value)):
            raise self.make_error("invalid", input=value)
        number: int = super()._validated(value)
        return number


class Moment(fields.Field):  # type: ignore[type-arg]  # not generic in marshmallow 3
    """A time as an ISO 8601 string, loaded as epoch seconds."""

    as_schema: ClassVar[Json] = {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}
    words = "string: a time as ISO 8601"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> float:
        try:
            return seconds(str(value))
        except ValueError as error:
            raise ValidationError(f"{error}.") from None


class Scalar(fields.String):
    """A string; a number or a Boolean is converted to a string."""

    as_schema: ClassVar[Json] = {"type": ["string", "number", "boolean"]}
    words = "string, number or boolean"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, (bool, int, float)):
            value = str(value).lower() if isinstance(value, bool) else str(value)
        return super()._deserialize(value, attr, data, **options)


class Coordinate(fields.Float):
    """A number, kept as sent."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        super()._deserialize(value, attr, data, **options)
        return value


def text(limit: int | None = None, **options: Any) -> fields.String:
    """Return a field of text, at most *limit* characters long."""
    checks = [*options.pop("checks", ()), validate.Length(max=limit, error="too_long")]
    return fields.String(validate=checks, error_messages=MESSAGES, **options)


def iso_date(value: str) -> None:
    """Raise ValidationError unless *value* is an ISO 8601 date."""
    try:
        seconds(value)
    except ValueError:
        raise ValidationError("invalid") from None


not_blank = NotBlank("required")
uuid = validate.Regexp(UUID, error="invalid")
# What the reference says of these checks.
iso_date.words = "a date as ISO 8601"  # type: ignore[attr-defined]
uuid.words = "a UUID"  # type: ignore[attr-defined]


def _in_responses(*names: str) -> dict[str, fields.Field[Any]]:
    """Return the members of responses that requests may contain too, and that the API ignores.

    This lets clients send back a record that they received.
    """
    return {name: fields.Raw(dump_only=True, **RECORDED) for name in names}


# Rules about several members at once


@dataclass(frozen=True)
class Needs:
    """If *name* is present, *other* must be too; *sentence* is the error. Null counts as absent."""

    name: str
    other: str
    sentence: str

    def __call__(self, data: Json) -> None:
        """Raise ValidationError if *other* is missing."""
        if data.get(self.name) is not None and data.get(self.other) is None:
            raise ValidationError({self.other: [self.sentence]})

    @property
    def words(self) -> str:
        """The rule in words."""
        return f"{self.other} is required with {self.name}"

    def as_schema(self) -> Json:
        """Return the rule in JSON Schema."""
        absent = {"properties": {self.name: {"type": "null"}}}
        return {"anyOf": [absent, {"required": [self.other], "properties": {self.other: _GIVEN}}]}


@dataclass(frozen=True)
class Either:
    """*name* or *other* must be present; *sentence* is the error of *name*. Null counts as absent."""

    name: str
    other: str
    sentence: str

    def __call__(self, data: Json) -> None:
        """Raise ValidationError if both are missing."""
        if data.get(self.name) is None and data.get(self.other) is None:
            raise ValidationError({self.name: [self.sentence]})

    @property
    def words(self) -> str:
        """The rule in words."""
        return f"{self.name} or {self.other} is required"

    def as_schema(self) -> Json:
        """Return the rule in JSON Schema."""
        return {"anyOf": [{"required": [name], "properties": {name: _GIVEN}} for name in (self.name, self.other)]}


class _EmailSyntax:
    """The value of an EMAIL contact must be an e-mail address."""

    words = "the value of an EMAIL contact must be an e-mail address"

    def __init__(self) -> None:
        self._check = validate.Email(error="invalid")

    def __call__(self, contact: Json) -> None:
        """Raise ValidationError if the value is not an e-mail address."""
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

    words = "name or fieldId is required"

    def __call__(self, field: Json) -> None:
        """Raise ValidationError where both are missing."""
        if not field.get("name") and not field.get("fieldId"):
            raise ValidationError({"name": ["required"]})

    def as_schema(self) -> Json:
        """Return the rule in JSON Schema."""
        return {"anyOf": [{"required": ["name"]}, {"required": ["fieldId"]}]}


# The envelope of every body


class Header(RequestSchema):
    """The header of a request; responses repeat only its ``refId``."""

    refId = fields.Raw(allow_none=True, **_BODY)
    batchId = fields.Raw(allow_none=True, **CLIENT)
    userData = fields.Raw(allow_none=True, **CLIENT)


class Paging(RequestSchema):
    """Offset and length of a page; both may be null or strings."""

    offset = WholeNumber(allow_none=True, validate=validate.Range(min=0), **_BODY)
    count = WholeNumber(allow_none=True, validate=validate.Range(min=0), **_BODY)


def frame(payload: type[Schema]) -> Schema:
    """Return the schema of the whole body of a request with *payload*."""
    members = {
        "id": fields.Raw(allow_none=True, **CLIENT),
        "header": fields.Nested(Header, allow_none=True, **_BODY),
        "payload": fields.Nested(payload, required=True, **_BODY),
    }
    return RequestSchema.from_dict(members, name=f"{payload.__name__}Body")()


class ReplyHeader(Schema):
    """The header of a response; it has a ``refId`` only if the request had one."""

    refId = fields.Raw(**RECORDED)
    processingTime = fields.Integer(required=True, **RECORDED)
    serverId = fields.String(required=True, **RECORDED)


def _envelope() -> dict[str, fields.Field[Any]]:
    return {
        "id": fields.UUID(required=True, **RECORDED),
        "timestamp": fields.String(required=True, **RECORDED),
        "header": fields.Nested(ReplyHeader, required=True, **RECORDED),
    }


def response_of(payload: type[Schema]) -> Schema:
    """Return the schema of the whole body of a response with *payload*."""
    members: dict[str, fields.Field[Any]] = {
        **_envelope(),
        "payload": fields.Nested(payload, required=True, **_RESPONSE),
    }
    return Schema.from_dict(members, name=f"{payload.__name__}Reply")()


def refused(error: type[Schema]) -> Schema:
    """Return the schema of the whole body of a refused call, whose errors have the schema *error*."""
    errors = fields.List(fields.Nested(error), required=True, **CLIENT)
    return Schema.from_dict({**_envelope(), "errors": errors}, name="Refused")()


class ItemFault(Schema):
    """An error of an item or of a call."""

    id = fields.UUID(required=True, **_ERROR)
    code = fields.Integer(required=True, **_ERROR)
    message = fields.String(required=True, **_ERROR)
    details = fields.String(**CLIENT)
    fieldName = fields.String(**_ERROR)


# Groups


_TYPED = "Must be provided with 'identifiers': one of SEGMENT_ID, EXTERNAL_ID."


class SearchSegments(Paging):
    """A search for all groups by page, or for groups with given ids of one kind."""

    rules = (Needs("identifiers", "identifierType", _TYPED),)
    identifiers = fields.List(Identifier(), allow_none=True, **_SEARCH)
    identifierType = fields.String(allow_none=True, validate=validate.OneOf(("SEGMENT_ID", "EXTERNAL_ID")), **_SEARCH)
    includeMemberCounts = fields.Boolean(allow_none=True, **RECORDED)


_SEGMENT_READ_ONLY = _in_responses(
    "totalMembers", "type", "result", "mailingList", "publicName", "publicDescription", "parameterName", "errors"
)


class SegmentItem(RequestSchema.from_dict(_SEGMENT_READ_ONLY)):  # type: ignore[misc]
    """A group to add or update; its messages are names of item errors."""

    segmentId = text(36, checks=[uuid], allow_none=True, **_ATTRIBUTES)
    name = text(64, checks=[not_blank], required=True, **_ATTRIBUTES)
    description = text(256, allow_none=True, **_ATTRIBUTES)
    externalSystemId = text(100, allow_none=True, **_ATTRIBUTES)


class SegmentKey(RequestSchema.from_dict(_SEGMENT_READ_ONLY)):  # type: ignore[misc]
    """A group to delete."""

    segmentId = text(36, checks=[uuid], required=True, **_DELETED)
    name = fields.Raw(dump_only=True, **_ATTRIBUTES)
    description = fields.Raw(dump_only=True, **_ATTRIBUTES)
    externalSystemId = fields.Raw(dump_only=True, **_ATTRIBUTES)


class UpsertSegments(RequestSchema):
    """A batch of groups to add or update. The API performs them in order."""

    segments = ItemList(SegmentItem(), ids=IDS, required=True, **_ATTRIBUTES)


class DeleteSegments(RequestSchema):
    """A batch of groups to delete. The API performs them in order."""

    segments = ItemList(SegmentKey(), ids=IDS, required=True, **_DELETED)


class Segment(Schema):
    """A group in a response."""

    segmentId = fields.Raw(**_RESPONSE)
    name = fields.Raw(**_RESPONSE)
    description = fields.Raw(**_RESPONSE)
    totalMembers = fields.Integer(**_RESPONSE)
    type = fields.String(validate=validate.OneOf(TYPES), **RECORDED)
    result = fields.String(required=True, validate=validate.OneOf(RESULTS), **_ATTRIBUTES)
    externalSystemId = fields.Raw(**_RESPONSE)
    mailingList = fields.Boolean(**CLIENT)
    publicName = fields.String(**CLIENT)
    publicDescription = fields.String(**CLIENT)
    parameterName = fields.String(**CLIENT)
    errors = fields.List(fields.Nested(ItemFault), **known(f"{DOCUMENT}, Create/Update Response Example"))


class Segments(Schema):
    """Groups in a response; only responses to searches have ``total`` and ``offset``."""

    total = fields.Integer(**_RESPONSE)
    offset = fields.Integer(**_RESPONSE)
    segments = fields.List(fields.Nested(Segment), required=True, **_RESPONSE)
    count = fields.Integer(required=True, **_RESPONSE)


# Supporters, and their membership in groups


class SearchMembers(Paging):
    """A search for the members of one group by page, or among given supporters."""

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
    """A search for supporters with given ids of one kind, or by page for those modified within a period."""

    rules = (
        Either("identifiers", "modifiedFrom", "Either 'modifiedFrom' or 'identifiers' must be provided."),
        Needs("identifiers", "identifierType", "Must be provided with 'identifiers'."),
    )
    identifiers = fields.List(Identifier(), allow_none=True, **SUPPORTER_DATA)
    modifiedFrom = Moment(allow_none=True, **SUPPORTER_DATA)
    modifiedTo = Moment(allow_none=True, **SUPPORTER_DATA)
    identifierType = fields.String(allow_none=True, validate=validate.OneOf(_KINDS), **SUPPORTER_DATA)


class Contact(RequestSchema.from_dict(_in_responses("errors"))):  # type: ignore[misc]
    """A contact of a supporter, such as an e-mail address."""

    rules = (_EmailSyntax(),)
    type = text(required=True, checks=[validate.OneOf(CONTACTS, error="invalid")], **RECORDED)
    value = text(LENGTH, allow_none=True, **RECORDED)
    status = text(allow_none=True, checks=[validate.OneOf(STATUSES, error="invalid")], **RECORDED)
    smsStatus = text(LENGTH, allow_none=True, **CLIENT)


_ADDRESS = {name: text(LENGTH, allow_none=True, **RECORDED) for name in ADDRESS}


class Address(RequestSchema.from_dict(_ADDRESS | _in_responses("errors"))):  # type: ignore[misc]
    """The address of a supporter."""

    addressLine3 = text(LENGTH, allow_none=True, **CLIENT)
    postalCode = Scalar(
        allow_none=True, validate=validate.Length(max=LENGTH, error="too_long"), error_messages=MESSAGES, **RECORDED
    )
    lattitude = Coordinate(allow_none=True, error_messages=MESSAGES, **RECORDED)
    longitude = Coordinate(allow_none=True, error_messages=MESSAGES, **RECORDED)
    status = text(LENGTH, allow_none=True, **CLIENT)
    optInDate = text(allow_none=True, checks=[iso_date], **CLIENT)


class CustomField(RequestSchema.from_dict(_in_responses("errors"))):  # type: ignore[misc]
    """The value of a field that the organization has defined."""

    rules = (_Named(),)
    fieldId = Identifier(allow_none=True, error_messages=MESSAGES, **RECORDED)
    name = text(LENGTH, allow_none=True, **RECORDED)
    value = Scalar(allow_none=True, error_messages=MESSAGES, **RECORDED)
    type = text(LENGTH, allow_none=True, **RECORDED)
    optInDate = text(allow_none=True, checks=[iso_date], **CLIENT)
    optOutDate = text(allow_none=True, checks=[iso_date], **CLIENT)


_SUPPORTER_READ_ONLY = ("readOnly", "createdDate", "lastModified", "result", "errors")


_TEXTS = {name: text(LENGTH, allow_none=True, **RECORDED) for name in TEXTS}


class SupporterItem(RequestSchema.from_dict(_TEXTS | _in_responses(*_SUPPORTER_READ_ONLY))):  # type: ignore[misc]
    """A supporter to add or update."""

    supporterId = text(36, checks=[uuid], allow_none=True, **SUPPORTER_DATA)
    dateOfBirth = text(allow_none=True, checks=[iso_date], **RECORDED)
    gender = text(allow_none=True, checks=[validate.OneOf(GENDERS, error="invalid")], **RECORDED)
    externalSystemId = text(100, allow_none=True, **RECORDED)
    address = fields.Nested(Address, allow_none=True, error_messages=MESSAGES, **RECORDED)
    contacts = fields.List(
        fields.Nested(Contact, error_messages=MESSAGES), allow_none=True, error_messages=MESSAGES, **SUPPORTER_DATA
    )
    customFieldValues = fields.List(
        fields.Nested(CustomField, error_messages=MESSAGES), allow_none=True, error_messages=MESSAGES, **RECORDED
    )


class SupporterKey(
    RequestSchema.from_dict(_in_responses(*_SUPPORTER_READ_ONLY, *TEXTS, "address", "contacts", "customFieldValues"))  # type: ignore[misc]
):
    """A supporter to delete."""

    supporterId = text(36, checks=[uuid], required=True, **RECORDED)


class UpsertSupporters(RequestSchema):
    """A batch of supporters to add or update. The API performs them in order."""

    supporters = ItemList(SupporterItem(), ids=IDS, required=True, **SUPPORTER_DATA)


class DeleteSupporters(RequestSchema):
    """A batch of supporters to delete. The API performs them in order."""

    supporters = ItemList(SupporterKey(), ids=IDS, required=True, **RECORDED)


class Supporter(Schema.from_dict({name: fields.Raw(**RECORDED) for name in SUPPORTER_ORDER})):  # type: ignore[misc]
    """A supporter in a response."""

    result = fields.String(required=True, validate=validate.OneOf(RESULTS), **RECORDED)
    errors = fields.List(fields.Nested(ItemFault), **CLIENT)


class Supporters(Schema):
    """Supporters in a response; only responses to searches by page have ``total`` and ``offset``."""

    total = fields.Integer(**RECORDED)
    offset = fields.Integer(**RECORDED)
    supporters = fields.List(fields.Nested(Supporter), required=True, **RECORDED)
    count = fields.Integer(required=True, **RECORDED)


class Belonging(Schema):
    """The groups of one supporter."""

    supporterId = fields.Raw(**CLIENT)
    externalSystemId = fields.Raw(**known("assumed"))
    contacts = fields.Raw(**known("assumed"))
    segments = fields.List(fields.Nested(Segment), **CLIENT)
    result = fields.String(required=True, validate=validate.OneOf(RESULTS), **CLIENT)
    errors = fields.List(fields.Nested(ItemFault), **known("assumed"))


class Belongings(Schema):
    """The groups of several supporters; ``count`` is the number of supporters."""

    results = fields.List(fields.Nested(Belonging), required=True, **CLIENT)
    count = fields.Integer(required=True, **CLIENT)
