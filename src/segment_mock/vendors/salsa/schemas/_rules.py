"""Rules about several members at once, each as a check and, for who reads the schema, in JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import ValidationError

from ....core import Json

_GIVEN: Json = {"not": {"type": "null"}}


@dataclass(frozen=True)
class Needs:
    """Where *name* is given, *other* must be too, else *sentence* is said of it; null counts as not given."""

    name: str
    other: str
    sentence: str

    def __call__(self, data: Json) -> None:
        """Raise ValidationError where *other* is missing."""
        if data.get(self.name) is not None and data.get(self.other) is None:
            raise ValidationError({self.other: [self.sentence]})

    def as_schema(self) -> Json:
        """Return the rule in JSON Schema."""
        absent = {"properties": {self.name: {"type": "null"}}}
        return {"anyOf": [absent, {"required": [self.other], "properties": {self.other: _GIVEN}}]}


@dataclass(frozen=True)
class Either:
    """One of *name* and *other* must be given, else *sentence* is said of *name*; null counts as not given."""

    name: str
    other: str
    sentence: str

    def __call__(self, data: Json) -> None:
        """Raise ValidationError where both are missing."""
        if data.get(self.name) is None and data.get(self.other) is None:
            raise ValidationError({self.name: [self.sentence]})

    def as_schema(self) -> Json:
        """Return the rule in JSON Schema."""
        return {"anyOf": [{"required": [name], "properties": {name: _GIVEN}} for name in (self.name, self.other)]}
