"""What the items of a batch share: messages that are rows of the table of item errors, and their results."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, validate

from ....clock import seconds
from ....core import Json, NotBlank, known
from ._frame import CLIENT, DOCUMENT, UUID

RESULTS = (
    "ADDED", "UPDATED", "DELETED", "FOUND", "NOT_FOUND", "VALIDATION_ERROR", "SYSTEM_ERROR", "NOT_ALLOWED",
)  # fmt: skip


WORDS: dict[str, Any] = {"required": "required", "null": "required", "invalid": "invalid", "type": "invalid"}
"""marshmallow's messages as the names of item errors."""


def text(limit: int | None = None, **options: Any) -> fields.String:
    """Return a field of text, at most *limit* characters long."""
    checks = [*options.pop("checks", ()), validate.Length(max=limit, error="too_long")]
    return fields.String(validate=checks, error_messages=WORDS, **options)


class Scalar(fields.String):
    """Text; a number or a truth value is taken as its text."""

    as_schema: ClassVar[Json] = {"type": ["string", "number", "boolean"]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, (bool, int, float)):
            value = str(value).lower() if isinstance(value, bool) else str(value)
        return super()._deserialize(value, attr, data, **options)


class Coordinate(fields.Float):
    """A number, kept as it was sent."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        super()._deserialize(value, attr, data, **options)
        return value


def iso_date(value: str) -> None:
    """Raise ValidationError for text that is no date in ISO 8601."""
    try:
        seconds(value)
    except ValueError:
        raise ValidationError("invalid") from None


filled = NotBlank("required")
uuid = validate.Regexp(UUID, error="invalid")


_ERROR = known(f"{DOCUMENT}, Create/Update Response Example")


class ItemFault(Schema):
    """One thing wrong with one item, or with a call."""

    id = fields.UUID(required=True, **_ERROR)
    code = fields.Integer(required=True, **_ERROR)
    message = fields.String(required=True, **_ERROR)
    details = fields.String(**CLIENT)
    fieldName = fields.String(**_ERROR)


def ordered(record: Json, order: tuple[str, ...]) -> Json:
    """Return *record* in the recorded order of members, nulls and members of no order left out."""
    get = record.get
    return {name: value for name in order if (value := get(name)) is not None}
