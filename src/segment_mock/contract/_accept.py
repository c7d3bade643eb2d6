"""A quick way through a schema: what is plainly valid is accepted here, all else marshmallow explains.

The check is made from the schema itself, so nothing is declared twice; of a kind of field that it
does not know it asks the field.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, TypeAlias

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

from ._shape import Batch, Lenient, unread

Surplus: TypeAlias = list[None]
Check: TypeAlias = Callable[[Any, Surplus], Any]
Plan: TypeAlias = tuple[tuple[str, "Check | None", bool, bool], ...]
"""Each member's name, its check, whether it is required, and whether it may be null."""


class Unclear(Exception):
    """Not plainly valid: let marshmallow say what is wrong, if anything is."""


class Acceptor:
    """Loads plain data as *schema* does, or raises `Unclear`; what need not change is not copied."""

    def __init__(self, schema: Schema) -> None:
        self.schema, self._check = schema, _object(schema)

    def load(self, data: Any) -> tuple[Any, bool]:
        """Return what the schema makes of *data*, and whether some object has a member that nobody reads."""
        surplus: Surplus = []
        try:
            return self._check(data, surplus), bool(surplus)
        except ValidationError:
            raise Unclear from None


def _object(schema: Schema) -> Check:
    if not _is_plain(schema):
        return _unclear
    plan = tuple((name, _field(row), row.required, row.allow_none) for name, row in schema.load_fields.items())
    rules, shapes = getattr(schema, "rules", ()), getattr(schema, "shapes", ())

    def check(data: Any, surplus: Surplus) -> Any:
        if type(data) is not dict:
            raise Unclear
        known, changed = _members(plan, data, surplus)
        loaded = data
        if known != len(data):
            surplus.append(None)
            loaded = {name: data[name] for name, *_ in plan if name in data}
        if changed:
            loaded = {**loaded, **changed}
        for rule in rules:
            rule(loaded)
        for shape in shapes:
            loaded = shape(loaded)
        return loaded

    return check


def _members(plan: Plan, data: dict[str, Any], surplus: Surplus) -> tuple[int, dict[str, Any]]:
    """Return how many members of *data* the *plan* knows, and those that their checks changed."""
    known, changed = 0, {}
    for name, inner, required, nullable in plan:
        if name in data:
            known += 1
            value = data[name]
            if inner is not None:
                made = inner(value, surplus)
                if made is not value:
                    changed[name] = made
            elif type(value) is not str and not (nullable and value is None):
                raise Unclear
        elif required:
            raise Unclear
    return known, changed


def _is_plain(schema: Schema) -> bool:
    hooks = {name for named in type(schema).resolve_hooks().values() for name, *_ in named}
    rows = schema.load_fields.values()
    moved = any(row.data_key or row.attribute or row.load_default is not missing for row in rows)
    return schema.unknown == EXCLUDE and not moved and hooks <= Lenient.HOOKS


def _field(field: fields.Field[Any]) -> Check | None:
    """Return the check of one field, or None for text of any kind: most members are, and a call each is dear."""
    if type(field) is fields.String and not field.validators:
        return None
    if type(field) is fields.Nested and not field.many:
        return _judged(field, _object(field.schema))
    if type(field) is fields.List:
        return _judged(field, _listed(_judged(field.inner, _field(field.inner) or _text)))
    if type(field) is fields.String:
        return _judged_text(field)
    if isinstance(field, (fields.Integer, fields.Boolean)):
        return _judged_plain(field, int if isinstance(field, fields.Integer) else bool)
    if isinstance(field, Batch):
        return _batch(field)
    return lambda value, surplus: field.deserialize(value)


def _judged(field: fields.Field[Any], inner: Check) -> Check:
    """Return *inner* with the field's own word on null and its validators around it."""
    validators, nullable = tuple(field.validators), field.allow_none
    if not validators and not nullable:
        return inner

    def check(value: Any, surplus: Surplus) -> Any:
        if value is None and nullable:
            return None
        value = inner(value, surplus)
        for judge in validators:
            judge(value)
        return value

    return check


def _judged_text(field: fields.Field[Any]) -> Check:
    validators, nullable = tuple(field.validators), field.allow_none

    def check(value: Any, _: Surplus) -> Any:
        if type(value) is str:
            for judge in validators:
                judge(value)
        elif not (nullable and value is None):
            raise Unclear
        return value

    return check


def _judged_plain(field: fields.Field[Any], kind: type) -> Check:
    """Return a check that takes a *kind* as it is, and leaves whatever else may stand for one to the field."""
    validators = tuple(field.validators)

    def check(value: Any, _: Surplus) -> Any:
        if type(value) is not kind:
            return field.deserialize(value)
        for judge in validators:
            judge(value)
        return value

    return check


def _listed(each: Check) -> Check:
    def check(value: Any, surplus: Surplus) -> Any:
        if type(value) is not list:
            raise Unclear
        made = [each(item, surplus) for item in value]
        return value if all(map(is_, made, value)) else made

    return check


def _batch(field: Batch) -> Check:
    def check(value: Any, surplus: Surplus) -> Any:
        items = field.deserialize(value)
        if next(unread(field.schema, items), None):
            surplus.append(None)
        return items

    return check


def _text(value: Any, _: Surplus) -> Any:
    if type(value) is not str:
        raise Unclear
    return value


def _unclear(*_: Any) -> Any:
    raise Unclear
