"""A compatible change of the API: a response as the vendor might send it next year."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

from ..core import Call, Json, Proceed, dumps, members
from ..messages import Response
from ..settings import TEXT
from .base import Fault, setting

Place: TypeAlias = tuple[Json, str, Any]
"""An object of the response, one of its members, and the new value of that member."""


def _new_field(call: Call, body: Json) -> Iterator[Place]:
    yield body, "introducedLater", "new"
    for _, name, inner in _described(call, body):
        for parent in [inner[name]] if isinstance(inner[name], dict) else inner[name] if _objects(inner[name]) else ():
            yield parent, "introducedLater", "new"


def _null(call: Call, body: Json) -> Iterator[Place]:
    for row, name, holder in _described(call, body):
        if not row.required:
            yield holder, name, None


def _number_as_string(call: Call, body: Json) -> Iterator[Place]:
    for _, name, holder in _described(call, body):
        if type(holder[name]) is int:
            yield holder, name, str(holder[name])


def _unknown_enum(call: Call, body: Json) -> Iterator[Place]:
    for row, name, holder in _described(call, body):
        if any(hasattr(validator, "choices") for validator in row.validators):
            yield holder, name, "INTRODUCED_LATER"


def _reorder(call: Call, body: Json) -> Iterator[Place]:
    for _, name, holder in _described(call, body):
        if isinstance(holder[name], list) and holder[name] != holder[name][::-1]:
            yield holder, name, holder[name][::-1]


def _described(call: Call, body: Json) -> Iterator[tuple[Any, str, Json]]:
    if call.operation.response is not None:
        for holder, name, row in members(call.operation.response, body):
            yield row, name, holder


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


_HOW: Mapping[str, Callable[[Call, Json], Iterator[Place]]] = {
    "new_field": _new_field,
    "null": _null,
    "number_as_string": _number_as_string,
    "unknown_enum": _unknown_enum,
    "reorder": _reorder,
}


@dataclass(frozen=True)
class Drift(Fault):
    """Perform the call, and change the response in one place, in a way that a tolerant client accepts.

    *how* is one of new_field, null (for an optional member), number_as_string, unknown_enum and reorder (for a list).
    The place is chosen at random. Errors, and responses without a suitable place, are not changed.
    """

    kind: ClassVar[str] = "drift"
    how: str = setting("new_field", "What changes.", TEXT, choices=tuple(_HOW))

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Change the response."""
        rng, response = call.rng, await proceed()
        body = _read(response)
        places = [*_HOW[self.how](call, body)] if body else []
        if not places:
            call.note_unchanged()
            return response
        holder, name, value = rng.choice(places)
        holder[name] = value
        return replace(response, body=dumps(body))


def _read(response: Response) -> Json:
    # An inner rule may have replaced it by anything.
    if response.status != 200 or response.delivery.raw is not None:
        return {}
    try:
        body = json.loads(response.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
