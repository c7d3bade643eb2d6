"""JSON Schema of the user's files, with which editors complete and check them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apispec import APISpec
from marshmallow import RAISE, Schema

from ... import __version__
from ...core import Json, Vendor, all_options
from ...emulator import DELETED, Emulator
from ...settings import BOOL, FLOAT, INT, Option
from .control import DELETED_ROWS, FILE_KINDS, fault_rules_schema, hoist, stub_rules_schema
from .schemas import Converter, Plugin, one_type_enums

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ANY_ROWS: Json = {"type": ["array", "null"], "items": {"type": "object"}}


def file_schema(name: str, core: Emulator) -> Json:
    """Return the JSON Schema of the files called *name*, a key of `FILES`, with the vendors of *core*."""
    definitions: dict[str, Json] = {}
    body = hoist(FILES[name](core), definitions, "#/$defs/")
    document = {"$schema": _DIALECT, **body, **({"$defs": definitions} if definitions else {})}
    schema: Json = one_type_enums(document)
    return schema


def _data(core: Emulator) -> Json:
    vendors = {name: _vendor_schema(vendor) for name, vendor in core.vendors.items()}
    about = "The records that a mock starts with, by vendor and table, with the names of the API."
    properties = {"$schema": {"type": "string"}, **vendors, "stubs": stub_rules_schema()}
    return {"type": "object", "description": about, "properties": properties, "additionalProperties": False}


def _vendor_schema(vendor: Vendor) -> Json:
    """Return the schema of one vendor's part of a data file."""
    converter = _converter()
    tables = {
        schema.name: _rows(converter, vendor.rows[schema.name]) if schema.name in vendor.rows else _ANY_ROWS
        for schema in vendor.tables
    }
    about = f"The records of {vendor.title}."
    properties = {**tables, DELETED: DELETED_ROWS}
    return {"type": ["object", "null"], "description": about, "properties": properties, "additionalProperties": False}


def _rows(converter: Converter, row: Schema) -> Json:
    return {"type": ["array", "null"], "items": converter.schema2jsonschema(row)}


def _faults(core: Emulator) -> Json:
    return fault_rules_schema(core.routes.operations(), core.vendors, globs=True)


def _scenarios(core: Emulator) -> Json:
    about = {"type": ["string", "null"], "description": "What it reproduces, in a sentence."}
    rules = {"type": "array", "minItems": 1, "items": _faults(core)["anyOf"][0]}
    members = {"about": about, "faults": rules}
    scenario = {"type": "object", "properties": members, "required": ["faults"], "additionalProperties": False}
    return {"type": ["object", "null"], "description": "Scenarios by name.", "additionalProperties": scenario}


def _stubs(core: Emulator) -> Json:
    return stub_rules_schema()


def _settings(core: Emulator) -> Json:
    options = all_options(core.vendors.values())
    rows = {name: _setting(row) for row in options for name in (row.name.replace("_", "-"), row.name)}
    about = "The settings of segment-mock.yaml, or of [tool.segment-mock] in pyproject.toml."
    return {"type": "object", "description": about, "properties": rows, "additionalProperties": False}


def _setting(row: Option) -> Json:
    if row.choices:
        schema: Json = {
            "enum": [*row.choices, *([False] if "off" in row.choices else [])]
        }  # YAML reads an unquoted off as false
    else:
        schema = {BOOL: {"type": ["boolean", "string"]}, INT: {"type": ["integer", "string"]}}.get(
            row.kind, {"type": ["number", "string"]} if row.kind is FLOAT else {}
        )
    bounds = {"minimum": row.min, "maximum": row.max}
    schema = {**schema, **{name: bound for name, bound in bounds.items() if bound is not None}}
    value = {"anyOf": [schema, {"type": "array", "items": schema}]} if row.many and schema else schema
    default = {} if row.initial in (None, ()) else {"default": row.initial}
    return {**({"anyOf": [value, {"type": "null"}]} if value else {}), "description": row.help, **default}


FILES: Mapping[str, Callable[[Emulator], Json]] = dict(
    zip(FILE_KINDS, (_data, _faults, _scenarios, _stubs, _settings), strict=True)
)
"""The function that returns the schema of each kind of file."""


class _RowConverter(Converter):
    """Inlines nested schemas, and forbids the members that loading would refuse."""

    sourced = False

    def schema2jsonschema(self, schema: Any) -> Json:
        """Return *schema*, without additional properties if it raises for unknown members."""
        converted = super().schema2jsonschema(schema)
        return {**converted, "additionalProperties": False} if schema.unknown == RAISE else converted


class _RowPlugin(Plugin):
    """The plugin with `_RowConverter`."""

    Converter = _RowConverter


def _converter() -> Converter:
    plugin = _RowPlugin(schema_name_resolver=lambda schema: "")
    APISpec("rows", __version__, "3.1.0", plugins=[plugin])
    converter: Converter = plugin.converter  # type: ignore[assignment]
    return converter
