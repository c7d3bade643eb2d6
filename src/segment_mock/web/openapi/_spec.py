"""marshmallow's schemas as JSON Schema: what apispec knows of them, and what it can't know."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from ... import __version__
from ...contract import Batch, Json, Lenient, doubt, mark, source_of

_ANYTHING = "Whatever else is sent is no error of the call: it is answered by a result of its own."


class Converter(OpenAPIConverter):
    """Adds rules over several members, checks that tell themselves, our own fields, and each field's source."""

    def init_attribute_functions(self) -> None:
        """Let what a field tells of itself win over what apispec guesses."""
        super().init_attribute_functions()  # type: ignore[no-untyped-call]
        for function in (_own, _checked, _batched, _sourced):
            self.add_attribute_function(function)  # type: ignore[no-untyped-call]

    def enum2properties(self, field: Any, **options: Any) -> Json:
        """Return what an enumeration tells; marshmallow before 3.18 has none, which apispec does not ask."""
        told: Json = super().enum2properties(field, **options) if hasattr(fields, "Enum") else {}
        return told

    def field2pattern(self, field: Any, **options: Any) -> Json:
        """Return a pattern in the words of JSON Schema: Python matches from the start, and has its own end."""
        told: Json = super().field2pattern(field, **options)
        return {name: "^(?:" + text.replace(r"\Z", "$") + ")" for name, text in told.items()}

    def schema2jsonschema(self, schema: Any) -> Json:
        """Return *schema* with its sentence and its rules."""
        told: Json = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        rules = [rule.as_schema() for rule in getattr(schema, "rules", ())]
        about = (type(schema).__doc__ or "").partition("\n")[0]
        if about and type(schema).__module__.startswith("segment_mock"):
            told["description"] = about
        return {**told, "allOf": rules} if rules else told


class Plugin(MarshmallowPlugin):
    """apispec's own plugin with our converter."""

    Converter = Converter


def spec(title: str, **options: Any) -> APISpec:
    """Return an empty OpenAPI 3.1 document that understands our schemas."""
    return APISpec(title, __version__, "3.1.0", plugins=[Plugin(schema_name_resolver=_name)], **options)


def _name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    left_out = "".join(f"Without{name.title()}" for name in sorted(getattr(schema, "exclude", ()) or ()))
    return kind.__name__ + left_out


def _own(self: Converter, field: Any, ret: Json, **_: Any) -> Json:
    told: Json = dict(getattr(field, "as_schema", {}))
    if isinstance(field, fields.Boolean) and isinstance(_root(field), Lenient):
        ret.pop("type", None)
        words = sorted(word for word in [*field.truthy, *field.falsy] if isinstance(word, str))
        told = {"enum": [True, False, 1, 0, *words]}
    if told and field.allow_none:
        ret.pop("type", None)
        told = {"anyOf": [told, {"type": "null"}]}
    return told


def _root(field: Any) -> Schema | None:
    schema: Schema | None = field.parent
    return schema


def _checked(self: Converter, field: Any, ret: Json, **_: Any) -> Json:
    told: Json = {}
    for check in field.validators:
        if hasattr(check, "as_schema"):
            told |= check.as_schema()
    return told


def _batched(self: Converter, field: Any, ret: Json, **_: Any) -> Json:
    if not isinstance(field, Batch):
        return {}
    known = self.resolve_nested_schema(field.schema)  # type: ignore[no-untyped-call]
    return {"type": "array", "items": {"anyOf": [known, {"type": "object", "description": _ANYTHING}]}}


def _sourced(self: Converter, field: Any, ret: Json, **_: Any) -> Json:
    return word(source_of(field)) if isinstance(_root(field), Schema) else {}


def word(source: str) -> Json:
    """Return how a document tells a *source*: with its mark, and with what of it is assumed."""
    doubted = doubt(source)
    return {"x-source": source, "x-mark": mark(source), **({"x-assumed": doubted} if doubted else {})}
