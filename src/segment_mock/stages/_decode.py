"""From bytes to what the operation's schema makes of them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError

from ..contract import Call, Json, Proceed, Refusal, Undecided, Validator, advise, complaints
from ..messages import Response

_NAMES = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "true or false"}
_BEGINNING = 1000
"""So many items of a list are held against the schema before all of them are."""


class Decode:
    """Reads the body as JSON and by the operation's schema into ``call.data``."""

    def __init__(self, measured: bool) -> None:
        self.measured = measured

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Refuse what is too large, no JSON, of the wrong shape, or longer than the vendor's batch."""
        if call.request.too_large:
            raise Refusal("too_large")
        if call.operation.validator is not None:
            call.data = _read(call, call.operation.validator)
        if self.measured and call.vendor.limits.items is not None:
            _measure(call, call.vendor.limits.items)
        return await proceed()


def _read(call: Call, validator: Validator) -> Json:
    body = call.json
    if not isinstance(body, dict):
        raise Refusal("malformed", f"The body must be a JSON object, not {_NAMES.get(type(body), 'null')}.")
    try:
        data, surplus = validator.load(body)
    except Undecided:
        advise(call, validator.schema, body, refused=True)
        data, surplus = _explained(validator.schema, body), False
    if surplus:
        advise(call, validator.schema, body)
    loaded: Json = data
    return loaded


def _explained(schema: Schema, body: Json) -> Any:
    # Of a million wrong items the first is told, so the others need not be looked at.
    begun = _shortened(body, 1)
    if begun != body:
        _loaded(schema, begun)
    return _loaded(schema, body)


def _shortened(body: Json, deeper: int) -> Json:
    told = {}
    for name, value in body.items():
        if isinstance(value, list):
            value = value[:_BEGINNING]
        told[name] = _shortened(value, deeper - 1) if deeper and isinstance(value, dict) else value
    return told


def _loaded(schema: Schema, body: Json) -> Any:
    try:
        return schema.load(body)
    except ValidationError as error:
        field, sentence = next(complaints(error.messages))
        raise Refusal("malformed", f"{field}: {sentence}", field=field) from None


def _measure(call: Call, limit: int) -> None:
    for name in call.operation.sized:
        value = call.vendor.unwrap(call.data).get(name)
        if (len(value) if isinstance(value, list) else value or 0) > limit:
            raise Refusal("too_many_items", field=name, limit=limit)
