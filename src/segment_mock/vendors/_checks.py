"""Mistakes in a vendor's value, found when it is loaded: first wrong types, then names that lead nowhere."""

from __future__ import annotations

import re
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from inspect import iscoroutinefunction, signature
from string import Formatter
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from marshmallow import Schema
from marshmallow.fields import Field

from ..core import API_VERSION, REFUSAL_KINDS, ErrorTemplate, ItemList, Operation, Vendor, VendorState, inner
from ..hosts import host_pattern, is_control
from ..json_match import brief
from ..settings import Option, SettingError, is_name, suggestion
from ..wording import plural

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OPERATIONS_OF_REFUSED_CALLS = ("no_such_method", "no_such_operation", "stub")
_PATH = re.compile(r"(/([^/{}?#\s]|\{[A-Za-z_]\w*\})+)*/?")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_LEVELS = 20
"""How many schemas may be nested in each other; with more, one of them nests itself."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]*")


def problems(vendor: Vendor) -> Iterator[str]:
    """Yield each mistake in *vendor*: its place, the value, what was expected, and the nearest valid name."""
    wrong = [*_wrong_types(vendor, Vendor)]
    yield from wrong
    if wrong:
        return  # what follows relies on the types
    for place, schema in _all_schemas(vendor):
        if problem := _unusable_nesting(schema, place):
            yield problem
            return  # what follows enters nested schemas
    yield from _wrong_address(vendor)
    yield from _wrong_refusals(vendor)
    yield from _wrong_tables(vendor)
    yield from _wrong_options(vendor)
    yield from _duplicates("operations", [operation.name for operation in vendor.operations])
    yield from _duplicates("operations", [*_routes(vendor)])
    subjects = {operation.subject for operation in vendor.operations} - {""}
    for operation in vendor.operations:
        yield from (f"operation {operation.name}: {problem}" for problem in _wrong_operation(operation))
        yield from (f"operation {operation.name}: {problem}" for problem in _wrong_subject(operation, vendor.counters))
        yield from (f"operation {operation.name}: {problem}" for problem in _missing_parts(operation, subjects))


# Types, as the annotations of the dataclasses state them.


def _wrong_types(value: Any, hint: Any, place: str = "") -> Iterator[str]:
    """Yield each part of *value* whose type is not that of the annotation *hint*."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return
    if origin in (Union, types.UnionType):
        by_type = [[*_wrong_types(value, argument, place)] for argument in arguments]
        yield from () if [] in by_type else by_type[0]
    elif origin is Literal:
        if value not in arguments:
            yield _unknown(place, value, arguments)
    elif origin is tuple:
        if isinstance(value, tuple):
            for index, item in enumerate(value):
                yield from _wrong_types(item, arguments[0], f"{place}[{index}]")
        else:
            yield f"{place}: expected a tuple, which for one item is (item,), got {_name_of(value)}"
    elif origin is not None and issubclass(origin, Mapping):
        if isinstance(value, Mapping):
            for key, item in value.items():
                yield from _wrong_types(key, arguments[0], f"{place}, key {brief(key)}")
                yield from _wrong_types(item, arguments[1], f"{place}[{key!r}]")
        else:
            yield f"{place}: expected a dictionary, got {_name_of(value)}"
    elif origin is not None:
        if not _accepts_arguments(value, len(arguments[0])):
            expected = f"a plain function of {plural(len(arguments[0]), 'argument')}"
            yield f"{place}: expected {expected}, got {_name_of(value)}"
    elif not _is_a(value, hint):
        yield f"{place}: expected {_in_words(hint)}, got {_name_of(value)}"
    elif is_dataclass(value):
        hints = get_type_hints(type(value))
        for field in fields(value):
            name = f"{place}.{field.name}" if place else field.name
            yield from _wrong_types(getattr(value, field.name), hints[field.name], name)


