"""The schema of a table, and the initial records that every table of that schema shares."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

Record: TypeAlias = dict[str, Any]
"""A row in wire names. Replaced as a whole, never mutated."""
Key: TypeAlias = Hashable


class DuplicateKey(ValueError):
    """A record would have the same key, or the same value of a unique index, as another record."""


class Row(NamedTuple):
    """A record and its insertion number; ``record`` is None after the record was deleted."""

    number: int
    record: Record | None


@dataclass(frozen=True)
class Index:
    """An index of a table, called *name*: *values* returns the values under which a record is found.

    With *unique*, no two records may share a value (default: False).
    """

    name: str
    values: Callable[[Record], Iterable[Hashable]]
    unique: bool = False


@dataclass(frozen=True)
class TableSchema:
    """The schema of a table.

    * *name*: the full name, such as ``salsa.segments``
    * *key*: returns the key of a record
    * *indexes*: the indexes by which records can be found
    * *normal*: returns the normal form of a string key, such as its lower case (default: the key itself)
    """

    name: str
    key: Callable[[Record], Key]
    indexes: tuple[Index, ...] = ()
    normal: Callable[[str], str] = str


class InitialRecords:
    """The initial records of one table, which the tables of all organizations share.

    ``numbers`` maps a key to the insertion number of its record. ``postings`` map the values of each index to insertion
    numbers in ascending order. Raises `DuplicateKey` if two records have the same key or unique value.
    """

    def __init__(self, schema: TableSchema, records: Iterable[Record] = ()) -> None:
        self.schema = schema
        self.deleted: dict[Key, None] = {}
        """Keys of records that were deleted before these records were loaded."""
        self.records = list(records)
        self.numbers: dict[Key, int] = dict(zip(map(schema.key, self.records), range(len(self.records)), strict=True))
        if len(self.numbers) != len(self.records):
            raise DuplicateKey(f"{schema.name}: {self._first_duplicate()!r} occurs twice")
        self.postings = {index.name: self._postings(index) for index in schema.indexes}

    def _first_duplicate(self) -> Key:
        seen: set[Key] = set()
        return next(key for key in map(self.schema.key, self.records) if key in seen or seen.add(key))  # type: ignore[func-returns-value]

    def _postings(self, index: Index) -> dict[Hashable, list[int]]:
        postings: dict[Hashable, list[int]] = {}
        values = index.values
        for number, record in enumerate(self.records):
            for value in values(record):
                numbers = postings.get(value)
                if numbers is None:
                    postings[value] = [number]
                elif numbers[-1] != number:
                    if index.unique:
                        raise DuplicateKey(f"{self.schema.name}: {index.name} {value!r} occurs twice")
                    numbers.append(number)
        return postings
