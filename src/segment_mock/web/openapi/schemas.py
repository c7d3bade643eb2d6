"""Convert marshmallow's schemas to JSON Schema: apispec, extended by this project's fields and rules."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from ... import __version__
from ...core import ItemList, Json, RequestSchema, doubt, mark, source_of

_ANYTHING = "Any other item is not an error of the call; it gets a result of its own."
_EXAMPLES = ("default", "example", "examples")


class Converter(OpenAPIConverter):
    """apispec's converter, extended to rules over several members and this project's fields; *sourced* adds sources."""

    sourced = True

    def init_attribute_functions(self) -> None:
        """Add functions whose results override apispec's guesses."""
        super().init_attribute_functions()  # type: ignore[no-untyped-call]
        for function in (_own_schema, _checked, _batched, _sourced):
            self.add_attribute_function(function)  # type: ignore[no-untyped-call]

    def enum2properties(self, field: Any, **options: Any) -> Json:
        """Return the choices of an enumeration; marshmallow before 3.18 has no Enum field, which apispec expects."""
        choices: Json = super().enum2properties(field, **options) if hasattr(fields, "Enum") else {}
        return choices

    def field2pattern(self, field: Any, **options: Any) -> Json:
        """Return a pattern in the syntax of JSON Schema, which differs from Python's at its beginning and end."""
        patterns: Json = super().field2pattern(field, **options)
        return {name: "^(?:" + text.replace(r"\Z", "$") + ")" for name, text in patterns.items()}

    def schema2jsonschema(self, schema: Any) -> Json:
        """Return *schema* with its description and its rules."""
        converted: Json = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        rules = [rule.as_schema() for rule in getattr(schema, "rules", ())]
        description = (type(schema).__doc__ or "").partition("\n")[0]
        if description and type(schema).__module__.startswith("segment_mock"):
            converted["description"] = description
        return {**converted, "allOf": rules} if rules else converted


class Plugin(MarshmallowPlugin):
    """The plugin of apispec with this converter."""

    Converter = Converter


def new_spec(title: str, **options: Any) -> APISpec:
    """Return an empty OpenAPI 3.1 document to which this project's schemas can be added."""
    return APISpec(title, __version__, "3.1.0", plugins=[Plugin(schema_name_resolver=_name)], **options)


def source_words(source: str) -> Json:
    """Return the members that describe a *source*: the source, its mark, and the part that is assumed."""
    assumed = doubt(source)
    return {"x-source": source, "x-mark": mark(source), **({"x-assumed": assumed} if assumed else {})}


def one_type_enums(value: Any) -> Any:
    """Return a document or a part of it without an ``enum`` of several types, which client generators can't read.

    Such an ``enum`` becomes ``anyOf`` with one ``enum`` for each type.
    """
    if isinstance(value, list):
        return [one_type_enums(item) for item in value]
    if not isinstance(value, dict):
        return value
    schema = {name: member if name in _EXAMPLES else one_type_enums(member) for name, member in value.items()}
    if not isinstance(schema.get("enum"), list):
        return schema
    by_type: dict[str, list[Any]] = {}
    for choice in schema.pop("enum"):
        by_type.setdefault(_JSON_TYPES[type(choice)], []).append(choice)
    schema.pop("type", None)
    enums = [_enum(name, choices) for name, choices in by_type.items()]
    return {**enums[0], **schema} if len(enums) == 1 else {"anyOf": enums, **schema}


_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def _enum(name: str, choices: list[Any]) -> Json:
    is_whole_type = name == "null" or (name == "boolean" and len(choices) == 2)
    return {"type": name} if is_whole_type else {"type": name, "enum": choices}


def _name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    left_out = "".join(f"Without{name.title()}" for name in sorted(getattr(schema, "exclude", ()) or ()))
    return kind.__name__ + left_out


def _own_schema(self: Converter, field: Any, ret: Json, **_: Any) -> Json:
    own: Json = dict(getattr(field, "as_schema", {}))
    if isinstance(field, fields.Boolean) and isinstance(_root(field), RequestSchema):
        ret.pop("type", None)
        # Some words differ only in case, so client generators could not name the members of an enum.
        words = "|".join(sorted(text for text in [*field.truthy, *field.falsy] if isinstance(text, str)))
        number = {"type": "integer", "minimum": 0, "maximum": 1}
        own = {"anyOf": [{"type": "boolean"}, number, {"type": "string", "pattern": f"^({words})$"}]}
    if own and field.allow_none:
        ret.pop("type", None)
        own = {"anyOf": [own, {"type": "null"}]}
    return own


def _root(field: Any) -> Schema | None:
    schema: Schema | None = field.parent
    return schema


def _checked(self: Converter, field: Any, ret: Json, **_: Any) -> Json:
    checks: Json = {}
    for check in field.validators:
        if hasattr(check, "as_schema"):
            checks |= check.as_schema()
    return checks


def _batched(self: Converter, field: Any, ret: Json, **_: Any) -> Json:
    if not isinstance(field, ItemList):
        return {}
    item = self.resolve_nested_schema(field.schema)  # type: ignore[no-untyped-call]
    return {"type": "array", "items": {"anyOf": [item, {"type": "object", "description": _ANYTHING}]}}


def _sourced(self: Converter, field: Any, ret: Json, **_: Any) -> Json:
    is_sourced = self.sourced and isinstance(_root(field), Schema)
    return source_words(source_of(field)) if is_sourced else {}
