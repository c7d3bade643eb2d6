"""The OpenAPI document of the control plane, from its views, and the schemas of fault rules and data files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from http import HTTPStatus
from typing import Any

from ... import __version__
from ...core import Json, Operation, member_names
from ...emulator import DELETED, Emulator
from ...faults import ALIASES, WHEN, kinds, option
from ...settings import FLOAT, INT, Option
from ...stubs import METHODS, MOST_TIMES
from ..views import PATH_ARGUMENT, TEXT, WHOLE_NUMBER, View, object_of
from .schemas import one_type_enums

_ABOUT = "The API of the mock itself, for people and tests. No vendor has it."
_PROBLEM = {
    **object_of("Problem", type=TEXT, title=TEXT, status=WHOLE_NUMBER, detail=TEXT, hint=TEXT),
    "description": "Why a call failed, and what to do.",
}
FILE_KINDS = ("data", "faults", "scenarios", "stubs", "settings")
"""The kinds of files that users write."""
_STATE = "The records in the form of a data file: vendor, collection, and a list of rows with the names of the API."


def control_document(views: Iterable[View], core: Emulator) -> Json:
    """Return the OpenAPI document of the *views* under ``/_mock``, with the vendors and settings of *core*."""
    paths: dict[str, Json] = {}
    for view in sorted(views, key=lambda view: (view.path, view.method)):
        if view.documented:
            path = paths.setdefault("/_mock" + PATH_ARGUMENT.sub(r"{\2}", view.path), {})
            path[view.method.lower()] = _operation(view, core)
    bearer = {"type": "http", "scheme": "bearer", "description": "The admin token, if the server has one."}
    schemas: dict[str, Json] = {}
    paths = hoist(paths, schemas)
    rules = fault_rules_schema(core.routes.operations(), core.vendors)
    for schema in (_PROBLEM, rules, stub_rules_schema(), _state(core)):
        hoist(schema, schemas)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "segment-mock, control plane", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/", "description": "this mock"}],
        "security": [{"token": []}] if core.settings["admin_token"] is not None else [],
        "tags": [{"name": "mock"}],
        "paths": paths,
        "components": {"securitySchemes": {"token": bearer}, "schemas": schemas},
    }
    openapi: Json = one_type_enums(document)
    return openapi


def hoist(value: Any, schemas: dict[str, Json], place: str = "#/components/schemas/") -> Any:
    """Return *value* with each schema that has a title replaced by a reference to *place*; add these to *schemas*."""
    if isinstance(value, list):
        return [hoist(item, schemas, place) for item in value]
    if not isinstance(value, dict):
        return value
    hoisted = {name: hoist(member, schemas, place) for name, member in value.items()}
    if not isinstance(value.get("title"), str):
        return hoisted
    schemas[value["title"]] = hoisted
    return {"$ref": f"{place}{value['title']}"}


def _operation(view: View, core: Emulator) -> Json:
    operation: Json = {
        "operationId": view.name,
        "summary": view.summary,
        "tags": ["mock"],
        "x-source": "the mock's own",
        "parameters": [*_path_parameters(view, core), *_query_parameters(view, core)],
    }
    if view.public:
        operation["security"] = []
    if view.body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": view.body}}}
    links = {name: {"operationId": name, "parameters": parameters} for name, parameters in view.links.items()}
    success = {
        "description": view.phrase,
        "content": {view.content_type: {"schema": view.response}},
        **({"links": links} if links else {}),
    }
    statuses = {400, 403, *view.refuses, *([401] if core.settings["admin_token"] is not None else [])}
    refusals = {str(status): _refusal(status) for status in sorted(statuses)}
    return {**operation, "responses": {str(view.status): success, **refusals}}


def _path_parameters(view: View, core: Emulator) -> Iterator[Json]:
    members = {name for vendor in core.vendors.values() for name in member_names(vendor.state_class)}
    for converter, name in view.path_arguments:
        schema: Json = {"type": "integer", "minimum": 0} if converter == "int" else {"type": "string", "minLength": 1}
        schema = {"enum": [*core.vendors]} if name == "vendor" else schema
        schema = {"enum": sorted(members)} if name == "member" else schema
        schema = {"enum": [*FILE_KINDS]} if name == "file" else schema
        yield {"in": "path", "name": name, "required": True, "description": view.arguments[name], "schema": schema}


def _query_parameters(view: View, core: Emulator) -> Iterator[Json]:
    choices = {"vendor": {"enum": [*core.vendors]}, "operation": {"enum": core.routes.names()}}
    for name, row in view.query.items():
        schema = {member: value for member, value in row.items() if member != "description"}
        yield {
            "in": "query",
            "name": name,
            "description": row["description"],
            "schema": choices.get(name, schema),
        }


def _refusal(status: int) -> Json:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


DELETED_ROWS: Json = {
    "type": ["array", "null"],
    "description": "The ids of deleted records: collection and id of each.",
    "items": {
        "type": "object",
        "properties": {"collection": TEXT, "id": TEXT},
        "required": ["collection", "id"],
        "additionalProperties": False,
    },
}


def _state(core: Emulator) -> Json:
    rows: Json = {"type": ["array", "null"], "items": {"type": "object"}}
    vendors = {
        vendor.name: _or_null(
            {
                "title": f"{vendor.name.capitalize()}State",
                **_closed_object({**{schema.name: rows for schema in vendor.tables}, DELETED: DELETED_ROWS}),
            }
        )
        for vendor in core.vendors.values()
    }
    state = {"title": "State", "type": "object", "description": _STATE}
    return {**state, "properties": vendors, "additionalProperties": False}


# A fault rule, from the same declarations that read it.


def _const(value: str) -> Json:
    return {"type": "string", "const": value}


_INDEX = {"type": "integer", "minimum": 0}
SETTING_TYPES: Mapping[str, Json] = {
    "text": {"type": ["string", "number"]},
    "a whole number": {"type": "integer"},
    "a number": {"type": "number"},
    "true or false": {
        "anyOf": [
            {"type": "boolean"},
            {"type": "integer", "minimum": 0, "maximum": 1},
            {"enum": ["true", "false", "yes", "no", "1", "0"]},
        ]
    },
    "text or an object": {"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "array", "items": {}}]},
    "a dictionary of names and values": {"type": "object"},
    "an index from 0, or a list of them": {"anyOf": [_INDEX, {"type": "array", "items": _INDEX}]},
    "a fraction from 0.0 up to 1, or a number of bytes": {
        "anyOf": [{"type": "number", "minimum": 0, "exclusiveMaximum": 1}, _INDEX]
    },
    "'reused' or a number of calls": {"anyOf": [_const("reused"), {"type": "integer", "minimum": 1}]},
}
"""The JSON Schema of each type of setting, by the title of the type."""
_STEP = r"[^.\[\]$]+(\[([0-9]{1,9}|\*)\])*"
_PATHS = {"type": "object", "propertyNames": {"pattern": rf"^{_STEP}(\.{_STEP})*$"}}


def fault_rules_schema(
    operations: Mapping[str, Operation | None], vendors: Collection[str], *, globs: bool = False
) -> Json:
    """Return the schema of the body of ``POST /_mock/faults``: a rule of any kind, or a list of rules.

    With *globs*, an operation may be any pattern, such as ``*.upsert_*``. The OpenAPI document lists only names,
    because client generators make an enumeration of them.
    """

    def names(able: Collection[str]) -> Json:
        enum: Json = {"enum": _patterns(able, vendors)}
        return {"anyOf": [enum, {"type": "string", "pattern": r"[*?\[]"}]} if globs else enum

    parameters = {"headers": {"type": "object"}, "query": {"type": "object"}}
    match = _closed_object({"vendor": {"enum": [*vendors]}, **parameters, "json": _PATHS})
    when = _closed_object(dict(map(_setting, WHEN)))
    common = {
        "operation": _or_null({"title": "OperationPattern", **names(operations)}),
        "match": _or_null({"title": "FaultMatch", **match}),
        "when": _or_null({"title": "FaultWhen", **when}),
    }
    aliases = {"title": "FaultAlias", **_closed_object({"kind": {"enum": [*ALIASES]}, **common}, "kind")}
    rules = []
    for name, kind in kinds().items():
        able = {operation: row for operation, row in operations.items() if kind().suits(row)}
        own = {} if len(able) == len(operations) else {"operation": _or_null(names(able))}
        rules.append(_rule(name, {**common, **own}))
    words = {"title": "FaultKind", "enum": [*kinds(), *ALIASES]}
    rule = {"title": "FaultRule", "anyOf": [*rules, aliases, words]}
    return {"title": "FaultRules", "anyOf": [rule, {"type": "array", "items": rule}]}


def stub_rules_schema() -> Json:
    """Return the schema of the body of ``POST /_mock/stubs``: a stub, or a list of stubs."""
    value = {"type": ["string", "integer"], "pattern": r"^[\t\x20-\x7e\x80-\xff]*$"}
    stub = {
        "title": "StubRule",
        **_closed_object(
            {
                "method": {"enum": [*METHODS]},
                "path": {"type": "string", "pattern": r"^/[A-Za-z0-9._*/-]*$"},
                "status": {"type": "integer", "minimum": 200, "maximum": 599},
                "headers": _or_null({
                    "type": "object",
                    "propertyNames": {"pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
                    "additionalProperties": value,
                }),
                "json": {},
                "times": _or_null({"type": "integer", "minimum": 0, "maximum": MOST_TIMES}),
            },
            "method", "path",
        ),
    }  # fmt: skip
    return {"title": "StubRules", "anyOf": [stub, {"type": "array", "items": stub}]}


def _patterns(operations: Collection[str], vendors: Collection[str]) -> list[str]:
    globs = [f"{vendor}.*" for vendor in vendors if any(name.startswith(f"{vendor}.") for name in operations)]
    return [*operations, *globs, "*"]


def _rule(name: str, common: Json) -> Json:
    kind = kinds()[name]
    settings = dict(_setting(option(row)) for row in fields(kind))
    schema = _closed_object({"kind": _const(name), **settings, **common}, "kind")
    title = "".join(part.capitalize() for part in re.split(r"\W|_", name))
    return {"title": f"{title}Fault", "description": " ".join((kind.__doc__ or "").split()), **schema}


def _closed_object(properties: Json, *required: str) -> Json:
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": [*required]} if required else schema


def _setting(row: Option) -> tuple[str, Json]:
    schema: Json = {"enum": [*row.choices]} if row.choices else dict(SETTING_TYPES[row.kind.title])
    bounds = {"minimum": row.min, "maximum": row.max}
    schema |= {name: value for name, value in bounds.items() if value is not None}
    if row.kind in (INT, FLOAT):
        schema = {"anyOf": [schema, {"type": "string", "pattern": _digits(row)}]}
    return row.name, {**_or_null(schema), "description": row.help, "default": row.default}


def _digits(row: Option) -> str:
    """Return a pattern of numbers as text, as in a shell; with a maximum, it matches only the two bounds."""
    if row.max is not None:
        return f"^({row.min:.0f}|{row.max:.0f})$"
    return "^[1-9][0-9]{0,8}$" if row.min else "^[0-9]{1,9}$"


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}
