"""What a table is: its layout, and the initial records that every table over them shares."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

Record: TypeAlias = dict[str, Any]
"""A row in wire names. Replaced as a whole, never mutated."""
Key: TypeAlias = Hashable


class DuplicateKey(ValueError):
    """A record would share its key, or the value of a unique index, with another."""


class Row(NamedTuple):
    """A record and its insertion number; ``record`` None remembers that the key once stood here."""

    number: int
    record: Record | None


@dataclass(frozen=True)
class Index:
    """Finds records by *values*; with *unique* no two records may share one."""

    name: str
    values: Callable[[Record], Iterable[Hashable]]
    unique: bool = False


@dataclass(frozen=True)
class TableSchema:
    """What a table is called, how a record is keyed, and its indexes; *normal* is the form of a key that is text."""

    name: str
    key: Callable[[Record], Key]
    indexes: tuple[Index, ...] = ()
    normal: Callable[[str], str] = str


class InitialRecords:
    """Initial records of one table, shared by every table that lies over them. Raises `DuplicateKey`."""

    def __init__(self, schema: TableSchema, records: Iterable[Record] = ()) -> None:
        self.schema = schema
        self.deleted: dict[Key, None] = {}
        """Keys that had a record before these records came to be."""
        self.records = list(records)
        self.numbers: dict[Key, int] = {}
        self.postings: dict[str, dict[Hashable, list[int]]] = {index.name: {} for index in schema.indexes}
        for number, record in enumerate(self.records):
            if self.numbers.setdefault(schema.key(record), number) != number:
                raise DuplicateKey(f"{schema.name}: {schema.key(record)!r} stands there twice")
        for index in schema.indexes:
            self._post(index, self.postings[index.name])

    def _post(self, index: Index, postings: dict[Hashable, list[int]]) -> None:
        for number, record in enumerate(self.records):
            for value in index.values(record):
                numbers = postings.setdefault(value, [])
                if numbers and numbers[-1] == number:
                    continue
                if numbers and index.unique:
                    raise DuplicateKey(f"{self.schema.name}: {index.name} {value!r} stands there twice")
                numbers.append(number)
