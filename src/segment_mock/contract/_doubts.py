"""What of an operation is assumed, compiled once from its source and its request's schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from marshmallow import Schema

from ._mark import doubt, mark, source_of
from ._shape import inner


class Doubts:
    """What is always assumed of an operation, and which members of its request are if they are sent."""

    def __init__(self, name: str, source: str, request: Schema | None) -> None:
        told = doubt(source)
        self._always = (f"{name}: {told}",) if told else ()
        steps = [*_assumed(request)] if request else []
        self._members = tuple((".".join(name or "[]" for name in names), names) for names in steps)

    def of(self, call: Any) -> tuple[str, ...]:
        """Return each rule that *call* relies on and that nobody has documented or recorded."""
        if not self._members:
            return self._always
        body = call.json
        return self._always + tuple([name for name, steps in self._members if _is_sent(body, steps)])


def fields_of(schema: Schema, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (steps, field) of every field that *schema* declares, at any depth; ``""`` steps into a list."""
    for name, row in schema.fields.items():
        steps = (*place, name)
        yield steps, row
        below = inner(row)
        if below is not None:
            # A field of lists of objects, whether marshmallow's or a batch, holds its schema one step deeper.
            yield from fields_of(below, steps if getattr(row, "nested", None) is not None else (*steps, ""))


def _assumed(schema: Schema) -> Iterator[tuple[str, ...]]:
    return (steps for steps, row in fields_of(schema) if mark(source_of(row)) == "assumed")


def _is_sent(value: Any, steps: tuple[str, ...]) -> bool:
    if not steps:
        return True
    if not steps[0]:
        return isinstance(value, list) and any(_is_sent(item, steps[1:]) for item in value)
    return isinstance(value, dict) and steps[0] in value and _is_sent(value[steps[0]], steps[1:])
