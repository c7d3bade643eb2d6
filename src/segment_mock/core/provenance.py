"""Provenance: whether a rule is documented, recorded or assumed, and which assumptions a call relied on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from marshmallow import Schema, fields, validate

from .schemas import inner

Mark: TypeAlias = Literal["documented", "recorded", "assumed"]
ASSUMED = "assumed"
REQUIRED_DOUBT = "that it is required"
"""The only doubt about a field that matters to a call which does not send the field."""
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Assumption:
    """A rule that neither a document nor a recording states, so that the mock has to choose.

    * *rule*: the rule as a sentence
    * *value*: the choice, which `Call.assume` returns
    * *reason*: why this value was chosen
    * *setting*: the vendor's option, if any, whose value replaces *value*
    * *operations*: the names of the operations that may rely on the rule (default: all)
    """

    rule: str
    value: str | int
    reason: str
    setting: str = ""
    operations: tuple[str, ...] = ()


def known(source: str) -> dict[str, Any]:
    """Return the keyword argument by which a marshmallow field states its *source*.

    *source* is a document and its section (``DOCUMENT, SECTION``), or begins with ``recorded`` or ``assumed``. A
    further part after ``;`` that begins with ``assumed`` states an assumption about an otherwise documented field.

        name = fields.String(required=True, **known("Engage API, Segments"))
    """
    return {"metadata": {"source": source}}


def source_of(field: fields.Field[Any]) -> str:
    """Return the source of *field*'s rule; ``assumed`` if the field names none."""
    return str(field.metadata.get("source", ASSUMED))


def mark(source: str) -> Mark:
    """Return the mark that *source* begins with."""
    if source.startswith("assumed"):
        return "assumed"
    return "recorded" if source.startswith("recorded") else "documented"


def doubt(source: str) -> str:
    """Return the assumed parts of *source*, without the word ``assumed``; ``""`` if there are none."""
    parts = [part.strip() for part in source.split(";")]
    assumptions = [
        part.removesuffix("is assumed").removesuffix("assumed").strip() or "all" for part in parts if "assumed" in part
    ]
    return ", ".join(assumptions)


def type_of(field: Any) -> str:
    """Return the type of *field*'s value as an API reference names it: ``string``, ``list of objects``, ``integer``.

    A field class of a vendor's own says it in ``words``.
    """
    if words := getattr(field, "words", ""):
        return str(words)
    if isinstance(field, fields.List):
        each = type_of(field.inner)
        return f"list of {each}s" if " " not in each else f"list of ({each})" if " or " in each else f"list of {each}"
    return next((words for kind, words in _TYPES.items() if isinstance(field, kind)), type(field).__name__.lower())


_TYPES: dict[type[Any], str] = {
    fields.UUID: "UUID",
    fields.String: "string",
    fields.Integer: "integer",
    fields.Float: "number",
    fields.Boolean: "boolean",
    fields.Nested: "object",
    fields.Raw: "any value",
}


def limits_of(field: Any) -> list[str]:
    """Return each limit of *field*'s value in a few words: its bounds, its choices, and what its own checks say."""
    limits = []
    for check in field.validators:
        least, most, choices = (getattr(check, name, None) for name in ("min", "max", "choices"))
        unit = ""
        if isinstance(check, validate.Length):
            unit = " items" if type_of(field).startswith("list") else " characters"
        limits += [f"at least {least}{unit}"] if least is not None else []
        limits += [f"at most {most}{unit}"] if most is not None else []
        limits += [f"one of {', '.join(map(str, choices))}"] if choices else []
        limits += [words] if (words := getattr(check, "words", "")) else []
    return limits


def rule_of(field: Any) -> str:
    """Return the rule of *field* in a few words: its type, whether it is required or may be null, its limits."""
    words = [type_of(field)]
    words += ["required"] if field.required else []
    words += ["may be null"] if field.allow_none else []
    return ", ".join([*words, *limits_of(field)])


def rules_of(schema: Schema, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each rule of *schema* over several members, at any depth: the path of their object, and its words."""
    for rule in getattr(schema, "rules", ()):
        if words := getattr(rule, "words", ""):
            yield place, words
    for steps, row in fields_of(schema, place):
        below = inner(row)
        for rule in getattr(below, "rules", ()):
            if words := getattr(rule, "words", ""):
                yield (steps if getattr(row, "nested", None) is not None else (*steps, "")), words


class Doubts:
    """The assumptions about an operation, and about the members of its request."""

    def __init__(self, name: str, source: str, request: Schema | None) -> None:
        assumption = doubt(source)
        self.always: tuple[str, ...] = (f"{name}: {assumption}",) if assumption else ()
        """Named by every response of the operation, refusals included."""
        rows = [*fields_of(request)] if request else []
        doubts = [(steps, doubt(source_of(row))) for steps, row in rows]
        self._members = tuple(
            (_path(steps) if assumption == "all" else f"{_path(steps)}: {assumption}", steps)
            for steps, assumption in doubts
            if assumption and assumption != REQUIRED_DOUBT
        )
        self.depends_on_body = bool(self._members)
        """Whether `of_body` can return anything."""
        self._required = {_path(steps).replace(".[]", ""): assumption for steps, assumption in doubts if assumption}

    def of_body(self, body: Any) -> list[str]:
        """Return the assumed rules on which a performed call relies because of a member of *body*."""
        return [name for name, steps in self._members if _is_sent(body, steps)]

    def of_field(self, path: str) -> tuple[str, ...]:
        """Return the assumptions about the member at *path* that led to the refusal of a call."""
        assumption = self._required.get(_INDEX.sub("", path))
        return (f"{path}: {assumption}",) if assumption else ()


def fields_of(schema: Schema, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield path (as steps) and field of every field of *schema*, at any depth; the step ``""`` enters a list."""
    for name, row in schema.fields.items():
        steps = (*place, name)
        yield steps, row
        below = inner(row)
        if below is not None:
            # A list of objects, whether marshmallow's or a batch, has its schema one step deeper.
            yield from fields_of(below, steps if getattr(row, "nested", None) is not None else (*steps, ""))


def _path(steps: tuple[str, ...]) -> str:
    return ".".join(step or "[]" for step in steps)


def _is_sent(value: Any, steps: tuple[str, ...]) -> bool:
    if not steps:
        return True
    if not steps[0]:
        return isinstance(value, list) and any(_is_sent(item, steps[1:]) for item in value)
    return isinstance(value, dict) and steps[0] in value and _is_sent(value[steps[0]], steps[1:])
