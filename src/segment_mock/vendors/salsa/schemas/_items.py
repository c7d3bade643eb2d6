"""What the items of a batch share: messages that are rows of the table of item errors, and their results."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from ....core import Json, NotBlank, known
from ._frame import DOCUMENT, UUID

RESULTS = (
    "ADDED", "UPDATED", "DELETED", "FOUND", "NOT_FOUND", "VALIDATION_ERROR", "SYSTEM_ERROR", "NOT_ALLOWED",
)  # fmt: skip


def text(limit: int | None = None, **options: Any) -> fields.String:
    """Return a field of text, at most *limit* characters long."""
    checks = [*options.pop("checks", ()), validate.Length(max=limit, error="too_long")]
    words: dict[str, Any] = {"required": "required", "null": "required", "invalid": "invalid"}
    return fields.String(validate=checks, error_messages=words, **options)


filled = NotBlank("required")
uuid = validate.Regexp(UUID, error="invalid")


_ERROR = known(f"{DOCUMENT}, Create/Update Response Example")


class ItemFault(Schema):
    """One thing wrong with one item, or with a call."""

    id = fields.UUID(required=True, **_ERROR)
    code = fields.Integer(required=True, **_ERROR)
    message = fields.String(required=True, **_ERROR)
    fieldName = fields.String(**_ERROR)


def ordered(record: Json, order: tuple[str, ...]) -> Json:
    """Return *record* in the recorded order of members, nulls and members of no order left out."""
    get = record.get
    return {name: value for name in order if (value := get(name)) is not None}
