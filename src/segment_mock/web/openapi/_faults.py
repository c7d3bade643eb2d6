"""A rule of a fault as JSON Schema, from the same declarations that read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields

from ...contract import Json
from ...faults import ALIASES, WHEN, kinds, option
from ...settings import FLOAT, INT, Option

_INDEX = {"type": "integer", "minimum": 0}
_KINDS: Mapping[str, Json] = {
    "text": {"type": ["string", "number"]},
    "a whole number": {"type": "integer"},
    "a number": {"type": "number"},
    "true or false": {"enum": [True, False, 0, 1, "true", "false", "yes", "no", "1", "0"]},
    "text or an object": {"type": ["string", "object", "array"]},
    "names and values": {"type": "object"},
    "an index from 0, or a list of them": {"anyOf": [_INDEX, {"type": "array", "items": _INDEX}]},
    "a fraction from 0.0 up to 1, or a number of bytes": {
        "anyOf": [{"type": "number", "minimum": 0, "exclusiveMaximum": 1}, _INDEX]
    },
    "'reused' or a number of calls": {"anyOf": [{"const": "reused"}, {"type": "integer", "minimum": 1}]},
}
_STEP = r"[^.\[\]$]+(\[([0-9]{1,9}|\*)\])*"
_PATHS = {"type": "object", "propertyNames": {"pattern": rf"^{_STEP}(\.{_STEP})*$"}}


def rule_schema(operations: Iterable[str], vendors: Iterable[str]) -> Json:
    """Return what ``POST /_mock/faults`` takes: a rule of any kind, or a list of rules."""
    globs = [*operations, *(f"{vendor}.*" for vendor in vendors), "*"]
    match = _object({"vendor": {"enum": [*vendors]}, "headers": {"type": "object"}, "json": _PATHS})
    when = _object(dict(map(_setting, WHEN)))
    common = {"operation": {"enum": globs}, "match": _or_null(match), "when": _or_null(when)}
    rules = [_rule(name, common) for name in kinds()]
    rules.append(_object({"kind": {"enum": [*ALIASES]}, **common}, "kind"))
    return {"anyOf": [*rules, {"type": "array", "items": {"anyOf": rules}}]}


def _rule(name: str, common: Json) -> Json:
    kind = kinds()[name]
    told = _object({"kind": {"const": name}, **dict(_setting(option(row)) for row in fields(kind)), **common}, "kind")
    return {**told, "title": name, "description": " ".join((kind.__doc__ or "").split())}


def _object(properties: Json, *required: str) -> Json:
    told: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**told, "required": [*required]} if required else told


def _setting(row: Option) -> tuple[str, Json]:
    told: Json = {"enum": [*row.choices]} if row.choices else dict(_KINDS[row.kind.title])
    bounds = {"minimum": row.min, "maximum": row.max}
    told |= {name: value for name, value in bounds.items() if value is not None}
    if row.kind in (INT, FLOAT):
        told = {"anyOf": [told, {"type": "string", "pattern": _digits(row)}]}
    return row.name, {**_or_null(told), "description": row.help, "default": row.default}


def _digits(row: Option) -> str:
    """Return a pattern of numbers as text, as a shell has them: with an end, the bounds stand for all between."""
    if row.max is not None:
        return f"^({row.min:.0f}|{row.max:.0f})$"
    return "^[1-9][0-9]{0,8}$" if row.min else "^[0-9]{1,9}$"


def _or_null(told: Json) -> Json:
    return {"anyOf": [told, {"type": "null"}]}
