"""The schemas of the Segmenter's bodies."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields

from ...core import Call, Identifier, Json, NotBlank, RequestSchema, known

UPDATE = "Instaleap Segmenter, Update segment"
CREATE = "Instaleap Segmenter, Create segment"
MIDDLEWARE = "recorded in Instaleap's shared middleware for the header; that the Segmenter uses it is assumed"

_UPDATE = known(f"{UPDATE}, How to update a segment ?")
_TAGS = known(f"{UPDATE}, You can edit the substitution tags of a persons")
_CREATE = known(f"{CREATE}, How to create a segment ?")
_REQUIRED = known(f"{CREATE}, How to create a segment ?; that it is required is assumed")
_RESPONSE = known(f"{UPDATE}, Responses")
_CREATED = known(CREATE)
_MIDDLEWARE = known(MIDDLEWARE)
_ASSUMED = known("assumed")


_filled = NotBlank("Must not be empty.")


def _one_phone(data: Json) -> Json:
    return _one_name(data, "phone", "phoneNumber") if "phoneNumber" in data else data


def _one_tag_id(data: Json) -> Json:
    return _one_name(data, "TagId", "tagId") if "tagId" in data else data


def _one_name(data: Json, name: str, alias: str) -> Json:
    # Build a new object, because the old one is part of the body as sent.
    members = {key: value for key, value in data.items() if key != alias}
    return members if members.get(name) is not None else {**members, name: data[alias]}


def _without_null_lists(data: Json) -> Json:
    nulls = [name for name in ("persons", "filters", "substitutionTags") if name in data and data[name] is None]
    return {name: value for name, value in data.items() if name not in nulls} if nulls else data


class _Identified:
    """A person needs an external id or an e-mail address."""

    words = "externalId or email is required"

    def __call__(self, data: Json) -> None:
        """Raise ValidationError if both are missing."""
        if not data.get("externalId") and not data.get("email"):
            raise ValidationError({"externalId": ["An externalId or an email is required to identify a person."]})

    def as_schema(self) -> Json:
        """Return the rule in JSON Schema."""
        some = {"type": ["string", "integer"], "minLength": 1}
        return {"anyOf": [{"required": [name], "properties": {name: some}} for name in ("externalId", "email")]}


class Tag(RequestSchema):
    """A substitution tag; its name is its identity within a person."""

    tag = fields.String(required=True, validate=_filled, **_TAGS)
    value = fields.String(required=True, **_TAGS)


class Person(RequestSchema):
    """A person in a request, identified by externalId or, without one, by email."""

    rules, shapes = (_Identified(),), (_one_phone, _without_null_lists)
    id: fields.Field[Any] = fields.Raw(dump_only=True, **_CREATED)
    substitutionTags = fields.List(fields.Nested(Tag), allow_none=True, **_TAGS)
    externalId = Identifier(allow_none=True, **_UPDATE)
    firstName = fields.String(allow_none=True, **_UPDATE)
    lastName = fields.String(allow_none=True, **_UPDATE)
    phone = fields.String(allow_none=True, **_UPDATE)
    phoneNumber = fields.String(allow_none=True, **_CREATE)
    email = fields.String(allow_none=True, **_UPDATE)


class _Described(RequestSchema):
    shapes = (_one_tag_id, _without_null_lists)
    description = fields.String(allow_none=True, **_UPDATE)
    tagId = Identifier(allow_none=True, **_ASSUMED)
    persons = fields.List(fields.Nested(Person), allow_none=True, **_UPDATE)


class UpdateSegment(_Described):
    """A segment to update; the id may be in the path instead."""

    id = Identifier(validate=_filled, **_UPDATE)
    name = fields.String(validate=_filled, **_UPDATE)
    broadcastMediumId = Identifier(validate=_filled, **_UPDATE)
    segmentType = fields.String(validate=_filled, **_UPDATE)
    TagId = Identifier(allow_none=True, **_ASSUMED)
    filters = fields.List(fields.Raw(allow_none=True), allow_none=True, **_ASSUMED)


class CreateSegment(_Described):
    """A segment to create."""

    name = fields.String(required=True, validate=_filled, **_REQUIRED)
    broadcastMediumId = Identifier(required=True, validate=_filled, **_REQUIRED)
    segmentType = fields.String(required=True, validate=_filled, **_REQUIRED)
    TagId = Identifier(allow_none=True, **_CREATE)
    filters = fields.List(fields.Raw(allow_none=True), allow_none=True, **_CREATE)


class Updated(Schema):
    """The response to an update."""

    isUpdated = fields.Boolean(required=True, **_RESPONSE)


class KnownPerson(Schema):
    """A person in the response to a creation."""

    id = fields.String(required=True, **_CREATED)
    externalId = fields.String(**_CREATED)
    email = fields.String(**_CREATED)


class Created(Schema):
    """The response to a creation."""

    id = fields.String(required=True, **_CREATED)
    persons = fields.List(fields.Nested(KnownPerson), required=True, **_CREATED)


def response_of(data: type[Schema]) -> Schema:
    """Return the schema of the whole body of a response with *data*."""
    members: dict[str, fields.Field[Any]] = {
        "data": fields.Nested(data, required=True, **_RESPONSE),
        "errorMessage": fields.String(required=True, **_RESPONSE),
    }
    return Schema.from_dict(members, name=f"{data.__name__}Reply")()


class Failed(Schema):
    """The response to a call that failed."""

    success = fields.Boolean(required=True, **_RESPONSE)
    message = fields.String(required=True, **_RESPONSE)
    error = fields.String(required=True, **_RESPONSE)


class Forbidden(Schema):
    """The response to a call without a valid credential."""

    message = fields.String(required=True, **_MIDDLEWARE)


def wrap(_: Call, data: Json) -> Json:
    """Return the whole body of a successful response."""
    return {"data": data, "errorMessage": ""}
