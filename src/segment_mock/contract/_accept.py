"""A quick way through a schema: what is plainly valid is accepted here, all else marshmallow explains.

The check is made from the schema itself, so nothing is declared twice; of a kind of field that it
does not know it asks the field.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from marshmallow import Schema, ValidationError

from ._compile import Check, Surplus, Unclear, compiled


class Acceptor:
    """Loads plain data as *schema* does, or raises `Unclear`; what need not change is not copied."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    @cached_property
    def _check(self) -> Check:
        return compiled(self.schema)

    def load(self, data: Any) -> tuple[Any, bool]:
        """Return what the schema makes of *data*, and whether some object has a member that nobody reads."""
        surplus: Surplus = []
        try:
            return self._check(data, surplus), bool(surplus)
        except ValidationError:
            raise Unclear from None
