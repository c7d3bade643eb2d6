"""What the items of a batch share: messages that are rows of the table of item errors, and their results."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ....contract import Json
from ._frame import UUID

RESULTS = (
    "ADDED", "UPDATED", "DELETED", "FOUND", "NOT_FOUND", "VALIDATION_ERROR", "SYSTEM_ERROR", "NOT_ALLOWED",
)  # fmt: skip


def text(limit: int | None = None, **options: Any) -> fields.String:
    """Return a field of text, at most *limit* characters long."""
    checks = [*options.pop("checks", ()), validate.Length(max=limit, error="too_long")]
    words: dict[str, Any] = {"required": "required", "null": "required", "invalid": "invalid"}
    return fields.String(validate=checks, error_messages=words, **options)


def filled(value: str) -> None:
    """Refuse text that is blank."""
    if not value.strip():
        raise ValidationError("required")


uuid = validate.Regexp(UUID, error="invalid")


class ItemFault(Schema):
    """One thing wrong with one item."""

    id = fields.UUID(required=True)
    code = fields.Integer(required=True)
    message = fields.String(required=True)
    fieldName = fields.String()


def ordered(record: Json, order: tuple[str, ...]) -> Json:
    """Return *record* in the recorded order of members, nulls and members of no order left out."""
    return {name: record[name] for name in order if record.get(name) is not None}
