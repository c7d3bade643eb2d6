"""A quick way through a schema: what is plainly valid is accepted here, all else marshmallow explains.

The check is made from the schema itself, so nothing is declared twice; of a kind of field that it
does not know it asks the field.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import is_
from typing import Any, TypeAlias

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

from ._shape import Batch, Lenient, unread

Surplus: TypeAlias = list[None]
Check: TypeAlias = Callable[[Any, Surplus], Any]
Judges: TypeAlias = tuple[Callable[[Any], Any], ...]
Texts: TypeAlias = tuple[tuple[str, Judges, bool, bool], ...]
"""Each member that is text, as most are and for whom a call each is dear: name, validators, required, nullable."""
Others: TypeAlias = tuple[tuple[str, Check, bool], ...]
"""Each other member: name, check, required."""


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
    rows = schema.load_fields.items()
    texts = tuple((n, tuple(row.validators), row.required, row.allow_none) for n, row in rows if _is_text(row))
    others = tuple((name, _field(row), row.required) for name, row in rows if not _is_text(row))
    rules, shapes = getattr(schema, "rules", ()), getattr(schema, "shapes", ())
    finish = partial(_finished, rules, shapes) if rules or shapes else None
    return _members(texts, others, tuple(schema.load_fields), finish)


def _members(texts: Texts, others: Others, names: tuple[str, ...], finish: Callable[[Any], Any] | None) -> Check:
    def check(data: Any, surplus: Surplus) -> Any:
        if type(data) is not dict:
            raise Unclear
        loaded, known, get = data, 0, data.get
        for name, judges, required, nullable in texts:
            value = get(name)
            if type(value) is str:
                known += 1
                if judges:
                    for judge in judges:
                        judge(value)
            elif name in data:
                known += _is_null(value, nullable)
            elif required:
                raise Unclear
        for name, inner, required in others:
            if name in data:
                known += 1
                made = inner(data[name], surplus)
                if made is not data[name]:
                    loaded = {**loaded, name: made}
            elif required:
                raise Unclear
        if known != len(data):
            surplus.append(None)
            loaded = {name: loaded[name] for name in names if name in loaded}
        return finish(loaded) if finish else loaded

    return check


def _is_null(value: Any, nullable: bool) -> bool:
    if value is None and nullable:
        return True
    raise Unclear


def _finished(rules: Judges, shapes: Judges, loaded: Any) -> Any:
    for rule in rules:
        rule(loaded)
    for shape in shapes:
        loaded = shape(loaded)
    return loaded


def _is_plain(schema: Schema) -> bool:
    hooks = {name for named in type(schema).resolve_hooks().values() for name, *_ in named}
    rows = schema.load_fields.values()
    moved = any(row.data_key or row.attribute or row.load_default is not missing for row in rows)
    return schema.unknown == EXCLUDE and not moved and hooks <= Lenient.HOOKS


def _is_text(field: fields.Field[Any]) -> bool:
    return type(field) is fields.String


def _field(field: fields.Field[Any]) -> Check:
    if type(field) is fields.Nested and not field.many:
        return _judged(field, _object(field.schema))
    if type(field) is fields.List:
        return _judged(field, _listed(_judged(field.inner, _field(field.inner))))
    if _is_text(field):
        return _text
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
    rows = field.schema.load_fields
    knows = frozenset(rows).issuperset
    flat = all(_is_text(row) for row in rows.values())

    def check(value: Any, surplus: Surplus) -> Any:
        items = field.deserialize(value)
        if not (flat and all(map(knows, items))) and next(unread(field.schema, items), None):
            surplus.append(None)
        return items

    return check


def _text(value: Any, _: Surplus) -> Any:
    if type(value) is not str:
        raise Unclear
    return value


def _unclear(*_: Any) -> Any:
    raise Unclear
