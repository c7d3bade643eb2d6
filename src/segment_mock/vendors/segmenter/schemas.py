"""What the Segmenter's bodies look like."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields

from ...contract import Call, Json, Lenient

UPDATE = "Instaleap Segmenter, Update segment"
CREATE = "Instaleap Segmenter, Create segment"


def _filled(value: str) -> None:
    if not value.strip():
        raise ValidationError("Must not be empty.")


def _one_phone(data: Json) -> Json:
    return _one_name(data, "phone", "phoneNumber") if "phoneNumber" in data else data


def _one_tag_id(data: Json) -> Json:
    return _one_name(data, "TagId", "tagId") if "tagId" in data else data


def _one_name(data: Json, kept: str, other: str) -> Json:
    value = data.pop(other)
    return data if data.get(kept) is not None else {**data, kept: value}


def _identified(data: Json) -> None:
    if not data.get("externalId") and not data.get("email"):
        raise ValidationError({"externalId": ["An externalId or an email is required to know a person by."]})


class Tag(Lenient):
    """A substitution tag; its name is its identity within a person."""

    tag = fields.String(required=True, validate=_filled)
    value = fields.String(required=True)


class Person(Lenient):
    """A person as sent; known by externalId, else by email."""

    rules, shapes = (_identified,), (_one_phone,)
    substitutionTags = fields.List(fields.Nested(Tag()))
    externalId = fields.String(allow_none=True)
    firstName = fields.String(allow_none=True)
    lastName = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    phoneNumber = fields.String(allow_none=True)
    email = fields.String(allow_none=True)


class _Described(Lenient):
    shapes = (_one_tag_id,)
    description = fields.String(allow_none=True)
    TagId = fields.String(allow_none=True)
    tagId = fields.String(allow_none=True)
    filters = fields.List(fields.Raw(allow_none=True))
    persons = fields.List(fields.Nested(Person()))


class UpdateSegment(_Described):
    """A segment to update; the id may stand in the path instead."""

    id = fields.String(validate=_filled)
    name = fields.String(validate=_filled)
    broadcastMediumId = fields.String(validate=_filled)
    segmentType = fields.String(validate=_filled)


class CreateSegment(_Described):
    """A segment to create."""

    name = fields.String(required=True, validate=_filled)
    broadcastMediumId = fields.String(required=True, validate=_filled)
    segmentType = fields.String(required=True, validate=_filled)


class Updated(Schema):
    """What an update answers."""

    isUpdated = fields.Boolean(required=True)


class KnownPerson(Schema):
    """A person as a creation answers it."""

    id = fields.String(required=True)
    externalId = fields.String()
    email = fields.String()


class Created(Schema):
    """What a creation answers."""

    id = fields.String(required=True)
    persons = fields.List(fields.Nested(KnownPerson()), required=True)


def reply(data: Schema) -> Schema:
    """Return the schema of a reply's whole body around *data*."""
    members = {"data": fields.Nested(data, required=True), "errorMessage": fields.String(required=True)}
    return Schema.from_dict(members, name=f"{type(data).__name__}Reply")()


def wrap(_: Call, data: Json) -> Json:
    """Return a whole successful reply."""
    return {"data": data, "errorMessage": ""}
