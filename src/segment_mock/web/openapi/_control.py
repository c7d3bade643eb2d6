"""The control plane's document: what each view does, beside the paths and methods that Flask has for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...contract import Json
from ...emulator import Emulator
from ._faults import rule_schema
from ._rows import ROWS, STATE, Row

if TYPE_CHECKING:
    from werkzeug.routing import Rule

_PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")
_FREE = ("health", "ca")


def control_document(rules: Iterable[Rule], core: Emulator) -> Json:
    """Return the OpenAPI document of ``/_mock``, whose paths are Flask's *rules*; KeyError for one without a row."""
    paths: dict[str, Json] = {}
    for rule in sorted(rules, key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        plane, _, name = rule.endpoint.partition(".")
        if plane == "_mock" and ROWS[name].shown:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                path = paths.setdefault(_PLACE.sub(r"{\2}", rule.rule), {})
                path[method.lower()] = {"operationId": name, **_told(rule, name, ROWS[name], core)}
    bearer = {"type": "http", "scheme": "bearer", "description": "The admin token, if the server was given one."}
    guarded = core.settings["admin_token"] is not None
    return {
        "openapi": "3.1.0",
        "info": {"title": "segment-mock, control plane", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/", "description": "this mock"}],
        "security": [{"token": []}] if guarded else [],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": bearer},
            "schemas": {"Problem": _PROBLEM, "Rule": _rule(core), "State": _state(core)},
        },
    }


def _rule(core: Emulator) -> Json:
    return rule_schema((name for _, _, name in core.routes.rows()), core.vendors)


def _state(core: Emulator) -> Json:
    rows: Json = {"type": ["array", "null"], "items": {"type": "object"}}
    vendors = {
        vendor.name: {
            "type": ["object", "null"],
            "properties": {layout.name: rows for layout in vendor.tables},
            "additionalProperties": False,
        }
        for vendor in core.vendors.values()
    }
    return {**STATE, "properties": vendors, "additionalProperties": False}


def _told(rule: Rule, name: str, row: Row, core: Emulator) -> Json:
    told: Json = {"summary": row.about, "tags": ["_mock"], "x-source": "the mock's own", "parameters": [
        *_places(rule.rule, core), *_query(row, core),
    ]}  # fmt: skip
    if name in _FREE:
        told["security"] = []
    if row.body:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": row.body}}}
    good = {"description": row.good, "content": {row.kind: {"schema": row.reply}}, **_links(row)}
    statuses = [403, *row.refuses, *([401] if core.settings["admin_token"] is not None else [])]
    return {**told, "responses": {str(row.status): good, **{str(s): _problem(s) for s in sorted(statuses)}}}


def _links(row: Row) -> Json:
    links = {name: {"operationId": name, "parameters": told} for name, told in row.links.items()}
    return {"links": links} if links else {}


def _places(path: str, core: Emulator) -> Iterator[Json]:
    for kind, name in _PLACE.findall(path):
        schema: Json = {"type": "integer", "minimum": 0} if kind == "int" else {"type": "string", "minLength": 1}
        schema = {"enum": [*core.vendors]} if name == "vendor" else schema
        yield {"in": "path", "name": name, "required": True, "schema": schema}


def _query(row: Row, core: Emulator) -> Iterator[Json]:
    known = {"vendor": {"enum": [*core.vendors]}, "operation": {"enum": core.routes.names()}}
    for name, schema in row.query.items():
        yield {"in": "query", "name": name, "schema": known.get(name, schema)}


def _problem(status: int) -> Json:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


_ABOUT = "What people and tests ask of the mock itself. No vendor has any of it."
_TEXT: Json = {"type": "string"}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Why a call failed, and the way out.",
    "required": ["type", "title", "status", "detail", "hint"],
    "properties": {
        "type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "hint": _TEXT,
    },
}  # fmt: skip
