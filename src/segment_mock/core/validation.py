"""Fast validators, derived from marshmallow schemas: they accept obviously valid data.

Marshmallow itself decides about all other data. A validator is a function that is composed once from the schema's
fields, so no rule is declared twice. It validates request bodies and the rows of data files.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, TypeAlias

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing, validate

from ..json_match import brief, is_json_in_force
from ..settings import SettingError, alternatives, suggestion
from ..wording import comma_list
from .schemas import ItemList, RequestSchema, flatten_errors, inner, unread

_STEP = re.compile(r"[^.\[\]]+")

Unknown: TypeAlias = list[bool]
"""Collects True for each object that has a field which its schema does not have."""
Check: TypeAlias = Callable[[Any, Unknown], Any]
"""Returns the loaded value, the same object if nothing changes; raises ValidationError unless it is obviously valid."""

Predicate: TypeAlias = Callable[[Any], Any]
"""Returns whether a value of the right type is valid, by its truth value."""


class Undecided(ValidationError):
    """The data is not obviously valid, so marshmallow has to decide and to name the error, if any."""

    def __init__(self) -> None:
        super().__init__("undecided")


class Validator:
    """A fast validator of *schema*: it loads data about ten times as fast as marshmallow, or raises ValidationError."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    @cached_property
    def load(self) -> Check:
        """A function that loads data. Its arguments are the data, and a list that collects unknown fields.

        It returns the loaded data, and adds True to the list for each object with a field that the schema ignores. The
        data is not changed, and objects that need no change are returned without a copy. It raises ValidationError,
        which does not explain the error, unless the data is obviously valid.
        """
        return _object(self.schema)


def _object(schema: Schema) -> Check:
    if not _is_plain(schema):
        return _undecided
    rows = schema.load_fields
    checks = {name: (*_plainly_valid(row), _field(row)) for name, row in rows.items()}
    required = tuple(name for name, row in rows.items() if row.required)
    defaults = {name: row.load_default for name, row in rows.items() if row.load_default is not missing}
    rules, shapes = getattr(schema, "rules", ()), getattr(schema, "shapes", ())
    response_only = schema.dump_fields.keys() - rows.keys()  # a client may send these back
    strict = schema.unknown == RAISE

    def check(value: Any, unknown: Unknown) -> Any:
        if type(value) is not dict:
            raise Undecided
        for name in required:
            if name not in value:
                raise Undecided
        loaded, has_unknown = value, False
        for name, member in value.items():
            member_check = checks.get(name)
            if member_check is None:
                has_unknown = True
                continue
            kind, least, most, predicates, check_member = member_check
            if type(member) is kind and least <= (len(member) if kind is str else member) <= most:
                for holds in predicates:
                    if not holds(member):
                        break
                else:
                    continue
            result = check_member(member, unknown)
            if result is not member:
                if loaded is value:
                    loaded = value.copy()
                loaded[name] = result
        if has_unknown:
            if strict:
                raise Undecided
            if not value.keys() <= checks.keys() | response_only:
                unknown.append(True)
            loaded = {name: member for name, member in loaded.items() if name in checks}
        if defaults:
            loaded = _with_defaults(loaded, defaults)
        for rule in rules:
            rule(loaded)
        for shape in shapes:
            loaded = shape(loaded)
        return loaded

    return check


