"""How records are made in a target that is no mock, by the vendor's own API: ``fixtures/<vendor>/conform.yaml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..settings import fixtures

_BATCH = 20
"""The most items that any of the vendors takes at once."""


@dataclass(frozen=True)
class Table:
    """One collection of a data file.

    *make* is the operation that adds a row, *rows* where the rows stand in its request (a path that ends in ``[]`` is
    a list of them, else a call has one), *answered* where they stand in the reply, *takes* which members
    of a row are sent, *names* what the API calls some of them. *id* names the key, *made* the result that tells of
    a new record. *remove* is the operation that takes rows away, *gone* its results that mean there is none any
    more. *only* is what a row must have to be made at all; *split* names the member that a long row is split by.
    """

    make: str
    rows: str
    answered: str
    takes: Sequence[str]
    names: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    made: str = ""
    remove: str = ""
    gone: Sequence[str] = ()
    only: Mapping[str, Any] = field(default_factory=dict)
    split: str = ""

    def bodies(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Sequence[Mapping[str, Any]], Any]]:
        """Yield the rows and the body of each call that makes *rows*."""
        sent = [{self.names.get(name, name): row[name] for name in self.takes if name in row} for row in rows]
        if self.rows.endswith("[]"):
            for start in range(0, len(rows), _BATCH):
                yield rows[start : start + _BATCH], placed(self.rows, sent[start : start + _BATCH])
        else:
            for row, body in zip(rows, sent, strict=True):
                for part in self._parts(body):
                    yield [row], placed(self.rows, part)

    def _parts(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if not self.split:
            yield body
        for start in range(0, len(body.get(self.split, ())), _BATCH):
            yield {**body, self.split: body[self.split][start : start + _BATCH]}


@dataclass(frozen=True)
class Recipe:
    """What is known of one vendor: its *tables* in the order in which they are made.

    *unique* are members whose values must be nobody else's, *fresh* members that the vendor sets itself.
    """

    tables: Mapping[str, Table]
    unique: Sequence[str] = ()
    fresh: Sequence[str] = ()


@cache
def recipe_of(vendor: str) -> Recipe:
    """Return the recipe of the vendor of that name; without a file nothing can be made."""
    import yaml  # slow, and only a target that is no mock needs it

    file = fixtures() / vendor / "conform.yaml"
    told = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {"tables": {}}
    return Recipe(**{**told, "tables": {name: Table(**row) for name, row in told["tables"].items()}})


def placed(path: str, value: Any) -> Any:
    """Return *value* at *path* in an object of its own."""
    for name in reversed([part for part in path.removesuffix("[]").split(".") if part]):
        value = {name: value}
    return value


def found_at(path: str, value: Any) -> list[Any]:
    """Return what stands at *path* in *value*: the items of a list, one object, or nothing."""
    for name in filter(None, path.removesuffix("[]").split(".")):
        value = value.get(name) if isinstance(value, Mapping) else None
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Mapping)]
