"""Base classes and fields of the vendors' schemas, and helpers that look members and errors up in a schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.exceptions import SCHEMA
from marshmallow.orderedset import OrderedSet


class OrderedSchema(Schema):
    """Loads members in the order of declaration, which marshmallow before 3.20 does not do by default."""

    set_class = OrderedSet


class RequestSchema(OrderedSchema):
    """Base class of request schemas. It ignores unknown fields, as the vendors do.

    *rules* are functions that get the loaded data and raise ValidationError. *shapes* are functions that get the loaded
    data and return it changed. Use them instead of marshmallow's hooks, which the fast validator can't call.
    """

    class Meta:
        """Ignore unknown fields."""

        unknown = EXCLUDE

    HOOKS: ClassVar[frozenset[str]] = frozenset({"_ruled", "_shaped"})
    rules: ClassVar[tuple[Callable[[dict[str, Any]], None], ...]] = ()
    shapes: ClassVar[tuple[Callable[[dict[str, Any]], dict[str, Any]], ...]] = ()

    @validates_schema
    def _ruled(self, data: dict[str, Any], **_: Any) -> None:
        for rule in type(self).rules:
            rule(data)

    @post_load
    def _shaped(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        for shape in type(self).shapes:
            data = shape(data)
        return data


class DataRow(RequestSchema):
    """Base class of the schemas of rows in data files. Unlike a request schema, it refuses unknown fields."""

    class Meta:
        """Refuse unknown fields."""

        unknown = RAISE


class NotBlank:
    """A validator of strings that must not be blank; *sentence* is the message of the error."""

    words = "not blank"

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.holds: Callable[[str], str] = str.strip
        """A function whose result is true for a string that is not blank; it raises no error."""

    def __call__(self, value: str) -> None:
        """Raise ValidationError if *value* is blank."""
        if not value.strip():
            raise ValidationError(self.sentence)

    def as_schema(self) -> dict[str, Any]:
        """Return the rule as JSON Schema.

        The pattern spells out white space, which JSON Schema defines differently from Python.
        """
        return {"pattern": r"[^\s\x1c-\x1f\x85]|\ufeff"}


class Identifier(fields.String):
    """A field for an id. A number, from a client that omitted the quotes, is converted to a string."""

    as_schema: ClassVar[dict[str, Any]] = {"type": ["string", "integer"]}
    words = "string or integer"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        return super()._deserialize(str(value) if type(value) is int else value, attr, data, **options)


class ItemList(fields.Field):  # type: ignore[type-arg]  # not generic in marshmallow 3
    """A field for a list of objects that the operation validates one by one with *schema*.

    The schema of the request itself checks only that the items are objects. A number in one of the members *ids* is
    converted to text, as by `Identifier`.
    """

    words = "list of objects"

    def __init__(self, schema: Schema, *, ids: tuple[str, ...] = (), **options: Any) -> None:
        super().__init__(**options)
        self.schema, self.ids = schema, ids

    def with_text_ids(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return *items* with text in place of numbers in their ids."""
        texts = [{name: str(item[name]) for name in self.ids if type(item.get(name)) is int} for item in items]
        return [{**item, **ids} for item, ids in zip(items, texts, strict=True)]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise ValidationError("Not a list.")
        wrong = {i: ["Not an object."] for i, item in enumerate(value) if not isinstance(item, dict)}
        if wrong:
            raise ValidationError(wrong)
        return self.with_text_ids(value)


def flatten_errors(messages: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield wire path (such as ``payload.segments[0].name``) and sentence of each of marshmallow's *messages*."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            if name == SCHEMA:  # marshmallow's name for the object itself
                step = ""
            else:
                step = f"[{name}]" if isinstance(name, int) else f".{name}" if place else str(name)
            yield from flatten_errors(inner, place + step)
    else:
        for sentence in messages:
            yield place, sentence


def unread(schema: Schema, data: Any) -> Iterator[str]:
    """Yield the path of each member of *data* that *schema* does not have, in order of the data."""
    return (path for path, _ in unknown_fields(schema, data))


def unknown_fields(schema: Schema, data: Any, place: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each path of `unread`, with the names that the schema has at its place."""
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from unknown_fields(schema, item, f"{place}[{index}]")
    elif isinstance(data, dict):
        load_fields = schema.load_fields
        for name, value in data.items():
            path, below = f"{place}.{name}" if place else name, inner(load_fields.get(name))
            if name in schema.dump_fields and name not in load_fields:
                continue  # a member of responses that the client sends back
            if name not in load_fields:
                yield path, tuple(load_fields)
            elif below is not None:
                yield from unknown_fields(below, value, path)


def members(schema: Schema, data: Any) -> Iterator[tuple[dict[str, Any], str, fields.Field[Any]]]:
    """Yield object, name and field of each member of *data* that *schema* describes."""
    for item in data if isinstance(data, list) else ():
        yield from members(schema, item)
    for name, row in schema.fields.items() if isinstance(data, dict) else ():
        if name in data:
            yield data, name, row
            below = inner(row)
            if below is not None:
                yield from members(below, data[name])


def inner(field: Any) -> Schema | None:
    """Return the schema of the object, or of the list of objects, in *field*; None for any other field."""
    schema: Schema | None = getattr(getattr(field, "inner", field), "schema", None)
    return schema