def _with_defaults(value: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    absent = {
        name: default() if callable(default) else default for name, default in defaults.items() if name not in value
    }
    return {**value, **absent} if absent else value


def _field(field: fields.Field[Any]) -> Check:
    kind = type(field)
    if getattr(field, "pre_load", None) or getattr(field, "post_load", None):
        check = _by_marshmallow(field)
    elif isinstance(field, ItemList):
        check = _validated(_batch(field), field)
    elif isinstance(field, fields.Nested):
        plain = kind is fields.Nested and not (field.many or field.schema.many)
        same = field.unknown in (None, field.schema.unknown)
        check = _validated(_object(field.schema), field) if plain and same else _undecided
    elif isinstance(field, fields.List) and kind is fields.List:
        check = _validated(_list(_field(field.inner), *_plainly_valid(field.inner)), field)
    elif kind is fields.String:
        check = _validated(_exactly(str), field)
    elif isinstance(field, fields.Integer):
        check = _exactly_or(int, _validated(_unchanged, field), _by_marshmallow(field))
    elif isinstance(field, fields.Boolean) and True in field.truthy and False in field.falsy:
        check = _exactly_or(bool, _validated(_unchanged, field), _by_marshmallow(field))
    elif kind is fields.Raw:
        check = _validated(_not_null, field)
    else:
        check = _by_marshmallow(field)
    return _nullable(check) if field.allow_none else check


def _plainly_valid(field: fields.Field[Any]) -> tuple[type[Any] | None, float, float, list[Predicate]]:
    """Return a type (or None), the least and the most, and predicates.

    A value of this type is valid if the length of the text, or the number itself, is from the least to the most, and if
    it meets all predicates.
    """
    if isinstance(field, fields.Boolean):
        kind: type[Any] | None = bool if True in field.truthy and False in field.falsy else None
    else:
        kind = int if isinstance(field, fields.Integer) else str if type(field) in (fields.String, fields.Raw) else None
    least, most = (0, sys.maxsize) if kind is str else (-math.inf, math.inf)
    predicates = []
    validators: list[Any] = field.validators
    for validator in validators:
        is_range = type(validator) is validate.Range and validator.min_inclusive and validator.max_inclusive
        is_length = type(validator) is validate.Length and validator.equal is None
        predicate = _predicate(validator)
        if (is_range and kind is int) or (is_length and kind is str):
            least = least if validator.min is None else max(least, validator.min)
            most = most if validator.max is None else min(most, validator.max)
        elif predicate is not None:
            predicates.append(predicate)
        else:
            kind = None
    if getattr(field, "pre_load", None) or getattr(field, "post_load", None):
        kind = None
    return kind, least, most, predicates


def _predicate(validator: Any) -> Predicate | None:
    """Return a function that returns whether *validator* accepts a value; None if only *validator* can decide."""
    kind = type(validator)
    if kind is validate.OneOf and type(validator.choices) is tuple:
        choices = validator.choices
        return lambda value: value in choices
    if kind is validate.Regexp:
        match: Predicate = validator.regex.match
        return match
    return getattr(validator, "holds", None)


def _list(check_item: Check, kind: type[Any] | None, least: float, most: float, predicates: list[Predicate]) -> Check:
    def check(value: Any, unknown: Unknown) -> Any:
        if type(value) is not list:
            raise Undecided
        loaded = value
        for index, item in enumerate(value):
            if (
                type(item) is kind
                and least <= (len(item) if kind is str else item) <= most
                and all([holds(item) for holds in predicates])  # noqa: C419 - quicker
            ):
                continue
            result = check_item(item, unknown)
            if result is not item:
                if loaded is value:
                    loaded = value.copy()
                loaded[index] = result
        return loaded

    return check


def _batch(field: ItemList) -> Check:
    rows = field.schema.load_fields
    knows = frozenset(rows).issuperset
    is_flat = all(type(row) is fields.String for row in rows.values())
    ids = field.ids

    def check(value: Any, unknown: Unknown) -> Any:
        if type(value) is not list or not {*map(type, value)} <= {dict}:
            raise Undecided
        if not (is_flat and all(map(knows, value))) and next(unread(field.schema, value), None):
            unknown.append(True)
        if any([type(item.get(name)) is int for item in value for name in ids]):  # noqa: C419 - quicker
            return field.with_text_ids(value)
        return value

    return check


def _validated(check: Check, field: fields.Field[Any]) -> Check:
    """Return *check* followed by the field's validators."""
    for validator in field.validators:
        check = _followed_by(check, validator)
    return check


def _followed_by(check: Check, validator: Callable[[Any], Any]) -> Check:
    def check_and_validate(value: Any, unknown: Unknown) -> Any:
        loaded = check(value, unknown)
        if validator(loaded) is False:  # marshmallow 3 treats False as a failure
            raise Undecided
        return loaded

    return check_and_validate


def _exactly(kind: type) -> Check:
    def check(value: Any, _: Unknown) -> Any:
        if type(value) is not kind:
            raise Undecided
        return value

    return check


def _exactly_or(kind: type, check: Check, otherwise: Check) -> Check:
    def check_by_type(value: Any, unknown: Unknown) -> Any:
        return check(value, unknown) if type(value) is kind else otherwise(value, unknown)

    return check_by_type


def _nullable(check: Check) -> Check:
    def check_unless_null(value: Any, unknown: Unknown) -> Any:
        return None if value is None else check(value, unknown)

    return check_unless_null


def _by_marshmallow(field: fields.Field[Any]) -> Check:
    deserialize = field.deserialize
    return lambda value, _: deserialize(value)


def _unchanged(value: Any, _: Unknown) -> Any:
    return value


def _not_null(value: Any, _: Unknown) -> Any:
    if value is None:
        raise Undecided
    return value


def _undecided(*_: Any) -> Any:
    raise Undecided


def _is_plain(schema: Schema) -> bool:
    hooks = {
        hook if isinstance(hook, str) else hook[0]  # marshmallow 3 lists names, marshmallow 4 tuples
        for names in type(schema).resolve_hooks().values()
        for hook in names
    }
    is_renamed = any(row.data_key or row.attribute for row in schema.load_fields.values())
    return schema.unknown in (EXCLUDE, RAISE) and not (is_renamed or schema.partial) and hooks <= RequestSchema.HOOKS


def rows(validator: Validator, document: dict[str, Any], vendor: str, collection: str) -> list[dict[str, Any]]:
    """Return the rows of *collection* in a data file, loaded by *validator*.

    *document* is the part of the data file that belongs to *vendor*. A row that loading does not change is not copied.
    Raises `SettingError` with row, field and value for an invalid row.
    """
    loaded: list[dict[str, Any]] = []
    for index, row in enumerate(document.get(collection) or ()):
        try:
            loaded.append(validator.load(row, []))
        except ValidationError:
            loaded.append(_explained(validator.schema, row, f"{vendor}.{collection}[{index}]"))
    return loaded


def _explained(schema: Schema, row: Any, place: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise SettingError(f"{place}: expected a dictionary such as {_form(schema)}, got {brief(row)}")
    try:
        loaded: dict[str, Any] = schema.load(row)
    except ValidationError as error:
        # An unknown name comes first: it explains why the required name is missing.
        path, sentence = min(flatten_errors(error.messages), key=lambda complaint: _is_known(schema, complaint[0]))
        raise SettingError(f"{place}.{path}: {_complaint(schema, row, path, sentence)}") from None
    return loaded


def _form(schema: Schema) -> str:
    """Return a short row of *schema*, as an example."""
    names = [name for name, row in schema.load_fields.items() if row.required] or [*schema.load_fields][:1]
    return f"{{{comma_list(f'{chr(34)}{name}{chr(34)}: ...' for name in names)}}}"


def _complaint(schema: Schema, row: Any, path: str, sentence: str) -> str:
    """Return the error at *path* of *row*; *sentence* is marshmallow's message."""
    reason = f"{sentence[:1].lower()}{sentence[1:]}".removesuffix(".")
    holder, name, field_names = _holder_at(schema, row, path)
    if field_names and name not in field_names:
        return f"unknown member{alternatives(name, field_names)}"
    if not isinstance(holder, dict) or name not in holder:
        return reason
    value, row_field = holder[name], field_names[name] if isinstance(field_names, Mapping) else None
    checks = getattr(row_field, "validators", ())
    choices = next((check.choices for check in checks if isinstance(check, validate.OneOf)), ())
    if choices:
        return f"{brief(value)} is not one of {comma_list(choices)}{suggestion(str(value), map(str, choices))}"
    if isinstance(row_field, fields.String) and not isinstance(value, str):
        can_be_quoted = is_json_in_force() and isinstance(value, (bool, int, float))
        return f"{brief(value)} is not text" + ("; if it is meant as text, quote it" if can_be_quoted else "")
    return f"{brief(value)} can't be used: {reason}"


def _is_known(schema: Schema, path: str) -> bool:
    _, name, field_names = _holder_at(schema, None, path)
    return name in field_names


def _holder_at(schema: Schema, row: Any, path: str) -> tuple[Any, str, Collection[str]]:
    """Return the object that holds the last member of *path*, the member's name, and the names known there."""
    place: Schema | None = schema
    *steps, name = _STEP.findall(path) or [path]
    for step in steps:
        if step.isdigit():
            row = row[int(step)] if isinstance(row, list) and int(step) < len(row) else None
        else:
            row = row.get(step) if isinstance(row, dict) else None
            place = inner(place.load_fields.get(step)) if place is not None else None
    return row, name, place.load_fields if place is not None else ()