def _is_a(value: Any, kind: Any) -> bool:
    if kind is None or kind is type(None):
        return value is None
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def _in_words(kind: type) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "True or False", bytes: "bytes"}
    return names.get(kind) or f"an instance of {kind.__name__}"


def _name_of(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if is_dataclass(value) or isinstance(value, (Schema, list, dict, set)):
        return f"an instance of {type(value).__name__}"
    return getattr(value, "__qualname__", None) or brief(value)


def _accepts_arguments(function: Any, count: int) -> bool:
    """Return whether *function* is a plain function that can be called with *count* values."""
    if not callable(function) or iscoroutinefunction(function):
        return False
    try:
        signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # some callables of C have no signature
        return True
    return True


# Schemas.


def _all_schemas(vendor: Vendor) -> Iterator[tuple[str, Schema]]:
    """Yield each schema of *vendor* with its place."""
    for operation in vendor.operations:
        for side, schema in (("request", operation.request), ("response", operation.response)):
            if schema is not None:
                yield f"operation {operation.name}: {side}", schema
    for name, schemas in (("error_schemas", vendor.error_schemas), ("rows", vendor.rows)):
        yield from ((f"{name}[{key!r}]", schema) for key, schema in schemas.items())


def _unusable_nesting(schema: Schema, place: str, above: tuple[tuple[str, Schema], ...] = ()) -> str:
    """Return the problem of a schema below *schema* that can't be used or has no end; ``""`` if there is none.

    *above* has the schemas that contain it, with their places.
    """
    chain = (*above, (place, schema))
    if len(chain) > _LEVELS:
        return _endless_nesting(chain)
    for name, field in schema.fields.items():
        at = f"{place}.{name}"
        try:
            below = [*_schemas_in(field)]
        except Exception as error:  # the function that a nested field calls is the vendor's
            return f"{at}: the nested schema can't be used: {type(error).__name__}: {error}"
        if problem := next(filter(None, (_unusable_nesting(each, at, chain) for each in below)), ""):
            return problem
    return ""


def _schemas_in(field: Any) -> Iterator[Schema]:
    """Yield the schemas of *field*, which may be a list, a dictionary or a tuple of other fields."""
    parts = (getattr(field, "inner", None), getattr(field, "value_field", None), *getattr(field, "tuple_fields", ()))
    for part in parts:
        if isinstance(part, Field):
            yield from _schemas_in(part)
    if isinstance(schema := getattr(field, "schema", None), Schema):
        yield schema


def _endless_nesting(chain: tuple[tuple[str, Schema], ...]) -> str:
    seen: set[type] = set()
    for place, schema in chain:
        kind = type(schema)
        if kind in seen:
            example = f"Nested(lambda: {kind.__name__}(exclude=({place.rpartition('.')[2]!r},)))"
            return f"{place}: the schema {kind.__name__} nests itself without end; write {example} or Dict()"
        seen.add(kind)
    return f"{chain[-1][0]}: schemas are nested in more than {_LEVELS} levels; write Dict() there"


# Names, paths and bounds.


def _unknown(place: str, name: Any, names: Iterable[str]) -> str:
    valid_names = [*names]
    expected = f"expected one of {', '.join(valid_names)}" if valid_names else "the vendor has none"
    return f"{place}: unknown {brief(name)}{suggestion(name, valid_names)}; {expected}"


def _duplicates(place: str, names: list[str]) -> Iterator[str]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"{place}: {', '.join(twice)} is listed twice"


def _wrong_address(vendor: Vendor) -> Iterator[str]:
    if vendor.api > API_VERSION:
        yield (
            f"it was written for version {vendor.api} of segment_mock.vendor_api, and this is version {API_VERSION}; "
            "upgrade the older one"
        )
    if not vendor.title:
        yield "title: expected text for people to read, got ''"
    if not vendor.hosts:
        yield "hosts: expected at least one host"
    for host in vendor.hosts:
        try:
            usable = host_pattern(host) == host and not host.startswith("!")
        except ValueError:
            usable = False
        if not usable:
            yield f"host {host!r}: expected a host in lower case, such as api.example.org or *.example.org"
    root = vendor.root
    if not _PATH.fullmatch(root) or "{" in root or is_control(root) or root.endswith("/"):
        yield (
            f"root {root!r}: expected a path such as /api, not below /_mock and without a slash at its end, or '' "
            "for a vendor whose paths have no common beginning"
        )
    elif not root:
        paths = [(row.name, path) for row in vendor.operations for path in row.paths if is_control(path)]
        yield from (f"operation {name}: path {path!r}: /_mock is the control plane of the mock" for name, path in paths)
    if not _HEADER.fullmatch(vendor.key_header):
        yield f"key_header {vendor.key_header!r}: expected the name of a header, or '' if calls need no credential"
    limits = vendor.limits
    for name, bound in (("calls", limits.calls), ("seconds", limits.seconds), ("items", limits.items)):
        if bound is not None and not bound > 0:
            yield f"limits.{name}: expected a number above 0, got {bound}"
    if vendor.examples and not vendor.examples.is_dir():
        yield f"examples: no folder {str(vendor.examples)!r}"


def _wrong_refusals(vendor: Vendor) -> Iterator[str]:
    if missing := [kind for kind in REFUSAL_KINDS if kind not in vendor.refusals]:
        yield f"refusals: no template for {', '.join(missing)}"
    for place, names in (("refusals", vendor.refusals), ("error_schemas", vendor.error_schemas)):
        yield from (_unknown(place, kind, REFUSAL_KINDS) for kind in names if kind not in REFUSAL_KINDS)
    templates: Mapping[str, ErrorTemplate] = {
        **{f"refusals[{kind!r}]": row for kind, row in vendor.refusals.items()},
        **{f"errors[{status}]": row for status, row in vendor.errors.items()},
    }
    for place, row in templates.items():
        if not 200 <= row.status <= 599:
            yield f"{place}.status: expected a status from 200 to 599, got {row.status}"
        try:
            names_in_text = [name for _, name, _, _ in Formatter().parse(row.message) if name is not None]
        except ValueError as error:
            yield f"{place}.message: {brief(row.message)} has a wrong placeholder: {error}"
        else:
            wrong = [name for name in names_in_text if not name.isidentifier()]
            yield from (f"{place}.message: placeholder {{{name}}}: expected a name such as {{path}}" for name in wrong)


def _wrong_tables(vendor: Vendor) -> Iterator[str]:
    tables = [table.name for table in vendor.tables]
    yield from _duplicates("tables", tables)
    for table in vendor.tables:
        if not is_name(table.name):
            yield f"table {table.name!r}: expected a letter, then lower-case letters, digits and _"
        yield from _duplicates(f"table {table.name}: indexes", [index.name for index in table.indexes])
    yield from (_unknown("rows", name, tables) for name in vendor.rows if name not in tables)
    if not (isinstance(vendor.state_class, type) and issubclass(vendor.state_class, VendorState)):
        yield f"state_class: expected a subclass of VendorState, got {_name_of(vendor.state_class)}"


def _wrong_options(vendor: Vendor) -> Iterator[str]:
    names = [vendor.key_option, *(option.name for option in vendor.options)]
    yield from _duplicates("options", names)
    yield from (
        f"option {name!r}: expected a letter, then lower-case letters, digits and _"
        for name in names
        if not is_name(name)
    )
    yield from (f"option {problem}" for option in vendor.options for problem in _wrong_default(option))
    own = names[1:]
    for name, assumption in vendor.assumptions.items():
        if assumption.setting and assumption.setting not in own:
            yield _unknown(f"assumptions[{name!r}].setting", assumption.setting, own)
        operations = [row.name for row in vendor.operations]
        wrong = [row for row in assumption.operations if row not in operations]
        yield from (_unknown(f"assumptions[{name!r}].operations", row, operations) for row in wrong)


def _wrong_default(option: Option) -> Iterator[str]:
    try:
        if option.initial is not None:
            option.read(option.initial)
    except SettingError as error:
        yield str(error)


def _routes(vendor: Vendor) -> Iterator[str]:
    """Yield method and path of every operation, with nothing between the braces: names of arguments do not matter."""
    for operation in vendor.operations:
        yield from {f"{operation.method} {_PLACEHOLDER.sub('{}', path)}" for path in operation.paths}


def _wrong_operation(operation: Operation) -> Iterator[str]:
    if not is_name(operation.name) or operation.name in OPERATIONS_OF_REFUSED_CALLS:
        reserved = ", ".join(OPERATIONS_OF_REFUSED_CALLS)
        yield (f"name {operation.name!r}: expected a letter, then lower-case letters, digits and _, but not {reserved}")
    if operation.method not in METHODS:
        yield _unknown("method", operation.method, METHODS)
    if not operation.paths:
        yield "paths: expected at least one path"
    for path in operation.paths:
        if not _PATH.fullmatch(path):
            yield f"path {path!r}: expected '' or a path such as /items/{{id}}, without a query"
        yield from _duplicates(f"path {path!r}", _PLACEHOLDER.findall(path))
    if not operation.source:
        yield "source: expected a section of a document, a recording, or 'assumed'"
    for name in operation.sized:
        yield from _wrong_member("sized", name, operation.request, "request")
    if operation.items:
        yield from _wrong_member("items.sent", operation.items.sent, operation.request, "request")
        yield from _wrong_member("items.answered", operation.items.answered, operation.response, "response")


def _wrong_subject(operation: Operation, counters: Iterable[str]) -> Iterator[str]:
    subject = operation.subject
    if subject and not any(_is_counter_of(subject, counter) for counter in counters):
        near = suggestion(subject, counters)
        yield (
            f"subject: no counter of the vendor begins with the word {subject!r}{near}; name those that it counts in "
            f"counters of the vendor, such as {subject}Read, or leave subject out"
        )


def _is_counter_of(subject: str, counter: str) -> bool:
    """Return whether *counter* begins with the whole word *subject*: ``segmentRead`` with ``segment``, not ``seg``."""
    return counter.startswith(subject) and not counter[len(subject) :][:1].islower()


def _missing_parts(operation: Operation, subjects: Collection[str]) -> Iterator[str]:
    """Yield what other parts of the row, or other rows with *subjects*, make necessary, and what would be ignored."""
    batches = _item_lists(operation.request)
    if batches and operation.items is None:
        yield f"items: the request has a list of items; name it in items=Items({batches[0]!r}, ...)"
    if operation.subject and operation.items is None:
        yield f"subject: {operation.subject!r} counts the results of items; add items, or leave subject out"
    if subjects and operation.items and operation.counted and not operation.subject:
        yield (
            "subject: expected the word with which the counters of its items begin, as in the other operations, such "
            f"as {', '.join(sorted(subjects))}; or counted=False"
        )


def _item_lists(schema: Schema | None) -> list[str]:
    """Return the names of the lists of items in a body, or in the object in the vendor's envelope."""
    rows = schema.fields if schema else {}
    objects = [inner(row) for row in rows.values() if not isinstance(row, ItemList)]
    levels = [rows, *(below.fields for below in objects if below)]
    return [name for level in levels for name, row in level.items() if isinstance(row, ItemList)]


def _wrong_member(place: str, name: str, schema: Schema | None, side: str) -> Iterator[str]:
    """Yield what keeps *name* from being a member of a body, or of the object in the vendor's envelope."""
    if schema is None:
        yield f"{place}: {name!r} needs a schema of the {side}"
        return
    rows = schema.fields.items()
    names = {member: None for member, _ in rows}
    names |= {member: None for _, row in rows if (below := inner(row)) for member in below.fields}
    if name not in names:
        yield _unknown(place, name, names)
